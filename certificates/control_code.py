"""Control codes 核验码: what stands in the QR code of a face and under it, and opens its verification.

130 random bits in Crockford's base32, and two characters that catch a typing error. Whoever has the code has seen the
face; the hub keeps a keyed hash of it alone, so that nobody prints a face's code from a copy of the database.
"""

import hashlib
import secrets
from typing import Final

CODE_CHARACTERS: Final = 28
GROUP: Final = 4
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM: Final = 26
_MOST_TYPED: Final = 64
_READ: Final = str.maketrans("OILoil", "011011", " -\u2010\u2011\u2013\t\r\n")


def new_control_code() -> str:
    """A code, without separators."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _check(body)


def read_control_code(typed: str) -> str | None:
    """The code that somebody typed or scanned, None for what cannot be one.

    Letters of either case; O is read as 0, I and L as 1; separators do not count (Crockford).
    """
    if len(typed) > _MOST_TYPED:
        return None
    code = typed.translate(_READ).upper()
    if len(code) != CODE_CHARACTERS or not set(code) <= set(_ALPHABET):
        return None
    return code if code[_RANDOM:] == _check(code[:_RANDOM]) else None


def verify_link(public_url: str, code: str) -> str:
    """What the QR code holds. The code is behind the `#`: no server on the way, ours included, logs it."""
    return f"{public_url}/verify#c={code}"


def _check(body: str) -> str:
    digest = int.from_bytes(hashlib.sha256(body.encode()).digest()[:2], "big")
    return _ALPHABET[digest >> 11] + _ALPHABET[digest >> 6 & 31]
