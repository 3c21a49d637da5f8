"""Windows in which the hub is closed."""

from datetime import datetime

from sqlmodel import SQLModel

from catalog.tables import instant, uuid, words


class ClosureRow(SQLModel, table=True):
    """One announced window; the newest that is neither over nor cancelled counts."""

    __tablename__ = "planned_closures"
    id: str = uuid(primary_key=True)
    begins_at: datetime = instant()
    ends_at: datetime = instant(index=True)
    note_zh: str = words(200)
    note_en: str = words(200)
    announced_at: datetime = instant()
    cancelled_at: datetime | None = instant(nullable=True)
    ledger_entry_id: str = uuid()
