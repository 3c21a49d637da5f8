"""The code on the slip that a person takes home 评价码: sixteen digits, four by four, as on a bank card. Pure.

Fifteen are drawn by the hub's key from case and party, so that a slip that is printed again has the same code and
nobody without the key works one out; the sixteenth catches a misread one (ISO/IEC 7064, MOD 11,10).

Fifteen, so that guessing leads nowhere, whoever guesses from however many addresses: among a million live codes one
guess in a thousand million opens one. Nobody has to be counted or kept out for it, and a hall in which two hundred
people rate from one address is not.
"""

import unicodedata
from typing import Final

from hub.storage.vault import Vault

_DRAWN: Final = 15
_GROUP: Final = 4
_MOST: Final = 60


def drawn(vault: Vault, case_id: str, party_id: str, turn: int) -> str:
    """The code of this party of this case. `turn`: the next one, where somebody else has drawn it already."""
    number = int.from_bytes(vault.lookup_hash("rating-code", case_id, party_id, str(turn))) % 10**_DRAWN
    body = f"{number:0{_DRAWN}d}"
    return body + _check(body)


def in_groups(code: str) -> str:
    """As it is printed and read out."""
    return " ".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def hash_of(vault: Vault, digits: str) -> bytes:
    """What is stored of it."""
    return vault.lookup_hash("rating-code-hash", digits)


def read(text: str) -> str | None:
    """The digits in what was typed, with whatever stands between them; None: no code, or misread."""
    plain = unicodedata.normalize("NFKC", text[:_MOST])
    digits = "".join(plain.split()).replace("-", "")
    if len(digits) != _DRAWN + 1 or not (digits.isascii() and digits.isdigit()):
        return None
    return digits if _check(digits[:-1]) == digits[-1] else None


def _check(body: str) -> str:
    left = 10
    for digit in body:
        left = (left + int(digit)) % 10 or 10
        left = left * 2 % 11
    return str((11 - left) % 10)
