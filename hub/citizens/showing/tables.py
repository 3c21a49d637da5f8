"""Rows of showings: found by the hash of a code; what is shown, and to whom, is sealed under the holder's key."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class ShowingRow(SQLModel, table=True):
    """`content`: the code, which licences and claims, for what; once taken, who said he was taking it and no code;
    nothing for one that ended unused. `state`: live, taken, expired, replaced, withdrawn; or offline, a signed code
    that nobody takes here. `taken_as`: staff, system, public. `asked_id`: the request that it answers, the only one.
    `shown_by`: the subject of who shows it for somebody else, whose `subject_id` is.
    """

    __tablename__ = "showings"
    __table_args__ = (
        Index("ix_showings_holder", "subject_id", "id"),
        Index("ix_showings_shown_by", "shown_by", "id"),
        Index("ix_showings_asked", "asked_id", unique=True),
        Index(
            "ix_showings_live",
            "expires_at",
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
    )
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    code_hash: bytes = binary(unique=True)
    department_id: str | None = uuid(references="departments.id", nullable=True)
    content: bytes | None = binary(nullable=True)
    state: str = words(10)
    made_at: datetime = instant()
    expires_at: datetime = instant(index=True)
    ended_at: datetime | None = instant(nullable=True)
    taken_as: str | None = words(10, nullable=True)
    taken_by: str | None = uuid(nullable=True)
    refused_at: datetime | None = instant(nullable=True)
    refused_by: str | None = uuid(nullable=True)
    asked_id: str | None = uuid(nullable=True)
    shown_by: str | None = uuid(nullable=True)
    once: str | None = words(64, nullable=True, unique=True)
    """Keyed hash of whose Idempotency-Key made it. `once_hash`: of the request."""
    once_hash: str | None = words(64, nullable=True)
