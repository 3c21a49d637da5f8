"""Queries over demands and their steps. Each takes the caller's connection and never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, select, update

from catalog.tables import table
from hub.registry.demands.states import OPEN, Demand, State
from hub.registry.tables import DemandRow, DemandStepRow

_DEMANDS: Final = table(DemandRow)
_STEPS: Final = table(DemandStepRow)


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step as it was taken. `owner_department_id`: in whose queue the demand lay afterwards."""

    step: str
    state: str
    owner_department_id: str | None
    actor: dict[str, str]
    reason: str
    at: datetime


def add_demand(tx: Connection, **values: Any) -> None:
    """Write a demand row."""
    tx.execute(insert(_DEMANDS).values(**values))


def find_demand(tx: Connection, demand_id: str, *, for_update: bool = False) -> Demand | None:
    """One demand."""
    query = select(_DEMANDS).where(_DEMANDS.c.id == demand_id)
    row = tx.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else _demand(row)


def change_demand(tx: Connection, demand: Demand, **values: Any) -> bool:
    """Change a demand that is still as it was read; False when somebody was faster."""
    where = and_(_DEMANDS.c.id == demand.id, _DEMANDS.c.row_version == demand.row_version)
    changed = update(_DEMANDS).where(where).values(row_version=demand.row_version + 1, **values)
    return tx.execute(changed).rowcount == 1


def list_demands(
    tx: Connection,
    *,
    owner: str | None = None,
    asking: str | None = None,
    states: Sequence[State] = (),
    before: str | None = None,
    limit: int = 100,
) -> list[Demand]:
    """Demands newest first: in a department's queue, of an asking one, or all. `before` is the last id of a page."""
    query = select(_DEMANDS).order_by(_DEMANDS.c.id.desc()).limit(limit)
    if owner is not None:
        query = query.where(_DEMANDS.c.owner_department_id == owner)
    if asking is not None:
        query = query.where(_DEMANDS.c.asking_department_id == asking)
    if states:
        query = query.where(_DEMANDS.c.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(_DEMANDS.c.id < before)
    return [_demand(row) for row in tx.execute(query)]


def waiting_from(tx: Connection, instant: datetime) -> list[tuple[Demand, datetime]]:
    """Demands that wait beyond this instant, locked, each with the instant of its last step, when its clock began."""
    query = select(_DEMANDS).where(
        and_(_DEMANDS.c.state.in_([state.value for state in OPEN]), _DEMANDS.c.due_at > instant)
    )
    found = [_demand(row) for row in tx.execute(query.order_by(_DEMANDS.c.id).with_for_update())]
    return [(demand, steps_of(tx, demand.id)[-1].at) for demand in found]


def add_step(tx: Connection, **values: Any) -> None:
    """Write a step."""
    tx.execute(insert(_STEPS).values(**values))


def steps_of(tx: Connection, demand_id: str) -> list[StepTaken]:
    """The steps of a demand, oldest first."""
    columns = [_STEPS.c[name] for name in ("step", "state", "owner_department_id", "actor", "reason", "at")]
    rows = tx.execute(select(*columns).where(_STEPS.c.demand_id == demand_id).order_by(_STEPS.c.id))
    return [StepTaken(*row) for row in rows]


def _demand(row: Row[Any]) -> Demand:
    return Demand(
        id=row.id,
        asking_department_id=row.asking_department_id,
        system_id=row.system_id,
        owner_department_id=row.owner_department_id,
        state=State(row.state),
        wanted=row.wanted,
        candidates=tuple(row.candidates),
        answer=row.answer,
        row_version=row.row_version,
        filed_at=row.filed_at,
        due_at=row.due_at,
        changed_at=row.changed_at,
    )
