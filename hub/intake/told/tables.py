"""The row of something that happened in a case."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import instant, uuid, words


class CaseEventRow(SQLModel, table=True):
    """One event of a case, by its number in it. No word about a person: whoever hears of it fetches the rest."""

    __tablename__ = "case_events"
    __table_args__ = (UniqueConstraint("case_id", "number"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    number: int
    event: str = words(40)
    about: str = words(64)
    """Of what it tells, where it is told once; else empty."""
    code: str | None = words(64, nullable=True)
    party: str | None = words(40, nullable=True)
    material: str | None = words(100, nullable=True)
    interface: str | None = words(64, nullable=True)
    """What is told of a query, which is about no requirement: what it asked."""
    answer_id: str | None = uuid(nullable=True)
    ledger_entry_id: str = uuid()
    at: datetime = instant()
