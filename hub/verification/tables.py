"""Rows of the other hubs whose issuers this hub accepts."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class TrustPeerRow(SQLModel, table=True):
    """Another hub, by the roots that two persons compared; for these types alone. `left_out` are the roots of its pack
    that nobody compared: only told of. `pack` is its newest trust pack, `version` that pack's. Guarded: the MAC covers
    all but the pack, of which it covers the digest.
    """

    __tablename__ = "trust_peers"
    id: str = uuid(primary_key=True)
    hub: str = words(200, unique=True)
    roots: list[dict[str, str]] = document()
    left_out: list[dict[str, str]] = document()
    types: list[str] = document()
    version: int
    pack: bytes = binary()
    accepted_by: dict[str, Any] = document()
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    changed_at: datetime = instant()
