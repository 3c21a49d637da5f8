"""Rows of copies with a status entry of their own."""

from datetime import datetime
from typing import Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words

NOT_PLAINLY_VALID: Final = "(ended_at IS NOT NULL OR licence_status <> 'valid')"
"""Which copies a list speaks of; in these words, so that the partial index is used."""


class CopiesRow(SQLModel, table=True):
    """Copies of one version under one entry of a status list: they end alone, and with their version.

    `licence_status` is the version's own, carried over in the transaction that changes it, so that lists find what they
    must say; it is believed as far as the version's row says the same. The MAC covers everything else.
    """

    __tablename__ = "certificate_copies"
    __table_args__ = (
        UniqueConstraint("status_list", "status_index"),
        Index(
            "ix_certificate_copies_listed",
            "status_list",
            "id",
            sqlite_where=text(NOT_PLAINLY_VALID),
            postgresql_where=text(NOT_PLAINLY_VALID),
        ),
    )
    id: str = uuid(primary_key=True)
    version_id: str = uuid(references="certificate_versions.id", index=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    status_list: int
    status_index: int
    licence_status: str = words(12)
    made_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    row_version: int = Field()
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
