"""A register that a member of staff uploads: its columns, the mapping he corrects, a dry look, the second person.

Its parts are sent and it is started as any batch is (`BatchService`). What is uploaded is issued by hand: where the
type wants two persons, or whoever uploads approves nothing himself, an approver of the department confirms it first.
Not checked by the dry look: rows further down, and whether the department's key can sign.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.store import find_department
from hub.access.actors import Actor
from hub.clock import BEIJING, Clock
from hub.collection.batches import store
from hub.collection.batches.files import SentRegister
from hub.collection.batches.looking import LookedRow, columns_of, first_rows, weigh
from hub.collection.batches.order import BatchView, mapping_of
from hub.collection.batches.sender import DECIDED, sender_of
from hub.collection.batches.service import BatchService, own, require_open
from hub.collection.batches.store import BatchState, StoredBatch
from hub.collection.errors import NotEntitledError, RegisterError
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.proposing import declared, proposed, proposed_status
from hub.collection.reading.reader import Format
from hub.collection.turns import COLLECT
from hub.issuing.shelf import STAFF
from hub.issuing.transitions.second_person import DECIDE, SameHand, SecondPerson
from hub.issuing.types.registry import TypeInForce, TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.errors import StateError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault

_BEFORE: Final = frozenset({BatchState.OPEN, BatchState.UNCONFIRMED})


@dataclass(frozen=True, slots=True)
class Look:
    """The first rows under the mapping as it is."""

    columns: tuple[str, ...]
    rows: tuple[LookedRow, ...] = field(repr=False)


class Uploads:
    """Use cases of staff of the department that issues the type."""

    def __init__(
        self,
        database: Database,
        *,
        batches: BatchService,
        types: TypeRegistry,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        same_hand: SameHand,
    ) -> None:
        self._database = database
        self._batches = batches
        self._types = types
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._second = SecondPerson(vault, same_hand)

    async def read(self, actor: Actor, batch_id: str) -> BatchView:
        """Learn the columns once all parts are there, and propose a mapping.

        Raises: RegisterError: it is no register, and the batch is discarded; MissingError; StateError; ForbiddenError.
        """
        view = await self._batches.view(actor, batch_id)
        require_open(view.batch)
        kind = self._type_of(view.batch).type
        ordered = view.batch.ordered
        register = self._register(view)
        try:
            columns = await beside(lambda: columns_of(register, Format(ordered["format"]), ordered["sheet"]))
        except RegisterError:
            await self.discard(actor, batch_id)
            raise
        found = proposed(kind, columns)
        mapping = declared(kind, found, proposed_status(columns)) if found else None
        return await self._reorder(actor, batch_id, {"columns": list(columns), "mapping": mapping})

    async def choose(
        self, actor: Actor, batch_id: str, columns: Mapping[str, str], status: Mapping[str, Any] | None = None
    ) -> BatchView:
        """Keep the mapping column → claim, and what the register's own state means, as in a mapping file.

        Raises: MappingError, InvalidBodyError; as `read`.
        """
        view = await self._batches.view(actor, batch_id)
        kind = self._type_of(view.batch).type
        chosen = declared(kind, columns, status)
        mapping = mapping_of(chosen)
        assert mapping is not None  # noqa: S101  # one was given
        mapping.bind(kind, tuple(view.batch.ordered.get("columns", columns)))
        return await self._reorder(actor, batch_id, {"mapping": chosen})

    async def look(self, actor: Actor, batch_id: str) -> Look:
        """What would become of the first rows; for whoever uploads it, and for whoever confirms it, whose look is
        written into the ledger.

        Raises: MappingError, RegisterError; MissingError; StateError once it is started; ForbiddenError.
        """
        view = await self._database.write(lambda tx: self._looked_at(tx, actor, batch_id))
        ordered, issued = view.batch.ordered, self._type_of(view.batch)
        mapping = mapping_of(ordered["mapping"]) or ColumnMapping.of_type(issued.type)
        register = self._register(view)
        rows, columns = await beside(lambda: first_rows(register, Format(ordered["format"]), ordered["sheet"]))
        issuer = await self._database.read(lambda tx: find_department(tx, ordered["issuer"]))
        if issuer is None:
            raise NotEntitledError
        now = self._clock()

        def unit(tx: Connection) -> list[LookedRow]:
            return weigh(
                tx, rows, columns, mapping=mapping, kind=issued.type, issuer=issuer, vault=self._vault,
                as_of=datetime.fromisoformat(ordered["as_of"]), today=now.astimezone(BEIJING).date(),
            )  # fmt: skip

        return Look(columns, tuple(await self._database.read(unit)))

    async def confirm(self, actor: Actor, batch_id: str) -> BatchView:
        """Have it collected, as the second person of the department.

        Raises: SamePersonError, SameHandError, StateError, NotEntitledError, MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> BatchView:
            batch = _found(tx, batch_id, lock=True)
            actor.require(*DECIDE, owner=batch.owner_department_id)
            if batch.state is not BatchState.UNCONFIRMED:
                raise StateError(batch.state, "confirm")
            self._second.check(tx, {"kind": "staff", "id": batch.staff_id or ""}, actor)
            issuer = find_department(tx, batch.ordered["issuer"])
            if issuer is None or issuer.closed or batch.ordered["type"] not in issuer.issues:
                raise NotEntitledError
            now = self._clock()
            ordered = batch.ordered | {"second": actor.as_json()}
            store.change_batch(tx, batch_id, now=now, state=BatchState.QUEUED, ordered=ordered)
            self._record(tx, actor, "collection.batch.confirm", batch, step=DECIDED)
            enqueue(tx, COLLECT, {"batch": batch_id}, now=now)
            return _view(tx, batch_id)

        return await self._database.write(unit)

    async def discard(self, actor: Actor, batch_id: str) -> BatchView:
        """Throw away what is not started yet: by whoever uploads it, or by an approver of the department.

        Raises: StateError, MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> BatchView:
            batch = _found(tx, batch_id, lock=True)
            his = actor.as_json() == {"kind": "staff", "id": batch.staff_id}
            actor.require(*(STAFF if his else DECIDE), owner=batch.owner_department_id)
            if batch.state not in _BEFORE:
                raise StateError(batch.state, "discard")
            now = self._clock()
            over: dict[str, Any] = {"state": BatchState.FAILED, "problem": {"code": "discarded"}, "expires_at": now}
            store.change_batch(tx, batch_id, now=now, **over)
            self._record(tx, actor, "collection.batch.discard", batch)
            return _view(tx, batch_id)

        view = await self._database.write(unit)
        await self._batches.sweep()  # killed before it, housekeeping does the same
        return view

    def _looked_at(self, tx: Connection, actor: Actor, batch_id: str) -> BatchView:
        actor.require(*STAFF)
        batch = _found(tx, batch_id)
        sender = sender_of(actor)
        if not sender.made(batch):
            actor.require(*DECIDE, owner=batch.owner_department_id)
            if batch.state is BatchState.UNCONFIRMED:
                self._record(tx, actor, "collection.batch.look", batch)
        if batch.state is not BatchState.UNCONFIRMED:
            require_open(own(tx, sender, batch_id).batch)
        return _view(tx, batch_id)

    async def _reorder(self, actor: Actor, batch_id: str, changes: Mapping[str, Any]) -> BatchView:
        sender = sender_of(actor)

        def unit(tx: Connection) -> BatchView:
            batch = own(tx, sender, batch_id, lock=True).batch
            require_open(batch)
            store.change_batch(tx, batch_id, now=self._clock(), ordered=batch.ordered | dict(changes))
            return _view(tx, batch_id)

        return await self._database.write(unit)

    def _register(self, view: BatchView) -> SentRegister:
        batch = view.batch
        name = f"{batch.id}.{batch.ordered['format']}"
        return SentRegister(self._batches.files_of(batch), view.parts, name=name, modified=batch.created_at.timestamp())

    def _type_of(self, batch: StoredBatch) -> TypeInForce:
        issued = self._types.find(batch.ordered["type"])
        if issued is None:
            raise MissingError("type")
        return issued

    def _record(self, tx: Connection, actor: Actor, kind: str, batch: StoredBatch, *, step: int = 0) -> None:
        detail = {"actor": actor.as_json(), "batch": batch.id, "type": batch.ordered["type"]}
        draft = Draft(kind=kind, detail=detail, key=self._log_key)
        if step:
            draft = replace(draft, object_id=batch.id, object_version=step)
        append(tx, [seal(draft, now=self._clock())])


def _found(tx: Connection, batch_id: str, *, lock: bool = False) -> StoredBatch:
    batch = store.find_batch(tx, batch_id, lock=lock)
    if batch is None or batch.staff_id is None:
        raise MissingError("batch")
    return batch


def _view(tx: Connection, batch_id: str) -> BatchView:
    return BatchView(_found(tx, batch_id), tuple(store.parts_of(tx, batch_id)))
