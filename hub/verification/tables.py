"""Rows of the other hubs whose issuers this hub accepts, and of how often a licence was verified today."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

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


class VerificationTallyRow(SQLModel, table=True):
    """How often one licence was verified in one way on one day, until the day is over and the ledger has the number.
    `key` hashes which licence, day and verifier; who it was stands in the first entry, under the holder's key. The MAC
    covers the number: one that is lowered by SQL is found.
    """

    __tablename__ = "verification_tallies"
    key: bytes = Field(sa_column=Column(LargeBinary(), primary_key=True))
    entry_id: str = uuid()
    day: str = words(10, index=True)
    times: int
    mac: bytes = binary()
