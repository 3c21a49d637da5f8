"""Rows of devices at counters."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class ReaderKeyRow(SQLModel, table=True):
    """The public key of a card reader that signs, or of a device that compares faces. Believed by its MAC and its
    latest ledger entry.
    """

    __tablename__ = "reader_keys"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    kid: str = words(128, unique=True)
    kind: str = words(10)
    """`card` or `face`: what one signs is worth nothing as the other's."""
    jwk: dict[str, Any] = document()
    name: str = words(100)
    state: str = words(10)
    """`live` or `ended`."""
    row_version: int
    mac: bytes = binary()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
