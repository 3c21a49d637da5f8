"""Rows of terminals, of the visit that goes on at each, and of cards that were read there."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class KioskRow(SQLModel, table=True):
    """A terminal of a department, with the card reader that is built into it. Of its secrets only hashes are here:
    `code_hash` of the code that sets it up, once; `secret_hash` of what its browser keeps then. Believed by its MAC and
    its latest ledger entry.
    """

    __tablename__ = "kiosks"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    name: str = words(60)
    reader_kid: str = words(128)
    state: str = words(10)
    """`new`, `live` or `ended`."""
    code_hash: str | None = words(64, nullable=True, unique=True)
    secret_hash: str | None = words(64, nullable=True, unique=True)
    row_version: int
    mac: bytes = binary()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class KioskVisitRow(SQLModel, table=True):
    """Whoever stands at a terminal: one at a time. `content` (number, name) is sealed under the subject's key."""

    __tablename__ = "kiosk_visits"
    kiosk_id: str = uuid(references="kiosks.id", primary_key=True)
    id: str = uuid()
    secret_hash: str = words(64)
    subject_id: str = uuid(references="subjects.id", index=True)
    content: bytes = binary()
    begun_at: datetime = instant()
    seen_at: datetime = instant()


class KioskReadRow(SQLModel, table=True):
    """What a reader has signed is worth one visit: the hash of reader and read, as long as it could be shown again."""

    __tablename__ = "kiosk_reads"
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    read_at: datetime = instant(index=True)
