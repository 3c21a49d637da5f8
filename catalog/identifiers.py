"""Identifiers of persons, bodies and places: normalising, checking, comparing names.

Normalise first, then check: `check` is exact and forgives nothing. Codes of identifier types are those of
GB/T 36903-2018 Annex A.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from catalog.errors import IdentifierError

CITIZEN_ID: Final = "111"
USCC: Final = "001"


@dataclass(frozen=True, slots=True)
class IdType:
    """One identifier type. `pattern` is the whole rule, except for the two types that carry a check character."""

    code: str
    zh: str
    en: str
    min_length: int
    max_length: int
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Normalised:
    """An identifier in its canonical spelling; `changed` means the source spelled it otherwise."""

    value: str
    changed: bool


_DOCUMENT = re.compile(r"[0-9A-Z-]+")
# Cards of the forces carry Chinese characters: 军字第…号.
_SERVICE_CARD = re.compile(r"[0-9A-Z一-鿿()-]+")


def _types() -> Mapping[str, IdType]:
    rows = (
        IdType(USCC, "统一社会信用代码", "Unified social credit code", 18, 18, re.compile(r"[0-9A-HJ-NPQRTUWXY]+")),
        IdType("099", "其他法人或其他组织有效证件", "Other document of an organisation", 4, 32, _DOCUMENT),
        IdType(CITIZEN_ID, "公民身份号码", "Citizen identification number", 18, 18, re.compile(r"[0-9]{17}[0-9X]")),
        IdType("114", "军官证", "Officer's card", 4, 24, _SERVICE_CARD),
        IdType("115", "武警警官证", "Armed police officer's card", 4, 24, _SERVICE_CARD),
        IdType("118", "士兵证", "Soldier's card", 4, 24, _SERVICE_CARD),
        IdType("119", "武警士兵证", "Armed police soldier's card", 4, 24, _SERVICE_CARD),
        IdType("120", "文职干部证", "Civilian cadre's card", 4, 24, _SERVICE_CARD),
        IdType("122", "文职人员证", "Civilian staff card", 4, 24, _SERVICE_CARD),
        IdType("411", "外交护照", "Diplomatic passport", 5, 20, _DOCUMENT),
        IdType("412", "公务护照", "Service passport", 5, 20, _DOCUMENT),
        IdType("413", "公务普通护照", "Public affairs passport", 5, 20, _DOCUMENT),
        IdType("414", "普通护照", "Ordinary passport", 5, 20, _DOCUMENT),
        IdType("511", "台湾居民来往大陆通行证", "Mainland travel permit for Taiwan residents", 8, 12, _DOCUMENT),
        IdType(
            "516",
            "港澳居民来往内地通行证",
            "Mainland travel permit for Hong Kong and Macao residents",
            9,
            11,
            _DOCUMENT,
        ),
        IdType("999", "其他自然人有效证件", "Other document of a natural person", 4, 32, _DOCUMENT),
    )
    return MappingProxyType({row.code: row for row in rows})


ID_TYPES: Final = _types()

_ASCII_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def normalise_id(id_type: str, text: str) -> Normalised:
    """Bring an identifier into its canonical spelling: NFKC, no white space, ASCII letters in capitals.

    Says nothing about whether it is right; `check` does. Only ASCII letters are raised, so that a dotless ı can
    never turn into an I that passes.

    Raises: IdentifierError("type"): unknown identifier type.
    """
    if id_type not in ID_TYPES:
        raise IdentifierError("type")
    tight = "".join(unicodedata.normalize("NFKC", text).split())
    value = unicodedata.normalize("NFKC", tight).translate(_ASCII_UPPER)  # a space may have kept an accent apart
    return Normalised(value, changed=value != text)


def check(id_type: str, value: str) -> None:
    """Accept `value` only if it is a correct, canonically spelled identifier of this type.

    Regions are not looked up: old codes live on in real registers. Types without a check rule are held to length
    and characters only.

    Raises: IdentifierError: with the reason `type`, `length`, `character`, `date` or `check_digit`, in this order.
    """
    rule = ID_TYPES.get(id_type)
    if rule is None:
        raise IdentifierError("type")
    if not rule.min_length <= len(value) <= rule.max_length:
        raise IdentifierError("length")
    if rule.pattern.fullmatch(value) is None:
        raise IdentifierError("character")
    if id_type == CITIZEN_ID:
        _check_citizen_id(value)
    elif id_type == USCC:
        _check_uscc(value)


_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS = "10X98765432"


def _check_citizen_id(value: str) -> None:
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        raise IdentifierError("date") from None
    total = sum(weight * int(digit) for weight, digit in zip(_CITIZEN_WEIGHTS, value[:17], strict=True))
    if _CITIZEN_CHECKS[total % 11] != value[17]:  # GB 11643-1999, 4.3
        raise IdentifierError("check_digit")


_USCC_VALUES = {character: index for index, character in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}
_USCC_WEIGHTS = tuple(pow(3, index, 31) for index in range(17))


def _check_uscc(value: str) -> None:
    if not value[2:8].isdigit():  # the registering authority's division
        raise IdentifierError("character")
    total = sum(weight * _USCC_VALUES[char] for weight, char in zip(_USCC_WEIGHTS, value[:17], strict=True))
    if (31 - total % 31) % 31 != _USCC_VALUES[value[17]]:  # GB 32100-2015, annex on the check character
        raise IdentifierError("check_digit")


_DIVISION = re.compile(r"[0-9]+")


def check_division(code: str) -> None:
    """Accept six digits (GB/T 2260) or twelve (with town and village); existence is not looked up.

    Raises: IdentifierError: `length` or `character`.
    """
    if len(code) not in {6, 12}:
        raise IdentifierError("length")
    if _DIVISION.fullmatch(code) is None:
        raise IdentifierError("character")


def parent_division(code: str) -> str | None:
    """Name the division one level up; a province has none.

    Raises: IdentifierError: `code` is no division code.
    """
    check_division(code)
    if len(code) == 12:
        if code[9:] != "000":
            return code[:9] + "000"
        if code[6:9] != "000":
            return code[:6]
        code = code[:6]
    if code[4:] != "00":
        return code[:4] + "00"
    return code[:2] + "0000" if code[2:4] != "00" else None


_NAME_SIGNS = str.maketrans(dict.fromkeys("•‧∙⋅・᛫⸱", "·") | dict.fromkeys("[〔【", "(") | dict.fromkeys("]〕】", ")"))
# A space beside Chinese writing, a dot or a bracket is padding (张 三); between Latin words it separates names.
_PADDING = re.compile(r" (?=[⺀-\U0003ffff·()])|(?<=[⺀-\U0003ffff·()]) ")


def normalise_name(text: str) -> str:
    """Bring a name into the form in which two spellings of one name are equal. For comparing only, never for showing.

    Unifies width, letter case, spaces, middle dots and brackets; drops invisible characters.
    """
    # Before composing: an invisible character between a letter and its accent would keep them apart.
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return _PADDING.sub("", " ".join(folded.translate(_NAME_SIGNS).split()))
