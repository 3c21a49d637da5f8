"""Spellings of real registers, brought into the one spelling a claim has. What is ambiguous is refused, not guessed."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from catalog import identifiers
from certificates.claims import Format

Converter: TypeAlias = Callable[[str], str | int]


class ConversionError(Exception):
    """A cell cannot become its claim; `code` is one of `reasons.TEXTS`. Stays inside this package."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DateSpelling(StrEnum):
    """How a register may write 2 January 2020."""

    ISO = "iso"  # 2020-01-02
    YEAR_FIRST = "year_first"  # 2020/1/2, 2020-1-2, 2020.1.2
    COMPACT = "compact"  # 20200102
    CHINESE = "chinese"  # 2020年1月2日


_SPELLINGS: Final = {
    DateSpelling.ISO: re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"),
    DateSpelling.YEAR_FIRST: re.compile(r"([0-9]{4})(?:/|-|\.)([0-9]{1,2})(?:/|-|\.)([0-9]{1,2})"),
    DateSpelling.COMPACT: re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
    DateSpelling.CHINESE: re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"),
}
_ISO: Final = _SPELLINGS[DateSpelling.ISO]
# Database exports write a civil day as its midnight; any other time of day says that it is no civil day.
_MIDNIGHT: Final = re.compile(r"[ T]0?0:00(?::00(?:\.0+)?)?$")
_YEAR_LAST: Final = re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")


def date_converter(spellings: frozenset[DateSpelling]) -> Converter:
    """Read dates in these spellings, full-width digits included, and write them as ISO 8601.

    The converter raises: ConversionError: `date_ambiguous`, `date_impossible`, `date_spelling`.
    """
    patterns = [_SPELLINGS[spelling] for spelling in DateSpelling if spelling in spellings]

    def convert(text: str) -> str:
        plain = text
        if _ISO.fullmatch(text) is None:
            plain = _MIDNIGHT.sub("", unicodedata.normalize("NFKC", text))
        for pattern in patterns:
            if match := pattern.fullmatch(plain):
                try:
                    return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
                except ValueError:
                    raise ConversionError("date_impossible") from None
        raise ConversionError("date_ambiguous" if _YEAR_LAST.fullmatch(plain) else "date_spelling")

    return convert


_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"([+-]?)([0-9]{1,18})?(?:\.([0-9]{1,18}))?")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")


def to_integer(text: str) -> int:
    """Read an integer, with or without thousands separators. Raises: ConversionError: `integer`."""
    plain = _ungrouped(text)
    if _INTEGER.fullmatch(plain) is None:
        raise ConversionError("integer")
    return int(plain)


def to_decimal(text: str) -> str:
    """Write a number plainly: no plus, no leading zeros, no separators; decimals are kept as given.

    Raises: ConversionError: `decimal`.
    """
    match = _DECIMAL.fullmatch(_ungrouped(text))
    if match is None or (match[2] is None and match[3] is None):
        raise ConversionError("decimal")
    whole = (match[2] or "").lstrip("0") or "0"
    return ("-" if match[1] == "-" else "") + whole + (f".{match[3]}" if match[3] else "")


def _ungrouped(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return plain.replace(",", "") if _GROUPED.fullmatch(plain) else plain


def to_code(text: str) -> str:
    """Write a code in half-width characters."""
    return unicodedata.normalize("NFKC", text)


def identifier_converter(id_type: str) -> Converter:
    """Normalise identifiers of this type; whether they are right is the certificate type's check."""
    return lambda text: identifiers.normalise_id(id_type, text).value


def converter_for(claim_format: Format, spellings: frozenset[DateSpelling]) -> Converter | None:
    """Give the conversion of a format; None where text is taken as it is."""
    match claim_format:
        case Format.TEXT:
            return None
        case Format.DATE:
            return date_converter(spellings)
        case Format.USCC:
            return identifier_converter(identifiers.USCC)
        case Format.CITIZEN_ID:
            return identifier_converter(identifiers.CITIZEN_ID)
        case Format.INTEGER:
            return to_integer
        case Format.DECIMAL:
            return to_decimal
        case Format.CODE:
            return to_code
