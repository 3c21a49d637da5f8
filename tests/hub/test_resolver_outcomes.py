"""The resolver, without a hub: which outcome follows from which grants and records."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from catalog.grants import GrantState
from hub.intake.resolver import CLEARED, Outcome, Question, Why
from tests.hub.resolving import (
    CARD,
    CASE,
    EVERYTHING,
    HOME,
    HOUSEHOLD,
    MARRIAGE,
    MARRIED,
    NOW,
    PAGE,
    PURPOSE,
    SPOUSE,
    TITLE,
    TYPES,
    answer,
    ask,
    grant,
    held,
    needs,
)


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


def test_the_one_that_is_named_is_not_met_by_another_after_its_end() -> None:
    ended, kept = held(TITLE, serial="1", status="revoked"), held(TITLE, serial="2")
    number = ended.record.identifier
    named = replace(CASE, subjects=[{"kind": "property", "code": number}])
    chosen = {("proof", "applicant", TITLE): number}
    for changes in ({"case": named}, {"chosen": chosen}, {"case": named, "chosen": chosen}):
        assert answer(needs(HOME), held=[CARD, ended, kept], **changes) == ("refused", "certificate_revoked")
    other = {("proof", "applicant", TITLE): kept.record.identifier}
    assert answer(needs(HOME), held=[CARD, ended, kept], case=named, chosen=other) == ("satisfied", "satisfied")


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


def test_the_answers_that_spare_a_paper_are_these_three() -> None:
    assert {outcome.value for outcome in CLEARED} == {"satisfied", "not_applicable", "declared_none"}
    assert len(Outcome) == 11


def test_today_is_the_day_in_shanghai() -> None:
    question = Question(CASE, {}, PURPOSE, (), {}, (), (), datetime(2026, 2, 28, 16, 0, tzinfo=UTC))
    assert question.today() == date(2026, 3, 1)
    assert replace(question, now=question.now - timedelta(seconds=1)).today() == date(2026, 2, 28)
