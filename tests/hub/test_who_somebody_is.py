"""Who somebody is: nobody, one of nearly that name, two people, a company, a dead one. None of them is confirmed."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.matters.roles import RoleRule
from certificates.definitions.loading import catalogue_text, load_type
from certificates.stores.version import HeldVersion
from hub.intake.errors import PartyError
from hub.intake.identity import Standing, standing_of, unconfirmed
from hub.intake.parties import PartyInput, check_rule
from hub.intake.store import Party
from hub.issuing.types.registry import TypeInForce
from tests.hub.resolving import ANNA, CARD, IDENTITY, MARRIAGE, NAME, NOW, TYPES, answer, held

DEATH = load_type(catalogue_text("death_certificate"))
KINDS = TYPES | {DEATH.code: TypeInForce(DEATH, 1)}
RENAMED = replace(ANNA, name_hash=b"anna's other name")
TODAY = NOW.date()


def why(party: Party, *records: HeldVersion, **more: Any) -> str | None:
    return unconfirmed(party, records, KINDS, today=TODAY, **more)


def test_one_number_with_two_names_is_nobody_and_neither_of_them_is_satisfied() -> None:
    other = held(IDENTITY, RENAMED, serial="2")
    assert why(ANNA, CARD) is None
    assert why(ANNA, CARD, other) == why(RENAMED, CARD, other) == "identity_unconfirmed"
    assert answer((NAME,), held=[CARD, other]) == ("identity_unconfirmed", "identity_unconfirmed")
    # A name of before is nobody's: its card is in force no more. Of another type a name confirms, and disturbs, nobody.
    before = replace(other, record=replace(other.record, valid_until="2026-01-31"))
    assert why(ANNA, CARD, before) is None
    assert why(ANNA, CARD, held(MARRIAGE, RENAMED)) is None


def test_nobody_and_somebody_of_another_name_are_the_same_answer() -> None:
    assert why(ANNA) == why(RENAMED, CARD) == "identity_unconfirmed"


def test_the_dead_are_told_to_whoever_names_them_and_no_source_may_confirm_them() -> None:
    death = held(DEATH.code)

    def standing(party: Party, *, deceased: bool = False) -> Standing:
        return standing_of(party, [CARD, death], KINDS, today=TODAY, deceased=lambda: deceased)

    assert standing(ANNA) == Standing(confirmed=False, dead="holder_dead")
    assert standing(RENAMED) == Standing(confirmed=False, dead="identity_unconfirmed")
    assert standing(ANNA, deceased=True) == Standing(confirmed=True)
    assert standing(RENAMED, deceased=True) == Standing(confirmed=False, dead="identity_unconfirmed")
    # Who stands on the certificate of another, as the one who reported the death, has not died.
    reported = replace(death, record=replace(death.record, subject_id="somebody else"))
    assert standing_of(ANNA, [CARD, reported], KINDS, today=TODAY, deceased=lambda: False) == Standing(confirmed=True)
    revoked = replace(death, record=replace(death.record, status="revoked"))
    assert standing_of(ANNA, [CARD, revoked], KINDS, today=TODAY, deceased=lambda: False) == Standing(confirmed=True)


@pytest.mark.parametrize(("takes", "given"), [("111", "001"), ("001", "111")])
def test_a_company_is_no_person_and_a_person_no_company(takes: str, given: str) -> None:
    party = PartyInput("seller", "某", given, "1")
    with pytest.raises(PartyError) as refused:
        check_rule(RoleRule(kinds=(takes,)), party, "/parties/1")
    assert (refused.value.pointer, refused.value.rule) == ("/parties/1/id_type", "wrong_kind")
