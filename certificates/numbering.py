"""Certificate identifiers of GB/T 36904-2018: building, parsing, counting versions.

1.2.156.3005.2 . type code . issuer code . serial . version . check character
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Self

from catalog import identifiers
from catalog.errors import IdentifierError
from certificates.errors import NumberingError, VersionExhaustedError

OID_PREFIX: Final = "1.2.156.3005.2"
MAX_TEXT_LENGTH: Final = 128
"""Characters; the width of 证照标识 in the metadata of GB/T 36903."""

LAST_VERSION: Final = 999

_TYPE_CODE = re.compile(r"[0-9A-Z]{18}[0-9]{3}")
_ISSUER_CODE = re.compile(r"[0-9A-Z]{18}|[0-9]{6}")
_SERIAL = re.compile(r"[0-9A-Z]{1,32}")
_VERSION = re.compile(r"[0-9]{3}")

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# ISO 7064 MOD 37,36 as a table: by running product and character, the next product.
_NEXT = tuple(
    {character: ((product + value) % 36 or 36) * 2 % 37 for value, character in enumerate(_ALPHABET)}
    for product in range(37)
)


@dataclass(frozen=True, slots=True)
class Identifier:
    """One version of one certificate. The parts are well formed; whether the codes exist is not known here.

    Attributes:
        type_code: USCC of the defining authority and three digits.
        issuer_code: USCC of the issuer; in old real-estate data a six-digit division, which is never issued anew.
        serial: digits and capitals, at most 32.
        version: 1 for the first issue, at most 999.

    Raises: NumberingError: a part is malformed.
    """

    type_code: str
    issuer_code: str
    serial: str
    version: int = 1

    def __post_init__(self) -> None:
        if _TYPE_CODE.fullmatch(self.type_code) is None:
            raise NumberingError("type_code")
        if _ISSUER_CODE.fullmatch(self.issuer_code) is None:
            raise NumberingError("issuer_code")
        if _SERIAL.fullmatch(self.serial) is None:
            raise NumberingError("serial")
        if not 1 <= self.version <= LAST_VERSION:
            raise NumberingError("version")

    @property
    def check(self) -> str:
        """The check character over all four parts."""
        return check_character(f"{self.type_code}{self.issuer_code}{self.serial}{self.version:03d}")

    @property
    def text(self) -> str:
        """The identifier as it stands on the certificate, with prefix and check character."""
        return f"{OID_PREFIX}.{self.type_code}.{self.issuer_code}.{self.serial}.{self.version:03d}.{self.check}"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def new(cls, type_code: str, issuer_code: str, serial: str) -> Self:
        """Number a first issue. Stricter than reading: both authorities must be correct USCCs.

        Raises: NumberingError: a part is malformed, or an authority's code is wrong.
        """
        identifier = cls(type_code, issuer_code, serial)
        for reason, code in (("type_code", type_code[:18]), ("issuer_code", issuer_code)):
            try:
                identifiers.check(identifiers.USCC, code)
            except IdentifierError:
                raise NumberingError(reason) from None
        return identifier


def next_version(identifier: Identifier) -> Identifier:
    """Number the re-issue of a certificate.

    Raises: VersionExhaustedError: after 999; the caller takes a new serial.
    """
    if identifier.version == LAST_VERSION:
        raise VersionExhaustedError
    return replace(identifier, version=identifier.version + 1)


def check_character(body: str) -> str:
    """Compute the ISO 7064 MOD 37,36 check character of digits and capitals.

    Raises: NumberingError("character"): anything else in `body`.
    """
    product = 36
    try:
        for character in body:
            product = _NEXT[product][character]
    except KeyError:
        raise NumberingError("character") from None
    return _ALPHABET[(37 - product) % 36]


def parse(text: str) -> Identifier:
    """Read an identifier exactly as printed; lower case, spaces or a wrong check character are refused.

    Raises: NumberingError: reason `length`, `prefix`, `parts`, a part's name, or `check_character`.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise NumberingError("length")
    if not text.startswith(OID_PREFIX + "."):
        raise NumberingError("prefix")
    parts = text[len(OID_PREFIX) + 1 :].split(".")
    if len(parts) != 5:
        raise NumberingError("parts")
    type_code, issuer_code, serial, version, check = parts
    if _VERSION.fullmatch(version) is None:
        raise NumberingError("version")
    identifier = Identifier(type_code, issuer_code, serial, int(version))
    if identifier.check != check:
        raise NumberingError("check_character")
    return identifier
