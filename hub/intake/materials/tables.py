"""The row of a system's own material codes."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import document, instant, uuid, words


class SystemMaterialsRow(SQLModel, table=True):
    """Material codes of a system for one matter, by requirement."""

    __tablename__ = "system_materials"
    __table_args__ = (UniqueConstraint("system_id", "matter_code"),)
    id: str = uuid(primary_key=True)
    system_id: str = uuid(references="systems.id")
    matter_code: str = words(64)
    codes: dict[str, str] = document()
    changed_at: datetime = instant()
