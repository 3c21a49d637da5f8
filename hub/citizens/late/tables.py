"""Orders to show late."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class LateOrderRow(SQLModel, table=True):
    """One order: about whom (a keyed hash of his number), which department's cases of which matter, why, until when,
    and the three who signed. A row that anybody could write, or lengthen, would hide looks from a person: its MAC
    covers its meaning, and its ledger entry is the latest of this object.
    """

    __tablename__ = "late_orders"
    __table_args__ = (Index("ix_late_orders_queue", "owner_department_id", "state"),)
    id: str = uuid(primary_key=True)
    lookup_hash: bytes = binary(index=True)
    owner_department_id: str = uuid(references="departments.id")
    matter: str = words(64)
    reason: str = words(20)
    legal_basis: str = words(500)
    state: str = words(10)
    proposed_by: str = uuid()
    seconded_by: str | None = uuid(nullable=True)
    signed_by: str | None = uuid(nullable=True)
    proposed_at: datetime = instant()
    since: datetime | None = instant(nullable=True)
    """From when on entries are held back: of the first order, where this one extends it."""
    until: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    extends: str | None = uuid(nullable=True)
    whom: bytes | None = binary(nullable=True)
    """The number with its middle struck out, sealed for this row: what those who sign are shown."""
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
