"""The jobs port: the outbox table is the truth. At least once, so handlers are idempotent.

A job is a row written in the transaction of its cause; whoever commits may `nudge`. A sweep finds what was missed:
jobs of a process that died, jobs whose lease ran out, jobs due after a failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Connection, and_, delete, insert, select, update

from catalog.tables import table
from hub.clock import Clock, new_id
from hub.storage.database import Database
from hub.storage.tables import OutboxRow

Handler = Callable[[Mapping[str, Any]], Awaitable[None]]
LEASE: Final = timedelta(seconds=60)
MAX_ATTEMPTS: Final = 10
_OUTBOX: Final = table(OutboxRow)
_log = structlog.get_logger(__name__)


def enqueue(tx: Connection, kind: str, payload: dict[str, Any], *, now: datetime) -> str:
    """Write a job in the caller's transaction; it exists exactly if the cause does."""
    job_id = new_id()
    tx.execute(
        insert(_OUTBOX).values(
            id=job_id, kind=kind, payload=payload, created_at=now, due_at=now, attempts=0, lease=None, failed=False
        )
    )
    return job_id


class Jobs(Protocol):
    """Runs outbox rows through their handlers, each at least once."""

    async def nudge(self) -> None:
        """Somebody enqueued: look now rather than at the next sweep."""
        ...

    async def sweep(self) -> int:
        """Run everything due; answers how many were taken."""
        ...


class MemoryJobs:
    """One worker inside this process; a cancelled one leaves its job to the lease."""

    def __init__(self, database: Database, *, clock: Clock, handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._wake = asyncio.Event()

    async def nudge(self) -> None:
        self._wake.set()

    async def sweep(self) -> int:
        due = await self._database.read(lambda tx: _due(tx, self._clock()))
        for job_id in due:
            await self._run(job_id)
        return len(due)

    async def serve(self, *, every_seconds: float = 5.0) -> None:
        """Sweep on every nudge, and every so often. Runs until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001  # a store that is down must not end the worker
                _log.warning("outbox_sweep_failed", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._wake.wait(), every_seconds)
            except TimeoutError:
                continue

    async def _run(self, job_id: str) -> None:
        lease = new_id()
        taken = await self._database.write(lambda tx: _take(tx, job_id, lease, self._clock()))
        if taken is None:
            return
        kind, payload, attempts = taken
        try:
            await self._handlers[kind](payload)
        except Exception as error:  # noqa: BLE001  # one poison job must not stop the others (threat S21)
            _log.warning("job_failed", kind=kind, job=job_id, attempts=attempts, error=type(error).__name__)
            await self._database.write(lambda tx: _put_back(tx, job_id, lease, attempts, self._clock()))
            return
        await self._database.write(lambda tx: _finish(tx, job_id, lease))


def _due(tx: Connection, now: datetime) -> list[str]:
    where = and_(_OUTBOX.c.due_at <= now, _OUTBOX.c.failed.is_(False))
    return list(tx.execute(select(_OUTBOX.c.id).where(where).order_by(_OUTBOX.c.due_at).limit(100)).scalars())


def _take(tx: Connection, job_id: str, lease: str, now: datetime) -> tuple[str, dict[str, Any], int] | None:
    where = and_(_OUTBOX.c.id == job_id, _OUTBOX.c.due_at <= now, _OUTBOX.c.failed.is_(False))
    taken = tx.execute(
        update(_OUTBOX).where(where).values(lease=lease, due_at=now + LEASE, attempts=_OUTBOX.c.attempts + 1)
    )
    if taken.rowcount != 1:
        return None
    row = tx.execute(select(_OUTBOX).where(_OUTBOX.c.id == job_id)).one()
    if row.attempts > MAX_ATTEMPTS:  # it never came back from the last one: a job that kills its process stops here
        tx.execute(update(_OUTBOX).where(_OUTBOX.c.id == job_id).values(failed=True))
        return None
    return row.kind, row.payload, row.attempts


def _put_back(tx: Connection, job_id: str, lease: str, attempts: int, now: datetime) -> None:
    later = now + timedelta(seconds=min(300, 2**attempts))
    where = and_(_OUTBOX.c.id == job_id, _OUTBOX.c.lease == lease)
    tx.execute(update(_OUTBOX).where(where).values(due_at=later, failed=attempts >= MAX_ATTEMPTS))


def _finish(tx: Connection, job_id: str, lease: str) -> None:
    tx.execute(delete(_OUTBOX).where(and_(_OUTBOX.c.id == job_id, _OUTBOX.c.lease == lease)))
