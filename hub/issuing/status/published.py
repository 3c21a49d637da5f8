"""A published list as it is kept: the token, and what it was made from, so that the next one costs only what changed.

The head stands under a MAC over itself and the token: what the next list is built on was made by this hub. An object
that is damaged, exchanged or of an earlier release is as good as none; the list is made from all its rows again.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from hub.storage.vault import Vault
from signing.canonical import canonical, sha256, strict_loads, unb64u
from signing.errors import SigningError
from signing.status_list import MAX_ENTRIES, StatusList, decode

Sums = Mapping[int, tuple[int, int]]
"""By status, without the valid: how many entries, and the sum of their indexes."""
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Published:
    """A signed list.

    Attributes:
        read_at: when its rows were read.
        position: every change that the ledger had numbered up to here is on it.
        audited_at: when every row of it that was ever changed was last held against its guard.
    """

    number: int
    token: bytes
    read_at: datetime
    position: int
    audited_at: datetime
    sums: Sums = field(default_factory=dict)

    def to_bytes(self, vault: Vault) -> bytes:
        """As it is stored."""
        head = canonical(self._head() | {"mac": vault.row_mac(self._meaning()).hex()})
        return head + b"\n" + self.token

    @classmethod
    def from_bytes(cls, data: bytes, vault: Vault) -> "Published | None":
        """What is stored; None where it is not this hub's own."""
        text, _, token = data.partition(b"\n")
        try:
            head: dict[str, Any] = strict_loads(text, max_bytes=_HEAD_BYTES)
            found = cls(
                number=head["number"],
                token=token,
                read_at=datetime.fromtimestamp(head["read_at"] / 1_000_000, UTC),
                position=head["position"],
                audited_at=datetime.fromtimestamp(head["audited_at"] / 1_000_000, UTC),
                sums={int(bits): (count, total) for bits, (count, total) in head["sums"].items()},
            )
            mac = bytes.fromhex(head["mac"])
        except (SigningError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return found if hmac.compare_digest(vault.row_mac(found._meaning()), mac) else None

    def statuses(self) -> StatusList:
        """The entries, out of the token."""
        claims = json.loads(unb64u(self.token.split(b".")[1].decode()))
        return decode(claims["status_list"]["lst"], claims["status_list"]["bits"], max_entries=MAX_ENTRIES)

    def _head(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "read_at": round(self.read_at.timestamp() * 1_000_000),
            "position": self.position,
            "audited_at": round(self.audited_at.timestamp() * 1_000_000),
            "sums": {str(bits): list(pair) for bits, pair in sorted(self.sums.items())},
        }

    def _meaning(self) -> bytes:
        return b"status-list\x1f" + canonical(self._head()) + sha256(self.token)


def moved(sums: Sums, before: StatusList, changes: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """The sums after some entries changed."""
    after = dict(sums)
    for index, status in changes.items():
        for bits, one in ((before.get(index), -1), (status, 1)):
            count, total = after.get(bits, (0, 0))
            after[bits] = (count + one, total + one * index)
    after.pop(0, None)
    return {bits: pair for bits, pair in after.items() if pair != (0, 0)}


def added(one: Sums, other: Sums) -> Sums:
    """The sums of both together."""
    nothing = (0, 0)
    pairs = {bits: (one.get(bits, nothing), other.get(bits, nothing)) for bits in {*one, *other}}
    return {bits: (first[0] + second[0], first[1] + second[1]) for bits, (first, second) in pairs.items()}
