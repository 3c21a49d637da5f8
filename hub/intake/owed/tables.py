"""Rows of what is owed to cases, and of when each source may be asked next."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import document, instant, uuid, words


class DebtRow(SQLModel, table=True):
    """An answer that a department owes a case, and how it is asked for again. No word about a person."""

    __tablename__ = "debts"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    system_id: str = uuid(references="systems.id")
    owner_department_id: str | None = uuid(references="departments.id", nullable=True, index=True)
    """Who failed; None: the hub itself, which is its operator's."""
    code: str = words(64)
    party: str = words(40)
    source_code: str = words(64)
    """Whose turns it takes: a source, or a type where none was asked."""
    cause: str = words(64)
    owed_clock: str = words(10)
    purpose: str = words(200)
    language: str = words(10)
    kid: str = words(128)
    request_hash: str = words(64)
    """Of the request to which the answer is owed."""
    state: str = words(10, index=True)
    standing: str | None = words(150, nullable=True, unique=True)
    """Case, requirement and party while it is open: there is one at a time."""
    clock: dict[str, Any] = document()
    opened_at: datetime = instant()
    due_at: datetime = instant()
    next_try_at: datetime = instant()
    attempts: int
    outcome: str | None = words(30, nullable=True)
    answer_id: str | None = uuid(nullable=True, index=True)
    """The evidence request whose answer ended it."""
    ended_at: datetime | None = instant(nullable=True)
    ledger_entry_id: str = uuid()


class SourceTurnRow(SQLModel, table=True):
    """When a source may be asked next for what is owed, and up to when its turns are taken."""

    __tablename__ = "debt_turns"
    source_code: str = words(64, unique=True)
    id: str = uuid(primary_key=True)
    next_at: datetime = instant()
    taken_until: datetime = instant()
