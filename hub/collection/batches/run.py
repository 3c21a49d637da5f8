"""The job that collects a batch. Killed at any row it goes on at that row; each row has one outcome.

The end is one transaction: the run is over, the batch finished, its ledger entry written. Before it the report is
sealed away; after it parts and the working report are deleted, by whoever comes by.
"""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from certificates.errors import TypeHaltedError
from hub.clock import Clock
from hub.collection.batches import store
from hub.collection.batches.files import BatchFiles, SentRegister, forget
from hub.collection.batches.order import mapping_of
from hub.collection.batches.sender import DECIDED
from hub.collection.batches.service import KEPT_FOR
from hub.collection.batches.store import BatchState, Part, StoredBatch
from hub.collection.errors import (
    MappingError,
    NotEntitledError,
    RegisterError,
    UnknownColumnError,
    UnknownIssuerError,
    UnknownTypeError,
    UnreadableRegisterError,
)
from hub.collection.reading.reader import Format
from hub.collection.report import Totals
from hub.collection.service import CollectionOrder, CollectionService
from hub.collection.turns import ALIVE, ASK_AGAIN, AT_ONCE, COLLECT, Turn, TurnOverError
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault

MAX_ATTEMPTS: Final = 8
"""Fewer than a job's, so that a batch that cannot end says so itself."""
_FINAL: Final = (RegisterError, MappingError, UnknownTypeError, UnknownIssuerError, NotEntitledError, TypeHaltedError)


class BatchRunner:
    """Runs batches; `run` is the handler of the job."""

    def __init__(
        self,
        database: Database,
        *,
        collecting: CollectionService,
        objects: ObjectStore,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        folder: Path,
    ) -> None:
        """`folder` holds a report while its run goes on, readable by its owner alone."""
        self._database = database
        self._collecting = collecting
        self._objects = objects
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._folder = folder

    async def run(self, job: Mapping[str, Any]) -> None:
        """Collect, or go on with, a batch. A register that cannot be collected is a result, not an error.

        Raises: whatever may pass by itself (a store that is down, another process at work), for the job to come back.
        """
        batch_id = str(job["batch"])
        begun = await self._database.write(lambda tx: self._begin(tx, batch_id))
        if begun is None:
            return
        batch, parts = begun
        if batch.state is not BatchState.RUNNING:
            await self._clean(batch)
            return
        files = BatchFiles(self._objects, self._vault.data_key(batch.data_key, batch.kek_kid), batch.id)
        observed = _Observer(self, batch, files)
        try:
            await self._collect(batch, parts, files, observed)
        except TurnOverError:
            await self._database.write(lambda tx: self._wait(tx, batch, self._clock()))
            return
        except _FINAL as error:
            await self._fail(batch, files, _problem(error))
        except Exception:
            if batch.attempts >= MAX_ATTEMPTS:
                await self._fail(batch, files, {"code": "gave_up"})
                return
            raise
        await self._clean(batch)

    async def _collect(self, batch: StoredBatch, parts: list[Part], files: BatchFiles, observed: "_Observer") -> None:
        await self._database.read(lambda tx: self._believe(tx, batch))
        ordered = batch.ordered
        declared = Format(ordered["format"])
        register = SentRegister(files, parts, name=f"{batch.id}.{declared}", modified=batch.created_at.timestamp())
        if ordered["sha256"] is not None and await beside(register.sha256) != ordered["sha256"]:
            raise UnreadableRegisterError("sha256", "the parts together are not what was announced; send them again")
        order = CollectionOrder(
            type=ordered["type"],
            issuer=ordered["issuer"],
            files=[register],
            report_dir=self.working(batch),
            mapping=mapping_of(ordered["mapping"]),
            as_of=datetime.fromisoformat(ordered["as_of"]),
            sheet=ordered["sheet"],
            declared=declared,
            scope=batch.id,
        )
        await self._collecting.collect(order, observer=observed)

    def now(self) -> datetime:
        """By the hub's clock."""
        return self._clock()

    def working(self, batch: StoredBatch) -> Path:
        """Where the report is written while the run goes on."""
        return self._folder / batch.id

    def end(self, tx: Connection, batch: StoredBatch, totals: Totals, **values: Any) -> None:
        """Write the end of a batch and its ledger entry."""
        now = self._clock()
        stored = store.find_batch(tx, batch.id, lock=True)
        if stored is None or stored.state is not BatchState.RUNNING:
            return
        store.change_batch(tx, batch.id, now=now, totals=totals.to_json(), expires_at=now + KEPT_FOR, **values)
        detail = {"batch": batch.id, "state": str(values["state"]), "totals": totals.to_json()}
        append(tx, [seal(Draft(kind="collection.batch.end", detail=detail, key=self._log_key), now=now)])

    def advance(self, tx: Connection, batch: StoredBatch, totals: Totals, done_bytes: int) -> None:
        """Write how far a batch is, with the rows it speaks of."""
        # A run that moves is not one that keeps failing.
        store.change_batch(tx, batch.id, now=self._clock(), totals=totals.to_json(), done_bytes=done_bytes, attempts=0)

    def _begin(self, tx: Connection, batch_id: str) -> tuple[StoredBatch, list[Part]] | None:
        batch = store.find_batch(tx, batch_id, lock=True)
        if batch is None or batch.state is BatchState.EXPIRED:
            return None
        now = self._clock()
        if batch.state is BatchState.QUEUED and self._crowded(tx, batch, now):
            self._wait(tx, batch, now + ASK_AGAIN)
            return None
        if batch.state in {BatchState.QUEUED, BatchState.RUNNING}:
            store.change_batch(tx, batch_id, now=now, state=BatchState.RUNNING, attempts=batch.attempts + 1)
            batch = store.find_batch(tx, batch_id)
        return (batch, store.parts_of(tx, batch_id)) if batch else None

    def _believe(self, tx: Connection, batch: StoredBatch) -> None:
        """Of an upload the ledger says that it may be collected: its row alone could be changed.

        Raises: IntegrityBrokenError.
        """
        step = 0 if batch.staff_id is None else DECIDED
        if latest_changes(tx, [batch.id]).get(batch.id, ("", 0))[1] != step:
            raise IntegrityBrokenError("collection_batches")

    def _crowded(self, tx: Connection, batch: StoredBatch, now: datetime) -> bool:
        return store.running_of(tx, batch.owner_department_id, since=now - ALIVE) >= AT_ONCE

    def _wait(self, tx: Connection, batch: StoredBatch, due: datetime) -> None:
        """To the back of the queue. It has moved: nobody needs to start it again."""
        now = self._clock()
        store.change_batch(tx, batch.id, now=now, state=BatchState.QUEUED, attempts=0)
        enqueue(tx, COLLECT, {"batch": batch.id}, now=now, due=due)

    async def _fail(self, batch: StoredBatch, files: BatchFiles, problem: dict[str, Any]) -> None:
        rejects = self.working(batch) / "rejects.jsonl"
        pieces, reasons = await beside(files.keep_report, rejects) if rejects.exists() else (0, {})

        def unit(tx: Connection) -> None:
            known = store.find_batch(tx, batch.id)
            totals = known.totals if known else Totals()
            ended = {"state": BatchState.FAILED, "problem": problem, "report_pieces": pieces, "reasons": reasons}
            self.end(tx, batch, totals, **ended)

        await self._database.write(unit)

    async def _clean(self, batch: StoredBatch) -> None:
        """What nobody needs any more. A crash before it is made good when the job comes back."""
        await beside(forget, self._objects, batch.id, what="part-")
        await asyncio.to_thread(shutil.rmtree, self.working(batch), ignore_errors=True)
        await self._database.write(lambda tx: store.remove_parts(tx, batch.id))


class _Observer:
    """Ties a batch to the run that collects it."""

    def __init__(self, runner: BatchRunner, batch: StoredBatch, files: BatchFiles) -> None:
        self._runner = runner
        self._batch = batch
        self._files = files
        self.turn = Turn(runner.now())
        self._kept: dict[str, Any] = {}

    def advanced(self, tx: Connection, totals: Totals, done_bytes: int) -> None:
        self._runner.advance(tx, self._batch, totals, done_bytes)

    async def reported(self, report: Path) -> None:
        pieces, reasons = await beside(self._files.keep_report, report / "rejects.jsonl")
        self._kept = {"report_pieces": pieces, "reasons": reasons}

    def ended(self, tx: Connection, totals: Totals) -> None:
        done = self._batch.size_bytes
        self._runner.end(tx, self._batch, totals, state=BatchState.FINISHED, done_bytes=done, **self._kept)


def _problem(error: Exception) -> dict[str, Any]:
    """What its system is told: names of its own mapping, nothing that was read in the file."""
    match error:
        case UnreadableRegisterError():
            return {"code": error.reason, "advice": error.advice}
        case UnknownColumnError():
            return {"code": "unknown_columns", "columns": list(error.missing)}
        case MappingError():
            return {"code": "mapping", "where": error.where, "rule": error.reason}
        case NotEntitledError():
            return {"code": "not_entitled"}
        case TypeHaltedError():
            return {"code": "type_halted"}
        case RegisterError():
            return {"code": "duplicate_columns"}
        case _:
            return {"code": "unknown_type"}
