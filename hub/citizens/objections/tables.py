"""Rows of objections. What was said and answered is sealed under the subject's key: erasing him ends it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class ObjectionRow(SQLModel, table=True):
    """One objection, question or follow-up. The MAC covers what it is about and how it stands: a dispute that somebody
    ends by SQL is found when its licence is read.
    """

    __tablename__ = "objections"
    __table_args__ = (
        Index("ix_objections_holder", "subject_id", "id"),
        Index("ix_objections_queue", "owner_department_id", "state", "due_at"),
    )
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    kind: str = words(20)
    owner_department_id: str | None = uuid(references="departments.id", nullable=True)
    certificate_id: str | None = uuid(references="certificates.id", nullable=True, index=True)
    state: str = words(10)
    standing: str | None = words(64, nullable=True, unique=True)
    """Keyed hash of whose and about what, while it runs: there is one at a time."""
    once: str | None = words(64, nullable=True, unique=True)
    """Keyed hash of whose Idempotency-Key made it. `once_hash`: of the request."""
    once_hash: str | None = words(64, nullable=True)
    channel: str = words(10)
    """`self` or `counter`."""
    content: bytes = binary()
    answer: bytes | None = binary(nullable=True)
    token: bytes | None = binary(nullable=True)
    signed_by: str | None = words(20, nullable=True)
    clock: dict[str, Any] = document()
    raised_at: datetime = instant()
    due_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    seen_at: datetime | None = instant(nullable=True)
    """When its holder saw the answer."""
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
