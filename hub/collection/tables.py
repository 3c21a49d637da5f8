"""Progress of collections, committed with the rows it speaks of, so that a killed run goes on where it was."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class CollectionRunRow(SQLModel, table=True):
    """One file under one mapping for one issuer. `run_key` hashes what makes two runs the same."""

    __tablename__ = "collection_runs"
    id: str = Field(sa_column=Column(String(36), primary_key=True))
    run_key: str = Field(sa_column=Column(String(64), nullable=False, index=True))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    next_row: int
    totals: dict[str, Any] = document()
    started_at: datetime = instant()
    updated_at: datetime = instant()


class CollectionBatchRow(SQLModel, table=True):
    """A register that a system sends in parts, or a member of staff uploads. `data_key` seals its parts and report;
    emptied, they are mute.

    `system_id`, `staff_id`: whose it is; one of them. `reasons`: rejected rows by code, once the run has ended.
    """

    __tablename__ = "collection_batches"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    system_id: str | None = uuid(references="systems.id", nullable=True)
    staff_id: str | None = uuid(nullable=True)
    ordered: dict[str, Any] = document()
    state: str = words(16)
    problem: dict[str, Any] = document()
    totals: dict[str, Any] = document()
    reasons: dict[str, int] | None = Field(default=None, sa_column=Column(JSON(), nullable=True))
    size_bytes: int = Field(sa_column=Column(BigInteger(), nullable=False))
    done_bytes: int = Field(sa_column=Column(BigInteger(), nullable=False))
    report_pieces: int
    attempts: int
    data_key: bytes = binary()
    kek_kid: str = words(32)
    created_at: datetime = instant()
    changed_at: datetime = instant()
    expires_at: datetime = instant(index=True)


class CollectionPartRow(SQLModel, table=True):
    """One uploaded part; its bytes lie sealed in the object store under its id."""

    __tablename__ = "collection_parts"
    __table_args__ = (UniqueConstraint("batch_id", "number"),)
    id: str = uuid(primary_key=True)
    batch_id: str = uuid(references="collection_batches.id")
    number: int
    size_bytes: int
    sha256: str = words(64)


class CollectionFeedRow(SQLModel, table=True):
    """A register that is collected from its source again and again. The MAC covers all but `progress` (of which
    `declared`: by whom, and whether an approver is waited for), `place` and `due_at`.

    `progress`: how far the feed is, and, while a run goes on, where: values of the watermark column and of row keys are
    sealed in `place`, for a key may be a person's number.
    """

    __tablename__ = "collection_feeds"
    id: str = uuid(primary_key=True)
    code: str = words(64, unique=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    definition: dict[str, Any] = document()
    active: bool
    progress: dict[str, Any] = document()
    place: bytes | None = binary(nullable=True)
    due_at: datetime | None = instant(nullable=True, index=True)
    row_version: int
    mac: bytes = binary()
    changed_at: datetime = instant()
