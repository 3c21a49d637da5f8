"""The resolver: requirements → alternatives → providers → outcome. Pure; it sees values, never a store or a key.

The order of checks is part of the promise: grant before identity before record, so that a caller without a grant learns
nothing about a person, and one with a wrong name learns no more than one with an unknown number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.grants import Grant, ResourceKind
from catalog.matters.applying import applies
from catalog.matters.narrowing import unsaid
from catalog.matters.roles import PLAIN, role_of
from catalog.matters.values import Need, Requirement
from certificates.stores.version import HeldVersion
from hub.intake.identity import certified_dead, unconfirmed
from hub.intake.ladder import Rung
from hub.intake.outcomes import ASKED, CLEARED, GIVEN, OWED, SILENT, Failed, Objection, Outcome, Why, entry_kind
from hub.intake.resolving.asking import Ask, Reading, Shared, answered, ask_of, beyond, confirms
from hub.intake.resolving.choosing import Undecided
from hub.intake.resolving.depending import named_in, waits_for
from hub.intake.resolving.holdings import Holdings
from hub.intake.resolving.values import NO_ANSWERS, Answers, Covered, Open, Question, Resolution, Source
from hub.intake.store import Party

__all__ = [
    "ASKED", "CLEARED", "OWED", "Ask", "Covered", "Failed", "Open", "Outcome", "Question", "Resolution", "Rung",
    "Shared", "Source", "Why", "absent", "entry_kind", "grants_for", "resolve", "unasked",
]  # fmt: skip


_TELLING: Final = (
    Outcome.AMBIGUOUS,
    Outcome.HOLDER_DECISION_NEEDED,
    Outcome.PENDING,
    Outcome.SOURCE_UNAVAILABLE,
    Outcome.REFUSED,
    Outcome.IDENTITY_UNCONFIRMED,
    Outcome.NO_SOURCE,
    Outcome.NOT_GRANTED,
    Outcome.DECLARED_NONE,
)
"""Of several alternatives that failed, which answer stands. "None" only when every one of them said so."""


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


def unasked(requirement: Requirement, question: Question) -> Resolution | None:
    """The answer where the law does not want it of this case, or nobody can say yet; None: it is wanted, or may be once
    others are answered.

    By what the caller said of the case, and by the answers that the matter declares: no grant is looked at, and nothing
    is read about a person.
    """
    if not requirement.in_force(question.filed_on or question.today()):
        return Resolution(requirement, Outcome.NOT_APPLICABLE, Why("not_in_force"))
    verdict = applies(requirement, question.values)
    if verdict.value is None:
        awaited = question.after.get(requirement.code, frozenset())
        facts = sorted(name.removeprefix("facts.") for name in verdict.missing if name.startswith("facts."))
        if facts or not awaited:
            facts = facts or sorted(verdict.missing)
            return Resolution(requirement, Outcome.AMBIGUOUS, Why("facts_missing", {"facts": facts}))
        waiting = waits_for(named_in(verdict.missing, awaited), question.standing)
        return None if waiting is None else Resolution(requirement, waiting[0], waiting[1], failed=waiting[2])
    return None if verdict.value else Resolution(requirement, Outcome.NOT_APPLICABLE, Why("condition_not_met"))


def absent(requirement: Requirement) -> Resolution:
    """The answer about a party that the case does not have. Where a condition says that it is wanted, leaving the party
    out clears nothing: a spouse is not unmarried by not being named.
    """
    params = {"party": requirement.party}
    if requirement.when is None:
        return Resolution(requirement, Outcome.NOT_APPLICABLE, Why("party_absent", params))
    return Resolution(requirement, Outcome.AMBIGUOUS, Why("party_missing", params))


def resolve(requirement: Requirement, question: Question, answers: Answers = NO_ANSWERS) -> Resolution | Open:
    """Answer one requirement by the library and what sources have said, or say which of them to ask next.

    The alternatives are tried in their order; of one that licences already fail no source is asked.
    """
    early = unasked(requirement, question)
    if early is not None:
        return early
    party = question.parties.get(requirement.party)
    if party is None:
        return absent(requirement)
    if not requirement.alternatives:  # nobody's records are asked, and nothing is told about the person
        return Resolution(requirement, Outcome.NO_SOURCE, Why("no_provider"))
    covered, objection = grants_for(requirement, question)
    if not covered:
        return Resolution(requirement, Outcome.NOT_GRANTED, objection)
    usable = [uses for uses in covered if not any(grant.id in question.exhausted for _, grant in uses)]
    if not usable:
        return Resolution(requirement, Outcome.NOT_GRANTED, Why("quota_exhausted"))
    asked = tuple({grant.id: grant for uses in usable for _, grant in uses}.values())
    deceased = question.rules.get(role_of(requirement.party), PLAIN).deceased
    today = question.today()
    nobody = unconfirmed(party, question.held, question.types, today=today, deceased=deceased)
    dead = nobody is not None and certified_dead(party, question.held, question.types, today=today)
    failures: list[Objection] = []
    if len(usable) < len(requirement.alternatives):  # one was never asked, so "none" is not for us to say
        closed = objection if len(covered) < len(requirement.alternatives) else Why("quota_exhausted")
        failures.append((Outcome.NOT_GRANTED, closed, None))
    if nobody is not None:
        failures = [(Outcome.IDENTITY_UNCONFIRMED, Why(nobody), None)]
        # A source that knows people by number and name may answer for itself; of the dead none may.
        living = nobody == "identity_unconfirmed"
        usable = [uses for uses in usable if living and all(confirms(need, question.answering) for need, _ in uses)]
    questions: list[Ask] = []
    undecided: list[Undecided] = []
    for uses in usable:
        unsaid_of = _not_agreed(uses, party, question)
        if unsaid_of is not None:
            if nobody is None:  # of an unknown person nobody learns what he has decided
                failures.append(unsaid_of)
            continue
        tried = _tried(requirement, uses, (party, nobody is None), question, answers)
        questions += tried.asks
        if tried.open:
            return Open(requirement, tried.open, asked)
        if dead:  # by another name than the case's: the source was asked as of anybody, and is not believed
            continue
        if tried.undecided is not None:
            undecided.append(tried.undecided)
        if tried.objection is None:
            return Resolution(
                requirement, Outcome.SATISFIED, Why("satisfied"), tried.sources, asked,
                shared=tried.shared, asked=tuple(questions),
            )  # fmt: skip
        failures.append(tried.objection)
    stands = min(failures, key=lambda failure: _TELLING.index(failure[0]))
    outcome, why, failed = stands
    open_one = next((item for item in undecided if item.objection is stands), Undecided(stands))
    return Resolution(
        requirement, outcome, why, grants=asked, failed=failed, asked=tuple(questions),
        choices=open_one.choices, choice_of=open_one.of,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Tried:
    """One alternative, tried: met, still open, or why it failed."""

    sources: tuple[Source, ...] = ()
    shared: tuple[Shared, ...] = ()
    open: tuple[Ask, ...] = ()
    objection: Objection | None = None
    asks: tuple[Ask, ...] = ()
    undecided: Undecided | None = None


def _failed(found: Objection | Undecided, asks: Sequence[Ask] = ()) -> _Tried:
    if isinstance(found, Undecided):
        return _Tried(objection=found.objection, asks=tuple(asks), undecided=found)
    return _Tried(objection=found, asks=tuple(asks))


def _tried(
    requirement: Requirement,
    uses: Sequence[tuple[Need, Grant]],
    about: tuple[Party, bool],
    question: Question,
    answers: Answers,
) -> _Tried:
    """`about` whom, and whether the library confirms who that is."""
    party, known = about
    if facts := sorted({code for need, _ in uses for code in unsaid(need, question.values)}):
        return _Tried(objection=(Outcome.AMBIGUOUS, Why("facts_missing", {"facts": facts}), None))
    holdings = Holdings(requirement, party, question)
    sources: list[Source] = []
    for need, grant in uses:
        if need.interface is not None:
            continue
        result = holdings.provider(need)
        if isinstance(result, Undecided):
            return _failed(result)
        if not isinstance(result, HeldVersion):
            failed = _unfinished(result[1], party, question) if result[0] in OWED else None
            return _Tried(objection=(*result, failed))
        sources.append(Source(result, need, grant))
    asks: list[Ask] = []
    for need, grant in uses:
        if need.interface is not None:
            chosen = question.chosen.get((requirement.code, requirement.party, need.choice_of))
            ask = ask_of(need, grant, party, question.case, question.answering, known=known, chosen=chosen)
            if not isinstance(ask, Ask):
                return _failed(ask)
            asks.append(ask)
    if missing := tuple(ask for ask in asks if ask.need not in answers):
        return _Tried(open=missing)
    reading = Reading(
        requirement, question.values, question.chosen, question.key_of(party), question.today(), question.looked
    )
    shared: list[Shared] = []
    for ask in asks:
        said = answered(ask, answers[ask.need], reading)
        if not isinstance(said, Shared):
            return _failed(said, asks)
        shared.append(said)
    return _Tried(tuple(sources), tuple(shared), asks=tuple(asks))


def _unfinished(why: Why, party: Party, question: Question) -> Failed:
    """Whose licence is not whole."""
    code = str(why.params["type"])
    mine = (held.record for held in question.held if held.subject.lookup_hash == party.lookup_hash)
    issuers = [record.issuer_code for record in mine if record.type_code == code and not record.is_whole()]
    return Failed(issuers[0], code)


def _not_agreed(uses: Covered, party: Party, question: Question) -> Objection | None:
    """What keeps a way that rests on the party's own word: that he said no, or has said nothing."""
    said = [question.decisions.get((party.lookup_hash, grant.id)) for _, grant in uses if grant.terms.consent]
    return objection_of(said)


def objection_of(said: Sequence[str | None]) -> Objection | None:
    """What stands against a use that rests on these words of a person; None: he has said yes to all of it."""
    if any(one not in {None, GIVEN, SILENT} for one in said):
        return Outcome.REFUSED, Why("holder_refused"), None
    if None in said:
        return Outcome.HOLDER_DECISION_NEEDED, Why("holder_decision_needed"), None
    return (Outcome.HOLDER_DECISION_NEEDED, Why("holder_silent"), None) if SILENT in said else None


def undecided(requirement: Requirement, question: Question) -> list[Grant]:
    """Of the first way that only its party's word keeps, the grants that he has not decided of; of no other way."""
    party = question.parties.get(requirement.party)
    if party is None:
        return []
    for uses in grants_for(requirement, question)[0]:
        if any(grant.id in question.exhausted for _, grant in uses):
            continue
        objection = _not_agreed(uses, party, question)
        if objection is not None and objection[1].code == "holder_decision_needed":
            resting = {grant.id: grant for _, grant in uses if grant.terms.consent}
            return [grant for grant in resting.values() if (party.lookup_hash, grant.id) not in question.decisions]
    return []


def _covering(need: Need, question: Question) -> tuple[Grant | None, Why]:
    kind = ResourceKind.CERTIFICATE_TYPE if need.interface is None else ResourceKind.INTERFACE
    params = {"type" if need.interface is None else "interface": need.code}
    objection = Why("no_grant", params)
    kinds = {item["kind"] for item in question.case.corroboration if "kind" in item}
    for grant in question.grants:
        if grant.resource != need.code or grant.resource_kind is not kind:
            continue
        code = grant.objection(
            matter=question.case.matter_code,
            purpose=question.purpose,
            fields=need.wanted,
            corroboration=kinds,
            now=question.now,
            officer=question.officer,
            asks_holder=True,
        )
        if code is None and beyond(need, question.answering):
            code = "field_not_granted"
        if code is None:
            return grant, objection
        objection = Why(code, params)
    return None, objection
