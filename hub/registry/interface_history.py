"""What was done to an interface version, by whom, and whether it was tried: rows of codes and counts, no values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, select

from catalog.interface_store import StoredInterface
from catalog.tables import DepartmentRow, GrantRow, SystemRow, table
from hub.access.actors import Actor, Role
from hub.clock import new_id, rfc3339
from hub.registry.notices import notify
from hub.registry.tables import InterfaceEventRow, InterfaceTrialRow

_EVENTS: Final = table(InterfaceEventRow)
_TRIALS: Final = table(InterfaceTrialRow)
_GRANTS: Final = table(GrantRow)
_SYSTEMS: Final = table(SystemRow)
_DEPARTMENTS: Final = table(DepartmentRow)
WROTE: Final = ("draft", "test")
"""Steps that make somebody an author, who cannot approve."""


@dataclass(frozen=True, slots=True)
class Event:
    """A step in the life of a version."""

    kind: str
    actor_kind: str
    actor_id: str
    reason: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {
            "kind": self.kind,
            "actor": {"kind": self.actor_kind, "id": self.actor_id},
            "reason": self.reason,
            "at": rfc3339(self.at),
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A live test or dry run, as remembered. `report` is a dry run's."""

    kind: str
    passed: bool
    code: str
    report: dict[str, Any]
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """For answers; the report is asked for by itself."""
        return {"kind": self.kind, "passed": self.passed, "code": self.code, "at": rfc3339(self.at)}


@dataclass(frozen=True, slots=True)
class Holder:
    """A system that has a grant of an interface: who must be told before it ends."""

    client_id: str
    department: str
    grant_id: str
    state: str
    valid_until: datetime

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {
            "client_id": self.client_id,
            "department": self.department,
            "grant": self.grant_id,
            "state": self.state,
            "valid_until": rfc3339(self.valid_until),
        }


def add_event(tx: Connection, interface_id: str, kind: str, actor: Actor, *, now: datetime, reason: str = "") -> None:
    """Write a step."""
    tx.execute(
        insert(_EVENTS).values(
            id=new_id(),
            interface_id=interface_id,
            kind=kind,
            actor_kind=actor.kind,
            actor_id=actor.id,
            reason=reason[:400],
            at=now,
        )
    )


def events_of(tx: Connection, interface_id: str) -> tuple[Event, ...]:
    """Steps of a version, oldest first."""
    query = select(_EVENTS).where(_EVENTS.c.interface_id == interface_id).order_by(_EVENTS.c.at, _EVENTS.c.id)
    return tuple(Event(row.kind, row.actor_kind, row.actor_id, row.reason, row.at) for row in tx.execute(query))


def wrote(tx: Connection, interface_id: str, actor: Actor) -> bool:
    """Whether this person is among the authors of a version."""
    where = and_(
        _EVENTS.c.interface_id == interface_id,
        _EVENTS.c.kind.in_(WROTE),
        _EVENTS.c.actor_kind == actor.kind,
        _EVENTS.c.actor_id == actor.id,
    )
    return tx.execute(select(_EVENTS.c.id).where(where).limit(1)).first() is not None


def add_trial(
    tx: Connection, stored: StoredInterface, trial: Trial, *, digest: str, source_row_version: int, actor: Actor
) -> None:
    """Remember a trial of this definition against this state of its source."""
    tx.execute(
        insert(_TRIALS).values(
            id=new_id(),
            interface_id=stored.id,
            kind=trial.kind,
            definition_digest=digest,
            source_row_version=source_row_version,
            passed=trial.passed,
            code=trial.code[:64],
            report=trial.report,
            actor_id=actor.id,
            at=trial.at,
        )
    )


def trials_of(
    tx: Connection, interface_id: str, *, digest: str | None = None, source_row_version: int | None = None
) -> tuple[Trial, ...]:
    """Trials, newest first: all, or those of one definition against one state of the source."""
    query = select(_TRIALS).where(_TRIALS.c.interface_id == interface_id)
    if digest is not None:
        query = query.where(_TRIALS.c.definition_digest == digest)
    if source_row_version is not None:
        query = query.where(_TRIALS.c.source_row_version == source_row_version)
    rows = tx.execute(query.order_by(_TRIALS.c.at.desc(), _TRIALS.c.id.desc()))
    return tuple(Trial(row.kind, row.passed, row.code, row.report, row.at) for row in rows)


def why_it_ends(tx: Connection, interface_id: str) -> str | None:
    """What its owner said when he announced the end of a version, or ended it; consumers may see it."""
    said = [event.reason for event in events_of(tx, interface_id) if event.kind in {"deprecated", "withdrawn"}]
    return said[-1] if said else None


def tell_holders(tx: Connection, code: str, kind: str, *, now: datetime) -> None:
    """A notice about each grant to the department that has it, in the transaction of the step."""
    query = select(_GRANTS.c.id, _SYSTEMS.c.owner_department_id).join(_SYSTEMS, _SYSTEMS.c.id == _GRANTS.c.system_id)
    held = query.where(_held(code)).order_by(_GRANTS.c.id)
    for grant_id, department_id in tx.execute(held).all():
        about = ("grant", grant_id)
        notify(tx, f"interface.{kind}", department_id=department_id, role=Role.CONSUMER_ENGINEER, about=about, now=now)


def _held(code: str) -> Any:
    return and_(_GRANTS.c.resource_kind == "interface", _GRANTS.c.type_code == code, _GRANTS.c.state != "withdrawn")


def holders_of(tx: Connection, code: str) -> tuple[Holder, ...]:
    """Systems with a grant of an interface that is not withdrawn, by client."""
    query = (
        select(_SYSTEMS.c.client_id, _DEPARTMENTS.c.code, _GRANTS.c.id, _GRANTS.c.state, _GRANTS.c.valid_until)
        .join(_SYSTEMS, _SYSTEMS.c.id == _GRANTS.c.system_id)
        .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _SYSTEMS.c.owner_department_id)
        .where(_held(code))
        .order_by(_SYSTEMS.c.client_id, _GRANTS.c.id)
    )
    return tuple(Holder(row.client_id, row.code, row.id, row.state, row.valid_until) for row in tx.execute(query))
