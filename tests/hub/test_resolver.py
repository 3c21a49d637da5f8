"""The resolver, without a hub: which answer follows from which grants, identities and records, and in which order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from catalog.grants import CaseKind, Grant, GrantState, Terms
from catalog.matters import Need, Requirement
from certificates.store import HeldVersion, Subject, VersionRecord
from certificates.types import shipped_types
from hub.intake.identity import identity_types
from hub.intake.resolver import CLEARED, Outcome, Question, Resolution, Why, grants_for, resolve
from hub.intake.store import Case, Party
from hub.issuing.types import TypeInForce

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TYPES = {item.code: TypeInForce(item, 1) for item in shipped_types().values()}
IDENTITY = shipped_types()["identity_card"].code
MARRIAGE = shipped_types()["marriage_certificate"].code  # complete
HOUSEHOLD = shipped_types()["household_register"].code  # not complete
TITLE = shipped_types()["real_estate_title"].code  # several for one holder
ANNA = Party("applicant", "111", b"anna", b"anna's name")
BODO = Party("spouse", "111", b"bodo", b"bodo's name")
PURPOSE = "办理购房资格核验"
CASE = Case(
    id="c1",
    case_no="C-1",
    system_id="s1",
    department_id="d1",
    department_code="11990000MB0000001M",
    key_active=True,
    external_no="1",
    matter_id="m1",
    matter_code="HOME",
    kind="application",
    channel="counter",
    state="open",
    subjects=[],
    corroboration=[{"kind": "card_read", "at": "2026-03-01T08:00:00+08:00", "reference": "r"}],
    operator=b"",
    data_key=b"",
    kek_kid="k",
    opened_at=NOW,
    closed_at=None,
)


def grant(type_code: str, *fields: str, **changes: Any) -> Grant:
    terms = Terms(frozenset(fields), frozenset({"HOME"}), "条例", None, frozenset())
    values: dict[str, Any] = {
        "id": f"grant of {type_code}",
        "owner_department_id": "d2",
        "system_id": "s1",
        "resource": type_code,
        "kind": CaseKind.APPLICATION,
        "terms": terms,
        "purpose": PURPOSE,
        "state": GrantState.LIVE,
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=1),
        "row_version": 1,
        "ledger_entry_id": "e",
        "mac": b"",
    } | changes
    return Grant(**values)


def held(type_code: str, party: Party = ANNA, *, serial: str = "1", **changes: Any) -> HeldVersion:
    values: dict[str, Any] = {
        "id": f"{type_code}-{serial}",
        "certificate_id": f"c-{type_code}-{serial}",
        "version": 1,
        "identifier": f"{type_code}.{serial}",
        "state": "issued",
        "status": "valid",
        "status_list": 0,
        "status_index": 0,
        "name_hash": party.name_hash,
        "fingerprint": b"",
        "as_of": NOW,
        "issued_on": "2026-01-01",
        "valid_from": "2026-01-01",
        "valid_until": None,
        "document": b"",
        "payload_digest": b"",
        "signing_kid": "k",
        "row_version": 1,
        "ledger_entry_id": "e",
        "mac": b"",
        "created_at": NOW,
        "subject_id": "s",
        "type_code": type_code,
        "type_version": 1,
        "issuer_code": "11990000MB0000003U",
        "serial": serial,
        "owner_department_id": "d2",
        "record_hash": b"",
        "current_version": 1,
    } | changes
    assert party.lookup_hash is not None
    return HeldVersion(VersionRecord(**values), Subject("s", party.lookup_hash, b"", "k"))


CARD = held(IDENTITY)
MARRIED = held(MARRIAGE)


def needs(*names: Need) -> tuple[Need, ...]:
    return names


NAME = Need(IDENTITY, ("name",))
SPOUSE = Need(MARRIAGE, ("spouse_name",))
PAGE = Need(HOUSEHOLD, ("address",))
HOME = Need(TITLE, ("location",))


def requirement(*alternatives: tuple[Need, ...], party: str = "applicant") -> Requirement:
    return Requirement("proof", "证明", "Proof", party, alternatives, "条例")


EVERYTHING = (
    grant(IDENTITY, "name"),
    grant(MARRIAGE, "spouse_name"),
    grant(HOUSEHOLD, "address"),
    grant(TITLE, "location"),
)


def ask(*alternatives: tuple[Need, ...], party: str = "applicant", **changes: Any) -> Resolution:
    values: dict[str, Any] = {
        "case": CASE,
        "parties": {"applicant": ANNA},
        "purpose": PURPOSE,
        "grants": EVERYTHING,
        "types": TYPES,
        "held": [CARD],
        "exhausted": frozenset(),
        "now": NOW,
    } | changes
    resolution = resolve(requirement(*alternatives, party=party), Question(**values))
    assert bool(resolution.sources) == (resolution.outcome is Outcome.SATISFIED)
    return resolution


def answer(*alternatives: tuple[Need, ...], **changes: Any) -> tuple[str, str]:
    resolution = ask(*alternatives, **changes)
    return resolution.outcome.value, resolution.why.code


# -- every outcome


def test_a_certificate_in_force_satisfies() -> None:
    resolution = ask(needs(SPOUSE), held=[CARD, MARRIED])
    assert (resolution.outcome, resolution.why) == (Outcome.SATISFIED, Why("satisfied"))
    (source,) = resolution.sources
    assert (source.held, source.need, source.grant) == (MARRIED, SPOUSE, EVERYTHING[1])
    assert resolution.grants == (EVERYTHING[1],)


def test_a_party_that_the_case_does_not_have_makes_it_not_applicable_without_asking_for_a_grant() -> None:
    resolution = ask(needs(SPOUSE), party="spouse", grants=())
    assert resolution.outcome is Outcome.NOT_APPLICABLE
    assert resolution.why == Why("party_absent", {"party": "spouse"})
    assert resolution.grants == ()


def test_no_record_in_a_complete_register_is_declared_none() -> None:
    resolution = ask(needs(SPOUSE))
    assert (resolution.outcome, resolution.why) == (Outcome.DECLARED_NONE, Why("no_record", {"type": MARRIAGE}))
    assert resolution.grants == (EVERYTHING[1],)  # that there is none has been told under it


def test_no_record_in_a_register_with_gaps_is_no_source() -> None:
    assert answer(needs(PAGE)) == ("no_source", "no_record_and_not_complete")


def test_a_type_that_the_hub_does_not_know_is_never_declared_none() -> None:
    types = {code: known for code, known in TYPES.items() if code != MARRIAGE}
    assert answer(needs(SPOUSE), types=types) == ("no_source", "no_record_and_not_complete")


def test_a_certificate_past_its_last_day_is_declared_none_and_says_so() -> None:
    over = held(MARRIAGE, valid_until="2026-02-28")
    assert answer(needs(SPOUSE), held=[CARD, over]) == ("declared_none", "certificate_expired")
    assert answer(needs(PAGE), held=[CARD, held(HOUSEHOLD, valid_until="2026-02-28")])[0] == "no_source"


def test_a_licence_being_signed_is_a_source_that_is_unavailable_just_now() -> None:
    assert answer(needs(SPOUSE), held=[CARD, held(MARRIAGE, state="intended")]) == (
        "source_unavailable",
        "issue_not_finished",
    )


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_a_certificate_that_somebody_ended_is_refused(status: str) -> None:
    resolution = ask(needs(SPOUSE), held=[CARD, held(MARRIAGE, status=status)])
    assert (resolution.outcome, resolution.why) == (
        Outcome.REFUSED,
        Why(f"certificate_{status}", {"type": MARRIAGE}),
    )


def test_several_certificates_in_force_are_a_question_back() -> None:
    two = [held(TITLE, serial="1"), held(TITLE, serial="2")]
    resolution = ask(needs(HOME), held=[CARD, *two])
    assert resolution.outcome is Outcome.AMBIGUOUS
    assert resolution.why == Why("several_certificates", {"type": TITLE, "count": 2})


def test_the_case_may_name_the_one_of_several_that_it_is_about() -> None:
    two = [held(TITLE, serial="1"), held(TITLE, serial="2")]
    named = replace(CASE, subjects=[{"kind": "property", "code": two[1].record.identifier}])
    assert [source.held for source in ask(needs(HOME), held=[CARD, *two], case=named).sources] == [two[1]]
    other = replace(CASE, subjects=[{"kind": "property", "code": "elsewhere"}])
    assert answer(needs(HOME), held=[CARD, *two], case=other)[0] == "ambiguous"


def test_of_several_only_those_in_force_count() -> None:
    kept = held(TITLE, serial="2")
    over = [held(TITLE, serial="1", status="revoked"), held(TITLE, serial="3", valid_until="2026-02-28")]
    assert [source.held for source in ask(needs(HOME), held=[CARD, *over, kept]).sources] == [kept]


def test_without_a_grant_it_is_not_granted() -> None:
    resolution = ask(needs(SPOUSE), grants=())
    assert (resolution.outcome, resolution.why) == (Outcome.NOT_GRANTED, Why("no_grant", {"type": MARRIAGE}))
    assert resolution.grants == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": GrantState.SUSPENDED}, "grant_suspended"),
        ({"state": GrantState.WITHDRAWN}, "grant_withdrawn"),
        ({"valid_until": NOW}, "grant_not_in_force"),
        ({"purpose": "其他"}, "purpose_not_granted"),
        ({"terms": replace(EVERYTHING[1].terms, matters=frozenset({"FOOD"}))}, "matter_not_granted"),
        ({"terms": replace(EVERYTHING[1].terms, fields=frozenset({"name"}))}, "field_not_granted"),
        ({"terms": replace(EVERYTHING[1].terms, corroboration=frozenset({"countersigned"}))}, "corroboration_missing"),
    ],
)
def test_a_grant_that_does_not_cover_says_why_not(changes: dict[str, Any], code: str) -> None:
    resolution = ask(needs(SPOUSE), grants=[grant(MARRIAGE, "spouse_name", **changes)], held=[CARD, MARRIED])
    assert (resolution.outcome, resolution.why) == (Outcome.NOT_GRANTED, Why(code, {"type": MARRIAGE}))


def test_of_several_grants_the_first_that_covers_is_used() -> None:
    narrow = grant(MARRIAGE, "name", id="narrow")
    wide = [grant(MARRIAGE, "spouse_name", id=name) for name in ("one", "two")]
    (source,) = ask(needs(SPOUSE), grants=[narrow, *wide], held=[CARD, MARRIED]).sources
    assert source.grant.id == "one"


def test_corroboration_of_the_case_is_what_the_grant_is_held_against() -> None:
    strict = grant(MARRIAGE, "spouse_name", terms=replace(EVERYTHING[1].terms, corroboration=frozenset({"card_read"})))
    assert answer(needs(SPOUSE), grants=[strict], held=[CARD, MARRIED])[0] == "satisfied"
    bare = replace(CASE, corroboration=[{"at": "x"}])
    assert answer(needs(SPOUSE), grants=[strict], held=[CARD, MARRIED], case=bare) == (
        "not_granted",
        "corroboration_missing",
    )


def test_a_used_up_quota_is_not_granted_today() -> None:
    resolution = ask(needs(SPOUSE), held=[CARD, MARRIED], exhausted={EVERYTHING[1].id})
    assert (resolution.outcome, resolution.why) == (Outcome.NOT_GRANTED, Why("quota_exhausted"))
    assert resolution.grants == ()


# -- identity


@pytest.mark.parametrize(
    "cards",
    [
        [],
        [held(IDENTITY, BODO)],
        [held(IDENTITY, name_hash=b"another name")],
        [held(IDENTITY, valid_until="2026-02-28")],
        [held(IDENTITY, valid_from="2026-03-02")],
        [held(IDENTITY, status="revoked")],
        [held(IDENTITY, status="suspended")],
        [held(IDENTITY, state="intended")],
        [held(HOUSEHOLD)],
    ],
    ids=[
        "unknown",
        "somebody else's",
        "another name",
        "expired",
        "not begun",
        "revoked",
        "suspended",
        "unsigned",
        "no identity type",
    ],
)
def test_unknown_and_mismatched_look_alike(cards: list[HeldVersion]) -> None:
    resolution = ask(needs(SPOUSE), held=[*cards, MARRIED])
    assert (resolution.outcome, resolution.why) == (Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
    assert resolution.grants == (EVERYTHING[1],)


def test_a_person_without_an_id_is_not_confirmed() -> None:
    nobody = Party("applicant", None, None, None)
    assert answer(needs(SPOUSE), parties={"applicant": nobody})[0] == "identity_unconfirmed"


def test_an_identity_card_holds_on_its_last_day_in_shanghai_and_no_longer() -> None:
    card = held(IDENTITY, valid_until="2026-03-01")
    last = datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)
    assert answer(needs(NAME), held=[card], now=last)[0] == "satisfied"
    assert answer(needs(NAME), held=[card], now=last + timedelta(seconds=1))[0] == "identity_unconfirmed"


def test_each_party_is_answered_from_its_own_records() -> None:
    parties = {"applicant": ANNA, "spouse": BODO}
    records = [CARD, MARRIED, held(IDENTITY, BODO)]
    assert answer(needs(SPOUSE), party="spouse", parties=parties, held=records) == ("declared_none", "no_record")
    assert answer(needs(SPOUSE), parties=parties, held=records)[0] == "satisfied"


def test_identity_is_confirmed_by_the_types_marked_so() -> None:
    assert identity_types(TYPES) == tuple(
        sorted((shipped_types()["business_licence"].code, shipped_types()["identity_card"].code))
    )


# -- the order: grant, then identity, then record


def test_without_a_grant_nothing_is_learnt_of_identity_or_record() -> None:
    answers = [ask(needs(SPOUSE), grants=(), held=records) for records in ([], [CARD], [CARD, MARRIED], [MARRIED])]
    assert all(item == answers[0] for item in answers)
    used_up = {EVERYTHING[1].id}
    answers = [ask(needs(SPOUSE), exhausted=used_up, held=records) for records in ([], [CARD], [CARD, MARRIED])]
    assert all(item == answers[0] for item in answers)


def test_with_a_wrong_name_nothing_is_learnt_of_the_record() -> None:
    wrong = held(IDENTITY, name_hash=b"another name")
    marriages = ([], [MARRIED], [held(MARRIAGE, status="revoked")], [held(MARRIAGE, state="intended")])
    answers = [ask(needs(SPOUSE), held=[wrong, *records]) for records in marriages]
    assert all(item == answers[0] for item in answers)


# -- OR over alternatives, AND inside one


def test_alternatives_are_tried_in_order_and_the_first_that_holds_is_used() -> None:
    everything = [CARD, MARRIED, held(HOUSEHOLD), held(TITLE)]
    (source,) = ask(needs(PAGE), needs(SPOUSE), held=everything).sources
    assert source.need == PAGE
    (source,) = ask(needs(PAGE), needs(SPOUSE), held=[CARD, MARRIED]).sources
    assert source.need == SPOUSE


def test_inside_an_alternative_every_need_must_hold() -> None:
    both = needs(NAME, SPOUSE)
    assert [source.need for source in ask(both, held=[CARD, MARRIED]).sources] == [NAME, SPOUSE]
    assert answer(both, held=[CARD]) == ("declared_none", "no_record")
    assert answer(both, held=[CARD, held(MARRIAGE, status="revoked")]) == ("refused", "certificate_revoked")


def test_half_an_alternative_is_never_completed_from_another() -> None:
    resolution = ask(needs(SPOUSE, PAGE), needs(NAME, HOME), held=[CARD, MARRIED, held(TITLE)])
    assert [source.need for source in resolution.sources] == [NAME, HOME]


def test_an_alternative_needs_a_grant_for_every_need_in_it() -> None:
    resolution = ask(needs(NAME, SPOUSE), held=[CARD, MARRIED], grants=[EVERYTHING[0]])
    assert (resolution.outcome, resolution.why) == (Outcome.NOT_GRANTED, Why("no_grant", {"type": MARRIAGE}))


def test_a_grant_of_one_alternative_does_not_open_a_wider_one_of_the_same_type() -> None:
    wide = Need(MARRIAGE, ("spouse_name", "spouse_id_number"))
    resolution = ask(needs(wide), needs(SPOUSE), held=[CARD, MARRIED])
    assert [source.need for source in resolution.sources] == [SPOUSE]


def test_each_alternative_is_used_under_its_own_grant() -> None:
    one, other = grant(MARRIAGE, "spouse_name", id="one"), grant(MARRIAGE, "registered_on", id="other")
    wedding = Need(MARRIAGE, ("registered_on",))
    found, objection = grants_for(
        requirement(needs(SPOUSE), needs(wedding)),
        Question(CASE, {}, PURPOSE, [one, other], TYPES, [], frozenset(), NOW),
    )
    assert found == [((SPOUSE, one),), ((wedding, other),)]
    assert objection == Why("no_grant")
    (source,) = ask(needs(SPOUSE), needs(wedding), grants=[one, other], held=[CARD, MARRIED]).sources
    assert source.grant is one


def test_the_objection_to_the_first_uncovered_alternative_stands() -> None:
    resolution = ask(
        needs(SPOUSE), needs(PAGE), grants=[grant(MARRIAGE, "name"), grant(HOUSEHOLD, "address", purpose="其他")]
    )
    assert resolution.why == Why("field_not_granted", {"type": MARRIAGE})


def test_a_quota_used_up_inside_an_alternative_closes_that_alternative_alone() -> None:
    used_up = {EVERYTHING[1].id}
    assert answer(needs(NAME, SPOUSE), held=[CARD, MARRIED], exhausted=used_up) == ("not_granted", "quota_exhausted")
    (source,) = ask(needs(NAME, SPOUSE), needs(HOME), held=[CARD, MARRIED, held(TITLE)], exhausted=used_up).sources
    assert source.need == HOME


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grants": [EVERYTHING[1]]}, "no_grant"),
        ({"exhausted": {EVERYTHING[0].id}}, "quota_exhausted"),
    ],
)
def test_none_is_declared_only_when_every_alternative_was_asked(changes: dict[str, Any], code: str) -> None:
    assert answer(needs(SPOUSE), needs(NAME), held=[CARD], grants=EVERYTHING)[0] == "satisfied"
    assert answer(needs(SPOUSE), needs(NAME), held=[CARD], **changes) == ("not_granted", code)


RECORDS = {
    "several_certificates": [held(TITLE, serial="1"), held(TITLE, serial="2")],
    "issue_not_finished": [held(TITLE, state="intended")],
    "certificate_revoked": [held(TITLE, status="revoked")],
    "no_record_and_not_complete": [],
}
TELLING = {
    "several_certificates": "ambiguous",
    "issue_not_finished": "source_unavailable",
    "certificate_revoked": "refused",
    "no_record_and_not_complete": "no_source",
}


@pytest.mark.parametrize("code", RECORDS)
def test_of_failed_alternatives_the_more_telling_answer_stands_in_either_order(code: str) -> None:
    for alternatives in ((needs(SPOUSE), needs(HOME)), (needs(HOME), needs(SPOUSE))):
        assert answer(*alternatives, held=[CARD, *RECORDS[code]]) == (TELLING[code], code)


def test_the_answers_that_spare_a_paper_are_these_three() -> None:
    assert {outcome.value for outcome in CLEARED} == {"satisfied", "not_applicable", "declared_none"}
    assert len(Outcome) == 11


def test_today_is_the_day_in_shanghai() -> None:
    question = Question(CASE, {}, PURPOSE, (), {}, (), (), datetime(2026, 2, 28, 16, 0, tzinfo=UTC))
    assert question.today() == date(2026, 3, 1)
    assert replace(question, now=question.now - timedelta(seconds=1)).today() == date(2026, 2, 28)
