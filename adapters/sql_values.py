"""Values of kind `sql`: what is bound, and rows of a driver as JSON values within a budget."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final
from uuid import UUID

from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.port import Budget, Row, Value
from adapters.sql_session import Bound

PARAM_TYPES: Final = ("text", "integer", "decimal", "date", "boolean")
_MAX_SAFE: Final = 2**53
_MAX_INT: Final = 2**63


def bound(name: str, value: Value, declared: str | None) -> Bound:
    """A value ready to be bound: of its declared type, otherwise as it is given.

    Raises: DefinitionFaultError(`/params/<name>`): `type`, `character` (NUL or half a surrogate pair).
    """
    fault = DefinitionFaultError(f"/params/{name}", "type")
    if isinstance(value, str):
        _check_text(name, value)
    if isinstance(value, int) and not -_MAX_INT <= value < _MAX_INT:
        raise fault
    if value is None or declared is None:
        return value
    try:
        return _CONVERSIONS[declared](value)
    except (ValueError, TypeError, KeyError, InvalidOperation):
        pass
    raise fault


def _check_text(name: str, value: str) -> None:
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise DefinitionFaultError(f"/params/{name}", "character")


def _text(value: Any) -> Bound:
    if isinstance(value, bool):
        raise TypeError
    return str(value)


def _integer(value: Any) -> Bound:
    number = int(value)
    if isinstance(value, bool) or not -_MAX_INT <= number < _MAX_INT:
        raise ValueError
    return number


def _decimal(value: Any) -> Bound:
    number = Decimal(str(value))
    if isinstance(value, bool) or not number.is_finite() or abs(number.adjusted()) > 60:
        raise ValueError
    return number


def _boolean(value: Any) -> Bound:
    return value if isinstance(value, bool) else _BOOLEANS[str(value)]


_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}
_CONVERSIONS: Final[Mapping[str, Callable[[Any], Bound]]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": date.fromisoformat,
    "boolean": _boolean,
}


def collect(rows: Iterator[Sequence[Any]], budget: Budget, decode: Callable[[bytes], str] | None) -> list[Row]:
    """Rows within the budget; the first item names the columns. `decode` reads binary columns, None refuses them.

    Raises: FaultyAnswerError: `too_many`, `too_large`, `too_deep`, `columns` (two of one name), `binary`, `charset`,
        `value`.
    """
    names = [str(name) for name in next(rows, ())]
    if len(set(names)) < len(names):
        raise FaultyAnswerError("columns")
    found: list[Row] = []
    room = budget.max_bytes
    heads = sum(len(name.encode()) + 6 for name in names)
    for row in rows:
        if len(found) == budget.max_rows:
            raise FaultyAnswerError("too_many")
        values = [_json(value, decode, budget.max_depth) for value in row]
        room -= heads + sum(_size(value) for value in values)
        if room < 0:
            raise FaultyAnswerError("too_large")
        found.append(dict(zip(names, values, strict=True)))
    return found


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Mapping):
        return sum(_size(name) + _size(item) for name, item in value.items())
    if isinstance(value, list):
        return sum(_size(item) for item in value)
    return 8


def _json(value: Any, decode: Callable[[bytes], str] | None, depth: int) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -_MAX_SAFE <= value <= _MAX_SAFE else str(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise FaultyAnswerError("value")
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return _binary(bytes(value), decode)
    if isinstance(value, list | tuple | dict):
        return _nested(value, decode, depth - 1)
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        # A column of money must not come as 1E+6.
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta | UUID):
        return str(value)
    raise FaultyAnswerError("value")


def _nested(value: Any, decode: Callable[[bytes], str] | None, depth: int) -> Any:
    # Row and value are the first two levels of what the hub sees.
    if depth < 2:
        raise FaultyAnswerError("too_deep")
    if isinstance(value, dict):
        return {str(name): _json(item, decode, depth) for name, item in value.items()}
    return [_json(item, decode, depth) for item in value]


def _binary(value: bytes, decode: Callable[[bytes], str] | None) -> str:
    if decode is None:
        raise FaultyAnswerError("binary")
    try:
        return decode(value)
    except UnicodeDecodeError:
        pass
    raise FaultyAnswerError("charset")
