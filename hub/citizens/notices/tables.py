"""Rows of notices. They say that something happened, and to whom; what it was stands where it happened."""

from datetime import datetime

from sqlalchemy import Column, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import instant, uuid, words


class HolderNoticeRow(SQLModel, table=True):
    """One notice to one holder: one of a kind about the same thing. `about`: ids of ours."""

    __tablename__ = "holder_notices"
    __table_args__ = (
        UniqueConstraint("subject_id", "kind", "about"),
        Index("ix_holder_notices_list", "subject_id", "id"),
    )
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    kind: str = words(30)
    about: str = words(80)
    made_at: datetime = instant()
    read_at: datetime | None = instant(nullable=True)


class NoticeMessageRow(SQLModel, table=True):
    """What the city's message gateway is told of a notice. `state`: waiting, delivered, dead. Its id is the notice's,
    and by it the gateway tells repeats.
    """

    __tablename__ = "holder_notice_messages"
    __table_args__ = (Index("ix_holder_notice_messages_state", "state", "changed_at"),)
    id: str = uuid(primary_key=True, references="holder_notices.id")
    state: str = words(10)
    attempts: int
    last_error: str = words(40)
    changed_at: datetime = instant()


class NoticeChoiceRow(SQLModel, table=True):
    """A kind of which a holder wants no message besides; without a row he gets one."""

    __tablename__ = "holder_notice_choices"
    subject_id: str = uuid(primary_key=True, references="subjects.id")
    kind: str = Field(sa_column=Column(String(30), primary_key=True))
