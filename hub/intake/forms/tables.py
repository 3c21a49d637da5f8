"""Rows of forms and their signatures."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class CaseFormRow(SQLModel, table=True):
    """The one form of a case or of a family. What the person wrote, and the whole once it is signed, are encrypted
    under the key of the case or family.
    """

    __tablename__ = "case_forms"
    id: str = uuid(primary_key=True)
    about: str = words(48, unique=True)
    """`case:ID` or `family:ID`."""
    change_no: int
    answers: bytes = binary()
    content: bytes | None = binary(nullable=True)
    """As it was signed; nothing changes it afterwards."""
    digest: str | None = words(64, nullable=True)
    changed_at: datetime = instant()


class FormSignatureRow(SQLModel, table=True):
    """That a party stands by a form."""

    __tablename__ = "form_signatures"
    __table_args__ = (UniqueConstraint("form_id", "party"),)
    id: str = uuid(primary_key=True)
    form_id: str = uuid(references="case_forms.id")
    party: str = words(40)
    kind: str = words(40)
    detail: bytes = binary()
    """How it was confirmed, or the signature itself, encrypted as the form is."""
    signed_at: datetime = instant()
    ledger_entry_id: str = uuid()
