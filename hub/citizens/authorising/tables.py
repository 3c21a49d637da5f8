"""What holders decided of grants that rest on their agreement."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class AuthorisationRow(SQLModel, table=True):
    """One holder's word on one grant; none written: he has not decided. `state`: given, refused, withdrawn.

    A row that anybody could write would agree for him: its MAC covers its meaning, and its ledger entry is the latest
    of this object.
    """

    __tablename__ = "holder_authorisations"
    __table_args__ = (UniqueConstraint("subject_id", "grant_id"),)
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    grant_id: str = uuid(references="grants.id", index=True)
    state: str = words(10)
    decided_at: datetime = instant()
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
