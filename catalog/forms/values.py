"""Fields of forms, and values as they are written into them."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from catalog.expressions.values import Kind

MOST_SIGNATURES: Final = 2
"""一张表单、最多两个签名."""
_LONGEST: Final = 2000
_MOST_LISTED: Final = 50
_WHOLE: Final = 2**53


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One of the values that a field may have."""

    value: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a matter's form, about one party.

    Attributes:
        term: of the shared terms; fields of one term about one party are one field, whoever asks. "" for a matter's
            own field, which is never merged.
        fact: the question of the matter whose answer fills it; "" for none.
        given: requirement and claim that fill it besides what its term says.
    """

    code: str
    party: str
    kind: Kind
    title_zh: str
    title_en: str
    term: str = ""
    required: bool = True
    choices: tuple[FieldChoice, ...] = ()
    fact: str = ""
    given: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a matter asks to be written down, and whose signatures it takes."""

    fields: tuple[Field, ...] = ()
    signers: tuple[str, ...] = ()


NO_FORM: Final = Form()


def written(kind: Kind, value: object) -> Any | None:
    """A JSON value as it stands in a form, in one spelling; None where it is none of this kind. Decimals and days are
    texts.
    """
    match kind:
        case Kind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Kind.INTEGER:
            return value if _is_whole(value) else None
        case Kind.DECIMAL:
            return _decimal(value)
        case Kind.TEXT:
            return _text(value)
        case Kind.DATE:
            return _day(value)
        case Kind.TEXTS:
            listed = value if isinstance(value, list | tuple) and len(value) <= _MOST_LISTED else ()
            texts = [_text(item) for item in listed]
            return texts if texts and None not in texts else None


def compared(kind: Kind, value: Any) -> Any:
    """By what two written values are the same: width, case and spaces make no difference, nor zeros at the end."""
    if kind is Kind.TEXT:
        return "".join(unicodedata.normalize("NFKC", value).casefold().split())
    if kind is Kind.DECIMAL:
        return Decimal(value).normalize()
    return tuple(value) if isinstance(value, list) else value


def fitting(choices: tuple[FieldChoice, ...], value: Any) -> bool:
    """Whether a written value is among the choices; anything is where there are none."""
    allowed = {choice.value for choice in choices}
    return not allowed or allowed.issuperset(value if isinstance(value, list) else (value,))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WHOLE


def _text(value: object) -> str | None:
    if _is_whole(value):
        return str(value)
    said = value.strip() if isinstance(value, str) else ""
    return said if 0 < len(said) <= _LONGEST else None


def _decimal(value: object) -> str | None:
    if not (_is_whole(value) or (isinstance(value, str) and len(value) <= 40 and value.isascii())):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return format(found, "f") if found.is_finite() and abs(found.adjusted()) < 20 else None


def _day(value: object) -> str | None:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None
