"""Rows of what was asked of persons all the same."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import instant, uuid, words


class AskRow(SQLModel, table=True):
    """One paper that somebody asked a party for. No word about the person."""

    __tablename__ = "asks"
    __table_args__ = (UniqueConstraint("case_id", "code", "party", "reason"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    system_id: str = uuid(references="systems.id")
    owner_department_id: str = uuid(references="departments.id", index=True)
    """Whose system asked."""
    matter_code: str = words(64)
    code: str = words(64)
    party: str = words(40)
    reason: str = words(20)
    rule: str | None = words(20, nullable=True, index=True)
    """The no-ask rule that it breaks; None: none does."""
    outcome: str | None = words(30, nullable=True)
    """What the hub had answered last about it; None: nobody had asked the hub."""
    clerk: str | None = uuid(nullable=True)
    """The account of the clerk who asked at the counter; None: a system asked, for an officer of its own."""
    asked_at: datetime = instant(index=True)
    ledger_entry_id: str = uuid()
