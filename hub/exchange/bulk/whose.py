"""Whose copy is this? The recipient of a leaked bulk result, by its signed line if it is there, else by its mark.

A copy may be cut to part of its rows and members. Who knows of the mark can take it out, or lay another's line on top:
a line that contradicts the mark is told as such.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.bulk import store
from hub.exchange.bulk.files import RECIPIENT_TYPE
from hub.exchange.bulk.mark import Likeness, Mark
from hub.issuing.keys.desk import SigningDesk
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import read_header, verify_jws

MOST_ROWS: Final = 2000
"""Enough by far: every row of ten members stands in one of three million orders."""
MAX_ROW_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a copy is. `recipient` is None when nothing names one. `signed` are the claims of its signed line."""

    recipient: str | None
    rows: int
    likeness: Likeness | None
    signed: Mapping[str, Any] | None

    @property
    def contradicted(self) -> bool:
        """Whether the signed line names somebody else than the mark does: it may have been put there."""
        return bool(self.recipient and self.signed and self.signed["aud"] != self.recipient)

    def as_json(self) -> dict[str, Any]:
        """Of `--json`."""
        likeness = self.likeness
        return {
            "recipient": self.recipient,
            "rows": self.rows,
            "mark": {
                "members_right": likeness.members_right,
                "neighbours_right": likeness.neighbours_right,
                "bits": round(likeness.bits, 1),
            }
            if likeness
            else None,
            "signed": dict(self.signed) if self.signed else None,
            "contradicted": self.contradicted,
        }


class BulkOwners:
    """Finds recipients."""

    def __init__(self, database: Database, *, vault: Vault, desk: SigningDesk) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk

    async def whose(self, lines: Iterable[bytes]) -> Owner:
        """The recipient of these JSON lines; lines that cannot be read do not count, nor do those after 2,000."""
        rows, signed = self._read(lines)
        best: tuple[str, Likeness] | None = None
        for client_id in await self._database.read(store.recipients):
            likeness = Mark(self._vault, client_id).likeness(rows)
            if likeness.certain and (best is None or likeness.bits > best[1].bits):
                best = client_id, likeness
        if best is None:
            return Owner(signed["aud"] if signed else None, len(rows), None, signed)
        return Owner(best[0], len(rows), best[1], signed)

    def _read(self, lines: Iterable[bytes]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        rows: list[dict[str, Any]] = []
        signed: dict[str, Any] | None = None
        for line in lines:
            try:
                value = strict_loads(line.strip(), max_bytes=MAX_ROW_BYTES, max_depth=64)
            except SigningError:
                continue
            if not isinstance(value, dict):
                continue
            if isinstance(value.get("recipient"), str):
                signed = signed or self._signed(value["recipient"])
                continue
            rows.append(value)
            if len(rows) == MOST_ROWS:
                break
        return rows, signed

    def _signed(self, token: str) -> dict[str, Any] | None:
        """The claims of a line that this hub signed; None for any other."""
        try:
            key = self._desk.public_keys().get(str(read_header(token).get("kid", "")))
            if key is None:
                return None
            claims: dict[str, Any] = strict_loads(
                verify_jws(token, key=key, typ=RECIPIENT_TYPE).payload, max_bytes=8192
            )
        except SigningError:
            return None
        return claims
