"""Rows of the ledger: entries, hash tiles, and the one head that the sequencer swaps."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class LedgerEntryRow(SQLModel, table=True):
    """One entry. Public: id, time, commitment. Everything else about it is in `detail`, encrypted per subject.

    `object_id` and `object_version` let a guarded row (grant, certificate status) be checked against its latest entry.
    `position` is the index in the tree, empty until the sequencer has taken the entry.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("object_id", "object_version"),
        Index("ix_ledger_entries_about", "subject_id", "id"),
        Index(
            "ix_ledger_entries_changes",
            "object_id",
            sqlite_where=text("object_version > 1"),
            postgresql_where=text("object_version > 1"),
        ),
        Index(
            "ix_ledger_entries_changed_since",
            "position",
            sqlite_where=text("object_version > 1"),
            postgresql_where=text("object_version > 1"),
        ),
        Index(
            "ix_ledger_entries_unsequenced",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )
    id: str = uuid(primary_key=True)
    recorded_at: datetime = instant()
    commitment: bytes = binary()
    position: int | None = Field(sa_column=Column(BigInteger(), nullable=True, unique=True))
    kind: str = words(40)
    subject_id: str | None = uuid(references="subjects.id", nullable=True)
    case_id: str | None = uuid(nullable=True, index=True)
    object_id: str | None = uuid(nullable=True)
    object_version: int | None = Field(default=None)
    detail: bytes = binary()


class LedgerTileRow(SQLModel, table=True):
    """Up to 256 hashes of one tile (C2SP tlog-tiles: level, number)."""

    __tablename__ = "ledger_tiles"
    level: int = Field(primary_key=True)
    number: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    hashes: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class LedgerHeadRow(SQLModel, table=True):
    """The single head. `body` is the latest unsigned checkpoint; `note` is its signed form, empty until signed."""

    __tablename__ = "ledger_head"
    id: int = Field(primary_key=True)
    epoch: int
    size: int = Field(sa_column=Column(BigInteger(), nullable=False))
    body: str = words(1000)
    note: str | None = words(20000, nullable=True)
    sequenced_at: datetime = instant()
    holder: str = words(64)
    lease_until: datetime = instant()


class ErasureRow(SQLModel, table=True):
    """A destroyed key of a person: whose, the SHA-256 of the wrapped key, and the entry that says so."""

    __tablename__ = "erasures"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    key: bytes = binary()
    entry_id: str = uuid()
    erased_at: datetime = instant()
