"""Interfaces in the resolver: what is asked when, and what each answer of a source comes to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from catalog.grants import ResourceKind
from catalog.interface_store import StoredInterface
from catalog.interfaces import InterfaceState
from catalog.matters.values import Need, Requirement
from catalog.source_store import StoredSource
from catalog.sources import read_source
from certificates.definitions.loading import catalogue_text, load_type
from hub.intake.outcomes import Outcome, Why
from hub.intake.resolver import Open, Question, Resolution, Rung, resolve
from hub.intake.store import Party
from hub.issuing.types.registry import TypeInForce
from tests.exchange.declared import TITLE, field, interface
from tests.hub.resolving import ANNA, CARD, CASE, IDENTITY, NAME, NOW, PURPOSE, TYPES, grant, held

TAX = Need("", ("paid",), "tax")
GIVEN = Why("satisfied")
CODE = "tax"


@dataclass(frozen=True)
class Said:
    """What a source said."""

    outcome: Outcome = Outcome.SATISFIED
    why: Why = GIVEN
    records: tuple[dict[str, Any], ...] = ({"paid": True},)
    obtained_at: datetime | None = NOW
    as_of: datetime | None = None
    marks: tuple[str, ...] = ()


def answering(**changes: Any) -> dict[str, tuple[StoredInterface, StoredSource]]:
    params = {"number": {"title": TITLE, "from": "party.id_number", "id_type": "111"}}
    fields = {"paid": field({"type": "boolean"}), "number": field(), "secret": field()}
    fields["secret"]["terms"] = {"sharing": "not_shared", "reason": "保密", "legal_basis": "条例"}
    mapping = {"paid": {"from": "p", "as": "boolean"}, "number": "n", "secret": "s"}
    declared = interface(
        fields, mapping, **({"code": CODE, "params": params, "echoes": {"number": "number"}} | changes)
    )
    stored = StoredInterface(
        "i1", 1, "d2", "s1", InterfaceState.LIVE, 1, declared, {}, NOW, None, NOW, b"",
    )  # fmt: skip
    source = {
        "code": "some-source", "department": declared.department, "name": TITLE, "kind": "rest",
        "connection": {"url": "http://127.0.0.1:1"}, "targets": ["127.0.0.1:1"],
    }  # fmt: skip
    return {CODE: (stored, StoredSource("s1", "d2", "active", 1, read_source(source), source, NOW, b""))}


def tax_grant(*fields: str, **changes: Any) -> Any:
    return grant(CODE, *fields, resource_kind=ResourceKind.INTERFACE, **changes)


def ask(
    *alternatives: tuple[Need, ...],
    said: dict[Need, Said] | None = None,
    rules: dict[str, Any] | None = None,
    **changes: Any,
) -> Resolution | Open:
    asked = Requirement("proof", "证明", "Proof", "applicant", alternatives or ((TAX,),), "条例", **(rules or {}))
    values: dict[str, Any] = {
        "case": CASE,
        "parties": {"applicant": ANNA},
        "purpose": PURPOSE,
        "grants": (tax_grant("paid"), grant(IDENTITY, "name")),
        "types": TYPES,
        "held": [CARD],
        "exhausted": frozenset(),
        "now": NOW,
        "answering": answering(),
    } | changes
    return resolve(asked, Question(**values), said or {})


def answer(*alternatives: tuple[Need, ...], **changes: Any) -> tuple[str, str]:
    found = ask(*alternatives, **changes)
    assert isinstance(found, Resolution), found
    return found.outcome.value, found.why.code


def test_a_source_is_asked_only_when_everything_before_it_holds() -> None:
    found = ask()
    assert isinstance(found, Open)
    assert [(one.need, one.grant.resource, one.known) for one in found.asks] == [(TAX, CODE, True)]
    assert answer(grants=()) == ("not_granted", "no_grant")
    assert answer(grants=(grant(CODE, "paid"),)) == ("not_granted", "no_grant"), "a grant over a type of that code"
    assert answer(grants=(tax_grant("number"),)) == ("not_granted", "field_not_granted")
    assert answer(exhausted={"grant of tax"}) == ("not_granted", "quota_exhausted")
    assert answer(held=[]) == ("identity_unconfirmed", "identity_unconfirmed")
    assert answer(answering={}) == ("no_source", "interface_withdrawn")


def test_what_the_hub_reads_for_itself_takes_a_grant_too_and_what_is_not_shared_takes_none() -> None:
    reads = Need("", ("paid",), CODE, reads=("number",))
    assert answer((reads,)) == ("not_granted", "field_not_granted")
    assert isinstance(ask((reads,), grants=(tax_grant("paid", "number"),)), Open)
    secret = Need("", ("paid",), CODE, reads=("secret",))
    assert answer((secret,), grants=(tax_grant("paid", "secret"),)) == ("not_granted", "field_not_granted")


def test_a_source_that_knows_people_by_name_may_answer_where_the_library_knows_nobody() -> None:
    knows = answering(identity_name="number")
    found = ask(held=[], answering=knows)
    assert isinstance(found, Open)
    assert found.asks[0].known is False
    assert answer(held=[], answering=knows, said={TAX: Said()}) == ("satisfied", "satisfied")
    nobody = Said(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"), ())
    assert answer(held=[], answering=knows, said={TAX: nobody}) == ("identity_unconfirmed", "identity_unconfirmed")
    # Of the dead no source may say that they live.
    death = load_type(catalogue_text("death_certificate"))
    types = TYPES | {death.code: TypeInForce(death, 1)}
    found = answer(held=[CARD, held(death.code)], answering=knows, types=types)
    assert found == ("identity_unconfirmed", "holder_dead")
    # What needs the library's word for who somebody is waits for it.
    assert answer((NAME, TAX), held=[], answering=knows) == ("identity_unconfirmed", "identity_unconfirmed")


def test_licences_that_fail_an_alternative_spare_its_sources_and_the_next_one_has_its_turn() -> None:
    found = ask((NAME, TAX), (NAME,), held=[CARD])
    assert isinstance(found, Open)
    assert (
        ask((TAX,), (NAME,), said={TAX: Said(Outcome.NO_SOURCE, Why("source_has_none"), ())}).outcome
        is Outcome.SATISFIED
    )  # type: ignore[union-attr]
    first = ask((NAME,), (TAX,))
    assert isinstance(first, Resolution)
    assert (first.outcome, first.rung, first.asked) == (Outcome.SATISFIED, Rung.CERTIFICATE, ())
    mixed = ask((NAME, TAX), said={TAX: Said()})
    assert isinstance(mixed, Resolution)
    assert (mixed.rung, len(mixed.sources), len(mixed.shared)) == (Rung.SHARED_DATA, 1, 1)


FAILED = [outcome for outcome in Outcome if outcome not in {Outcome.SATISFIED, Outcome.NOT_APPLICABLE}]


@pytest.mark.parametrize("outcome", FAILED)
def test_every_way_in_which_a_source_gives_nothing_stays_what_it_is(outcome: Outcome) -> None:
    found = ask(said={TAX: Said(outcome, Why("source_timeout"), ())})
    assert isinstance(found, Resolution)
    assert (found.outcome, found.sources, found.shared) == (outcome, (), ())
    assert found.why.params == {"interface": CODE}
    owed = outcome is Outcome.SOURCE_UNAVAILABLE
    assert (found.failed is not None and found.failed.interface == CODE) is owed


@pytest.mark.parametrize(
    ("rules", "said", "found"),
    [
        ({}, Said(Outcome.DECLARED_NONE, Why("no_record"), ()), ("declared_none", "no_record")),
        ({"none_clears": False}, Said(Outcome.DECLARED_NONE, Why("no_record"), ()), ("no_source", "record_wanted")),
        ({}, Said(records=({"number": "1"},)), ("no_source", "fields_missing")),
        ({}, Said(records=({"paid": True},) * 21), ("ambiguous", "several_records")),
        ({}, Said(records=({"paid": True},) * 20), ("satisfied", "satisfied")),
        ({"max_age_days": 5}, Said(as_of=NOW - timedelta(days=5)), ("satisfied", "satisfied")),
        ({"max_age_days": 5}, Said(as_of=NOW - timedelta(days=6)), ("no_source", "data_too_old")),
        ({"max_age_days": 5}, Said(obtained_at=NOW - timedelta(days=6)), ("no_source", "data_too_old")),
        ({"max_age_days": 5}, Said(obtained_at=None), ("no_source", "data_too_old")),
        ({"max_age_days": 5}, Said(as_of=NOW + timedelta(days=2)), ("no_source", "data_too_old")),
    ],
)
def test_what_an_answer_comes_to(rules: dict[str, Any], said: Said, found: tuple[str, str]) -> None:
    assert answer(rules=rules, said={TAX: said}, answering=answering(many=True)) == found


def test_a_question_that_cannot_be_put_about_this_party_or_subject_is_not_put() -> None:
    company = Party("applicant", "001", ANNA.lookup_hash, ANNA.name_hash)
    assert answer(parties={"applicant": company}) == ("no_source", "source_of_others")
    subject = answering(params={"unit": {"title": TITLE, "from": "subject.code"}}, echoes={})
    assert answer(answering=subject) == ("ambiguous", "subject_missing")
    changed = {name: getattr(CASE, name) for name in CASE.__dataclass_fields__}
    two = type(CASE)(**changed | {"subjects": [{"kind": "unit", "code": "A"}, {"kind": "unit", "code": "B"}]})
    several = ask(answering=subject, case=two)
    assert isinstance(several, Resolution)
    assert (several.why.code, several.choices) == ("several_subjects", ({"choice": "A"}, {"choice": "B"}))
    chosen = ask(answering=subject, case=two, chosen=MappingProxyType({("proof", "applicant", CODE): "B"}))
    assert isinstance(chosen, Open)
    assert chosen.asks[0].subject == 1
    other = ask(answering=subject, case=two, chosen=MappingProxyType({("proof", "applicant", CODE): "Z"}))
    assert isinstance(other, Resolution)
    assert other.why.code == "several_subjects"
