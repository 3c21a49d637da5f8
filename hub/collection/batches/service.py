"""Batches: a department's system or staff sends a register in parts, has it collected, and reads what became of each
row.

Only whoever made a batch adds to it and starts it, and only a department that issues the type can make one. Parts and
report lie sealed under the batch's own key, which is thrown away when they expire.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.store import find_department
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.collection.batches import store
from hub.collection.batches.files import BatchFiles, forget
from hub.collection.batches.order import MAX_PARTS, PART_BYTES, BatchOrder, BatchView, mapping_of
from hub.collection.batches.sender import ASKED, DECIDED, Sender, Who, sender_of
from hub.collection.batches.store import BatchState, Part, StoredBatch
from hub.collection.errors import MappingError, NotEntitledError
from hub.collection.reading.reader import Format
from hub.collection.turns import COLLECT
from hub.edge.errors import Fault, InvalidBodyError
from hub.intake.errors import IdempotencyError
from hub.issuing.transitions.second_person import DECIDE, SameHand, SecondPerson
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.errors import StateError
from hub.storage.database import Database
from hub.storage.errors import MissingError, StorageError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault

MAX_UNFINISHED: Final = 20
"""Of a department: what lies in the store and was not collected is bounded."""
OPEN_FOR: Final = timedelta(days=7)
KEPT_FOR: Final = timedelta(days=30)
_STALLED: Final = timedelta(minutes=10)
_AHEAD: Final = timedelta(minutes=5)
_SWEPT: Final = 100


class BatchService:
    """Takes registers in parts. Running them is `hub.collection.batches.run`."""

    def __init__(
        self,
        database: Database,
        *,
        objects: ObjectStore,
        vault: Vault,
        types: TypeRegistry,
        log_key: DataKey,
        clock: Clock,
        same_hand: SameHand,
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock
        self._second = SecondPerson(vault, same_hand)

    async def create(self, who: Who, order: BatchOrder, *, request: RequestKey | None = None) -> BatchView:
        """Open a batch; with the same Idempotency-Key, the one that it opened the first time.

        Raises: MissingError for an unknown type or another department as issuer; NotEntitledError; InvalidBodyError;
            StateError (`too_many`): more batches of the department are under way than may be; IdempotencyError;
            ForbiddenError.
        """
        sender = sender_of(who)
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
                return own(tx, sender, known[0])
            _check_may_issue(tx, sender, chosen.as_json())
            if store.unfinished_of(tx, sender.department_id) >= MAX_UNFINISHED:
                raise StateError("too_many", "open")
            key = self._vault.new_data_key()
            batch_id = new_id()
            store.add_batch(
                tx,
                id=batch_id,
                owner_department_id=sender.department_id,
                system_id=sender.system_id,
                staff_id=sender.staff_id,
                ordered=chosen.as_json(),
                data_key=key.wrapped,
                kek_kid=key.kek_kid,
                created_at=now,
                changed_at=now,
                expires_at=now + OPEN_FOR,
            )
            if request is not None:
                record_effect(tx, request, batch_id, now=now)
            return own(tx, sender, batch_id)

        return await write_once(self._database, unit)

    async def put_part(self, who: Who, batch_id: str, number: int, data: bytes) -> Part:
        """Take a part, or take it again; another content under its number replaces the first.

        Raises: MissingError; StateError when the batch takes no parts any more; InvalidBodyError.
        """
        sender = sender_of(who)
        if not 1 <= number <= MAX_PARTS:
            raise InvalidBodyError(Fault("/number", "out_of_range"))
        if not data:
            raise InvalidBodyError(Fault("", "empty_part"))
        view = await self._database.read(lambda tx: own(tx, sender, batch_id))
        require_open(view.batch)
        part = Part(new_id(), number, len(data), await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest()))
        files = self.files_of(view.batch)
        await beside(files.put_part, part, data)

        def unit(tx: Connection) -> list[Part]:
            before = own(tx, sender, batch_id, lock=True)
            require_open(before.batch)
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

    async def start(self, who: Who, batch_id: str) -> BatchView:
        """Have it collected. Started already: nothing happens, unless it has stalled. What a member of staff uploads
        waits for another one where the type wants two persons, and wherever he approves nothing himself.

        Raises: MissingError; StateError when it is over; InvalidBodyError when parts are missing or more or less than
            `total_bytes`; NotEntitledError; NoSecondPersonError: it would wait for nobody.
        """
        sender = sender_of(who)
        now = self._clock()

        def unit(tx: Connection) -> BatchView:
            view = own(tx, sender, batch_id, lock=True)
            batch = view.batch
            under_way = batch.state in {BatchState.QUEUED, BatchState.RUNNING}
            if batch.state is BatchState.UNCONFIRMED or (under_way and batch.changed_at > now - _STALLED):
                return view
            waits = False
            if not under_way:
                require_open(batch)
                _check_whole(view)
                _check_may_issue(tx, sender, batch.ordered)
                waits = self._waits(tx, who, batch)
                self._record(tx, sender, view, now, ASKED if waits else DECIDED)
            state = BatchState.UNCONFIRMED if waits else BatchState.QUEUED
            store.change_batch(tx, batch_id, now=now, state=state, attempts=0)
            if not waits:
                enqueue(tx, COLLECT, {"batch": batch_id}, now=now)
            return own(tx, sender, batch_id)

        return await self._database.write(unit)

    async def view(self, who: Who, batch_id: str) -> BatchView:
        """A batch of this system, or of this member of staff. Raises: MissingError, ForbiddenError."""
        sender = sender_of(who)
        return await self._database.read(lambda tx: own(tx, sender, batch_id))

    async def report(self, who: Caller, batch_id: str) -> Iterator[bytes]:
        """The rejected rows, verbatim, as JSON lines; blocks. Raises: MissingError; StateError before the end."""
        return self.report_of((await self.view(who, batch_id)).batch)

    def report_of(self, batch: StoredBatch) -> Iterator[bytes]:
        """As `report`, for whoever has checked who asks."""
        if batch.state not in {BatchState.FINISHED, BatchState.FAILED}:
            raise StateError(batch.state, "report")
        return self.files_of(batch).report(batch.report_pieces)

    async def sweep(self) -> int:
        """Forget batches past their time, with their key; answers how many."""
        now = self._clock()
        found = await self._database.read(lambda tx: store.expired_batches(tx, now=now, most=_SWEPT))
        for batch_id in found:
            await beside(forget, self._objects, batch_id)
            await self._database.write(lambda tx, batch_id=batch_id: expire(tx, batch_id, now))  # type: ignore[misc]
        return len(found)

    def files_of(self, batch: StoredBatch) -> BatchFiles:
        """What it keeps, for whoever has checked who asks."""
        return BatchFiles(self._objects, self._vault.data_key(batch.data_key, batch.kek_kid), batch.id)

    def _waits(self, tx: Connection, who: Who, batch: StoredBatch) -> bool:
        """Whether a second person comes first. Raises: NoSecondPersonError, NotEntitledError."""
        if not isinstance(who, Actor):
            return False
        issued = self._types.find(batch.ordered["type"])
        if issued is None:
            raise NotEntitledError
        waits = issued.type.maker_checker or not who.roles.intersection(DECIDE)
        if waits:
            self._second.require_one(tx, who, batch.owner_department_id)
        return waits

    def _record(self, tx: Connection, sender: Sender, view: BatchView, now: datetime, step: int) -> None:
        ordered = view.batch.ordered
        detail = {
            "batch": view.batch.id,
            "by": dict(sender.by),
            "bytes": view.batch.size_bytes,
            "parts": hashlib.sha256("".join(part.sha256 for part in view.parts).encode()).hexdigest(),
            **{name: ordered[name] for name in ("type", "issuer", "as_of", "format")},
        }
        draft = Draft(kind="collection.batch.start", detail=detail, key=self._log_key)
        if sender.staff_id is not None:
            draft = replace(draft, object_id=view.batch.id, object_version=step)
        append(tx, [seal(draft, now=now)])


async def _drop(files: BatchFiles, *parts: Part) -> None:
    """Delete parts that are not recorded: kept until the batch expires they would be room without a bound."""
    with suppress(StorageError):
        for part in parts:
            await beside(files.drop_part, part)


def own(tx: Connection, sender: Sender, batch_id: str, *, lock: bool = False) -> BatchView:
    """A batch of this sender. Raises: MissingError."""
    batch = store.find_batch(tx, batch_id, lock=lock)
    if batch is None or not sender.made(batch):
        raise MissingError("batch")
    return BatchView(batch, tuple(store.parts_of(tx, batch_id)))


def _check_may_issue(tx: Connection, sender: Sender, ordered: Mapping[str, Any]) -> None:
    department = find_department(tx, ordered["issuer"])
    if department is None or department.id != sender.department_id:
        raise MissingError("issuer")
    if ordered["type"] not in department.issues or department.closed:
        raise NotEntitledError


def require_open(batch: StoredBatch) -> None:
    """Raises: StateError for one that is started or over."""
    if batch.state is not BatchState.OPEN:
        raise StateError(batch.state, "open")


def _check_whole(view: BatchView) -> None:
    numbers = [part.number for part in view.parts]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidBodyError(Fault("/parts", "missing_part" if numbers else "no_parts"))
    total = view.batch.ordered["total_bytes"]
    if total is not None and total != view.batch.size_bytes:
        raise InvalidBodyError(Fault("/total_bytes", "not_what_was_sent"))


def expire(tx: Connection, batch_id: str, now: datetime) -> None:
    """Forget its parts and its key: what is left in the store is mute."""
    store.remove_parts(tx, batch_id)
    store.change_batch(tx, batch_id, now=now, state=BatchState.EXPIRED, data_key=b"", report_pieces=0)
