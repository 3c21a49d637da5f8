"""Rows of archives."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class CaseArchiveRow(SQLModel, table=True):
    """The archive of one case. `ordered` → `intended` (on the ledger, unsigned) → `signed` → `filed` (in the store).

    `intent` and `results` are encrypted under the case's key: from them, and the answers, the same files are put
    together again. `digest` is the SHA-256 of the package that lies in the object store.
    """

    __tablename__ = "case_archives"
    __table_args__ = (UniqueConstraint("case_id"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    state: str = words(10, index=True)
    intent: bytes | None = binary(nullable=True)
    results: bytes | None = binary(nullable=True)
    ledger_entry_id: str | None = uuid(nullable=True)
    digest: bytes | None = binary(nullable=True)
    size: int = Field(default=0)
    stamps: int = Field(default=0)
    stamped_at: datetime | None = instant(nullable=True)
    stamp_ends_at: datetime | None = instant(nullable=True, index=True)
    ordered_at: datetime = instant()
    filed_at: datetime | None = instant(nullable=True)
