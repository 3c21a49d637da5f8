"""Interfaces as their owners see them. Other people see the catalogue, which is another page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.interface_store import StoredInterface
from hub.clock import rfc3339
from hub.exchange.drift import Alarm, open_quarantines
from hub.registry.interface_history import Event, Holder, Trial, events_of, holders_of, trials_of
from hub.registry.recording import digest_of
from hub.registry.source_store import department_code


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """A version with its history, its trials of this very definition, and who has grants of its code.

    `declared` and `department` name the department that answers for it today; `digest` is of what was published.
    """

    code: str
    version: int
    department: str
    source: str
    state: str
    row_version: int
    digest: str
    declared: dict[str, Any]
    published_at: datetime | None
    ends_at: datetime | None
    quarantine: Alarm | None
    events: tuple[Event, ...]
    trials: tuple[Trial, ...]
    holders: tuple[Holder, ...]

    def summary(self) -> dict[str, Any]:
        """One line of a list."""
        return {
            "code": self.code,
            "version": self.version,
            "title": self.declared["title"],
            "department": self.department,
            "source": self.source,
            "state": self.state,
            "published_at": rfc3339(self.published_at) if self.published_at else None,
            "ends_at": rfc3339(self.ends_at) if self.ends_at else None,
            "quarantine": _alarm(self.quarantine),
        }

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return self.summary() | {
            "row_version": self.row_version,
            "digest": self.digest,
            "definition": self.declared,
            "events": [event.as_json() for event in self.events],
            "trials": [trial.as_json() for trial in self.trials],
            "holders": [holder.as_json() for holder in self.holders],
        }


def view(tx: Connection, stored: StoredInterface) -> InterfaceView:
    """The view of a stored version."""
    digest = digest_of(stored.declared)
    declared = declared_today(tx, stored)
    return InterfaceView(
        code=stored.interface.code,
        version=stored.version,
        department=declared["department"],
        source=stored.interface.source,
        state=stored.state.value,
        row_version=stored.row_version,
        digest=digest,
        declared=declared,
        published_at=stored.published_at,
        ends_at=stored.ends_at,
        quarantine=next((alarm for alarm in open_quarantines(tx) if alarm.interface_id == stored.id), None),
        events=events_of(tx, stored.id),
        trials=trials_of(tx, stored.id, digest=digest),
        holders=holders_of(tx, stored.interface.code),
    )


def declared_today(tx: Connection, stored: StoredInterface) -> dict[str, Any]:
    """A definition under its present owner: what is stored names the department of the day it was written, which
    after a succession can write nothing any more.
    """
    return stored.declared | {"department": department_code(tx, stored.owner_department_id)}


def _alarm(alarm: Alarm | None) -> dict[str, Any] | None:
    if alarm is None:
        return None
    return {"field": alarm.field, "code": alarm.code, "raised_at": rfc3339(alarm.raised_at)}
