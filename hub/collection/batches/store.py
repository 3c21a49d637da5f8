"""Queries over batches and their parts. Each takes the caller's connection and never commits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from catalog.tables import SystemRow, table
from hub.collection.report import Totals
from hub.collection.tables import CollectionBatchRow, CollectionPartRow

_BATCHES: Final = table(CollectionBatchRow)
_PARTS: Final = table(CollectionPartRow)
_SYSTEMS: Final = table(SystemRow)


class BatchState(StrEnum):
    """Where a batch stands."""

    OPEN = "open"
    """Takes parts."""
    UNCONFIRMED = "unconfirmed"
    """Whole; waits for a second person of the department."""
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """The register as a whole cannot be collected; `problem` says why. What was issued before stays issued."""
    EXPIRED = "expired"
    """Parts and report are gone."""


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part; `sha256` in hex. `id` is new with every upload: what one of them leaves is no other's."""

    id: str
    number: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as stored. `ordered` is what its sender asked for, a system or a member of staff."""

    id: str
    owner_department_id: str
    system_id: str | None
    staff_id: str | None
    ordered: dict[str, Any]
    state: BatchState
    problem: dict[str, Any]
    totals: Totals
    reasons: dict[str, int]
    """Why rows were rejected, by code; a row may have several reasons."""
    size_bytes: int
    done_bytes: int
    report_pieces: int
    attempts: int
    data_key: bytes
    kek_kid: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime


def add_batch(tx: Connection, **values: Any) -> None:
    """Write a batch that takes parts."""
    tx.execute(
        insert(_BATCHES).values(
            state=BatchState.OPEN,
            problem={},
            totals=Totals().to_json(),
            size_bytes=0,
            done_bytes=0,
            report_pieces=0,
            attempts=0,
            **values,
        )
    )


def find_batch(tx: Connection, batch_id: str, *, lock: bool = False) -> StoredBatch | None:
    """A batch by id, whoever's it is: the caller compares `system_id` and `staff_id`."""
    query = select(_BATCHES).where(_BATCHES.c.id == batch_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _batch(row)


def batches_of(tx: Connection, department_id: str | None, *, most: int) -> list[tuple[StoredBatch, str]]:
    """The newest batches of a department, or of all, with the client_id of their system; empty for those of staff."""
    query = select(_BATCHES, _SYSTEMS.c.client_id).outerjoin(_SYSTEMS, _SYSTEMS.c.id == _BATCHES.c.system_id)
    if department_id is not None:
        query = query.where(_BATCHES.c.owner_department_id == department_id)
    rows = tx.execute(query.order_by(_BATCHES.c.created_at.desc(), _BATCHES.c.id.desc()).limit(most))
    return [(_batch(row), row.client_id or "") for row in rows]


def change_batch(tx: Connection, batch_id: str, *, now: datetime, **values: Any) -> None:
    """Write what changed of a batch."""
    tx.execute(update(_BATCHES).where(_BATCHES.c.id == batch_id).values(changed_at=now, **values))


def unfinished_of(tx: Connection, department_id: str) -> int:
    """How many batches of a department hold parts."""
    states = [BatchState.OPEN, BatchState.UNCONFIRMED, BatchState.QUEUED, BatchState.RUNNING]
    where = and_(_BATCHES.c.owner_department_id == department_id, _BATCHES.c.state.in_(states))
    return int(tx.execute(select(func.count()).select_from(_BATCHES).where(where)).scalar_one())


def running_of(tx: Connection, department_id: str, *, since: datetime) -> int:
    """How many batches of a department are being collected, and have moved since."""
    mine = and_(_BATCHES.c.owner_department_id == department_id, _BATCHES.c.state == BatchState.RUNNING)
    where = and_(mine, _BATCHES.c.changed_at > since)
    return int(tx.execute(select(func.count()).select_from(_BATCHES).where(where)).scalar_one())


def expired_batches(tx: Connection, *, now: datetime, most: int) -> list[str]:
    """Batches past their time that are not being worked on."""
    settled = [BatchState.OPEN, BatchState.UNCONFIRMED, BatchState.FINISHED, BatchState.FAILED]
    where = and_(_BATCHES.c.expires_at <= now, _BATCHES.c.state.in_(settled))
    return list(tx.execute(select(_BATCHES.c.id).where(where).limit(most)).scalars())


def parts_of(tx: Connection, batch_id: str) -> list[Part]:
    """The parts of a batch, in order."""
    query = select(_PARTS.c.id, _PARTS.c.number, _PARTS.c.size_bytes, _PARTS.c.sha256).where(
        _PARTS.c.batch_id == batch_id
    )
    return [Part(*row) for row in tx.execute(query.order_by(_PARTS.c.number))]


def put_part(tx: Connection, batch_id: str, part: Part) -> None:
    """Write a part in place of an earlier one of its number."""
    tx.execute(delete(_PARTS).where(and_(_PARTS.c.batch_id == batch_id, _PARTS.c.number == part.number)))
    tx.execute(
        insert(_PARTS).values(
            id=part.id, batch_id=batch_id, number=part.number, size_bytes=part.size_bytes, sha256=part.sha256
        )
    )


def remove_parts(tx: Connection, batch_id: str) -> None:
    """Forget the parts of a batch."""
    tx.execute(delete(_PARTS).where(_PARTS.c.batch_id == batch_id))


def _batch(row: Any) -> StoredBatch:
    values = {column.name: row._mapping[column] for column in _BATCHES.c}  # noqa: SLF001  # SQLAlchemy's public name
    read = {"state": BatchState(row.state), "totals": Totals(**row.totals), "reasons": row.reasons or {}}
    return StoredBatch(**values | read)
