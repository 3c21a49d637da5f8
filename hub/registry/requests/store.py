"""Queries over requests for access and their steps. Each takes the caller's connection and never commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, insert, or_, select, update

from catalog.tables import DepartmentRow, SystemRow, table
from hub.clock import new_id
from hub.registry.requests.reading import restored
from hub.registry.requests.values import OPEN, GrantRequest, State, StepTaken, read_clock
from hub.registry.tables import GrantRequestRow, GrantRequestStepRow

_REQUESTS: Final = table(GrantRequestRow)
_STEPS: Final = table(GrantRequestStepRow)
_OWNERS: Final = table(DepartmentRow).alias("owners")
_ASKERS: Final = table(DepartmentRow).alias("askers")
_OPEN: Final = tuple(state.value for state in OPEN)
_SELECT: Final = (
    select(_REQUESTS, _OWNERS.c.code.label("owner_code"), _ASKERS.c.code.label("asking_code"))
    .join(_OWNERS, _OWNERS.c.id == _REQUESTS.c.owner_department_id)
    .join(_ASKERS, _ASKERS.c.id == _REQUESTS.c.asking_department_id)
)
_SYSTEMS: Final = table(SystemRow)
MAX_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class System:
    """A system as a request refers to it."""

    id: str
    client_id: str
    department_id: str


def find_system(tx: Connection, client_id: str) -> System | None:
    """The active system of this client id."""
    where = and_(_SYSTEMS.c.client_id == client_id, _SYSTEMS.c.active.is_(True))
    row = tx.execute(select(_SYSTEMS.c.id, _SYSTEMS.c.owner_department_id).where(where)).one_or_none()
    return None if row is None else System(row.id, client_id, row.owner_department_id)


def add_request(tx: Connection, **values: Any) -> None:
    """Write a request row."""
    tx.execute(insert(_REQUESTS).values(**values))


def find_request(tx: Connection, request_id: str, *, lock: bool = False) -> GrantRequest | None:
    """The request of this id; with `lock` nobody else changes it until the transaction ends."""
    query = _SELECT.where(_REQUESTS.c.id == request_id)
    if lock:
        query = query.with_for_update(of=_REQUESTS)
    row = tx.execute(query).one_or_none()
    return None if row is None else _request(row)


def change_request(tx: Connection, request: GrantRequest, **values: Any) -> bool:
    """Change a request that is still at its `row_version`; False when somebody was faster."""
    where = and_(_REQUESTS.c.id == request.id, _REQUESTS.c.row_version == request.row_version)
    changed = tx.execute(update(_REQUESTS).where(where).values(row_version=request.row_version + 1, **values))
    return changed.rowcount == 1


def is_asked_already(
    tx: Connection, system_id: str, resource: str, kind: str, purpose: str, *, but: str | None = None
) -> bool:
    """Whether an open request asks for the same. `but` is left out of the count."""
    where = and_(
        _REQUESTS.c.system_id == system_id,
        _REQUESTS.c.resource == resource,
        _REQUESTS.c.kind == kind,
        _REQUESTS.c.purpose == purpose,
        _REQUESTS.c.state.in_(_OPEN),
    )
    return any(row.id != but for row in tx.execute(select(_REQUESTS.c.id).where(where)))


def list_requests(
    tx: Connection,
    *,
    department_id: str | None = None,
    system_id: str | None = None,
    state: str | None = None,
    overdue_at: datetime | None = None,
    to_decide_by: str | None = None,
) -> list[GrantRequest]:
    """Requests that concern a department as asker or owner, or all; oldest due first, then newest. At most 500."""
    query: Select[Any] = _SELECT
    if department_id is not None:
        own = or_(_REQUESTS.c.owner_department_id == department_id, _REQUESTS.c.asking_department_id == department_id)
        query = query.where(own)
    if system_id is not None:
        query = query.where(_REQUESTS.c.system_id == system_id)
    if state is not None:
        query = query.where(_REQUESTS.c.state == state)
    if overdue_at is not None:
        query = query.where(and_(_REQUESTS.c.due_at <= overdue_at, _REQUESTS.c.state == State.SUBMITTED.value))
    if to_decide_by is not None:
        query = query.where(_REQUESTS.c.owner_department_id == to_decide_by)
        query = query.where(_REQUESTS.c.state == State.SUBMITTED.value)
    ordered = query.order_by(_REQUESTS.c.due_at.is_(None), _REQUESTS.c.due_at, _REQUESTS.c.id.desc())
    return [_request(row) for row in tx.execute(ordered.limit(MAX_LISTED))]


def running_from(tx: Connection, instant: datetime) -> list[GrantRequest]:
    """Requests whose clock runs beyond this instant, locked: a calendar is about to change."""
    query = _SELECT.where(and_(_REQUESTS.c.state.in_(_OPEN), _REQUESTS.c.due_at > instant))
    return [_request(row) for row in tx.execute(query.order_by(_REQUESTS.c.id).with_for_update(of=_REQUESTS))]


def add_step(tx: Connection, request_id: str, step: StepTaken) -> None:
    """Write a line of a request's history."""
    tx.execute(
        insert(_STEPS).values(
            id=new_id(),
            request_id=request_id,
            step=step.step,
            state=step.state,
            actor=dict(step.actor),
            reason=step.reason,
            detail=dict(step.detail),
            at=step.at,
            ledger_entry_id=step.ledger_entry_id,
        )
    )


def steps_of(tx: Connection, request_id: str) -> list[StepTaken]:
    """The history of a request, oldest first."""
    rows = tx.execute(select(_STEPS).where(_STEPS.c.request_id == request_id).order_by(_STEPS.c.at, _STEPS.c.id))
    return [
        StepTaken(row.step, row.state, row.actor, row.reason, row.detail, row.at, row.ledger_entry_id) for row in rows
    ]


def _request(row: Row[Any]) -> GrantRequest:
    decision: Mapping[str, Any] = row.decision
    return GrantRequest(
        id=row.id,
        owner_department_id=row.owner_department_id,
        asking_department_id=row.asking_department_id,
        system_id=row.system_id,
        filing=restored(row.asked),
        state=State(row.state),
        row_version=row.row_version,
        asked_by=row.asked_by,
        filed_at=row.filed_at,
        clock=read_clock(row.clock),
        due_at=row.due_at,
        due_assumed=row.due_assumed,
        asks=row.asks,
        extensions=row.extensions,
        decision=decision,
        grant_id=row.grant_id,
        changed_at=row.changed_at,
        owner_code=row.owner_code,
        asking_code=row.asking_code,
    )
