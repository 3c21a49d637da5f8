"""Rows of a dossier: a collection that its subject has asked for, source by source; how far reminders have gone."""

from datetime import datetime

from sqlalchemy import Column, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class OwnCollectionRow(SQLModel, table=True):
    """A subject has his own licences collected; the last time alone is kept. `content` (number, name, which feeds) is
    sealed under the subject's key, and deleted with the last answer. `state`: asked, ended. `again_at`: when sources
    that were away are asked once more.
    """

    __tablename__ = "own_collections"
    __table_args__ = (UniqueConstraint("subject_id"),)
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    state: str = words(10)
    rounds: int
    content: bytes | None = binary(nullable=True)
    asked_at: datetime = instant()
    again_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)


class OwnCollectionFeedRow(SQLModel, table=True):
    """What came of one source; `outcome` is empty until it has answered."""

    __tablename__ = "own_collection_feeds"
    collection_id: str = uuid(references="own_collections.id", primary_key=True)
    feed: str = Field(sa_column=Column(String(64), primary_key=True))
    type_code: str = words(21)
    issuer_code: str = words(18)
    outcome: str = words(20)


class ReminderRow(SQLModel, table=True):
    """Up to which last day, and within it up to which version, holders were reminded so many days ahead."""

    __tablename__ = "expiry_reminders"
    days: int = Field(primary_key=True)
    told_until: str = words(10)
    told_version: str = words(36)
