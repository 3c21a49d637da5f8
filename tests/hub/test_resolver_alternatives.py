"""The resolver, without a hub: OR over alternatives, AND inside one, and which answer stands when all fail."""

from typing import Any

import pytest

from catalog.matters.values import Need
from hub.intake.resolver import Outcome, Question, Why, grants_for
from tests.hub.resolving import (
    CARD,
    CASE,
    EVERYTHING,
    HOME,
    HOUSEHOLD,
    MARRIAGE,
    MARRIED,
    NAME,
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
    requirement,
)


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
