"""The mark of a recipient in what it is given: the order of rows and of members, keyed by its name. Pure.

It names whoever lets a copy out by carelessness, whole or in part: rows may be cut away, other members too. It proves
nothing against somebody who knows of it: whoever sorts rows and members anew has taken it out.
"""

import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from hub.storage.vault import Vault

WHO: Final = ("id_type", "id_number", "name")
"""The members of a row that say whom it is about; its place and the order of its members follow from them."""
CERTAIN_BITS: Final = 24.0
"""Once in sixteen million would another order look like this one."""
_NEARLY: Final = 0.9


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far rows bear a recipient's mark: rows whose members stand in its order, neighbours that do, and in bits how
    unlikely that is by chance.
    """

    rows: int
    members_right: int
    neighbours_right: int
    bits: float

    @property
    def certain(self) -> bool:
        """Whether the recipient can be named."""
        return self.bits >= CERTAIN_BITS


class Mark:
    """The orders that one recipient's copy has."""

    def __init__(self, vault: Vault, client_id: str) -> None:
        self._key = vault.row_mac(b"derive\x1fbulk-mark\x1f" + client_id.encode())

    def place(self, who: Sequence[str | None]) -> bytes:
        """Where the row about somebody stands: rows ascend by it. `who` as in `WHO`."""
        return hmac.digest(self._key, b"place\x1f" + _joined(who), "sha256")

    def ordered(self, who: Sequence[str | None], members: Mapping[str, Any]) -> dict[str, Any]:
        """The same members in the order of this recipient; those of objects inside too."""
        key = hmac.digest(self._key, b"members\x1f" + _joined(who), "sha256")
        return {name: _within(key, value) for name, value in sorted(members.items(), key=_rank(key))}

    def likeness(self, rows: Iterable[Mapping[str, Any]]) -> Likeness:
        """How far these rows, as they stand, bear the mark. Rows that do not say whom they are about do not count,
        nor does the second about one person: repeated often enough, any row would seem to be marked.
        """
        places: list[bytes] = []
        seen: set[tuple[str | None, ...]] = set()
        right, bits = 0, 0.0
        for row in rows:
            who = who_of(row)
            if who is None or who in seen:
                continue
            seen.add(who)
            places.append(self.place(who))
            if list(row) == list(self.ordered(who, row)):
                right += 1
                bits += _bits_of(len(row))
        neighbours = sum(first < second for first, second in pairwise(places))
        pairs = max(len(places) - 1, 0)
        if right < len(places) * _NEARLY:
            bits = 0.0  # some rows fit any order by chance
        if pairs and neighbours == pairs:
            bits += _bits_of(len(places))
        return Likeness(len(places), right, neighbours, bits)


def who_of(row: Mapping[str, Any]) -> tuple[str | None, ...] | None:
    """Whom a row is about; None when it does not say."""
    found = tuple(row.get(name) for name in WHO)
    if all(item is None for item in found) or not all(item is None or isinstance(item, str) for item in found):
        return None
    return found


def _joined(who: Sequence[str | None]) -> bytes:
    return "\x1f".join(item or "" for item in who).encode()


def _rank(key: bytes) -> Any:
    return lambda member: hmac.digest(key, member[0].encode(), "sha256")


def _within(key: bytes, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _within(key, inner) for name, inner in sorted(value.items(), key=_rank(key))}
    return [_within(key, item) for item in value] if isinstance(value, list | tuple) else value


def _bits_of(count: int) -> float:
    """How many orders so many things have, as bits."""
    return math.lgamma(count + 1) / math.log(2)
