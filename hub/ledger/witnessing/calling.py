"""Witnesses that have an address are called: what is laid before them is brought to each, and what it signs is kept.

A call is a job, so that a witness that is away holds up nobody: neither the log, nor another witness, nor who registers
one. It is tried again after a pause that grows; a witness that is away for good is told of by its silence, as one that
nobody calls.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.clock import Clock
from hub.ledger.sequencer import read_head
from hub.ledger.tiles import Tiles
from hub.ledger.witnessing.asking import CONTRADICTIONS, NEWER, Brought, CallError, ask
from hub.ledger.witnessing.errors import WitnessingError
from hub.ledger.witnessing.reading import LINES, ROUNDS
from hub.ledger.witnessing.register import Witness
from hub.ledger.witnessing.service import ROUND, Witnessing, tell_operators
from hub.ledger.witnessing.tables import LedgerWitnessCallRow
from hub.reach import Reach
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from signing.log.merkle import consistency_proof

CALL: Final = "witness.call"
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300))
"""After the first failure, the second, …; the last for all others."""
IN_HAND: Final = timedelta(seconds=60)
"""How long a job may take; after that another is written."""
_CALLS: Final = table(LedgerWitnessCallRow)
_log = structlog.get_logger(__name__)


class WitnessCalls:
    """One per process."""

    def __init__(self, database: Database, *, witnessing: Witnessing, origin: str, reach: Reach, clock: Clock) -> None:
        self._database = database
        self._witnessing = witnessing
        self._reach = reach
        self._clock = clock
        self._rounds = ROUNDS.c.origin == origin
        self._lines = LINES.c.origin == origin

    async def sweep(self) -> None:
        """Write a job for each witness that has not co-signed what lies before it, and whose pause is over."""
        now = self._clock()
        if await self._database.read(lambda tx: self._due(tx, now)):
            await self._database.write(lambda tx: self._begin(tx, now))

    async def call(self, job: Mapping[str, Any]) -> None:
        """Call one witness; a failure is written down and tried again later, it is no error of the job."""
        witness_id = str(job["witness"])
        found = await self._database.read(lambda tx: self._waiting(tx, witness_id))
        if found is None:
            return
        witness, note, size, old_size = found
        brought = Brought(note, size, lambda old: self._path(old, size), self._head)
        failed = ""
        try:
            await self._witnessing.take(await ask(witness, brought, old_size=old_size, reach=self._reach))
        except CallError as error:
            failed = error.reason
        except WitnessingError:  # a time to come, or a round that is over
            failed = "cosignature"
        now = self._clock()
        before = await self._database.write(lambda tx: _settle(tx, witness_id, failed, now))
        if failed in CONTRADICTIONS and failed != before:
            _log.error("witness_contradicts", alarm=True, witness=witness.name, reason=failed)
        elif failed:
            _log.warning("witness_not_reached", witness=witness.name, reason=failed)

    def _due(self, tx: Connection, now: datetime) -> Sequence[str]:
        """Ids of the witnesses that are to be called."""
        called = [item for item in self._witnessing.register.known(tx) if item.url]
        size = tx.execute(select(ROUNDS.c.size).where(self._rounds).order_by(ROUNDS.c.size.desc()).limit(1)).scalar()
        if not called or size is None:
            return ()
        signed = select(LINES.c.witness_id).where(self._lines & (LINES.c.size == size))
        rest = select(_CALLS.c.witness_id).where(_CALLS.c.due_at > now)
        passed = {*tx.execute(signed).scalars(), *tx.execute(rest).scalars()}
        return [item.id for item in called if item.id not in passed]

    def _begin(self, tx: Connection, now: datetime) -> None:
        for witness_id in self._due(tx, now):
            if _write(tx, witness_id, unless_after=now, due_at=now + IN_HAND):  # of two processes one
                enqueue(tx, CALL, {"witness": witness_id}, now=now)

    def _waiting(self, tx: Connection, witness_id: str) -> tuple[Witness, str, int, int] | None:
        """The witness, the checkpoint that lies before it, and what it co-signed last, as far as is known here; None
        where it did co-sign, or is called no more.
        """
        witness = next((item for item in self._witnessing.register.known(tx) if item.id == witness_id), None)
        newest = tx.execute(select(ROUNDS).where(self._rounds).order_by(ROUNDS.c.size.desc()).limit(1)).one_or_none()
        if witness is None or not witness.url or newest is None:
            return None
        mine = self._lines & (LINES.c.witness_id == witness_id)
        last = tx.execute(select(LINES.c.size).where(mine).order_by(LINES.c.size.desc()).limit(1)).scalar() or 0
        return (witness, newest.note, newest.size, last) if last < newest.size else None

    async def _path(self, old: int, size: int) -> Sequence[bytes]:
        return await self._database.read(lambda tx: tuple(consistency_proof(old, size, Tiles(tx).node)))

    async def _head(self) -> int:
        return await self._database.read(lambda tx: read_head(tx).size)


def failing(tx: Connection, witnesses: Sequence[str]) -> int:
    """How many of these did not co-sign when they were called last. A call that was on its way when its witness was
    taken off leaves a row, of one that nobody calls any more.
    """
    failed = select(func.count()).where(_CALLS.c.failures > 0, _CALLS.c.witness_id.in_(witnesses))
    return tx.execute(failed).scalar_one()


def _settle(tx: Connection, witness_id: str, failed: str, now: datetime) -> str:
    """Note how a call ended; answers how the one before failed, if it did."""
    row = tx.execute(select(_CALLS).where(_CALLS.c.witness_id == witness_id)).one_or_none()
    failures, before = (row.failures, str(row.failed)) if row is not None else (0, "")
    if not failed:
        tx.execute(delete(_CALLS).where(_CALLS.c.witness_id == witness_id))
    elif failed == NEWER:
        _write(tx, witness_id, due_at=now + ROUND)
    else:
        pause = PAUSES[min(failures, len(PAUSES) - 1)]
        _write(tx, witness_id, due_at=now + pause, failures=failures + 1, failed=failed[:40])
    if failed in CONTRADICTIONS:
        tell_operators(tx, "witness.contradicts", now)
    return before


def _write(tx: Connection, witness_id: str, *, unless_after: datetime | None = None, **values: Any) -> bool:
    """Whether it was written: not where the row is due after that instant."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    fresh = {"failures": 0, "failed": ""} | values
    statement = insert(_CALLS).values(witness_id=witness_id, **fresh)
    where = None if unless_after is None else _CALLS.c.due_at <= unless_after
    written = statement.on_conflict_do_update(index_elements=["witness_id"], set_=values, where=where)
    return tx.execute(written.returning(_CALLS.c.witness_id)).first() is not None
