"""Rows of ratings: numbers alone. What a person writes beside a bad one stands in its follow-up, under his key."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import instant, uuid, words


class RatingRow(SQLModel, table=True):
    """One party's rating of one closed case."""

    __tablename__ = "case_ratings"
    __table_args__ = (UniqueConstraint("case_id", "subject_id"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    subject_id: str = uuid(references="subjects.id", index=True)
    matter_code: str = words(64, index=True)
    stars: int
    brought: int
    """Papers that the person says he brought."""
    counted: int | None
    """Papers that the hub knows he was asked for; None: it could not count."""
    follow_up_id: str | None = uuid(references="objections.id", nullable=True)
    given_at: datetime = instant()
    ledger_entry_id: str = uuid()
