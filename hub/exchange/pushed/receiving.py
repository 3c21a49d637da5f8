"""Units of work by which a batch is received: find its place, judge and seal its rows outside, write it whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from adapters.errors import DefinitionFaultError
from adapters.push import Dataset, read_datasets
from catalog.source_store import StoredSource, find_source
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import new_id, rfc3339
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange.pushed import store
from hub.exchange.pushed.batch import Hashes, Judged, Rejected, Verdict, judge, shape_of
from hub.exchange.uses import Event, announce, of_row
from hub.intake.errors import IdempotencyError
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import ConflictError, MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.vault import DataKey, Vault


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one dataset as they stood at `as_of`. `digest`: SHA-256, in hex, of the bytes they came in."""

    dataset: str
    key: tuple[str, ...]
    as_of: datetime
    rows: Sequence[object] = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch; every row counts once. `superseded_older`: rows older than what is stored."""

    id: str
    accepted: int
    unchanged: int
    superseded_older: int
    rejected: tuple[Rejected, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "batch": self.id,
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "superseded_older": self.superseded_older,
            "rejected": [{"row": item.row, "code": item.code} for item in self.rejected],
        }


@dataclass(frozen=True, slots=True)
class Room:
    """Where a batch goes, found before its rows are sealed outside any transaction."""

    source: StoredSource
    dataset: Dataset
    key: DataKey


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A judged batch beside what is stored."""

    new: list[Judged]
    replaced: list[str]
    renewed: list[str]
    unchanged: int
    older: int
    rejected: list[Rejected]


class Receiving:
    """The units of `PushedRows.receive`."""

    def __init__(self, *, vault: Vault, log_key: DataKey) -> None:
        self._vault = vault
        self._log_key = log_key

    def room(self, tx: Connection, sender: Caller | Actor, code: str, batch: Batch) -> Room:
        """Where the batch goes; its source's data key is made with its first batch. Raises as `PushedRows.receive`."""
        source = own_source(tx, sender, code)
        dataset = _declared(source, batch)
        state = store.dataset_state(tx, source.id, dataset.name)
        if state is not None and state.shape != shape_of(dataset):
            raise InvalidBodyError(Fault("/dataset", "redeclared"))
        wrapped = store.source_key(tx, source.id)
        if wrapped is not None:
            return Room(source, dataset, self._vault.data_key(*wrapped))
        key = self._vault.new_data_key()
        store.add_source_key(tx, source.id, key.wrapped, key.kek_kid)
        return Room(source, dataset, key)

    def judged(self, room: Room, batch: Batch, now: datetime) -> tuple[Verdict, dict[bytes, dict[str, Any]]]:
        """Rows judged, and those fit to be stored as columns, sealed. For a thread: it takes long."""
        verdict = judge(batch.rows, room.dataset, self.hashes(room.source.id), as_of=batch.as_of, now=now)
        until = batch.as_of + room.dataset.keep if room.dataset.keep else None
        columns = {}
        for item in verdict.rows:
            row_id = new_id()
            columns[item.key_hash] = {
                "id": row_id,
                "source_id": room.source.id,
                "dataset": room.dataset.name,
                "key_hash": item.key_hash,
                "content_hash": item.content_hash,
                "sealed": room.key.encrypt(content_place(row_id), item.content) if item.content is not None else None,
                "sealed_key": room.key.encrypt(key_place(row_id), item.gone) if item.gone is not None else None,
                "as_of": batch.as_of,
                "valid_until": until,
            }
        return verdict, columns

    def store(
        self,
        tx: Connection,
        sender: Caller | Actor,
        room: Room,
        batch: Batch,
        verdict: Verdict,
        columns: dict[bytes, dict[str, Any]],
        request: RequestKey | None,
        now: datetime,
    ) -> BatchResult:
        """Write the batch whole, with its ledger entry and its Idempotency-Key. Raises: ConflictError to begin anew."""
        # 1. The source as it stands now; one batch of it at a time.
        source_id, dataset = room.source.id, room.dataset
        store.source_key(tx, source_id, lock=True)
        source = own_source(tx, sender, room.source.definition.code)
        if source.row_version != room.source.row_version:
            raise ConflictError("sources")
        known = known_result(tx, request, now)
        if known is not None:
            return known
        # 2. Each row beside the one that is stored.
        existing = store.stored_rows(tx, source_id, dataset.name, [item.key_hash for item in verdict.rows])
        found = _compare(verdict, existing, batch.as_of)
        changed = [way for item in found.new if item.key_hash in existing for way in (item.key_hash, *item.ways)]
        # Also as it was found until now: a row that was moved to another look-up is changed for whoever used the old.
        changed += store.ways_of(tx, found.replaced)
        announce(tx, Event.RECORD_CHANGED, [of_row(way) for way in changed], now=now)
        store.remove_rows(tx, found.replaced)
        until = batch.as_of + dataset.keep if dataset.keep else None
        store.renew_rows(tx, found.renewed, as_of=batch.as_of, valid_until=until)
        ways = [
            {"row_id": columns[item.key_hash]["id"], "way": way}
            for item in found.new
            for way in dict.fromkeys(item.ways)
        ]
        # Given under the lock, so that nobody who reads in their order can miss one that commits later.
        numbers = store.take_numbers(tx, source_id, len(found.new))
        store.add_rows(
            tx,
            [columns[item.key_hash] | {"number": number} for number, item in zip(numbers, found.new, strict=True)],
            ways,
        )
        # 3. The dataset, the batch and its ledger entry.
        state = store.dataset_state(tx, source_id, dataset.name)
        newest = max(state.newest_as_of, batch.as_of) if state else batch.as_of
        store.put_dataset(tx, source_id, dataset.name, shape=shape_of(dataset), newest_as_of=newest, received_at=now)
        result = BatchResult(
            new_id(), len(found.new), found.unchanged + verdict.repeated, found.older, tuple(found.rejected)
        )
        self._record_batch(tx, sender, source, batch, result, now)
        if request is not None:
            record_effect(tx, request, result.id, now=now)
        return result

    def _record_batch(
        self,
        tx: Connection,
        sender: Caller | Actor,
        source: StoredSource,
        batch: Batch,
        result: BatchResult,
        now: datetime,
    ) -> None:
        counts = {
            "accepted": result.accepted,
            "unchanged": result.unchanged,
            "superseded_older": result.superseded_older,
        }
        by = sender.as_json() if isinstance(sender, Actor) else {"kind": "system", "id": sender.client_id}
        detail = {
            "source": source.definition.code,
            "dataset": batch.dataset,
            "batch": result.id,
            "by": by,
            "as_of": rfc3339(batch.as_of),
            "digest": batch.digest,
            "rejected": len(result.rejected),
            **counts,
        }
        entry_id = self.record(tx, "source.push", detail, now)
        store.add_batch(
            tx,
            id=result.id,
            source_id=source.id,
            dataset=batch.dataset,
            as_of=batch.as_of,
            received_at=now,
            rejected=[[item.row, item.code] for item in result.rejected],
            digest=batch.digest,
            ledger_entry_id=entry_id,
            **counts,
        )

    def hashes(self, source_id: str) -> Hashes:
        """The keyed hashes of a source."""
        return Hashes(source_id, lookup=self._vault.lookup_hash, fingerprint=self._vault.fingerprint_key())

    def record(self, tx: Connection, kind: str, detail: dict[str, Any], now: datetime) -> str:
        """Append an entry under the log's key; answers its id."""
        entry = seal(Draft(kind=kind, detail=detail, key=self._log_key), now=now)
        append(tx, [entry])
        return entry.id


def own_source(tx: Connection, sender: Caller | Actor, code: str) -> StoredSource:
    """The source, if it is the sender's to write. Raises: MissingError, ForbiddenError."""
    source = find_source(tx, code)
    if source is None:
        raise MissingError("source")
    if isinstance(sender, Actor):
        sender.require(Role.OWNER_ENGINEER, owner=source.owner_department_id)
    elif sender.department_id != source.owner_department_id:
        raise MissingError("source")
    return source


def _declared(source: StoredSource, batch: Batch) -> Dataset:
    if source.definition.kind != "push":
        raise InvalidBodyError(Fault("", "not_a_push_source"))
    if source.state == "disabled":
        raise InvalidBodyError(Fault("", "source_disabled"))
    try:
        dataset = read_datasets(source.definition.connection).get(batch.dataset)
    except DefinitionFaultError:
        raise InvalidBodyError(Fault("", "source_definition")) from None
    if dataset is None:
        raise InvalidBodyError(Fault("/dataset", "unknown_dataset"))
    if frozenset(batch.key) != dataset.key or len(batch.key) != len(dataset.key):
        raise InvalidBodyError(Fault("/key", "not_the_declared_key"))
    return dataset


def _compare(verdict: Verdict, existing: Mapping[bytes, store.Stored], as_of: datetime) -> _Sorted:
    found = _Sorted([], [], [], 0, 0, list(verdict.rejected))
    unchanged = older = 0
    for item in verdict.rows:
        stored = existing.get(item.key_hash)
        if stored is None:
            found.new.append(item)
        elif stored.content_hash == item.content_hash:
            unchanged += 1
            if as_of > stored.as_of:
                found.renewed.append(stored.id)
        elif as_of > stored.as_of:
            found.new.append(item)
            found.replaced.append(stored.id)
        elif as_of == stored.as_of:
            # Neither of the two is the newer one: the department must say which holds, with a later date.
            found.rejected.append(Rejected(item.row, "conflicts_with_stored"))
        else:
            older += 1
    rejected = sorted(found.rejected, key=lambda item: item.row)
    return _Sorted(found.new, found.replaced, found.renewed, unchanged, older, rejected)


def known_result(tx: Connection, request: RequestKey | None, now: datetime) -> BatchResult | None:
    """What became of the batch that came with this Idempotency-Key. Raises: IdempotencyError."""
    effect = find_effect(tx, request, now=now) if request else None
    if effect is None:
        return None
    batch_id, same = effect
    if not same:
        raise IdempotencyError
    row = store.find_batch(tx, batch_id)
    if row is None:
        return None
    rejected = tuple(Rejected(int(place), str(code)) for place, code in row["rejected"])
    return BatchResult(batch_id, row["accepted"], row["unchanged"], row["superseded_older"], rejected)


def key_place(row_id: str) -> str:
    """Where the key of a row that is gone is stored, for its encryption."""
    return f"pushed_rows:{row_id}:key"


def content_place(row_id: str) -> str:
    """Where a row's content is stored, for its encryption."""
    return f"pushed_rows:{row_id}:content"
