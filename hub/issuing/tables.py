"""Rows of the certificates over the hub's and the departments' signing keys."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import document, instant, words


class KeyCertificateRow(SQLModel, table=True):
    """A key, what it may sign, and its chain without the root (base64 DER). Public; kept for ever, so that old
    licences still verify.
    """

    __tablename__ = "key_certificates"
    kid: str = Field(sa_column=Column(String(64), primary_key=True))
    role: str = words(20)
    organization: str = words(64)
    organization_id: str = words(18, index=True)
    jwk: dict[str, str] = document()
    chain: list[str] = document()
    created_at: datetime = instant()
    not_after: datetime = instant()
