"""Whether a condition is settled before anybody is asked: it holds in every case, or in none."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import combinations, product
from typing import Final

from catalog.expressions.compiling import Expression
from catalog.expressions.evaluating import evaluate
from catalog.expressions.values import Kind, Value
from catalog.matters.values import Fact, Matter

_MOST_CASES: Final = 4_096
_MOST_CHOICES: Final = 6
_CASE_KINDS: Final[tuple[Value, ...]] = ("application", "ex_officio")
_BOTH: Final[tuple[Value, ...]] = (True, False)


class Always(StrEnum):
    """What a settled condition always is."""

    TRUE = "true"
    FALSE = "false"


def settled(condition: Expression, matter: Matter) -> Always | None:
    """Whether the condition comes out the same in every case that the matter allows; None: it does not, or that would
    be too much to try out.

    Every combination of what can be listed is tried: choices, yes and no, who takes part. The rest is left unknown, and
    what is true whatever the unknown is, is true; so an answer is certain, and `facts.a > 5 && facts.a < 3` is missed.
    """
    ranges = {name: values for name in sorted(condition.names) if (values := _range(name, matter))}
    total = 1
    for values in ranges.values():
        total *= len(values)
    if total > _MOST_CASES:
        return None
    verdicts = {
        evaluate(condition, dict(zip(ranges, values, strict=True))).value for values in product(*ranges.values())
    }
    if verdicts == {True}:
        return Always.TRUE
    return Always.FALSE if verdicts == {False} else None


def _range(name: str, matter: Matter) -> tuple[Value, ...]:
    if name == "case.kind":
        return _CASE_KINDS
    if name == f"parties.{matter.roles[0]}.present":
        return (True,)  # a case cannot be opened without
    if name.startswith("parties.") and name.endswith(".present"):
        return _BOTH
    fact = matter.facts.get(name.removeprefix("facts.")) if name.startswith("facts.") else None
    return () if fact is None else _answers(fact)


def _answers(fact: Fact) -> tuple[Value, ...]:
    values = tuple(choice.value for choice in fact.choices)
    if fact.kind is Kind.BOOLEAN:
        return _BOTH
    if fact.kind is Kind.TEXTS:
        return tuple(_subsets(values)) if 0 < len(values) <= _MOST_CHOICES else ()
    return values


def _subsets(values: tuple[str, ...]) -> Iterator[Value]:
    for size in range(len(values) + 1):
        yield from combinations(values, size)
