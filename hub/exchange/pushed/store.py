"""Queries over pushed rows. Each takes the caller's connection and never commits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, union_all, update

from catalog.tables import table
from hub.exchange.tables import PushedBatchRow, PushedDatasetRow, PushedLookupRow, PushedRow, PushedSourceRow

_SOURCES: Final = table(PushedSourceRow)
_DATASETS: Final = table(PushedDatasetRow)
_ROWS: Final = table(PushedRow)
_LOOKUPS: Final = table(PushedLookupRow)
_BATCHES: Final = table(PushedBatchRow)
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored row, as a batch is compared with it."""

    id: str
    key_hash: bytes
    content_hash: bytes
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a question found, still sealed."""

    id: str
    sealed: bytes
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a listing, still sealed: its content, or, when it is gone, its key."""

    id: str
    sealed: bytes | None
    sealed_key: bytes | None
    as_of: datetime
    number: int


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What is known of a dataset as a whole."""

    shape: str
    newest_as_of: datetime


def source_key(tx: Connection, source_id: str, *, lock: bool = False) -> tuple[bytes, str] | None:
    """The wrapped data key of a source and the key that wraps it. `lock` keeps other batches of it waiting."""
    query = select(_SOURCES.c.data_key, _SOURCES.c.kek_kid).where(_SOURCES.c.source_id == source_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return (row.data_key, row.kek_kid) if row else None


def add_source_key(tx: Connection, source_id: str, data_key: bytes, kek_kid: str) -> None:
    """Write a source's data key."""
    tx.execute(insert(_SOURCES).values(source_id=source_id, data_key=data_key, kek_kid=kek_kid))


def take_numbers(tx: Connection, source_id: str, count: int) -> range:
    """The next numbers of a source, which the caller has locked."""
    its = _SOURCES.c.source_id == source_id
    last = tx.execute(select(_SOURCES.c.last_number).where(its)).scalar_one()
    tx.execute(update(_SOURCES).where(its).values(last_number=last + count))
    return range(last + 1, last + count + 1)


def unnumbered_rows(tx: Connection, source_id: str, dataset: str, *, most: int) -> Sequence[str]:
    """Rows that an earlier release wrote, the oldest first."""
    query = select(_ROWS.c.id).where(_dataset(_ROWS, source_id, dataset), _ROWS.c.number.is_(None))
    return tx.execute(query.order_by(_ROWS.c.as_of, _ROWS.c.id).limit(most)).scalars().all()


def number_rows(tx: Connection, source_id: str, ids: Sequence[str]) -> None:
    """Give them numbers. The caller has locked the source."""
    if ids:
        given = zip(ids, take_numbers(tx, source_id, len(ids)), strict=True)
        tx.execute(
            update(_ROWS).where(_ROWS.c.id == bindparam("row")).values(number=bindparam("given")),
            [{"row": row_id, "given": number} for row_id, number in given],
        )


def listed_rows(
    tx: Connection, source_id: str, dataset: str, *, behind: int, gone_too: bool, now: datetime, most: int
) -> list[Listed]:
    """Rows behind this number, in the order of their numbers, none past its time."""
    told = _ROWS.c.sealed.is_not(None)
    query = (
        select(_ROWS.c.id, _ROWS.c.sealed, _ROWS.c.sealed_key, _ROWS.c.as_of, _ROWS.c.number)
        .where(
            _dataset(_ROWS, source_id, dataset),
            _ROWS.c.number > behind,
            told | _ROWS.c.sealed_key.is_not(None) if gone_too else told,
            _ROWS.c.valid_until.is_(None) | (_ROWS.c.valid_until > now),
        )
        .order_by(_ROWS.c.number)
        .limit(most)
    )
    return [Listed(*row) for row in tx.execute(query)]


def dataset_state(tx: Connection, source_id: str, dataset: str) -> DatasetState | None:
    """The state of a dataset; None before its first batch."""
    row = tx.execute(select(_DATASETS).where(_dataset(_DATASETS, source_id, dataset))).one_or_none()
    return DatasetState(row.shape, row.newest_as_of) if row else None


def put_dataset(tx: Connection, source_id: str, dataset: str, **values: Any) -> None:
    """Write or replace the state of a dataset."""
    tx.execute(delete(_DATASETS).where(_dataset(_DATASETS, source_id, dataset)))
    tx.execute(insert(_DATASETS).values(source_id=source_id, dataset=dataset, **values))


def stored_rows(tx: Connection, source_id: str, dataset: str, key_hashes: Sequence[bytes]) -> dict[bytes, Stored]:
    """The rows of these keys that are stored, tombstones too, by key hash."""
    found = {}
    for chunk in _chunks(key_hashes):
        query = select(_ROWS.c.id, _ROWS.c.key_hash, _ROWS.c.content_hash, _ROWS.c.as_of).where(
            _dataset(_ROWS, source_id, dataset), _ROWS.c.key_hash.in_(chunk)
        )
        found.update({row.key_hash: Stored(*row) for row in tx.execute(query)})
    return found


def add_rows(tx: Connection, rows: Sequence[dict[str, Any]], lookups: Sequence[dict[str, Any]]) -> None:
    """Write rows and their other look-ups."""
    if rows:
        tx.execute(insert(_ROWS), list(rows))
    if lookups:
        tx.execute(insert(_LOOKUPS), list(lookups))


def remove_rows(tx: Connection, ids: Sequence[str]) -> None:
    """Delete rows and their look-ups."""
    for chunk in _chunks(ids):
        tx.execute(delete(_LOOKUPS).where(_LOOKUPS.c.row_id.in_(chunk)))
        tx.execute(delete(_ROWS).where(_ROWS.c.id.in_(chunk)))


def ways_of(tx: Connection, ids: Sequence[str]) -> list[bytes]:
    """The other look-ups of rows."""
    found: list[bytes] = []
    for chunk in _chunks(ids):
        found += tx.execute(select(_LOOKUPS.c.way).where(_LOOKUPS.c.row_id.in_(chunk))).scalars()
    return found


def renew_rows(tx: Connection, ids: Sequence[str], *, as_of: datetime, valid_until: datetime | None) -> None:
    """Rows that were said again, with the same content, at a later date."""
    for chunk in _chunks(ids):
        tx.execute(update(_ROWS).where(_ROWS.c.id.in_(chunk)).values(as_of=as_of, valid_until=valid_until))


def find_rows(tx: Connection, source_id: str, dataset: str, way: bytes, *, now: datetime, most: int) -> list[Found]:
    """Rows found by this hash, neither deleted nor past their time; at most `most`, in the order of their ids."""
    by_key = select(_ROWS.c.id).where(_dataset(_ROWS, source_id, dataset), _ROWS.c.key_hash == way)
    by_other = select(_LOOKUPS.c.row_id).where(_LOOKUPS.c.way == way)
    query = (
        select(_ROWS.c.id, _ROWS.c.sealed, _ROWS.c.as_of)
        .where(
            _ROWS.c.id.in_(union_all(by_key, by_other)),
            _ROWS.c.sealed.is_not(None),
            _ROWS.c.valid_until.is_(None) | (_ROWS.c.valid_until > now),
        )
        .order_by(_ROWS.c.id)
        .limit(most)
    )
    return [Found(*row) for row in tx.execute(query)]


def expired_rows(tx: Connection, *, now: datetime, most: int) -> list[tuple[str, str, str]]:
    """Rows past their time: id, source id, dataset."""
    query = select(_ROWS.c.id, _ROWS.c.source_id, _ROWS.c.dataset).where(_ROWS.c.valid_until <= now).limit(most)
    return [(row.id, row.source_id, row.dataset) for row in tx.execute(query)]


def remove_dataset(tx: Connection, source_id: str, dataset: str) -> int:
    """Delete a dataset whole: it counts as never pushed. Answers how many rows it had."""
    its_rows = select(_ROWS.c.id).where(_dataset(_ROWS, source_id, dataset))
    tx.execute(delete(_LOOKUPS).where(_LOOKUPS.c.row_id.in_(its_rows)))
    removed = tx.execute(delete(_ROWS).where(_dataset(_ROWS, source_id, dataset))).rowcount
    tx.execute(delete(_DATASETS).where(_dataset(_DATASETS, source_id, dataset)))
    return removed


def add_batch(tx: Connection, **values: Any) -> None:
    """Write what became of a batch."""
    tx.execute(insert(_BATCHES).values(**values))


def find_batch(tx: Connection, batch_id: str) -> dict[str, Any] | None:
    """A batch by id."""
    row = tx.execute(select(_BATCHES).where(_BATCHES.c.id == batch_id)).one_or_none()
    return dict(row._mapping) if row else None  # noqa: SLF001  # SQLAlchemy's public name for it


def _dataset(rows: Any, source_id: str, dataset: str) -> Any:
    return and_(rows.c.source_id == source_id, rows.c.dataset == dataset)


def _chunks(items: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield list(items[start : start + _CHUNK])
