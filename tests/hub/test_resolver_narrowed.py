"""Licences narrowed by what is said of a case, chosen among, and too old: the resolver alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.matters.narrowing import fits
from catalog.matters.reading import read_matter
from catalog.matters.values import Need, Requirement
from certificates.definitions.loading import catalogue_text, load_type
from certificates.stores.version import HeldVersion
from hub.intake.resolver import Question, Resolution, resolve
from hub.intake.resolving.choosing import Chooser, Undecided
from hub.intake.resolving.telling import may_open
from hub.issuing.types.registry import TypeInForce
from tests.hub.resolving import ANNA, CARD, CASE, NOW, PURPOSE, TITLE, TYPES, grant, held

UNIT = Need(TITLE, ("location",), reads=("unit_no",), where={"unit_no": "facts.unit"})
FIRST, SECOND = held(TITLE, serial="1"), held(TITLE, serial="2", issued_on="2026-02-01")
SAID = {FIRST.record.id: {"unit_no": "A-1"}, SECOND.record.id: {"unit_no": "A-2"}}
INCOME = load_type(catalogue_text("income_tax_record"))  # its validity counts from the register's own day


def ask(need: Need = UNIT, *, rules: dict[str, Any] | None = None, **changes: Any) -> Resolution:
    asked = Requirement("proof", "证明", "Proof", "applicant", ((need,),), "条例", **(rules or {}))
    values: dict[str, Any] = {
        "case": CASE, "parties": {"applicant": ANNA}, "purpose": PURPOSE,
        "grants": (grant(TITLE, "location", "unit_no"), grant(INCOME.code, "name")),
        "types": TYPES | {INCOME.code: TypeInForce(INCOME, 1)}, "held": [CARD, FIRST, SECOND],
        "exhausted": frozenset(), "now": NOW, "values": {"facts.unit": "A-2"}, "told": SAID,
    } | changes  # fmt: skip
    found = resolve(asked, Question(**values))
    assert isinstance(found, Resolution)
    return found


def said(found: Resolution) -> tuple[str, str]:
    return found.outcome.value, found.why.code


def test_facts_say_which_licence_is_meant_and_what_nobody_has_proves_nothing() -> None:
    found = ask()
    assert (said(found), [item.held for item in found.sources]) == (("satisfied", "satisfied"), [SECOND])
    unsaid = ask(values={})
    assert (said(unsaid), unsaid.why.params) == (("ambiguous", "facts_missing"), {"facts": ["unit"]})
    assert said(ask(values={"facts.unit": "A-3"})) == ("no_source", "no_match")
    assert said(ask(values={"facts.unit": "A-3"}, held=[CARD])) == ("no_source", "no_record_and_not_complete")
    # What nobody has opened fits nothing; what does not verify is for whoever makes a copy; two of one unit a question.
    assert said(ask(told={})) == ("no_source", "no_match")
    assert said(ask(told={SECOND.record.id: None})) == ("satisfied", "satisfied")
    assert said(ask(told={key: {"unit_no": "A-2"} for key in SAID})) == ("ambiguous", "several_certificates")
    # Before a grant says so nothing is asked of anybody, the case's facts included.
    assert said(ask(grants=(), values={})) == ("not_granted", "no_grant")


def test_nothing_is_opened_without_a_grant_or_of_somebody_wrongly_named() -> None:
    """Opening takes time: it would tell who exists, and that he has something."""
    asked = Requirement("proof", "证明", "Proof", "applicant", ((UNIT,),), "条例")
    granted = grant(TITLE, "location", "unit_no")
    question = Question(CASE, {"applicant": ANNA}, PURPOSE, (granted,), TYPES, [CARD, FIRST], frozenset(), NOW)
    assert may_open([asked], question) == ([asked], [CARD, FIRST])
    assert may_open([asked], replace(question, grants=()))[0] == []
    wrong = replace(ANNA, name_hash=b"another")
    assert may_open([asked], replace(question, parties={"applicant": wrong}))[1] == []


def test_a_choice_that_fits_no_more_is_asked_anew_and_no_other_licence_is_taken_for_it() -> None:
    plain = Need(TITLE, ("location",))
    place = ("proof", "applicant", plain.choice_of)

    def chosen(identifier: str, *licences: HeldVersion) -> Resolution:
        return ask(plain, chosen={place: identifier}, held=[CARD, *licences])

    first = FIRST.record.identifier
    assert [item.held for item in chosen(first, FIRST, SECOND).sources] == [FIRST]
    newer = replace(FIRST, record=replace(FIRST.record, identifier=f"{first}.002"))
    for left in ((newer, SECOND), (newer,), (SECOND,)):
        found = chosen(first, *left)
        assert (said(found), len(found.choices)) == (("ambiguous", "choice_gone"), len(left))
    expired = replace(FIRST, record=replace(FIRST.record, valid_until="2026-02-01"))
    assert said(chosen(first, expired, SECOND)) == ("ambiguous", "choice_gone")
    revoked = replace(FIRST, record=replace(FIRST.record, status="revoked"))
    assert said(chosen(first, revoked, SECOND)) == ("refused", "certificate_revoked")
    # What was chosen for one way of narrowing says nothing for another.
    assert UNIT.choice_of != plain.choice_of
    assert said(ask(chosen={("proof", "applicant", plain.choice_of): first})) == ("satisfied", "satisfied")


@pytest.mark.parametrize(
    ("days_ago", "day", "outcome"),
    [(90, None, "satisfied"), (91, None, "no_source"), (1, "2025-12-01", "satisfied"), (1, "2025-11-30", "no_source")],
)
def test_an_age_counts_from_the_registers_own_day_or_when_it_last_said_so(
    days_ago: int, day: str | None, outcome: str
) -> None:
    """Not from the day on which the hub made a licence of an old record."""
    proof = held(INCOME.code, issued_on="2026-03-01", as_of=NOW - timedelta(days=days_ago))
    told = {proof.record.id: {"issued_on": day}} if day else {}
    found = ask(Need(INCOME.code, ("name",)), rules={"max_age_days": 90}, held=[CARD, proof], told=told)
    assert found.outcome.value == outcome


@pytest.mark.parametrize(
    ("said_by_record", "fact", "same"),
    [
        ("Ａ－１ ", "a-1", False),
        ("Ａ-1 ", "A-1", True),
        (3, 3, True),
        ("3", 3, False),
        (True, 1, False),
        (None, "", False),
        (["A-1"], "A-1", False),
        ({"unit_no": "A-1"}, "A-1", False),
    ],
)
def test_only_what_says_the_same_fits(said_by_record: Any, fact: Any, *, same: bool) -> None:
    assert fits(UNIT, {"unit_no": said_by_record}, {"facts.unit": fact}) is same
    assert not fits(UNIT, {}, {"facts.unit": fact})
    assert not fits(UNIT, {"unit_no": said_by_record}, {})


@pytest.mark.parametrize(
    ("need", "message"),
    [
        ({"where": {"unit_no": "facts.nobody"}}, "names a fact"),
        ({"where": {"unit_no": "facts.several"}}, "names a fact"),
        ({"where": {"unit_no": "parties.applicant.present"}}, "names a fact"),
        ({"where": {"unit_no": "claims.proof.unit_no"}}, "names a fact"),
        ({"where": {"area": "facts.unit"}}, "neither fields nor reads"),
        ({"where": ["unit_no"]}, "a fact for each field"),
        ({"where": dict.fromkeys("abcdef", "facts.unit"), "reads": list("abcdef")}, "at most 5"),
        ({"one": "yes"}, "true or false"),
    ],
)
def test_what_cannot_narrow_is_refused_when_it_is_read(need: dict[str, Any], message: str) -> None:
    title = {"zh": "证明", "en": "Proof"}
    with pytest.raises(DefinitionError, match=message):
        read_matter(
            {
                "code_system": "t", "code": "M", "name": title, "department": "d", "roles": ["applicant"],
                "facts": {"unit": {"kind": "text", "title": title}, "several": {"kind": "texts", "title": title}},
                "requirements": [
                    {
                        "code": "proof", "title": title, "party": "applicant", "legal_basis": "条例",
                        "alternatives": [[{"type": TITLE, "fields": ["unit_no"]} | need]],
                    }
                ],
            }
        )  # fmt: skip


def test_a_choice_among_records_is_of_one_person_and_of_one_case() -> None:
    question = Question(CASE, {}, PURPOSE, (), TYPES, (), (), NOW, choice_key=b"of this case")
    other = replace(ANNA, lookup_hash=b"bodo")
    keys = {question.key_of(ANNA), question.key_of(other), replace(question, choice_key=b"").key_of(ANNA)}
    assert len(keys) == 3
    place = ("proof", "applicant", "shops#")
    records = [{"unit": "A-1"}, {"unit": "A-2"}]
    found = [Chooser(key, place, ("unit",)).one_of(records, None, {}) for key in sorted(keys)]
    marks = {choice["choice"] for one in found if isinstance(one, Undecided) for choice in one.choices}
    assert len(marks) == 6
