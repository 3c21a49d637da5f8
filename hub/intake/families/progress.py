"""What a family still needs: one list, each paper once, whoever asks for it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.life_events.joining import Feed
from catalog.matters.values import Requirement
from hub.intake.outcomes import ASKED, OWED, Outcome

_SETTLED: Final = frozenset({Outcome.SATISFIED, Outcome.NOT_APPLICABLE})
ASK, WAIT, OWE, PEND, CLEAR = "asked", "waiting", "owed", "pending", "cleared"


@dataclass(frozen=True, slots=True)
class Line:
    """The newest answer to one requirement of one case. `party`: as the family calls it, `role`: as the case does."""

    matter: str
    case_no: str
    requirement: Requirement
    role: str
    party: str
    outcome: Outcome
    why: Mapping[str, Any]
    next_step: Any
    answer_id: str


@dataclass(frozen=True, slots=True)
class Needed:
    """One paper, and every requirement that it would meet."""

    party: str
    lines: tuple[Line, ...]

    @property
    def papers(self) -> int:
        """How many pieces of paper it is: the most that one of them counts."""
        return max(line.requirement.papers for line in self.lines)


def givers(line: Line, feeds: Sequence[Feed], coming: Collection[str]) -> tuple[Feed, ...]:
    """What other cases of the family are still to give to it."""
    if line.outcome in _SETTLED:
        return ()
    return tuple(
        feed
        for feed in feeds
        if (feed.to, feed.requirement, feed.party) == (line.matter, line.requirement.code, line.party.partition("#")[0])
        and feed.matter in coming
    )


def state_of(line: Line, feeds: Sequence[Feed], coming: Collection[str]) -> str:
    """What becomes of a requirement. What another case of the family will give is asked of nobody, and "there is none"
    is no answer while it is on its way.
    """
    if givers(line, feeds, coming):
        return WAIT
    if line.outcome in ASKED:
        return ASK
    if line.outcome in OWED:
        return OWE
    return PEND if line.outcome is Outcome.PENDING else CLEAR


def needed(lines: Sequence[Line], feeds: Sequence[Feed], coming: Collection[str]) -> tuple[Needed, ...]:
    """What is asked of the person: what shows the same about the same party is one paper."""
    found: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        if state_of(line, feeds, coming) == ASK:
            found.setdefault(paper_key(line.party, line.requirement), []).append(line)
    return tuple(Needed(same[0].party, tuple(same)) for same in found.values())


def paper_key(party: str, requirement: Requirement) -> tuple[Any, ...]:
    """By what two requirements want the same paper: the certificates that would do, of the same party, as the family
    calls it. What no certificate shows goes by its name.
    """
    ways = frozenset(frozenset(_shown_by(need) for need in needs) for needs in requirement.alternatives)
    return (party, ways or requirement.own_paper_zh or requirement.title_zh)


def _shown_by(need: Any) -> str:
    return need.type_code or f"interface:{getattr(need, 'interface', '')}"
