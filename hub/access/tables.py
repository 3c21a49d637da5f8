"""The replay guard. It stands in the database because a flushed cache would open the window again (seam D2)."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import instant


class AssertionRow(SQLModel, table=True):
    """A client assertion that was accepted once; kept until it would be refused as expired anyway."""

    __tablename__ = "seen_assertions"
    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    jti_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    expires_at: datetime = instant(index=True)
