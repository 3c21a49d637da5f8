"""What the library holds of a party, as the answer to one need: which licence meets it, or why none does. Pure."""

from dataclasses import dataclass
from datetime import date

from catalog.matters.narrowing import fits
from catalog.matters.values import Need, Requirement
from certificates.lifecycle.states import STOPPED
from certificates.stores.version import HeldVersion
from hub.intake.identity import in_force
from hub.intake.outcomes import Outcome, Why
from hub.intake.resolving.choosing import Undecided
from hub.intake.resolving.values import Question
from hub.intake.store import Party

Answer = HeldVersion | tuple[Outcome, Why] | Undecided


@dataclass(frozen=True, slots=True)
class Holdings:
    """The licences of one party, for one requirement."""

    requirement: Requirement
    party: Party
    question: Question

    def provider(self, need: Need) -> Answer:
        """The licence that meets a need. Of several that fit one is meant, and somebody says which; one that was chosen
        and is in force no more is not replaced by another.
        """
        question, requirement = self.question, self.requirement
        mine = self.of_type(need)
        chosen = question.chosen.get((requirement.code, requirement.party, need.choice_of))
        named = {chosen} if chosen else {subject.get("code") for subject in question.case.subjects}
        about = [held for held in mine if held.record.identifier in named]
        params = {"type": need.type_code}
        good = [held for held in mine if in_force(held, today=question.today())]
        meant = [held for held in about if in_force(held, today=question.today())]
        ended = next((held.record.status for held in about if held.record.status in STOPPED), None)
        if ended is not None and not meant:  # another one in force says nothing about the one that is meant
            return Outcome.REFUSED, Why(f"certificate_{ended}", params)
        fitting = [held for held in meant or good if self.fits(need, held)]
        recent = [held for held in fitting if self.recent(held)]
        if chosen and recent and not meant:
            return self._undecided("choice_gone", need, recent)
        if len(recent) == 1:
            return recent[0]
        if good and not fitting:
            return Outcome.NO_SOURCE, Why("no_match", {**params, "fields": sorted(need.where)})
        if good and not recent:
            return Outcome.NO_SOURCE, Why("certificate_too_old", {**params, "days": requirement.max_age_days})
        return self._undecided("several_certificates", need, recent) if good else self._none(need, mine, params)

    def recent(self, held: HeldVersion) -> bool:
        """Whether it is young enough: from the day that the type names as the register's own, where it does and the
        licence says it; else from when the register last said that it stands.
        """
        requirement, record = self.requirement, held.record
        if requirement.max_age_days is None:
            return True
        if self.question.looked is not None:
            return record.identifier in self.question.looked.recent
        known = self.question.types.get(record.type_code)
        named = None if known is None else known.type.validity.start
        said = (self.question.told.get(record.id) or {}).get(named) if named else None
        since = _day(said) or record.stands_since()
        return requirement.recent(since, self.question.today())

    def of_type(self, need: Need) -> list[HeldVersion]:
        """All that the party holds of the type."""
        return [
            held
            for held in self.question.held
            if held.record.type_code == need.type_code and held.subject.lookup_hash == self.party.lookup_hash
        ]

    def fits(self, need: Need, held: HeldVersion) -> bool:
        """Whether it says what the case says. One that nobody has opened fits nothing, as where its content lies
        elsewhere; one that does not verify is kept, for whoever makes a copy of it raises the alarm.
        """
        if not need.where:
            return True
        if self.question.looked is not None:
            return held.record.identifier in self.question.looked.fitting.get(need.choice_of, ())
        if held.record.id not in self.question.told:
            return False
        said = self.question.told[held.record.id]
        return said is None or fits(need, said, self.question.values)

    def _undecided(self, code: str, need: Need, fitting: list[HeldVersion]) -> Undecided:
        """Choices show what the party's own licences are called and when they were issued."""
        choices = ({"choice": held.record.identifier, "issued_on": held.record.issued_on} for held in fitting)
        ordered = tuple(sorted(choices, key=lambda choice: (choice["issued_on"], choice["choice"])))
        why = Why(code, {"type": need.type_code, "count": len(fitting)})
        return Undecided((Outcome.AMBIGUOUS, why, None), ordered, need.choice_of)

    def _none(self, need: Need, mine: list[HeldVersion], params: dict[str, str]) -> tuple[Outcome, Why]:
        if any(not held.record.is_whole() for held in mine):
            return Outcome.SOURCE_UNAVAILABLE, Why("issue_not_finished", params)
        dead = next((held.record.status for held in mine if held.record.status in STOPPED), None)
        if dead is not None:
            return Outcome.REFUSED, Why(f"certificate_{dead}", params)
        known = self.question.types.get(need.type_code)
        if known is None or not known.type.complete:
            return Outcome.NO_SOURCE, Why("no_record_and_not_complete", params)
        if not self.requirement.none_clears:
            return Outcome.NO_SOURCE, Why("record_wanted", params)
        return Outcome.DECLARED_NONE, Why("certificate_expired" if mine else "no_record", params)


def _day(said: object) -> date | None:
    try:
        return date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
