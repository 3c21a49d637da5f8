"""Predicates: a yes or no without the value; an absent value gives no answer."""

from datetime import date
from typing import Any

import pytest

from catalog.errors import DefinitionError
from hub.exchange.derived import derive, needs_today
from hub.exchange.mapping import compile_mapping
from tests.exchange.declared import derived, field, interface


def answer(test: str, against: Any, values: dict[str, Any], *, kind: str = "text", today: date | None = None) -> Any:
    made = interface({"it": field({}), "yes": derived("it", test, against)}, {"it": {"from": "c", "as": kind}})
    compile_mapping(made)
    found = derive(made, values, today=today)
    assert {name: found[name] for name in values} == values
    return found.get("yes")


@pytest.mark.parametrize(
    ("test", "against", "kind", "value", "expected"),
    [
        ("equals", "存续", "text", "存续", True),
        ("equals", "存续", "text", "注销", False),
        ("equals", "1", "text", "01", False),
        ("equals", 1, "boolean", True, False),
        ("equals", True, "boolean", True, True),
        ("equals", 5, "decimal", "5.00", True),
        ("in", ["存续", "在业"], "text", "在业", True),
        ("in", ["存续", "在业"], "text", "吊销", False),
        ("at_least", 10, "integer", 9, False),
        ("at_least", "10", "decimal", "9.99", False),
        ("at_least", "9", "decimal", "10", True),
        ("at_most", "2020-01-01", "date", "2020-01-01", True),
        ("at_least", "2020-01-01", "date", "2019-12-31", False),
        ("at_most", "2020-01-01T00:00:00+08:00", "datetime", "2019-12-31T16:00:00Z", True),
        ("present", None, "text", "anything", True),
    ],
)
def test_a_predicate_answers(test: str, against: Any, kind: str, value: Any, expected: Any) -> None:
    assert answer(test, against, {"it": value}, kind=kind) is expected


@pytest.mark.parametrize(("test", "against"), [("equals", "x"), ("in", ["x"])])
def test_an_absent_value_gives_no_answer(test: str, against: Any) -> None:
    assert answer(test, against, {}) is None
    assert answer("present", None, {}) is False


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        ("2008-11-22", date(2026, 11, 22), True),
        ("2008-11-23", date(2026, 11, 22), False),
        ("2008-02-29", date(2026, 2, 28), False),
        ("2008-02-29", date(2026, 3, 1), True),
        ("2010-02-28", date(2028, 2, 29), True),
        ("2010-03-01", date(2028, 2, 29), False),
        ("2008-11-22", None, None),
    ],
)
def test_an_age_is_counted_to_the_day_of_the_question(born: str, today: date | None, expected: Any) -> None:
    assert answer("at_most", {"years_ago": 18}, {"it": born}, kind="date", today=today) is expected


def test_an_answer_that_changes_with_the_calendar_is_known_as_such() -> None:
    rule = {"it": {"from": "c", "as": "date"}}
    assert needs_today(interface({"it": field(), "yes": derived("it", "at_most", {"years_ago": 18})}, rule))
    assert not needs_today(interface({"it": field(), "yes": derived("it", "at_most", "2020-01-01")}, rule))


@pytest.mark.parametrize(
    ("test", "against", "kind", "place"),
    [
        ("at_least", "a", "text", "derived/test needs"),
        ("at_least", "soon", "date", "derived/against"),
        ("at_least", {"years_ago": 18}, "integer", "derived/against"),
        ("at_most", {"years_ago": "many"}, "date", "derived/against"),
        ("in", "存续", "text", "derived/against must be a list"),
        ("equals", None, "text", "derived/against must be a value"),
        ("present", 1, "text", "derived/against"),
    ],
)
def test_a_predicate_that_nobody_could_answer_is_refused(test: str, against: Any, kind: str, place: str) -> None:
    with pytest.raises(DefinitionError, match=place):
        answer(test, against, {}, kind=kind)


def test_a_predicate_of_a_field_that_is_not_mapped_is_refused() -> None:
    made = interface({"it": field(), "other": field(), "yes": derived("it", "present")}, {"other": "c"})
    with pytest.raises(DefinitionError, match="derived/field is not mapped"):
        compile_mapping(made)
