"""Queries over deliveries to agents. Each takes the caller's connection and never commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from catalog.tables import table
from hub.exchange.tables import AgentDeliveryRow

_DELIVERIES: Final = table(AgentDeliveryRow)
LEASE: Final = timedelta(seconds=60)
WAITING, TAKEN, DONE, DEAD = "waiting", "taken", "done", "dead"


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as stored. `due_at` of a taken one is the end of its lease."""

    id: str
    source_id: str
    case_id: str
    matter: str
    operation: str
    state: str
    attempts: int
    due_at: datetime
    last_error: str
    sealed: bytes
    data_key: bytes
    kek_kid: str
    created_at: datetime
    changed_at: datetime


def add_delivery(tx: Connection, *, now: datetime, **values: Any) -> None:
    """Put a delivery in line."""
    tx.execute(
        insert(_DELIVERIES).values(state=WAITING, attempts=0, last_error="", created_at=now, changed_at=now, **values)
    )


def any_due(tx: Connection, source_id: str, *, now: datetime) -> bool:
    """Whether something waits for the agent of this source."""
    return tx.execute(select(_DELIVERIES.c.id).where(_due(source_id, now)).limit(1)).first() is not None


def take(tx: Connection, source_id: str, *, now: datetime) -> StoredDelivery | None:
    """Lease the oldest due delivery to the agent of this source."""
    query = select(_DELIVERIES).where(_due(source_id, now)).order_by(_DELIVERIES.c.due_at, _DELIVERIES.c.id).limit(1)
    row = tx.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    values = {"state": TAKEN, "attempts": row.attempts + 1, "due_at": now + LEASE, "changed_at": now}
    tx.execute(update(_DELIVERIES).where(_DELIVERIES.c.id == row.id).values(**values))
    return _delivery(row, **values)


def find_delivery(tx: Connection, source_id: str, delivery_id: str, *, lock: bool = False) -> StoredDelivery | None:
    """A delivery of this source."""
    query = select(_DELIVERIES).where(_DELIVERIES.c.id == delivery_id, _DELIVERIES.c.source_id == source_id)
    row = tx.execute(query.with_for_update() if lock else query).first()
    return _delivery(row) if row else None


def change(tx: Connection, delivery_id: str, **values: Any) -> None:
    """Change a delivery that the caller has locked."""
    tx.execute(update(_DELIVERIES).where(_DELIVERIES.c.id == delivery_id).values(**values))


def list_deliveries(tx: Connection, source_id: str, *, states: tuple[str, ...], most: int) -> list[StoredDelivery]:
    """Deliveries of a source in these states, newest first."""
    query = (
        select(_DELIVERIES)
        .where(_DELIVERIES.c.source_id == source_id, _DELIVERIES.c.state.in_(states))
        .order_by(_DELIVERIES.c.id.desc())
        .limit(most)
    )
    return [_delivery(row) for row in tx.execute(query)]


def count_deliveries(tx: Connection, source_id: str, *, states: tuple[str, ...]) -> int:
    """How many deliveries of a source are in these states."""
    where = and_(_DELIVERIES.c.source_id == source_id, _DELIVERIES.c.state.in_(states))
    return tx.execute(select(func.count()).select_from(_DELIVERIES).where(where)).scalar_one()


def sealed_place(delivery_id: str) -> str:
    """Where a delivery's content is stored, for its encryption."""
    return f"agent_deliveries:{delivery_id}:sealed"


def _due(source_id: str, now: datetime) -> Any:
    return and_(
        _DELIVERIES.c.source_id == source_id,
        or_(_DELIVERIES.c.state == WAITING, _DELIVERIES.c.state == TAKEN),
        _DELIVERIES.c.due_at <= now,
    )


def _delivery(row: Row[Any], **changed: Any) -> StoredDelivery:
    return StoredDelivery(**{**row._asdict(), **changed})
