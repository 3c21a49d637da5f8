"""What would save most papers next: each requirement that was asked of somebody, resolved again with one thing added.

By plans alone: what a matter would take as evidence, what this hub can give, and how an answer ended. Nobody's data.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from catalog.matters.asking import Known
from catalog.matters.values import Need, Requirement


class Added(StrEnum):
    """What is added."""

    PROVIDER = "provider"
    """Somebody begins to issue the type, or to answer by the interface."""
    COVERAGE = "coverage"
    """It is there, and is completed: whoever had no record in it gets one."""
    NEW = "new"
    """The matter names no evidence for it: somebody begins to give some, and the matter names that."""
    GRANT = "grant"
    """It is there, and its owner grants it to the system that asked."""


SUPPOSES: Final = (
    (
        "新增的证照或接口收录了每一位被要求提供的人，因此是上限",
        "what is added knows everybody who was asked: the figures are upper bounds",
    ),
    ("此后的办件与统计期内的相同", "cases to come are like those counted"),
    ("新提供的证照或接口同时授权给提出要求的系统", "a new provider is granted to the systems that asked"),
    ("各行互为替代，不可相加", "the rows are choices beside each other: they do not add up"),
)
"""What the figures suppose, in Chinese and English."""

_NO_RECORD: Final = frozenset(
    {
        "no_record_and_not_complete",
        "no_provider",
        "interface_withdrawn",
        "source_of_others",
        "fields_missing",
    }
)
"""Reasons for `no_source` that something added would take away; a record that is wanted and is not there stays away."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that somebody was asked for, in a case that stands for `weight` cases.

    Attributes:
        granted: codes of the types and interfaces that the asking system may use for it.
    """

    case: str
    requirement: Requirement
    outcome: str
    why: str
    matter: str = ""
    granted: frozenset[str] = frozenset()
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Saving:
    """What one addition would save, by the cases counted."""

    added: Added
    code: str
    papers: int
    cases: int

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {"added": self.added.value, "code": self.code, "papers": self.papers, "cases": self.cases}


@dataclass(frozen=True, slots=True)
class Simulation:
    """Savings, the largest first. `papers` were asked of people; no single addition saves `beyond`, for any reason.
    The code of what is `new` is that of matter and requirement.
    """

    papers: int
    savings: tuple[Saving, ...]
    beyond: int


def simulate(unmet: Sequence[Unmet], known: Known, complete: Collection[str]) -> Simulation:
    """Try out every single addition that some alternative lacks.

    Args:
        complete: codes of types whose registers are complete: having no record there is an answer already.
    """
    papers: Counter[tuple[Added, str]] = Counter()
    cases: dict[tuple[Added, str], dict[str, int]] = {}
    beyond = 0
    for item in unmet:
        weight = item.requirement.papers * item.weight
        found = set(_additions(item, known, complete))
        if not item.requirement.alternatives and item.outcome == "no_source":
            found = {(Added.NEW, f"{item.matter}/{item.requirement.code}")}
        for addition in found:
            papers[addition] += weight
            cases.setdefault(addition, {})[item.case] = item.weight
        if not found:
            beyond += weight
    savings = (Saving(*addition, count, sum(cases[addition].values())) for addition, count in papers.items())
    ordered = sorted(savings, key=lambda item: (-item.papers, item.added.value, item.code))
    asked = sum(item.requirement.papers * item.weight for item in unmet)
    return Simulation(asked, tuple(ordered), beyond)


def _additions(item: Unmet, known: Known, complete: Collection[str]) -> Iterator[tuple[Added, str]]:
    """Each addition with which one alternative would be met."""
    for needs in item.requirement.alternatives:
        missing = _codes(need for need in needs if not known.givers(need))
        if item.outcome == "not_granted":
            closed = _codes(need for need in needs if need.code not in item.granted and known.givers(need))
            if not missing and len(closed) == 1:
                yield Added.GRANT, closed[0]
            elif len(missing) == 1 and not closed:
                yield Added.PROVIDER, missing[0]
        elif item.outcome == "no_source" and item.why in _NO_RECORD:
            if len(missing) == 1:
                yield Added.PROVIDER, missing[0]
            elif not missing:
                thin = _codes(need for need in needs if need.code not in complete)
                if len(thin) == 1:
                    yield Added.COVERAGE, thin[0]


def _codes(needs: Iterator[Need]) -> list[str]:
    return list(dict.fromkeys(need.code for need in needs))
