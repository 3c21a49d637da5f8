"""Which requirements a case has, by what is known of it; and which question to ask next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from catalog.expressions.evaluating import evaluate
from catalog.expressions.values import Values, Verdict
from catalog.matters.values import Matter, Requirement

_FACTS: Final = "facts."
APPLIES: Final = Verdict(value=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """A requirement in force, and whether it applies; None: that depends on what is missing."""

    requirement: Requirement
    applies: Verdict
    narrowing: tuple[str, ...] = ()
    """Facts that nobody has answered, by code, which say which of several records is meant."""

    def asks(self, code: str) -> bool:
        """Whether it depends on this fact."""
        return f"{_FACTS}{code}" in self.applies.missing or code in self.narrowing


def applies(requirement: Requirement, values: Values) -> Verdict:
    """Whether the condition holds. Without a condition it does."""
    return APPLIES if requirement.when is None else evaluate(requirement.when, values)


def listed(matter: Matter, values: Values, *, on: date) -> tuple[Listed, ...]:
    """The requirements in force for a case filed on this day, in their order."""
    return tuple(_listed(item, values) for item in matter.requirements if item.in_force(on))


def questions(matter: Matter, found: Sequence[Listed]) -> tuple[str, ...]:
    """The facts to ask, those that settle most requirements first; of equals, in the matter's order."""
    wanted = {code: count for code in matter.facts if (count := sum(item.asks(code) for item in found))}
    return tuple(sorted(wanted, key=lambda code: (-wanted[code], _place(matter, code))))


def _listed(requirement: Requirement, values: Values) -> Listed:
    verdict = applies(requirement, values)
    narrowed = requirement.narrows if verdict.value is not False else ()
    unsaid = sorted(name.removeprefix(_FACTS) for name in narrowed if values.get(name) is None)
    return Listed(requirement, verdict, tuple(unsaid))


def _place(matter: Matter, code: str) -> int:
    return list(matter.facts).index(code)
