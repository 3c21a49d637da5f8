"""What the registry remembers beside the catalogue: alarms, live tests, who did what. Codes and counts, no values."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import document, instant, uuid, words


class AlarmRow(SQLModel, table=True):
    """Something that the owner must look at. One of the kind `drift` closes its interface version until it is lifted.

    `field` and `code` are the first difference; no value is kept.
    """

    __tablename__ = "alarms"
    id: str = uuid(primary_key=True)
    kind: str = words(40)
    owner_department_id: str = uuid(references="departments.id", index=True)
    interface_id: str | None = uuid(references="interfaces.id", nullable=True, index=True)
    field: str = words(64)
    code: str = words(64)
    raised_at: datetime = instant()
    lifted_at: datetime | None = instant(nullable=True)
    lifted_by: str | None = words(64, nullable=True)


class InterfaceEventRow(SQLModel, table=True):
    """A step in the life of an interface version, and who took it."""

    __tablename__ = "interface_events"
    id: str = uuid(primary_key=True)
    interface_id: str = uuid(references="interfaces.id", index=True)
    kind: str = words(20)
    actor_kind: str = words(20)
    actor_id: str = words(64)
    reason: str = words(400)
    at: datetime = instant()


class InterfaceTrialRow(SQLModel, table=True):
    """A live test or a dry run of one definition against one state of its source: outcome and counts."""

    __tablename__ = "interface_trials"
    id: str = uuid(primary_key=True)
    interface_id: str = uuid(references="interfaces.id", index=True)
    kind: str = words(20)
    """`live` or `quality`."""
    definition_digest: str = words(64)
    source_row_version: int
    passed: bool
    code: str = words(64)
    report: dict[str, Any] = document()
    """Of a dry run: counts and row numbers, for the owner alone."""
    actor_id: str = words(64)
    at: datetime = instant()


class SourceProbeRow(SQLModel, table=True):
    """The last probe of a source."""

    __tablename__ = "source_probes"
    source_id: str = uuid(primary_key=True, references="sources.id")
    ok: bool
    code: str = words(64)
    milliseconds: int
    at: datetime = instant()
