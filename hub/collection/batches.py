"""Batches: a department's system sends a register in parts, has it collected, and reads what became of each row.

Only the system that made a batch sees it, and only a department that issues the type can make one. Parts and report lie
sealed under the batch's own key, which is thrown away when they expire.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.store import find_department
from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.collection import batch_store as store
from hub.collection.batch_files import BatchFiles, forget
from hub.collection.batch_store import BatchState, Part, StoredBatch
from hub.collection.errors import MappingError, NotEntitledError
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.mapping_file import read_mapping
from hub.collection.reader import Format
from hub.edge.errors import Fault, InvalidBodyError
from hub.intake.errors import IdempotencyError
from hub.issuing.types import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.errors import StateError
from hub.storage.database import Database
from hub.storage.errors import MissingError, StorageError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.jobs import enqueue
from hub.storage.objects import ObjectStore
from hub.storage.vault import DataKey, Vault

COLLECT: Final = "collection.batch"
PART_BYTES: Final = 8 * 1024 * 1024
MAX_PARTS: Final = 256
MAX_UNFINISHED: Final = 20
"""Of a department: what lies in the store and was not collected is bounded."""
OPEN_FOR: Final = timedelta(days=7)
KEPT_FOR: Final = timedelta(days=30)
_STALLED: Final = timedelta(minutes=10)
_AHEAD: Final = timedelta(minutes=5)
_SWEPT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What a system wants collected. `mapping` as in a mapping file; the type's own without one."""

    type: str
    issuer: str
    as_of: datetime
    format: Format
    sheet: str | None = None
    mapping: Mapping[str, Any] | None = None
    total_bytes: int | None = None
    sha256: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "type": self.type,
            "issuer": self.issuer,
            "as_of": rfc3339(self.as_of),
            "format": self.format.value,
            "sheet": self.sheet,
            "mapping": None if self.mapping is None else dict(self.mapping),
            "total_bytes": self.total_bytes,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and its parts, for the system that made it."""

    batch: StoredBatch
    parts: tuple[Part, ...]

    @property
    def per_cent(self) -> int:
        """How much of the register is read, 0 to 100."""
        batch = self.batch
        if batch.state is BatchState.FINISHED:
            return 100
        return min(batch.done_bytes * 100 // max(batch.size_bytes, 1), 100)

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        batch = self.batch
        return {
            "batch": batch.id,
            "state": batch.state.value,
            **{name: batch.ordered[name] for name in ("type", "issuer", "as_of", "format")},
            "parts": [{"number": part.number, "bytes": part.size_bytes, "sha256": part.sha256} for part in self.parts],
            "part_bytes": PART_BYTES,
            "progress": {"per_cent": self.per_cent, "rows": batch.totals.rows, **batch.totals.to_json()},
            "reasons": dict(sorted(batch.reasons.items())),
            "problem": batch.problem or None,
            "created_at": rfc3339(batch.created_at),
            "expires_at": rfc3339(batch.expires_at),
        }


class BatchService:
    """Takes registers in parts. Running them is `hub.collection.batch_run`."""

    def __init__(
        self,
        database: Database,
        *,
        objects: ObjectStore,
        vault: Vault,
        types: TypeRegistry,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def create(self, caller: Caller, order: BatchOrder, *, request: RequestKey | None = None) -> BatchView:
        """Open a batch; with the same Idempotency-Key, the one that it opened the first time.

        Raises: MissingError for an unknown type or another department as issuer; NotEntitledError; InvalidBodyError;
            StateError (`too_many`): more batches of the department are under way than may be; IdempotencyError.
        """
        now = self._clock()
        issued = self._types.find(order.type)
        if issued is None:
            raise MissingError("type")
        if order.as_of > now + _AHEAD:
            raise InvalidBodyError(Fault("/as_of", "in_the_future"))
        if order.sheet is not None and order.format is not Format.XLSX:
            raise InvalidBodyError(Fault("/sheet", "only_of_xlsx"))
        if order.total_bytes is not None and order.total_bytes > MAX_PARTS * PART_BYTES:
            raise InvalidBodyError(Fault("/total_bytes", "too_large"))
        mapping = mapping_of(order.mapping)
        if mapping is not None:
            try:
                mapping.bind(issued.type, tuple(mapping.columns))
            except MappingError as error:
                raise InvalidBodyError(Fault(f"/mapping/{error.where}", error.reason)) from None
        chosen = replace(order, type=issued.type.code)

        def unit(tx: Connection) -> BatchView:
            known = find_effect(tx, request, now=now) if request else None
            if known is not None:
                if not known[1]:
                    raise IdempotencyError
                return _own(tx, caller, known[0])
            _check_may_issue(tx, caller, chosen.as_json())
            if store.unfinished_of(tx, caller.department_id) >= MAX_UNFINISHED:
                raise StateError("too_many", "open")
            key = self._vault.new_data_key()
            batch_id = new_id()
            store.add_batch(
                tx,
                id=batch_id,
                owner_department_id=caller.department_id,
                system_id=caller.system_id,
                ordered=chosen.as_json(),
                data_key=key.wrapped,
                kek_kid=key.kek_kid,
                created_at=now,
                changed_at=now,
                expires_at=now + OPEN_FOR,
            )
            if request is not None:
                record_effect(tx, request, batch_id, now=now)
            return _own(tx, caller, batch_id)

        return await write_once(self._database, unit)

    async def put_part(self, caller: Caller, batch_id: str, number: int, data: bytes) -> Part:
        """Take a part, or take it again; another content under its number replaces the first.

        Raises: MissingError; StateError when the batch takes no parts any more; InvalidBodyError.
        """
        if not 1 <= number <= MAX_PARTS:
            raise InvalidBodyError(Fault("/number", "out_of_range"))
        if not data:
            raise InvalidBodyError(Fault("", "empty_part"))
        view = await self._database.read(lambda tx: _own(tx, caller, batch_id))
        _require_open(view.batch)
        part = Part(new_id(), number, len(data), await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest()))
        files = self._files(view.batch)
        await asyncio.to_thread(files.put_part, part, data)

        def unit(tx: Connection) -> list[Part]:
            before = _own(tx, caller, batch_id, lock=True)
            _require_open(before.batch)
            store.put_part(tx, batch_id, part)
            size = sum(known.size_bytes for known in store.parts_of(tx, batch_id))
            store.change_batch(tx, batch_id, now=self._clock(), size_bytes=size)
            return [known for known in before.parts if known.number == number and known.id != part.id]

        try:
            replaced = await self._database.write(unit)
        except StateError:
            await _drop(files, part)
            raise
        await _drop(files, *replaced)
        return part

    async def start(self, caller: Caller, batch_id: str) -> BatchView:
        """Have it collected. Started already: nothing happens, unless it has stalled.

        Raises: MissingError; StateError when it is over; InvalidBodyError when parts are missing or more or less than
            `total_bytes`; NotEntitledError.
        """
        now = self._clock()

        def unit(tx: Connection) -> BatchView:
            view = _own(tx, caller, batch_id, lock=True)
            batch = view.batch
            under_way = batch.state in {BatchState.QUEUED, BatchState.RUNNING}
            if under_way and batch.changed_at > now - _STALLED:
                return view
            if not under_way:
                _require_open(batch)
                _check_whole(view)
                _check_may_issue(tx, caller, batch.ordered)
                self._record(tx, caller, view, now)
            store.change_batch(tx, batch_id, now=now, state=BatchState.QUEUED, attempts=0)
            enqueue(tx, COLLECT, {"batch": batch_id}, now=now)
            return _own(tx, caller, batch_id)

        return await self._database.write(unit)

    async def view(self, caller: Caller, batch_id: str) -> BatchView:
        """A batch of this system. Raises: MissingError."""
        return await self._database.read(lambda tx: _own(tx, caller, batch_id))

    async def report(self, caller: Caller, batch_id: str) -> Iterator[bytes]:
        """The rejected rows, verbatim, as JSON lines; blocks. Raises: MissingError; StateError before the end."""
        return self.report_of((await self.view(caller, batch_id)).batch)

    def report_of(self, batch: StoredBatch) -> Iterator[bytes]:
        """As `report`, for whoever has checked who asks."""
        if batch.state not in {BatchState.FINISHED, BatchState.FAILED}:
            raise StateError(batch.state, "report")
        return self._files(batch).report(batch.report_pieces)

    async def sweep(self) -> int:
        """Forget batches past their time, with their key; answers how many."""
        now = self._clock()
        found = await self._database.read(lambda tx: store.expired_batches(tx, now=now, most=_SWEPT))
        for batch_id in found:
            await asyncio.to_thread(forget, self._objects, batch_id)
            await self._database.write(lambda tx, batch_id=batch_id: _expire(tx, batch_id, now))  # type: ignore[misc]
        return len(found)

    def _files(self, batch: StoredBatch) -> BatchFiles:
        return BatchFiles(self._objects, self._vault.data_key(batch.data_key, batch.kek_kid), batch.id)

    def _record(self, tx: Connection, caller: Caller, view: BatchView, now: datetime) -> None:
        ordered = view.batch.ordered
        detail = {
            "batch": view.batch.id,
            "by": {"kind": "system", "id": caller.client_id},
            "bytes": view.batch.size_bytes,
            "parts": hashlib.sha256("".join(part.sha256 for part in view.parts).encode()).hexdigest(),
            **{name: ordered[name] for name in ("type", "issuer", "as_of", "format")},
        }
        append(tx, [seal(Draft(kind="collection.batch.start", detail=detail, key=self._log_key), now=now)])


async def _drop(files: BatchFiles, *parts: Part) -> None:
    """Delete parts that are not recorded: kept until the batch expires they would be room without a bound."""
    with suppress(StorageError):
        for part in parts:
            await asyncio.to_thread(files.drop_part, part)


def mapping_of(declared: Mapping[str, Any] | None) -> ColumnMapping | None:
    """The mapping of an order. Raises: InvalidBodyError."""
    if declared is None:
        return None
    try:
        return read_mapping(json.dumps(declared).encode())
    except MappingError as error:
        raise InvalidBodyError(Fault(f"/mapping/{error.where}", error.reason)) from None


def _own(tx: Connection, caller: Caller, batch_id: str, *, lock: bool = False) -> BatchView:
    batch = store.find_batch(tx, batch_id, lock=lock)
    if batch is None or batch.system_id != caller.system_id:
        raise MissingError("batch")
    return BatchView(batch, tuple(store.parts_of(tx, batch_id)))


def _check_may_issue(tx: Connection, caller: Caller, ordered: Mapping[str, Any]) -> None:
    department = find_department(tx, ordered["issuer"])
    if department is None or department.id != caller.department_id:
        raise MissingError("issuer")
    if ordered["type"] not in department.issues or department.closed:
        raise NotEntitledError


def _require_open(batch: StoredBatch) -> None:
    if batch.state is not BatchState.OPEN:
        raise StateError(batch.state, "open")


def _check_whole(view: BatchView) -> None:
    numbers = [part.number for part in view.parts]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidBodyError(Fault("/parts", "missing_part" if numbers else "no_parts"))
    total = view.batch.ordered["total_bytes"]
    if total is not None and total != view.batch.size_bytes:
        raise InvalidBodyError(Fault("/total_bytes", "not_what_was_sent"))


def _expire(tx: Connection, batch_id: str, now: datetime) -> None:
    store.remove_parts(tx, batch_id)
    store.change_batch(tx, batch_id, now=now, state=BatchState.EXPIRED, data_key=b"", report_pieces=0)
