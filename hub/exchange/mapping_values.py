"""From what a source wrote to what a field holds. What cannot be read for certain is a fault, never a guess."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

from catalog import identifiers
from catalog.errors import IdentifierError
from hub.clock import BEIJING
from hub.collection.reading.conversions import ConversionError, date_converter, to_code, to_decimal, to_integer
from hub.exchange.mapping_rules import As, FieldRule

MAX_SAFE_INTEGER: Final = 2**53 - 1
_MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 40
_EXACT: Final = Context(prec=100)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BOOLEANS: Final = {"true": True, "1": True, "是": True, "y": True, "false": False, "0": False, "否": False, "n": False}
_INSTANT: Final = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[T ]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)

Convert = Callable[[str], Any]


def text_of(raw: Any) -> str:
    """A scalar as text. Raises: ConversionError: `type` for lists, objects, booleans and what is no number."""
    if isinstance(raw, str):
        if _CONTROL.search(raw):
            raise ConversionError("control_character")
        return raw
    if isinstance(raw, bool):
        raise ConversionError("type")
    if isinstance(raw, int) and abs(raw) < 10**_MAX_DIGITS:
        return str(raw)
    if isinstance(raw, float | Decimal):
        number = Decimal(repr(raw)) if isinstance(raw, float) else raw
        # 1E+999999 is a few bytes as a number and a megabyte as text.
        if number.is_finite() and abs(number.adjusted()) < _MAX_DIGITS:
            return format(number, "f")
    raise ConversionError("type")


def converter(rule: FieldRule) -> Convert:
    """The conversion of a rule, on trimmed text. It raises ConversionError and nothing else."""
    base = _base(rule)
    codes = rule.codes
    if codes is None:
        return base

    def look_up(text: str) -> Any:
        key = text if rule.kind is As.BOOLEAN else str(base(text))
        if key not in codes:
            raise ConversionError("code_unknown")
        return codes[key]

    return look_up


def _base(rule: FieldRule) -> Convert:
    if rule.epoch is not None:
        return _epoch(rule)
    match rule.kind:
        case As.CODE:
            return to_code
        case As.DATE:
            return date_converter(rule.dates)
        case As.DATETIME:
            return _instant(rule.zone)
        case As.INTEGER | As.DECIMAL:
            return _number(rule)
        case As.BOOLEAN:
            return _boolean
        case As.USCC:
            return _identifier(identifiers.USCC)
        case As.CITIZEN_ID:
            return _identifier(identifiers.CITIZEN_ID)
        case _:
            return lambda text: text


def _boolean(text: str) -> bool:
    found = _BOOLEANS.get(text.lower())
    if found is None:
        raise ConversionError("boolean")
    return found


def _identifier(id_type: str) -> Convert:
    def convert(text: str) -> str:
        value = identifiers.normalise_id(id_type, text).value
        try:
            identifiers.check(id_type, value)
        except IdentifierError as error:
            raise ConversionError(f"id_{error.reason}") from None
        return value

    return convert


def _number(rule: FieldRule) -> Convert:
    units = sorted(
        ((unicodedata.normalize("NFKC", unit).strip(), factor) for unit, factor in rule.units.items()),
        key=lambda item: -len(item[0]),
    )
    factor = rule.factor or Decimal(1)
    scaled = bool(rule.units) or rule.factor is not None

    def convert(text: str) -> str | int:
        times = factor
        if units:
            plain = unicodedata.normalize("NFKC", text)
            unit = next(((ending, by) for ending, by in units if plain.endswith(ending)), None)
            if unit is None:
                raise ConversionError("unit_unknown")
            text, times = plain.removesuffix(unit[0]).strip(), factor * unit[1]
        if rule.kind is As.INTEGER and not scaled:
            return _safe(to_integer(text))
        number = to_decimal(text)
        if not scaled:
            return number
        return _scaled(number, times, whole=rule.kind is As.INTEGER)

    return convert


def _scaled(number: str, times: Decimal, *, whole: bool) -> str | int:
    product = _EXACT.multiply(Decimal(number), times)
    if whole:
        if product != product.to_integral_value():
            raise ConversionError("not_whole")
        return _safe(int(product))
    text = format(product, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _safe(number: int) -> int:
    if abs(number) > MAX_SAFE_INTEGER:
        raise ConversionError("integer")
    return number


def _instant(zone: str | None) -> Convert:
    """RFC 3339 and the spellings of databases; a time without a zone has one only if the mapping says which."""

    def convert(text: str) -> str:
        found = _INSTANT.fullmatch(unicodedata.normalize("NFKC", text))
        if found is None:
            raise ConversionError("datetime")
        offset = found[8] or zone
        if offset is None:
            raise ConversionError("datetime_without_zone")
        try:
            local = datetime(*(int(found[part]) for part in range(1, 7)), tzinfo=UTC)  # type: ignore[arg-type,misc]
            moment = local.replace(microsecond=int((found[7] or "0")[:6].ljust(6, "0"))) - _offset(offset)
        except (ValueError, OverflowError):
            raise ConversionError("datetime") from None
        return _written(moment)

    return convert


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta(0)
    digits = text[1:].replace(":", "")
    found = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -found if text[0] == "-" else found


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _epoch(rule: FieldRule) -> Convert:
    per_second = Decimal(1000) if rule.epoch == "milliseconds" else Decimal(1)

    def convert(text: str) -> str:
        try:
            seconds = Decimal(to_decimal(text)) / per_second
            moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(seconds * 1_000_000))
        except (OverflowError, InvalidOperation, ValueError):
            raise ConversionError("datetime") from None
        return moment.astimezone(BEIJING).date().isoformat() if rule.kind is As.DATE else _written(moment)

    return convert


def json_of(raw: Any, depth: int = 0) -> Any:
    """Lists and objects as they are; numbers that are not whole become text, so that nothing is rounded on the way.

    Raises: ConversionError: `too_deep`, `type`, `control_character`, `integer`.
    """
    if depth > _MAX_DEPTH:
        raise ConversionError("too_deep")
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, int):
        return _safe(raw)
    if isinstance(raw, dict):
        return {text_of(name): json_of(item, depth + 1) for name, item in raw.items()}
    if isinstance(raw, list | tuple):
        return [json_of(item, depth + 1) for item in raw]
    return text_of(raw)
