"""Grants: every reason why one does not cover a question, in the order in which they are given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.grants import CaseKind, Grant, GrantState, ResourceKind, Terms, check_officers, read_terms

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "fields": ["name", "uscc"],
    "matters": ["FOOD", "DRINK"],
    "legal_basis": "政务数据共享条例",
    "quota_per_day": 100,
    "corroboration": ["card_read", "presentation_code"],
}
GRANT = Grant(
    id="g1",
    owner_department_id="d1",
    system_id="s1",
    resource="11990000MB0000002Q001",
    kind=CaseKind.APPLICATION,
    terms=read_terms(DEFINITION),
    purpose="办理食品经营许可",
    state=GrantState.LIVE,
    valid_from=NOW,
    valid_until=NOW + timedelta(days=30),
    row_version=3,
    ledger_entry_id="e1",
    mac=b"",
)


def objection(grant: Grant = GRANT, **changes: Any) -> str | None:
    question: dict[str, Any] = {
        "matter": "FOOD",
        "purpose": "办理食品经营许可",
        "fields": ["name"],
        "corroboration": {"card_read"},
        "now": NOW,
    } | changes
    return grant.objection(**question)


def refusal(**changes: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        read_terms({name: value for name, value in (DEFINITION | changes).items() if value is not ...})
    return str(caught.value)


def test_a_question_within_the_grant_meets_no_objection() -> None:
    assert objection() is None
    assert objection(fields=["name", "uscc"], matter="DRINK", corroboration={"presentation_code", "other"}) is None
    assert objection(fields=[]) is None


@pytest.mark.parametrize(
    ("grant", "changes", "code"),
    [
        (replace(GRANT, state=GrantState.SUSPENDED), {}, "grant_suspended"),
        (replace(GRANT, state=GrantState.WITHDRAWN), {}, "grant_withdrawn"),
        (GRANT, {"purpose": "其他"}, "purpose_not_granted"),
        (GRANT, {"matter": "SHOP"}, "matter_not_granted"),
        (GRANT, {"fields": ["name", "address"]}, "field_not_granted"),
        (GRANT, {"corroboration": set()}, "corroboration_missing"),
        (GRANT, {"corroboration": {"other"}}, "corroboration_missing"),
    ],
)
def test_each_way_out_of_the_grant_has_its_own_code(grant: Grant, changes: dict[str, Any], code: str) -> None:
    assert objection(grant, **changes) == code


def test_the_first_objection_stands_when_there_are_several() -> None:
    everything = {
        "purpose": "其他",
        "matter": "SHOP",
        "fields": ["x"],
        "corroboration": set(),
        "now": NOW - timedelta(1),
    }
    rights: list[dict[str, Any]] = [{}, {"now": NOW}, {"purpose": GRANT.purpose}, {"matter": "FOOD"}, {"fields": []}]
    codes = []
    for right in rights:
        everything.update(right)
        codes.append(objection(GRANT, **everything))
    assert codes == [
        "grant_not_in_force",
        "purpose_not_granted",
        "matter_not_granted",
        "field_not_granted",
        "corroboration_missing",
    ]
    assert objection(replace(GRANT, state=GrantState.SUSPENDED), now=NOW - timedelta(1)) == "grant_suspended"


def test_a_grant_holds_from_its_first_instant_until_just_before_its_last() -> None:
    moment = timedelta(microseconds=1)
    assert objection(now=GRANT.valid_from - moment) == "grant_not_in_force"
    assert objection(now=GRANT.valid_from) is None
    assert objection(now=GRANT.valid_until - moment) is None
    assert objection(now=GRANT.valid_until) == "grant_not_in_force"


def test_a_grant_that_asks_for_no_corroboration_takes_a_case_without() -> None:
    assert objection(replace(GRANT, terms=replace(GRANT.terms, corroboration=frozenset())), corroboration=set()) is None


def test_terms_survive_being_stored() -> None:
    terms = read_terms(DEFINITION)
    assert terms == Terms(
        frozenset({"name", "uscc"}),
        frozenset({"FOOD", "DRINK"}),
        "政务数据共享条例",
        100,
        frozenset({"card_read", "presentation_code"}),
    )
    assert read_terms(terms.as_json()) == terms
    assert terms.as_json()["fields"] == ["name", "uscc"]
    assert terms.as_json()["matters"] == ["DRINK", "FOOD"]


def test_quota_and_corroboration_may_be_left_out() -> None:
    terms = read_terms({name: DEFINITION[name] for name in ("fields", "matters", "legal_basis")})
    assert (terms.quota_per_day, terms.corroboration) == (None, frozenset())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": ...}, "grant: 'fields'"),
        ({"matters": ...}, "grant: 'matters'"),
        ({"legal_basis": ...}, "grant: 'legal_basis'"),
        ({"fields": []}, "grant: fields and matters must not be empty"),
        ({"matters": []}, "grant: fields and matters must not be empty"),
        ({"fields": "name"}, "grant: fields must be a list of texts"),
        ({"matters": b"FOOD"}, "grant: matters must be a list of texts"),
        ({"matters": ["FOOD", 1]}, "grant: matters must be a list of texts"),
        ({"legal_basis": " "}, "grant: legal_basis must be a text"),
        ({"legal_basis": 809}, "grant: legal_basis must be a text"),
        ({"quota_per_day": 0}, "grant: quota_per_day must be a positive whole number"),
        ({"quota_per_day": True}, "grant: quota_per_day must be a positive whole number"),
        ({"quota_per_day": 1.5}, "grant: quota_per_day must be a positive whole number"),
        ({"quota_per_day": "100"}, "grant: quota_per_day must be a positive whole number"),
        ({"corroboration": "card_read"}, "grant: corroboration must be a list of texts"),
        ({"corroboration": None}, "grant: corroboration must be a list of texts"),
    ],
)
def test_terms_with_a_slip_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    assert refusal(**changes) == message


@pytest.mark.parametrize("definition", [None, [], "terms"])
def test_what_are_no_terms_at_all_are_refused(definition: Any) -> None:
    with pytest.raises(DefinitionError):
        read_terms(definition)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "g2"}, {"owner_department_id": "d2"}, {"system_id": "s2"}, {"resource": "11990000MB0000003U001"},
        {"resource_kind": ResourceKind.INTERFACE},
        {"kind": CaseKind.EX_OFFICIO}, {"terms": replace(GRANT.terms, quota_per_day=None)}, {"purpose": "x"},
        {"terms": replace(GRANT.terms, fields=frozenset({"name"}))}, {"state": GrantState.WITHDRAWN},
        {"valid_from": NOW + timedelta(seconds=1)}, {"valid_until": NOW}, {"row_version": 4}, {"ledger_entry_id": "e2"},
    ],
)  # fmt: skip
def test_the_guarded_meaning_changes_with_every_column_but_the_mac(changes: dict[str, Any]) -> None:
    assert replace(GRANT, **changes).meaning() != GRANT.meaning()
    assert replace(GRANT, mac=b"other").meaning() == GRANT.meaning()


OFFICIAL = replace(GRANT, kind=CaseKind.EX_OFFICIO, terms=replace(GRANT.terms, officers=frozenset({"op-1", "op-2"})))


def test_a_grant_ex_officio_serves_its_named_officers_only() -> None:
    assert objection(OFFICIAL, officer="op-1") is None
    for officer in ("op-9", "", None):
        assert objection(OFFICIAL, officer=officer) == "officer_not_named"
    nobody = replace(GRANT, kind=CaseKind.EX_OFFICIO)  # of a release before officers were named
    assert objection(nobody, officer="op-1") == "officer_not_named"
    assert objection(GRANT, officer="op-9") is None


def test_a_grant_without_officers_means_the_bytes_it_always_meant() -> None:
    assert "officers" not in GRANT.terms.as_json()
    assert OFFICIAL.terms.as_json()["officers"] == ["op-1", "op-2"]
    assert read_terms(OFFICIAL.terms.as_json()) == OFFICIAL.terms
    assert replace(OFFICIAL, kind=GRANT.kind).meaning() != GRANT.meaning()


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (CaseKind.APPLICATION, {"officers": ["op-1"]}, "for the kind ex_officio only"),
        (CaseKind.EX_OFFICIO, {}, "needs officers"),
        (CaseKind.EX_OFFICIO, {"officers": ["op-1"], "quota_per_day": None}, "needs a quota_per_day"),
    ],
)
def test_officers_and_their_quota_belong_to_use_ex_officio(
    kind: CaseKind, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        check_officers(kind, read_terms(DEFINITION | changes))
    check_officers(CaseKind.EX_OFFICIO, read_terms(DEFINITION | {"officers": ["op-1"]}))


def test_terms_without_bulk_mean_what_they_meant_before_there_was_any() -> None:
    plain = read_terms(DEFINITION)
    assert "bulk" not in plain.as_json()
    assert "bulk_subjects" not in plain.as_json()
    stored = read_terms(DEFINITION | {"bulk": True, "bulk_subjects": 500})
    assert stored.as_json() == plain.as_json() | {"bulk": True, "bulk_subjects": 500}
    assert read_terms(stored.as_json()) == stored
