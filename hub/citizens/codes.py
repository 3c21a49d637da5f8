"""Codes that a holder shows (出示码): digits alone, so that scanners write them under every keyboard setting. Pure.

The long one stands in the QR: four digits that say what it is, 26 drawn at random (86 bits), two that catch a misread
(ISO/IEC 7064, MOD 97-10). The short one, eight digits, is typed, and opens only at the counter it was made for.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "9901"
_DRAWN: Final = 26
_TYPED: Final = 8
_LONG: Final = re.compile(rf"[0-9]{{{len(PREFIX) + _DRAWN + 2}}}", re.ASCII)
_SHORT: Final = re.compile(rf"[0-9]{{{_TYPED}}}", re.ASCII)
_SYMBOLOGY: Final = re.compile(r"^\][A-Za-z][0-9]")
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it was scanned or typed."""

    digits: str = field(repr=False)

    @property
    def typed(self) -> bool:
        """The short one, which opens at one counter."""
        return len(self.digits) == _TYPED


def new_code(prefix: str = PREFIX) -> str:
    """A long code; the prefix says of what."""
    body = prefix + _random(_DRAWN)
    return f"{body}{98 - int(body + '00') % 97:02d}"


def new_typed_code() -> str:
    """A short code."""
    return _random(_TYPED)


def read_code(text: str) -> Code | None:
    """The code in what an ID field was given; None where there is none, or it was misread. Eight digits are no
    citizen's number, and no credit code.
    """
    plain = _digits(text)
    return Code(plain) if _SHORT.fullmatch(plain) or _whole(plain, PREFIX) else None


def read_long(text: str, prefix: str) -> str | None:
    """The digits of a long code of this kind, as scanned, pasted or typed; None where there is none, or misread."""
    plain = _digits(text)
    return plain if _whole(plain, prefix) else None


def looks_like_code(text: str) -> bool:
    """Whether it was meant for one, read well or not."""
    plain = "".join(unicodedata.normalize("NFKC", text[:_MOST]).split())
    return _SYMBOLOGY.sub("", plain).startswith(PREFIX) and len(plain) > len(PREFIX) + _DRAWN - 4


def grouped(digits: str) -> str:
    """In fours, as people read them."""
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


def _digits(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[:_MOST]).strip()
    return "".join(_SYMBOLOGY.sub("", plain).split()).replace("-", "")


def _whole(digits: str, prefix: str) -> bool:
    return bool(_LONG.fullmatch(digits)) and digits.startswith(prefix) and int(digits) % 97 == 1


def _random(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}d}"
