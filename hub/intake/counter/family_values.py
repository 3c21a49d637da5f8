"""What a clerk sees of a life event: one list of proofs for all its matters, one line for each case; never a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.intake.counter.values import CounterCase, Line, Person
from hub.intake.families.store import OPEN, Family
from hub.intake.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Part:
    """A line of one case. `waits`: names of matters that give what would meet it."""

    case_no: str
    matter: str
    line: Line
    waits: tuple[str, ...] = ()

    @property
    def urgency(self) -> int:
        """The most urgent of the lines about one proof is what the clerk does something about."""
        line = self.line
        if line.outcome is None:
            return 4
        if self.waits:
            return 2
        if line.wanted or line.insisted:
            return 6
        if line.first_settled:
            return 5
        if line.is_owed or line.outcome is Outcome.PENDING:
            return 3
        return {Outcome.SATISFIED: 1, Outcome.DECLARED_NONE: 1}.get(line.outcome, 0)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that is to be shown, for every matter that wants it."""

    whose: str
    parts: tuple[Part, ...]

    @property
    def first(self) -> Part:
        """What it says is what its most urgent line says."""
        return max(self.parts, key=lambda part: part.urgency)

    @property
    def line(self) -> Line:
        """The line of that."""
        return self.first.line

    @property
    def waits(self) -> tuple[str, ...]:
        """Matters whose result it waits for."""
        return self.first.waits

    @property
    def matters(self) -> tuple[str, ...]:
        """For which matters it is wanted."""
        wanted = [part.matter for part in self.parts if not part.line.spared]
        return tuple(dict.fromkeys(wanted or [part.matter for part in self.parts]))

    @property
    def asks(self) -> bool:
        """The person still brings it."""
        return not self.waits and self.line.wanted

    @property
    def settles(self) -> bool:
        """Something is to be said or checked first."""
        return not self.waits and self.line.first_settled


@dataclass(frozen=True, slots=True)
class FamilyCase:
    """One case of it. `first`: names of matters that are decided before it; `results`: licences that came of it."""

    found: CounterCase
    department: str
    first: tuple[str, ...] = ()
    clocks: tuple[Mapping[str, Any], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    """Type in words, and identifier."""

    @property
    def stage(self) -> str:
        """`filed`, `accepted`, `decided`, `closing` or `closed`."""
        case = self.found.case
        return case.stage if case.state == "open" else case.state

    @property
    def fileable(self) -> bool:
        """Whether it can be taken in: something was asked, and nothing is on its way."""
        return self.stage == "filed" and self.found.begun and not self.found.asking


@dataclass(frozen=True, slots=True)
class CounterFamily:
    """A life event on the counter's screen."""

    family: Family
    title: str
    people: Sequence[Person] = field(repr=False)
    cases: Sequence[FamilyCase]
    proofs: Sequence[Proof]
    questions: Sequence[Mapping[str, Any]]
    withdrawn: Sequence[str] = ()
    has_form: bool = False

    @property
    def open(self) -> bool:
        """Whether a case of it is still open."""
        return self.family.state == OPEN and any(item.found.open for item in self.cases)

    @property
    def asking(self) -> bool:
        """Whether something is on its way."""
        return any(item.found.asking for item in self.cases)

    @property
    def begun(self) -> bool:
        """Whether anything was asked."""
        return any(item.found.begun for item in self.cases)

    @property
    def wanted(self) -> Sequence[Proof]:
        """What the person still brings, each once."""
        return [proof for proof in self.proofs if proof.asks]

    @property
    def first_settled(self) -> Sequence[Proof]:
        """What is to be said or checked first."""
        return [proof for proof in self.proofs if proof.settles]

    @property
    def waiting(self) -> Sequence[Proof]:
        """What another matter of the event gives."""
        return [proof for proof in self.proofs if proof.waits]

    @property
    def owed(self) -> Sequence[Proof]:
        """What departments supply later."""
        return [proof for proof in self.proofs if proof.line.is_owed and not proof.waits]

    @property
    def unknown(self) -> Sequence[Proof]:
        """What has no answer yet and is not being asked."""
        return [proof for proof in self.proofs if proof.line.outcome is None and not proof.line.asking]

    @property
    def saved(self) -> int:
        """Papers that were not brought because they are proven, by matter: each wanted its own."""
        return sum(part.line.outcome is Outcome.SATISFIED for proof in self.proofs for part in proof.parts)

    @property
    def fileable(self) -> bool:
        """Whether a case waits to be taken in."""
        return any(item.fileable for item in self.cases)

    @property
    def closable(self) -> bool:
        """Whether a case can be closed: none that is being decided."""
        return any(item.stage in {"filed", "decided"} for item in self.cases)

    @property
    def told(self) -> bool:
        """Whether what is missing was told, and has not come."""
        cases = [item.found.case for item in self.cases]
        return any(case.asked_at and not case.supplied_at and case.stage == "filed" for case in cases)

    @property
    def tellable(self) -> bool:
        """Whether something is still to be told: each once."""
        waits = {(part.case_no, part.line) for proof in self.proofs for part in proof.parts if part.waits}
        return any((item.found.case.case_no, line) not in waits for item in self.cases for line in item.found.untold)


def proofs_of(keyed: Sequence[tuple[tuple[Any, ...], str, Part]]) -> list[Proof]:
    """One line for each key, in the order in which they are first asked; `whose` as the family calls the party."""
    found: dict[tuple[Any, ...], Proof] = {}
    for key, whose, part in keyed:
        known = found.get(key)
        found[key] = Proof(whose, (part,)) if known is None else replace(known, parts=(*known.parts, part))
    return list(found.values())
