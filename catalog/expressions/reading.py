"""JSON values as values of a kind. Days and decimals are texts there; nothing is read as something near it."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from catalog.expressions.values import Kind, Value

_LONGEST: Final = 200
_MOST_LISTED: Final = 50
_WHOLE: Final = 2**53
_PLAIN: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def read_value(kind: Kind, value: object) -> Value | None:
    """A JSON value as a value of this kind; None where it is none."""
    return _READ[kind](value)


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WHOLE else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value) if abs(value) < _WHOLE else None
    return Decimal(value) if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > _MOST_LISTED or any(_text(item) is None for item in value):
        return None
    return tuple(value)


_READ: Final[Mapping[Kind, Callable[[object], Value | None]]] = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.TEXT: _text,
    Kind.DATE: _date,
    Kind.TEXTS: _texts,
}
