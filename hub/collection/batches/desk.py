"""Batches as staff of the issuing department see them: how far they are, why rows were rejected, the rows themselves.

A system or one of them sends a batch; the department's people look after it. Whoever takes the report away, which holds
rows verbatim, is written into the ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.collection.batches import store
from hub.collection.batches.order import BatchView
from hub.collection.batches.service import BatchService
from hub.registry.recording import record
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

LISTED: Final = 100
_SEE: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """A batch with the client_id of the system that sent it; empty where staff did."""

    view: BatchView
    system: str


class BatchDesk:
    """Use cases of an owner's staff."""

    def __init__(self, database: Database, *, batches: BatchService, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._batches = batches
        self._log_key = log_key
        self._clock = clock

    async def newest(self, actor: Actor) -> list[BatchSeen]:
        """The newest hundred of his department; of the whole city for operator and auditor. Raises: ForbiddenError."""
        actor.require(*_SEE)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        department = None if everything else actor.department_id or ""
        found = await self._database.read(lambda tx: store.batches_of(tx, department, most=LISTED))
        return [BatchSeen(BatchView(batch, ()), system) for batch, system in found]

    async def view(self, actor: Actor, batch_id: str) -> BatchView:
        """One of his department. Raises: MissingError, ForbiddenError."""
        return await self._database.read(lambda tx: _seen(tx, actor, batch_id, *_SEE))

    async def report(self, actor: Actor, batch_id: str) -> Iterator[bytes]:
        """The rejected rows, verbatim, as JSON lines, for the department's engineer, and for whoever uploaded them;
        blocks.

        Raises: MissingError; ForbiddenError; StateError before the end.
        """

        def unit(tx: Connection) -> Iterator[bytes]:
            found = _seen(tx, actor, batch_id, *_SEE).batch
            if found.staff_id != actor.id:
                actor.require(Role.OWNER_ENGINEER, owner=found.owner_department_id)
            pieces = self._batches.report_of(found)
            record(tx, self._log_key, actor, "collection.batch.report", {"batch": batch_id}, now=self._clock())
            return pieces

        return await self._database.write(unit)


def _seen(tx: Connection, actor: Actor, batch_id: str, *roles: Role) -> BatchView:
    batch = store.find_batch(tx, batch_id)
    if batch is None:
        raise MissingError("batch")
    actor.require(*roles, owner=batch.owner_department_id)
    return BatchView(batch, tuple(store.parts_of(tx, batch_id)))
