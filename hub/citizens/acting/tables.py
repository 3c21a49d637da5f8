"""Rows of acting for somebody else: delegations, what was done under them, and whom a session acts for."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class DelegationRow(SQLModel, table=True):
    """One person or company lets another person act. `content` (both identities, scope, matters, reason) is sealed
    under the principal's key. `state`: live, withdrawn, erased.

    A row that anybody could write would open somebody's dossier: its MAC covers its meaning, and its ledger entry is
    the latest of this object.
    """

    __tablename__ = "delegations"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    given_by: str = uuid(references="subjects.id")
    """The person who gave it: the principal himself, or the legal representative of the day."""
    to_id: str = uuid(references="subjects.id", index=True)
    content: bytes = binary()
    valid_until: str = words(10)
    """The last civil day."""
    state: str = words(10)
    once: str | None = words(64, nullable=True, unique=True)
    """Keyed hash of whose Idempotency-Key made it. `once_hash`: of the request."""
    once_hash: str | None = words(64, nullable=True)
    made_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()


class DelegationUseRow(SQLModel, table=True):
    """An entry of the ledger that was written because a delegate acted: where to look, and nothing more."""

    __tablename__ = "delegation_uses"
    entry_id: str = uuid(primary_key=True)
    delegation_id: str = uuid(references="delegations.id", index=True)


class ActingRow(SQLModel, table=True):
    """That a session has begun to act for somebody. It gives no right: that is judged at every request. Its MAC covers
    its meaning, because it says whom a refusal is told to.
    """

    __tablename__ = "acting_sessions"
    session_id: str = uuid(primary_key=True)
    acting_key: str = Field(sa_column=Column(String(32), primary_key=True))
    subject_id: str = uuid(references="subjects.id")
    ground: str = words(24)
    began_at: datetime = instant(index=True)
    mac: bytes = binary()
