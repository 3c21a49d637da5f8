"""Rows of the stores themselves: the outbox of jobs, and the record of idempotent requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import document, instant, uuid, words


class OutboxRow(SQLModel, table=True):
    """A job, written in the transaction of its cause. The row is the truth; a broker only carries its id."""

    __tablename__ = "outbox"
    id: str = uuid(primary_key=True)
    kind: str = words(64)
    payload: dict[str, Any] = document()
    created_at: datetime = instant()
    due_at: datetime = instant(index=True)
    attempts: int
    lease: str | None = words(36, nullable=True)
    failed: bool = Field(default=False)


class IdempotencyRow(SQLModel, table=True):
    """The answer given to one Idempotency-Key of one system on one route; kept for 24 hours."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("system_id", "route", "key"),)
    id: str = uuid(primary_key=True)
    system_id: str = uuid(references="systems.id")
    route: str = words(64)
    key: str = words(128)
    request_hash: str = words(64)
    object_id: str = uuid()
    created_at: datetime = instant(index=True)
