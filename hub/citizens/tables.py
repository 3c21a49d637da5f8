"""Rows of holders: sessions, sign-ins on their way, codes that identify at a counter.

Of every secret only a hash is here; numbers and names are ciphertext.
"""

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class HolderSessionRow(SQLModel, table=True):
    """A browser's session. `content` (number, name) is sealed under the subject's key: erasing him ends it."""

    __tablename__ = "holder_sessions"
    secret_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    id: str = uuid()
    subject_id: str = uuid(references="subjects.id", index=True)
    level: int
    how: str = words(10)
    content: bytes = binary()
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant(index=True)


class HolderPlaceRow(SQLModel, table=True):
    """A browser in which he has signed in, by a keyed hash of its cookie and of him."""

    __tablename__ = "holder_places"
    subject_id: str = uuid(primary_key=True, references="subjects.id")
    place_hash: bytes = Field(sa_column=Column(LargeBinary(), primary_key=True))
    seen_at: datetime = instant()


class HolderAttemptRow(SQLModel, table=True):
    """A sign-in by number, name and code on its way: written alike whether or not there is such a person.

    Sealed under a key of its own, so that nobody's key is touched for somebody who only says that he is him.
    """

    __tablename__ = "holder_attempts"
    cookie_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    content: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    tries: int
    created_at: datetime = instant()
    expires_at: datetime = instant(index=True)


class PresentationRow(SQLModel, table=True):
    """A code by which a holder shows who he is. Found by its keyed hash; the number and name behind it are sealed under
    the subject's key and deleted when it ends. `state`: live, taken, expired, replaced.

    `once`: keyed hash of whose Idempotency-Key made it; `once_hash`: of the request.
    """

    __tablename__ = "presentations"
    __table_args__ = (
        Index("ix_presentations_holder", "subject_id", "id"),
        Index("ix_presentations_once", "once", unique=True),
        Index(
            "ix_presentations_live",
            "expires_at",
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
    )
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    code_hash: bytes = binary(unique=True)
    typed_hash: bytes | None = binary(nullable=True, index=True)
    department_id: str | None = uuid(references="departments.id", nullable=True)
    content: bytes | None = binary(nullable=True)
    state: str = words(10)
    made_at: datetime = instant()
    expires_at: datetime = instant(index=True)
    ended_at: datetime | None = instant(nullable=True)
    taken_by: str | None = uuid(nullable=True)
    case_no: str | None = words(40, nullable=True)
    refused_at: datetime | None = instant(nullable=True)
    refused_by: str | None = uuid(nullable=True)
    once: str | None = words(64, nullable=True)
    once_hash: str | None = words(64, nullable=True)
