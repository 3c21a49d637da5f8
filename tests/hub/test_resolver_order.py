"""The resolver, without a hub: grant, then identity, then record; whoever fails at one learns nothing of the next."""

from datetime import UTC, datetime, timedelta

import pytest

from certificates.definitions.loading import shipped_types
from certificates.stores.version import HeldVersion
from hub.intake.identity import identity_types
from hub.intake.resolver import Outcome, Why
from hub.intake.store import Party
from tests.hub.resolving import (
    ANNA,
    BODO,
    CARD,
    EVERYTHING,
    HOUSEHOLD,
    IDENTITY,
    MARRIAGE,
    MARRIED,
    NAME,
    SPOUSE,
    TYPES,
    answer,
    ask,
    held,
    needs,
)

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


# -- the order


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
