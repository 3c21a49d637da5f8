"""The jobs port: the outbox table is the truth. At least once, so handlers are idempotent.

A job is a row written in the transaction of its cause; the database nudges a worker when that is committed. A sweep
finds what was missed: jobs of a process that died, jobs whose lease ran out, jobs due after a failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Connection, and_, delete, insert, select, update

from catalog.tables import table
from hub.clock import Clock, new_id
from hub.storage.database import Database, mention
from hub.storage.errors import StorageError
from hub.storage.tables import OutboxRow

Handler = Callable[[Mapping[str, Any]], Awaitable[None]]
LEASE: Final = timedelta(seconds=60)
MAX_ATTEMPTS: Final = 10
SWEEP_SECONDS: Final = 5.0
WIDTH: Final = 8
"""Jobs at once in one process: a webhook that hangs must not hold up a status list."""
PAGE: Final = 100
_OUTBOX: Final = table(OutboxRow)
_log = structlog.get_logger(__name__)


def enqueue(tx: Connection, kind: str, payload: dict[str, Any], *, now: datetime, due: datetime | None = None) -> str:
    """Write a job in the caller's transaction; it exists exactly if the cause does. It runs at `due`, or at once."""
    job_id = new_id()
    tx.execute(
        insert(_OUTBOX).values(
            id=job_id,
            kind=kind,
            payload=payload,
            created_at=now,
            due_at=due or now,
            attempts=0,
            lease=None,
            failed=False,
        )
    )
    if due is None or due <= now:
        mention(tx, job_id)
    return job_id


def any_due(tx: Connection, kinds: Sequence[str], *, now: datetime) -> bool:
    """Whether a job of these kinds is due and in nobody's hands: it waits for a place."""
    waiting = and_(_OUTBOX.c.due_at <= now, _OUTBOX.c.failed.is_(False), _OUTBOX.c.kind.in_(list(kinds)))
    return tx.execute(select(_OUTBOX.c.id).where(waiting).limit(1)).first() is not None


def unsettled(tx: Connection, kind: str) -> list[dict[str, Any]]:
    """What the jobs of this kind are of that wait, or are in hand."""
    here = and_(_OUTBOX.c.kind == kind, _OUTBOX.c.failed.is_(False))
    return list(tx.execute(select(_OUTBOX.c.payload).where(here)).scalars())


class LeaseLostError(Exception):
    """Somebody else has the job: this process slept too long."""


class Jobs(Protocol):
    """Runs outbox rows through their handlers, each at least once, several at a time."""

    async def nudge(self, *job_ids: str) -> None:
        """Somebody enqueued these, and committed: a worker looks now rather than at its next sweep. Never fails."""
        ...

    async def sweep(self) -> int:
        """Run everything due, here and now; answers how many were found. Raises: StorageError."""
        ...

    async def serve(self, *, every_seconds: float = SWEEP_SECONDS) -> None:
        """Run jobs as they come, and sweep every so often. Until `stop`, then after the jobs in hand, or cancelled:
        then they are left to their leases.
        """
        ...

    def stop(self) -> None:
        """Take no more jobs."""
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


class MemoryJobs:
    """One worker inside this process."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        handlers: Mapping[str, Handler],
        renew_seconds: float = LEASE.total_seconds() / 3,
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._renew_seconds = renew_seconds
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(WIDTH)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def nudge(self, *job_ids: str) -> None:
        del job_ids  # the sweep finds them
        self._wake.set()

    async def sweep(self) -> int:
        found = 0
        while due := await self._database.read(lambda tx: _due(tx, self._clock())):
            found += len(due)
            started = [await self.start(lambda job_id=job_id: self.run(job_id)) for job_id in due]  # type: ignore[misc]
            await asyncio.gather(*started)
            if len(due) < PAGE:
                break
        return found

    async def serve(self, *, every_seconds: float = SWEEP_SECONDS) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                await self._start_due()
                with suppress(TimeoutError):  # wait_for may swallow a cancellation that comes with a nudge
                    async with asyncio.timeout(every_seconds):
                        await self._wake.wait()
            await self.finish()
        finally:
            for task in self._in_hand:
                task.cancel()
            await self.finish()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def close(self) -> None:
        return

    async def finish(self) -> None:
        """Wait for the jobs in hand."""
        if self._in_hand:
            await asyncio.wait(self._in_hand)

    async def start(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Begin once one of the places is free: a slow job holds up no more than its own."""
        await self._slots.acquire()

        async def placed() -> None:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # a store that is down; the lease brings the job back
                _log.warning("job_unsettled", error=type(error).__name__)
            finally:
                self._slots.release()

        task = asyncio.create_task(placed())
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        return task

    async def run(self, job_id: str) -> None:
        """Take a job and run it, unless it is gone, not due or in other hands. Raises: StorageError."""
        lease = new_id()
        taken = await self._database.write(lambda tx: _take(tx, job_id, lease, self._clock()))
        if taken is None:
            return
        kind, payload, attempts = taken
        try:
            await self._handle(kind, payload, lambda tx: _renew(tx, job_id, lease, self._clock()))
        except LeaseLostError:
            _log.warning("job_lease_lost", kind=kind, job=job_id, attempts=attempts)
        except Exception as error:  # noqa: BLE001  # one poison job must not stop the others (threat S21)
            _log.warning("job_failed", kind=kind, job=job_id, attempts=attempts, error=type(error).__name__)
            await self._database.write(lambda tx: _put_back(tx, job_id, lease, attempts, self._clock()))
        else:
            await self._database.write(lambda tx: _finish(tx, job_id, lease))

    async def run_unless_stopped(self, job_id: str) -> None:
        """As `run`. A worker that was told to stop leaves the job, due, to another."""
        if not self._stopping:
            await self.run(job_id)

    async def _start_due(self) -> None:
        try:
            while not self._stopping:
                due = await self._database.read(lambda tx: _due(tx, self._clock()))
                for job_id in due:
                    await self.start(lambda job_id=job_id: self.run_unless_stopped(job_id))  # type: ignore[misc]
                if len(due) < PAGE:
                    return
        except Exception as error:  # noqa: BLE001  # a store that is down must not end the worker
            _log.warning("outbox_sweep_failed", error=type(error).__name__)

    async def _handle(self, kind: str, payload: Mapping[str, Any], renew: Callable[[Connection], bool]) -> None:
        """Run the handler and keep its lease; one that lost it is stopped, for somebody else has the job."""

        async def handle() -> None:
            await self._handlers[kind](payload)

        handling = asyncio.create_task(handle())
        try:
            while not (await asyncio.wait({handling}, timeout=self._renew_seconds))[0]:
                with suppress(StorageError):  # the next time, or never: then the lease runs out
                    if not await self._database.write(renew):
                        raise LeaseLostError
            handling.result()
        finally:
            if not handling.done():
                handling.cancel()
                await asyncio.wait({handling})


def _due(tx: Connection, now: datetime) -> list[str]:
    where = and_(_OUTBOX.c.due_at <= now, _OUTBOX.c.failed.is_(False))
    return list(tx.execute(select(_OUTBOX.c.id).where(where).order_by(_OUTBOX.c.due_at).limit(PAGE)).scalars())


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


def _renew(tx: Connection, job_id: str, lease: str, now: datetime) -> bool:
    where = and_(_OUTBOX.c.id == job_id, _OUTBOX.c.lease == lease)
    return tx.execute(update(_OUTBOX).where(where).values(due_at=now + LEASE)).rowcount == 1


def _put_back(tx: Connection, job_id: str, lease: str, attempts: int, now: datetime) -> None:
    later = now + timedelta(seconds=min(300, 2**attempts))
    where = and_(_OUTBOX.c.id == job_id, _OUTBOX.c.lease == lease)
    tx.execute(update(_OUTBOX).where(where).values(due_at=later, failed=attempts >= MAX_ATTEMPTS))


def _finish(tx: Connection, job_id: str, lease: str) -> None:
    tx.execute(delete(_OUTBOX).where(and_(_OUTBOX.c.id == job_id, _OUTBOX.c.lease == lease)))
