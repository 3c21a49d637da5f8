"""Predicates 是否类字段: a yes or no about a field whose value stays where it is."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from catalog.errors import DefinitionError
from catalog.interfaces import Derived, Interface, Test
from hub.exchange.mapping_rules import As

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS_AGO: Final = "years_ago"
"""`against: {years_ago: 18}`: the day 18 years before the question (of age: born_on at_most that day)."""


def derive(interface: Interface, values: Mapping[str, Any], *, today: date | None = None) -> dict[str, Any]:
    """The values with every predicate that they answer. Never raises.

    A predicate of an absent field is absent, not false: "no" would be a statement. Only `present` answers then.
    `today` (the civil day in Beijing) is needed for predicates against an age; without it those are absent.
    """
    found = dict(values)
    for name, field in interface.fields.items():
        if field.derived is None:
            continue
        answer = _answer(field.derived, values, today)
        if answer is not None:
            found[name] = answer
    return found


def needs_today(interface: Interface) -> bool:
    """Whether a predicate of it changes with the calendar: such an answer must not be kept over midnight."""
    return any(_years(field.derived) is not None for field in interface.fields.values() if field.derived is not None)


def check_derived(interface: Interface, kinds: Mapping[str, As]) -> None:
    """Refuse predicates that could never be answered. Raises: DefinitionError naming the place."""
    for name, field in interface.fields.items():
        if field.derived is None:
            continue
        where = f"interface: fields/{name}/derived"
        kind = kinds.get(field.derived.field)
        if kind is None:
            raise DefinitionError(f"{where}/field is not mapped")
        _check_against(field.derived, kind, where)


_ORDERED: Final = frozenset({As.INTEGER, As.DECIMAL, As.DATE, As.DATETIME})


def _check_against(derived: Derived, kind: As, where: str) -> None:
    against = derived.against
    if derived.test is Test.PRESENT:
        if against is not None:
            raise DefinitionError(f"{where}/against: present takes none")
        return
    if derived.test in {Test.AT_LEAST, Test.AT_MOST}:
        if kind not in _ORDERED:
            raise DefinitionError(f"{where}/test needs a number, a date or an instant")
        if isinstance(against, Mapping):
            if kind is not As.DATE or _years(derived) is None:
                raise DefinitionError(f"{where}/against: an age is {{years_ago: whole years}} of a date")
            return
        if _comparable(against, kind) is None:
            raise DefinitionError(f"{where}/against is no {kind.value}")
        return
    choices = against if derived.test is Test.IN else [against]
    if not isinstance(choices, list | tuple) or not choices or not all(_is_scalar(item) for item in choices):
        raise DefinitionError(f"{where}/against must be {'a list of values' if derived.test is Test.IN else 'a value'}")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int)


def _answer(derived: Derived, values: Mapping[str, Any], today: date | None) -> bool | None:
    if derived.test is Test.PRESENT:
        return derived.field in values
    if derived.field not in values:
        return None
    value = values[derived.field]
    match derived.test:
        case Test.EQUALS:
            return _same(value, derived.against)
        case Test.IN:
            return any(_same(value, item) for item in derived.against)
        case Test.AT_LEAST:
            return _compare(value, _bound(derived, today), lambda order: order >= 0)
        case _:
            return _compare(value, _bound(derived, today), lambda order: order <= 0)


def _same(value: Any, against: Any) -> bool:
    # In Python True equals 1 and "01" is not "1": types must agree, and a number written as text is that number.
    if isinstance(value, bool) or isinstance(against, bool):
        return value is against
    if isinstance(value, int) or isinstance(against, int):
        left, right = _decimal(value), _decimal(against)
        return left is not None and left == right
    return bool(value == against)


def _compare(value: Any, bound: Any, holds: Callable[[int], bool]) -> bool | None:
    for kind in (As.DATE, As.DATETIME, As.DECIMAL):
        left, right = _comparable(value, kind), _comparable(bound, kind)
        if left is not None and right is not None:
            return holds((left > right) - (left < right))
    return None


def _comparable(value: Any, kind: As) -> Any:
    try:
        match kind:
            case As.DATE:
                return date.fromisoformat(value) if isinstance(value, str) and _DATE.fullmatch(value) else None
            case As.DATETIME:
                moment = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
                return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
            case _:
                return _decimal(value)
    except (ValueError, OverflowError):
        return None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _bound(derived: Derived, today: date | None) -> Any:
    years = _years(derived)
    if years is None:
        return derived.against
    if today is None or today.year - years < 1:
        return None
    # The last day on which somebody was born who is that old today; 29 February counts full years on 1 March.
    try:
        return today.replace(year=today.year - years).isoformat()
    except ValueError:
        return f"{today.year - years:04d}-02-28"


def _years(derived: Derived) -> int | None:
    if not isinstance(derived.against, Mapping) or set(derived.against) != {_YEARS_AGO}:
        return None
    years = derived.against[_YEARS_AGO]
    return years if type(years) is int and 0 <= years <= 200 else None
