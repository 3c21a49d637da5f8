"""Interfaces as providers: the question that a need comes down to, and what the source's answer means for it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from catalog.expressions.values import Values
from catalog.grants import Grant
from catalog.interface_store import StoredInterface
from catalog.interfaces import Interface, Origin, Sharing
from catalog.matters.narrowing import fits
from catalog.matters.values import Need, Requirement
from catalog.source_store import StoredSource
from hub.clock import BEIJING
from hub.intake.outcomes import OWED, Failed, Fetched, Objection, Outcome, Why
from hub.intake.resolving.choosing import MOST_RECORDS, Chooser, Looked, Undecided, records_of
from hub.intake.store import Case, Party

Answering = Mapping[str, tuple[StoredInterface, StoredSource]]
"""The interfaces that answer, with their sources, by code."""
_OF_A_PARTY: Final = frozenset({Origin.PARTY_ID, Origin.PARTY_NAME})


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that a need comes down to. `subject` is the place of the case's subject that it is about."""

    need: Need
    grant: Grant
    stored: StoredInterface
    source: StoredSource
    subject: int | None = None
    known: bool = True
    """Whether the library confirms who the party is; else the answer must."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What whoever has to choose among records may see: what the owner declares for it and the grant covers; what a
        need reads for the hub's own eyes is not shown.
        """
        interface, need = self.stored.interface, self.need
        hidden = set(need.reads) - set(need.fields)
        allowed = (interface.shareable() & self.grant.terms.fields) - hidden
        return tuple(name for name in interface.labels if name in allowed) if self.chooses else ()

    @property
    def chooses(self) -> bool:
        """Whether of several records one is meant."""
        return self.need.single or not self.stored.interface.many

    @property
    def reads(self) -> frozenset[str]:
        """Everything that is asked of the source."""
        return frozenset((*self.need.wanted, *self.labels))


@dataclass(frozen=True, slots=True)
class Shared:
    """Data that meet a need."""

    ask: Ask
    found: Fetched
    records: tuple[Mapping[str, Any], ...] = ()
    """Those that meet it, with the fields that the need wants."""


def confirms(need: Need, answering: Answering) -> bool:
    """Whether the answer itself says who somebody is, by number and name."""
    found = answering.get(need.interface or "")
    return found is not None and found[0].interface.identity_name is not None


def beyond(need: Need, answering: Answering) -> bool:
    """Whether the interface does not share what is wanted, or no longer, whatever an older grant says."""
    found = answering.get(need.interface or "")
    if found is None:
        return False
    fields = found[0].interface.fields
    return any(name not in fields or fields[name].terms.sharing is Sharing.NOT_SHARED for name in need.wanted)


def ask_of(
    need: Need,
    grant: Grant,
    party: Party,
    case: Case,
    answering: Answering,
    *,
    known: bool,
    chosen: str | None = None,
) -> Ask | Objection | Undecided:
    """The question, or why it cannot be put about this party of this case."""
    code, params = need.interface or "", {"interface": need.interface}
    found = answering.get(code)
    if found is None:
        return Outcome.NO_SOURCE, Why("interface_withdrawn", params), None
    stored, source = found
    if not _takes(stored.interface, party):
        return Outcome.NO_SOURCE, Why("source_of_others", params), None
    if not any(param.origin is Origin.SUBJECT for param in stored.interface.params.values()):
        return Ask(need, grant, stored, source, known=known)
    places = [place for place, item in enumerate(case.subjects) if need.subject in {None, item.get("kind")}]
    if chosen is not None:
        places = [place for place in places if case.subjects[place]["code"] == chosen][:1] or places
    if not places:
        return Outcome.AMBIGUOUS, Why("subject_missing", {**params, "kind": need.subject}), None
    if len(places) > 1:
        why = Why("several_subjects", {**params, "kind": need.subject})
        choices = tuple({"choice": case.subjects[place]["code"]} for place in places)
        return Undecided((Outcome.AMBIGUOUS, why, None), choices, need.choice_of)
    return Ask(need, grant, stored, source, places[0], known=known)


@dataclass(frozen=True, slots=True)
class Reading:
    """By what an answer is read: what the case says, what was chosen, and the day."""

    requirement: Requirement
    values: Values
    chosen: Mapping[tuple[str, str, str], str]
    key: bytes
    today: date
    looked: Looked | None = None


def answered(ask: Ask, found: Fetched, by: Reading) -> Shared | Objection | Undecided:
    """What the answer means for the need. "None" is for a complete register to say, and only where that clears; that
    no record fits what the person said of the case is nobody's "none".
    """
    requirement, need = by.requirement, ask.need
    params = {**found.why.params, "interface": need.interface}
    if found.outcome is Outcome.DECLARED_NONE and not requirement.none_clears:
        return Outcome.NO_SOURCE, Why("record_wanted", params), None
    if found.outcome is not Outcome.SATISFIED:
        owner = Failed(ask.stored.interface.department, "", need.code) if found.outcome in OWED else None
        return found.outcome, Why(found.why.code, params), owner
    records = meant(ask, found, by)
    if not isinstance(records, list):
        return records
    if len(records) > MOST_RECORDS:
        return Outcome.AMBIGUOUS, Why("several_records", {**params, "count": len(records)}), None
    if not all(any(name in record for name in need.fields) for record in records):
        return Outcome.NO_SOURCE, Why("fields_missing", params), None
    if not _recent(found, requirement, by.today):
        return Outcome.NO_SOURCE, Why("data_too_old", {**params, "days": requirement.max_age_days}), None
    return Shared(ask, found, _cut(records, need))


def meant(ask: Ask, found: Fetched, by: Reading) -> list[Mapping[str, Any]] | Objection | Undecided:
    """The records that count: of a need for one the one that fits or was chosen."""
    requirement, need = by.requirement, ask.need
    place = (requirement.code, requirement.party, records_of(need))
    params = {**found.why.params, "interface": need.interface}
    if by.looked is not None:
        return _as_it_was(by.looked.picked.get(place[2], ""), ask, found, params)
    records = [record for record in found.records if fits(need, record, by.values)]
    if not records:
        return Outcome.NO_SOURCE, Why("no_match", {**params, "fields": sorted(need.where)}), None
    if not ask.chooses:
        return records
    one = Chooser(by.key, place, ask.labels).one_of(records, by.chosen.get(place), params)
    return one if isinstance(one, Undecided) else [one]


def _as_it_was(
    code: str, ask: Ask, found: Fetched, params: Mapping[str, Any]
) -> list[Mapping[str, Any]] | Objection | Undecided:
    if not code:
        return list(found.records[:1] if ask.chooses else found.records)
    outcome = Outcome.NO_SOURCE if code == "no_match" else Outcome.AMBIGUOUS
    return outcome, Why(code, params), None


def _cut(records: Sequence[Mapping[str, Any]], need: Need) -> tuple[Mapping[str, Any], ...]:
    """Without what was read for choosing alone."""
    return tuple({name: record[name] for name in need.wanted if name in record} for record in records)


def _takes(interface: Interface, party: Party) -> bool:
    """Whether somebody with this kind of number can be asked about; a question about a subject needs none."""
    mine = [param for param in interface.params.values() if param.origin in _OF_A_PARTY]
    numbers = [param for param in mine if param.origin is Origin.PARTY_ID]
    if numbers and party.id_type is None:
        return False
    return all(param.id_type in {None, party.id_type} for param in numbers)


def _recent(found: Fetched, requirement: Requirement, today: date) -> bool:
    of = found.as_of or found.obtained_at
    if requirement.max_age_days is None:
        return True
    return of is not None and requirement.recent(of.astimezone(BEIJING).date(), today)
