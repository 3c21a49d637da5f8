"""Conditions: whatever is written is refused when it is published or judged in a case, and unknown is never false."""

from datetime import date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import DefinitionError
from catalog.expressions.compiling import Expression, compile_expression
from catalog.expressions.evaluating import evaluate
from catalog.expressions.values import Kind, Value, Verdict

SCOPE = {
    "case.kind": Kind.TEXT,
    "case.filed_on": Kind.DATE,
    "facts.married": Kind.BOOLEAN,
    "facts.children": Kind.INTEGER,
    "facts.amount": Kind.DECIMAL,
    "facts.uses": Kind.TEXTS,
    "claims.id.born_on": Kind.DATE,
}
KNOWN: dict[str, Value] = {
    "case.kind": "application",
    "case.filed_on": date(2026, 3, 1),
    "facts.married": True,
    "facts.children": 2,
    "facts.amount": Decimal("300000.10"),
    "facts.uses": ("住宅", "商业"),
    "claims.id.born_on": date(2008, 2, 29),
}


def compiled(source: str) -> Expression:
    return compile_expression(source, SCOPE, where="requirements/0/when")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("true", True),
        ("!facts.married", False),
        ('case.kind == "application" && facts.children >= 2', True),
        ("facts.children > 2 || facts.amount > 300000", True),
        ("facts.amount == 300000.10", True),
        ("facts.amount + 0.1 == 300000.2", True),
        ("facts.children - 3 < 0", True),
        ("facts.children + 1 == 3.0", True),
        ('"住宅" in facts.uses', True),
        ('case.kind in ["ex_officio", "campaign"]', False),
        ("years(claims.id.born_on, case.filed_on) >= 18", True),  # born on a leap day: 18 on 1 March
        ('years(claims.id.born_on, date("2026-02-28")) >= 18', False),
        ('days(date("2026-01-01"), case.filed_on) == 59', True),
        ("(facts.children > 1) == facts.married", True),
        ("facts.married || !(facts.married && facts.children == 9)", True),
        (r'case.kind == "\"a\\b\""', False),
    ],
)
def test_what_it_says(source: str, *, expected: bool) -> None:
    assert evaluate(compiled(source), KNOWN) == Verdict(expected)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "facts.married &&",
        "facts.married == 1",  # True == 1 in Python
        'facts.children == "2"',
        'case.kind < "b"',
        "facts.uses == facts.uses",
        "facts.children in facts.uses",
        "facts.children",
        "facts.income > 1",
        "case.kind.length > 1",
        "1 < facts.children < 3",
        'date("2026-02-30") < case.filed_on',
        "date(case.kind) < case.filed_on",
        "now() > case.filed_on",
        'case.kind.matches("a")',
        "facts.uses.all(x, x)",
        'case.kind + "a" == "b"',
        "years(case.filed_on) > 1",
        "facts.married ? true : false",
        "'application' == case.kind",
        "1e9 > facts.children",
        "- 1 < facts.children",
        "((((((((((((((((((((((((true))))))))))))))))))))))))",
        " || ".join(["true"] * 150),
        "x" * 1001,
        "[" + ",".join(['"a"'] * 101) + "]",
        "[",
        'case.kind in ["a",',
        "case.kind in [case.kind]",
        "__import__",
    ],
)
def test_what_could_go_wrong_in_a_case_is_refused_before(source: str) -> None:
    with pytest.raises(DefinitionError, match=r"^requirements/0/when"):
        compiled(source)


@given(st.text(alphabet='truefalsc.kind()&|!=<>"[]+-, 0123456789', max_size=80))
def test_no_text_does_anything_but_compile_or_be_refused(source: str) -> None:
    try:
        found = compiled(source)
    except DefinitionError:
        return
    assert evaluate(found, KNOWN).value in {True, False}
    assert evaluate(found, {}).value in {True, False, None}


@pytest.mark.parametrize(("left", "right"), list(product([True, False, None], repeat=2)))
def test_unknown_spreads_as_kleene_says(left: bool | None, right: bool | None) -> None:  # noqa: FBT001
    scope = {"a": Kind.BOOLEAN, "b": Kind.BOOLEAN}
    values: dict[str, Value] = {name: value for name, value in (("a", left), ("b", right)) if value is not None}
    both = evaluate(compile_expression("a && b", scope, where="x"), values)
    either = evaluate(compile_expression("a || b", scope, where="x"), values)
    assert both.value is (False if False in (left, right) else None if None in (left, right) else True)
    assert either.value is (True if True in (left, right) else None if None in (left, right) else False)
    absent = {name for name, value in (("a", left), ("b", right)) if value is None}
    for verdict in (both, either):
        assert verdict.missing == (absent if verdict.value is None else set())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("facts.married", 1),
        ("facts.children", True),
        ("facts.children", "2"),
        ("facts.amount", Decimal("NaN")),
        ("facts.amount", 1.5),
        ("case.filed_on", datetime(2026, 3, 1)),  # noqa: DTZ001
        ("facts.uses", "住宅"),
        ("facts.uses", ["住宅"]),
    ],
)
def test_a_value_of_another_kind_is_missing_and_not_false(name: str, value: Value) -> None:
    sources = {"facts.married": "facts.married", "facts.uses": '"住宅" in facts.uses'}
    source = sources.get(name, f"{name} == {name}")
    assert evaluate(compiled(source), KNOWN | {name: value}) == Verdict(None, frozenset({name}))


def test_amounts_are_exact() -> None:
    scope = {"a": Kind.DECIMAL, "b": Kind.DECIMAL}
    source = compile_expression("a + b == 999999999999999999.000000000000000001", scope, where="x")
    values = {"a": Decimal("999999999999999998.000000000000000001"), "b": Decimal(1)}
    assert evaluate(source, values) == Verdict(value=True)


def test_it_says_what_it_reads() -> None:
    found = compiled("facts.married && (facts.children > 1 || facts.married)")
    assert found.names == {"facts.married", "facts.children"}
    assert found == compiled(found.source)
