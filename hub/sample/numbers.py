"""Invented numbers that are right in form: check characters included, divisions that no list has."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, USCC, check

CITY: Final = "990100"
DISTRICTS: Final = {"990102": "甲区", "990103": "乙区", "990104": "丙区"}
"""Division codes of the sample city; GB/T 2260 has no province 99."""

USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def citizen_id(division: str, born: date, sequence: int) -> str:
    """A citizen identification number; an odd `sequence` (1 to 999) is a man's."""
    return _checked(CITIZEN_ID, f"{division}{born:%Y%m%d}{sequence:03d}", "0123456789X")


def enterprise_code(division: str, serial: int) -> str:
    """A unified social credit code of an enterprise (91) whose organisation code begins with `MA9`."""
    body = "MA9" + _in_alphabet(serial, 5)
    return _checked(USCC, f"91{division}{body}{_organisation_check(body)}", USCC_ALPHABET)


def _checked(id_type: str, body: str, characters: Iterable[str]) -> str:
    """Complete a number by the one check character that the catalogue's own rule accepts."""
    for character in characters:
        try:
            check(id_type, body + character)
        except IdentifierError:
            continue
        return body + character
    raise ValueError(f"no check character completes {body}")


def _organisation_check(body: str) -> str:
    """The inner check character of an organisation code, GB 11714-1997."""
    total = sum(weight * int(character, 36) for weight, character in zip(_ORGANISATION_WEIGHTS, body, strict=True))
    return "0123456789X0"[11 - total % 11]


def _in_alphabet(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(USCC_ALPHABET))
        digits = USCC_ALPHABET[digit] + digits
    return digits
