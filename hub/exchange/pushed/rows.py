"""Pushed rows (前置库): batches come in from departments that nothing can reach, questions are answered from them.

An older row never supersedes a newer one, whatever order batches arrive in; saying the same again changes nothing, so a
batch may be repeated after any failure. One ledger entry a batch, in its transaction, with counts and a digest.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from adapters.errors import FaultyAnswerError, UnreachableError
from adapters.port import Answer, RowFacts, Value
from adapters.push import SEQUENCE, read_datasets
from catalog.source_store import StoredSource, find_source
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.clock import Clock
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange.pushed import store
from hub.exchange.pushed.batch import key_text, shape_of
from hub.exchange.pushed.receiving import (
    Batch,
    BatchResult,
    Receiving,
    content_place,
    key_place,
    known_result,
    own_source,
)
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError, StorageError
from hub.storage.idempotency import RequestKey
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads

_AHEAD: Final = timedelta(minutes=5)
"""How far a batch may be dated ahead: a year typed wrongly would keep every later row out."""
_SWEPT: Final = 500
_NUMBERED: Final = 500


class PushedRows:
    """Receives batches, answers look-ups, forgets what is past its time."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._receiving = Receiving(vault=vault, log_key=log_key)
        self._clock = clock

    async def check(self, sender: Caller | Actor, source: str) -> None:
        """Before anything of a batch is read: whether the sender may write this source.

        Raises: MissingError for a source of another department; ForbiddenError.
        """
        await self._database.read(lambda tx: own_source(tx, sender, source))

    async def receive(
        self, sender: Caller | Actor, source: str, batch: Batch, *, request: RequestKey | None = None
    ) -> BatchResult:
        """Take a batch; with the same Idempotency-Key, answer what became of it the first time.

        Raises: MissingError for a source of another department; ForbiddenError; InvalidBodyError when the source does
            not push, the dataset or its key is not as declared, or the date lies ahead; IdempotencyError; StorageError.
        """
        now = self._clock()
        if batch.as_of > now + _AHEAD:
            raise InvalidBodyError(Fault("/as_of", "in_the_future"))
        for attempt in (1, 2):
            known = await self._database.read(lambda tx: known_result(tx, request, now))
            if known is not None:
                return known
            try:
                room = await self._database.write(lambda tx: self._receiving.room(tx, sender, source, batch))
                verdict, sealed = await asyncio.to_thread(self._receiving.judged, room, batch, now)
                return await self._database.write(
                    lambda tx, room=room, verdict=verdict, sealed=sealed: self._receiving.store(  # type: ignore[misc]
                        tx, sender, room, batch, verdict, sealed, request, now
                    )
                )
            except ConflictError:
                # A twin with the same key, or another first batch of this source, was faster.
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    async def lookup(self, dataset: str, keys: Mapping[str, Value], most: int) -> Answer:
        """Rows of `source-code/dataset` whose columns have these values; the `Lookup` of `adapters.port`.

        Raises: FaultyAnswerError: `never_pushed`, `outdated`, `redeclared` (rows were hashed for another key);
            UnreachableError(`busy`) when the hub's own store does not answer.
        """
        now = self._clock()
        with _told():
            return await self._database.read(lambda tx: self._lookup(tx, dataset, keys, most, now))

    async def listing(self, dataset: str, behind: int, most: int, gone_too: bool) -> Answer:  # noqa: FBT001
        """Rows of `source-code/dataset` behind this number, in the order in which they were accepted; the `Listing`.

        Raises: as `lookup`.
        """
        now = self._clock()
        with _told():
            while await self._database.read(lambda tx: self._unnumbered(tx, dataset, now)):
                await self._database.write(lambda tx: self._number(tx, dataset, now))
            return await self._database.read(lambda tx: self._listing(tx, dataset, behind, most, gone_too, now))

    async def clear(self, actor: Actor, source: str, dataset: str) -> int:
        """Forget every row of a dataset, to push it anew under another key; answers how many rows there were.

        Raises: MissingError, ForbiddenError, StorageError.
        """

        def unit(tx: Connection) -> int:
            stored = own_source(tx, actor, source)
            removed = store.remove_dataset(tx, stored.id, dataset)
            detail = {"source": source, "dataset": dataset, "by": actor.as_json(), "rows": removed}
            self._receiving.record(tx, "source.push.clear", detail, self._clock())
            return removed

        return await self._database.write(unit)

    async def sweep(self) -> int:
        """Delete rows past their time, a few hundred a transaction; answers how many."""
        now, total = self._clock(), 0
        while await self._database.read(lambda tx: store.expired_rows(tx, now=now, most=1)):
            total += await self._database.write(lambda tx: self._sweep(tx, now))
        return total

    def _lookup(self, tx: Connection, place: str, keys: Mapping[str, Value], most: int, now: datetime) -> Answer:
        source, name, state = _asked(tx, place, now)
        columns = {column: text for column, value in keys.items() if (text := key_text(value)) is not None}
        wrapped = store.source_key(tx, source.id)
        if len(columns) < len(keys) or wrapped is None:
            return Answer((), state.newest_as_of)
        way = self._receiving.hashes(source.id).way(name, columns)
        rows = store.find_rows(tx, source.id, name, way, now=now, most=most)
        key = self._vault.data_key(*wrapped)
        opened = [key.decrypt(content_place(row.id), row.sealed) for row in rows]
        return Answer(
            tuple(strict_loads(content, max_bytes=len(content), max_depth=64) for content in opened),
            min((row.as_of for row in rows), default=state.newest_as_of),
        )

    def _unnumbered(self, tx: Connection, place: str, now: datetime) -> bool:
        source, name, _ = _asked(tx, place, now)
        return bool(store.unnumbered_rows(tx, source.id, name, most=1))

    def _number(self, tx: Connection, place: str, now: datetime) -> None:
        source, name, _ = _asked(tx, place, now)
        store.source_key(tx, source.id, lock=True)
        store.number_rows(tx, source.id, store.unnumbered_rows(tx, source.id, name, most=_NUMBERED))

    def _listing(self, tx: Connection, place: str, behind: int, most: int, gone_too: bool, now: datetime) -> Answer:  # noqa: FBT001
        source, name, state = _asked(tx, place, now)
        wrapped = store.source_key(tx, source.id)
        if wrapped is None:
            return Answer((), state.newest_as_of)
        key = self._vault.data_key(*wrapped)
        rows = store.listed_rows(tx, source.id, name, behind=behind, gone_too=gone_too, now=now, most=most)
        return Answer(
            [_opened(key, row) | {SEQUENCE: row.number} for row in rows],
            state.newest_as_of,
            [RowFacts(row.as_of, gone=row.sealed is None) for row in rows],
        )

    def _sweep(self, tx: Connection, now: datetime) -> int:
        rows = store.expired_rows(tx, now=now, most=_SWEPT)
        store.remove_rows(tx, [row_id for row_id, _, _ in rows])
        for source_id, dataset in sorted({(source_id, dataset) for _, source_id, dataset in rows}):
            count = sum((source_id, dataset) == row[1:] for row in rows)
            detail = {"source_id": source_id, "dataset": dataset, "rows": count}
            self._receiving.record(tx, "source.push.expired", detail, now)
        return len(rows)


def _asked(tx: Connection, place: str, now: datetime) -> tuple[StoredSource, str, store.DatasetState]:
    """Source, dataset and what is known of it. Raises: FaultyAnswerError."""
    code, _, name = place.partition("/")
    source = find_source(tx, code)
    dataset = read_datasets(source.definition.connection).get(name) if source else None
    state = store.dataset_state(tx, source.id, name) if source else None
    if source is None or dataset is None or state is None:
        raise FaultyAnswerError("never_pushed")
    if state.shape != shape_of(dataset):
        raise FaultyAnswerError("redeclared")
    if dataset.fresh is not None and state.newest_as_of + dataset.fresh <= now:
        raise FaultyAnswerError("outdated")
    return source, name, state


def _opened(key: DataKey, row: store.Listed) -> dict[str, Any]:
    if row.sealed is not None:
        content = key.decrypt(content_place(row.id), row.sealed)
    else:
        content = key.decrypt(key_place(row.id), row.sealed_key or b"")
    opened: dict[str, Any] = strict_loads(content, max_bytes=len(content), max_depth=64)
    return opened


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the hub's own store as those of a source."""
    try:
        yield
    except IntegrityBrokenError:
        raise FaultyAnswerError("integrity") from None
    except StorageError:
        raise UnreachableError("busy") from None
