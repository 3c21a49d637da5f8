"""Judging a condition by what is known of a case. Total and linear: each part is looked at once, and nothing raises."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Any, Final

from catalog.expressions.compiling import Expression, Node
from catalog.expressions.values import Value, Values, Verdict, fits


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Nobody knows; these names are missing."""

    missing: frozenset[str]


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_EXACT: Final = Context(prec=100)
"""Python's own 28 digits would round an amount of a register without a word."""


def evaluate(expression: Expression, values: Values) -> Verdict:
    """Judge by these values. A value that is absent or of another kind than was declared is missing, never false.

    What is missing and cannot change the outcome is not told: `a || b` with `a` true is true whatever `b` is.
    """
    found = _value(expression.tree, values)
    if isinstance(found, _Unknown):
        return Verdict(None, found.missing)
    return Verdict(bool(found))


def _value(node: Node, values: Values) -> Value | _Unknown:
    if node.name:
        found = values.get(node.name)
        return found if found is not None and fits(node.kind, found) else _Unknown(frozenset({node.name}))
    if not node.operator:
        assert node.value is not None  # noqa: S101  # a literal
        return node.value
    parts = [_value(part, values) for part in node.parts]
    if node.operator in {"&&", "||"}:
        return _joined(parts, decisive=node.operator == "||")
    unknown = [part for part in parts if isinstance(part, _Unknown)]
    if unknown:
        return _Unknown(frozenset().union(*(part.missing for part in unknown)))
    return _applied(node.operator, parts)


def _joined(parts: list[Value | _Unknown], *, decisive: bool) -> bool | _Unknown:
    """Kleene: one decisive side settles it, whatever the other may turn out to be."""
    if any(part is decisive for part in parts):
        return decisive
    unknown = [part.missing for part in parts if isinstance(part, _Unknown)]
    return _Unknown(frozenset().union(*unknown)) if unknown else not decisive


def _applied(sign: str, parts: list[Any]) -> Value:
    if sign == "!":
        return not parts[0]
    if sign == "in":
        return parts[0] in parts[1]
    if sign in _COMPARE:
        return _COMPARE[sign](*parts)
    if sign == "days()":
        return int((parts[1] - parts[0]).days)
    if sign == "years()":
        return full_years(parts[0], parts[1])
    return _sum(parts[0], parts[1] if sign == "+" else -parts[1])


def _sum(left: int | Decimal, right: int | Decimal) -> int | Decimal:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return _EXACT.add(Decimal(left), Decimal(right))


def full_years(begin: date, end: date) -> int:
    """Whole years from one day to another; who was born on 29 February is a year older on 1 March of a common year."""
    return end.year - begin.year - ((end.month, end.day) < (begin.month, begin.day))
