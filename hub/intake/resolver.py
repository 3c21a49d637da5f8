"""The resolver: requirements → alternatives → providers → outcome. Pure; it sees values, never a store or a key.

The order of checks is part of the promise: grant before identity before record, so that a caller without a grant learns
nothing about a person, and one with a wrong name learns no more than one with an unknown number.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from catalog.grants import Grant
from catalog.matters import Need, Requirement
from certificates.store import HeldVersion
from hub.clock import BEIJING
from hub.intake.identity import identity_confirmed, in_force
from hub.intake.store import Case, Party
from hub.issuing.types import TypeInForce


class Outcome(StrEnum):
    """The eleven answers, never mixed up."""

    SATISFIED = "satisfied"
    NOT_APPLICABLE = "not_applicable"
    DECLARED_NONE = "declared_none"
    NO_SOURCE = "no_source"
    SOURCE_UNAVAILABLE = "source_unavailable"
    NOT_GRANTED = "not_granted"
    IDENTITY_UNCONFIRMED = "identity_unconfirmed"
    AMBIGUOUS = "ambiguous"
    HOLDER_DECISION_NEEDED = "holder_decision_needed"
    PENDING = "pending"
    REFUSED = "refused"


CLEARED: Final = frozenset({Outcome.SATISFIED, Outcome.NOT_APPLICABLE, Outcome.DECLARED_NONE})
"""Outcomes after which the person is not asked for the paper."""

_TELLING: Final = (
    Outcome.AMBIGUOUS,
    Outcome.SOURCE_UNAVAILABLE,
    Outcome.REFUSED,
    Outcome.NO_SOURCE,
    Outcome.NOT_GRANTED,
    Outcome.DECLARED_NONE,
)
"""Of several alternatives that failed, which answer stands. "None" only when every one of them said so."""


@dataclass(frozen=True, slots=True)
class Why:
    """A reason as a code with parameters; its text is made per language."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


Covered = tuple[tuple[Need, Grant], ...]
"""One alternative: each need with the grant that covers its type and fields. A grant that serves one alternative need
not serve another of the same type, which may want more fields."""


@dataclass(frozen=True, slots=True)
class Source:
    """A certificate that meets a need, and the grant under which it is used."""

    held: HeldVersion
    need: Need
    grant: Grant


@dataclass(frozen=True, slots=True)
class Resolution:
    """The answer to one requirement. `sources` is non-empty exactly when it is satisfied.

    `grants` are those under which the library was asked: an answer without a certificate tells something too.
    """

    requirement: Requirement
    outcome: Outcome
    why: Why
    sources: tuple[Source, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the resolver looks at for one request."""

    case: Case
    parties: Mapping[str, Party]
    purpose: str
    grants: Sequence[Grant]
    types: Mapping[str, TypeInForce]
    held: Sequence[HeldVersion]
    exhausted: Collection[str]
    now: datetime
    officer: str | None = None
    """Of an ex officio case, its operator."""

    def today(self) -> date:
        """The civil day on which validity is judged."""
        return self.now.astimezone(BEIJING).date()


def grants_for(requirement: Requirement, question: Question) -> tuple[list[Covered], Why]:
    """The alternatives that grants cover whole, and why the first one that they do not is not covered."""
    found: list[Covered] = []
    objection = Why("no_grant")
    for needs in requirement.alternatives:
        covering = [_covering(need, question) for need in needs]
        uses = tuple((need, grant) for need, (grant, _) in zip(needs, covering, strict=True) if grant is not None)
        if len(uses) == len(needs):
            found.append(uses)
        elif objection.code == "no_grant":
            objection = next(why for grant, why in covering if grant is None)
    return found, objection


def resolve(requirement: Requirement, question: Question) -> Resolution:
    """Answer one requirement."""
    party = question.parties.get(requirement.party)
    if party is None:
        return Resolution(requirement, Outcome.NOT_APPLICABLE, Why("party_absent", {"party": requirement.party}))
    covered, objection = grants_for(requirement, question)
    if not covered:
        return Resolution(requirement, Outcome.NOT_GRANTED, objection)
    usable = [uses for uses in covered if not any(grant.id in question.exhausted for _, grant in uses)]
    if not usable:
        return Resolution(requirement, Outcome.NOT_GRANTED, Why("quota_exhausted"))
    asked = tuple({grant.id: grant for uses in usable for _, grant in uses}.values())
    if not identity_confirmed(party, question.held, question.types, today=question.today()):
        return Resolution(requirement, Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"), grants=asked)
    failures: list[tuple[Outcome, Why]] = []
    if len(usable) < len(requirement.alternatives):  # one was never asked, so "none" is not for us to say
        unasked = objection if len(covered) < len(requirement.alternatives) else Why("quota_exhausted")
        failures.append((Outcome.NOT_GRANTED, unasked))
    for uses in usable:
        sources: list[Source] = []
        for need, grant in uses:
            result = _provider(need, party, question)
            if not isinstance(result, HeldVersion):
                failures.append(result)
                break
            sources.append(Source(result, need, grant))
        else:
            return Resolution(requirement, Outcome.SATISFIED, Why("satisfied"), tuple(sources), asked)
    outcome, why = min(failures, key=lambda failure: _TELLING.index(failure[0]))
    return Resolution(requirement, outcome, why, grants=asked)


def _covering(need: Need, question: Question) -> tuple[Grant | None, Why]:
    objection = Why("no_grant", {"type": need.type_code})
    kinds = {item["kind"] for item in question.case.corroboration if "kind" in item}
    for grant in question.grants:
        if grant.resource != need.type_code:
            continue
        code = grant.objection(
            matter=question.case.matter_code,
            purpose=question.purpose,
            fields=need.fields,
            corroboration=kinds,
            now=question.now,
            officer=question.officer,
        )
        if code is None:
            return grant, objection
        objection = Why(code, {"type": need.type_code})
    return None, objection


def _provider(need: Need, party: Party, question: Question) -> HeldVersion | tuple[Outcome, Why]:
    mine = [
        held
        for held in question.held
        if held.record.type_code == need.type_code and held.subject.lookup_hash == party.lookup_hash
    ]
    good = [held for held in mine if in_force(held, today=question.today())]
    if len(good) > 1:
        named = {subject.get("code") for subject in question.case.subjects}
        good = [held for held in good if held.record.identifier in named] or good
    if len(good) == 1:
        return good[0]
    params = {"type": need.type_code}
    if good:
        return Outcome.AMBIGUOUS, Why("several_certificates", {**params, "count": len(good)})
    if any(held.record.state != "issued" for held in mine):
        return Outcome.SOURCE_UNAVAILABLE, Why("issue_not_finished", params)
    dead = next((held.record.status for held in mine if held.record.status in {"revoked", "suspended"}), None)
    if dead is not None:
        return Outcome.REFUSED, Why(f"certificate_{dead}", params)
    known = question.types.get(need.type_code)
    if known is None or not known.type.complete:
        return Outcome.NO_SOURCE, Why("no_record_and_not_complete", params)
    return Outcome.DECLARED_NONE, Why("certificate_expired" if mine else "no_record", params)


def entry_kind(outcome: Outcome) -> str:
    """A disclosure, an answer that discloses no record, or a refusal."""
    if outcome is Outcome.SATISFIED:
        return "disclosure"
    return "answer" if outcome in CLEARED else "refusal"
