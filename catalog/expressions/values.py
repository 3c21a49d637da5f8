"""Kinds, values, and a verdict that may be unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias


class Kind(StrEnum):
    """What a value is. Fixed for every name when a condition is compiled, so that nothing is guessed in a case."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    DATE = "date"
    TEXTS = "texts"


Value: TypeAlias = bool | int | Decimal | str | date | tuple[str, ...]
Scope: TypeAlias = Mapping[str, Kind]
"""The names that a condition may use, dotted, with their kinds."""
Values: TypeAlias = Mapping[str, Value]

NUMBERS: Final = frozenset({Kind.INTEGER, Kind.DECIMAL})
ORDERED: Final = NUMBERS | {Kind.DATE}


@dataclass(frozen=True, slots=True)
class Verdict:
    """True, false, or None: nobody knows yet, and these names are what is missing.

    Whoever judges a case never takes None for false: a requirement that nobody can rule out is not ruled out.
    """

    value: bool | None
    missing: frozenset[str] = frozenset()


def fits(kind: Kind, value: object) -> bool:
    """Whether a value is of this kind. Not checked: lengths."""
    match kind:
        case Kind.BOOLEAN:
            return isinstance(value, bool)
        case Kind.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)  # True == 1 in Python
        case Kind.DECIMAL:
            whole = isinstance(value, int) and not isinstance(value, bool)
            return whole or (isinstance(value, Decimal) and value.is_finite())
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.DATE:
            return isinstance(value, date) and not isinstance(value, datetime)
        case Kind.TEXTS:
            return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
