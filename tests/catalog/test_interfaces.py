"""Interfaces as declared: terms with reasons, predicates over fields that exist, one transition table."""

from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.interfaces import NEXT_STATES, InterfaceState, Origin, Sharing, read_interface

TITLE = {"zh": "名", "en": "Name"}
TERMS = {"sharing": "conditional", "reason": "涉及个人信息", "legal_basis": "条例"}
DECLARED: dict[str, Any] = {
    "code": "some_interface",
    "title": TITLE,
    "department": "11990000MB0000002Q",
    "source": "amr-register",
    "params": {"uscc": {"title": TITLE, "from": "party.id_number", "id_type": "001"}},
    "terms": TERMS,
    "fields": {
        "uscc": {"title": TITLE, "schema": {"type": "string"}, "required": True},
        "status": {"title": TITLE, "schema": {"type": "string"}},
        "active": {"title": TITLE, "derived": {"field": "status", "test": "equals", "against": "存续"}},
        "income": {
            "title": TITLE,
            "schema": {"type": "string"},
            "terms": {"sharing": "not_shared", "reason": "收入", "legal_basis": "条例"},
        },
    },
    "echoes": {"uscc": "uscc"},
    "operation": {"statement": "SELECT 1"},
    "mapping": {"version": 1, "fields": {}},
}


def with_predicate(**derived: Any) -> dict[str, Any]:
    return {**DECLARED["fields"], "x": {"title": TITLE, "derived": derived}}


def test_an_interface_reads_as_declared() -> None:
    found = read_interface(DECLARED)
    assert found.params["uscc"].origin is Origin.PARTY_ID
    assert found.fields["status"].terms.sharing is Sharing.CONDITIONAL
    assert found.shareable() == {"uscc", "status", "active"}
    schema = found.answer_schema()
    assert (sorted(schema["properties"]), schema["required"]) == (["income", "status", "uscc"], ["uscc"])
    assert schema["additionalProperties"] is False
    assert found.fields["active"].schema == {"type": "boolean"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"code": "Some"}, "code"), ({"title": {"zh": "名"}}, "KeyError"), ({"department": ""}, "department"),
        ({"fields": {}}, "no fields"), ({"terms": {"sharing": "secret"}}, "secret"),
        ({"terms": {"sharing": "conditional"}}, "conditional needs"),
        ({"terms": {"sharing": "not_shared", "reason": "x"}}, "not_shared needs"),
        ({"params": {"uscc": {"title": TITLE, "from": "the clerk"}}}, "the clerk"),
        ({"echoes": {"nothing": "uscc"}}, "echoes/nothing"), ({"echoes": {"uscc": "nothing"}}, "echoes/uscc"),
        ({"echoes": {"active": "uscc"}}, "echoes/active"), ({"identity_name": "active"}, "identity_name"),
        ({"identity_name": "status", "echoes": {}}, "a name alone"),
        ({"fields": with_predicate(field="y", test="in")}, "fields/x"),
        ({"fields": with_predicate(field="uscc", test="like")}, "like"),
        ({"stale_seconds": 60}, "stale_seconds"), ({"cache_seconds": 1.5}, "cache_seconds"),
        ({"cache_seconds": -1}, "cache_seconds"), ({"operation": None}, "TypeError"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_its_place(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(DefinitionError, match=where):
        read_interface(DECLARED | changes)


def test_nothing_comes_back_from_withdrawn_and_only_tests_go_live() -> None:
    assert NEXT_STATES.keys() == set(InterfaceState)
    assert NEXT_STATES[InterfaceState.WITHDRAWN] == frozenset()
    to_live = {state for state, after in NEXT_STATES.items() if InterfaceState.LIVE in after}
    assert to_live == {InterfaceState.TEST, InterfaceState.DEPRECATED}
