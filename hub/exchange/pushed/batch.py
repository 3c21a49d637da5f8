"""Rows of a batch, judged one by one before the database is asked. Pure; a rejected row is named by place and code.

A row is a flat or nested JSON object. Its member `deleted: true` makes it a tombstone: only the key is read then.
"""

import hmac
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapters.push import Dataset
from signing.canonical import canonical, sha256
from signing.errors import MalformedError

MAX_ROWS: Final = 5_000
MAX_ROW_BYTES: Final = 65_536
_MAX_COLUMNS: Final = 300
_MAX_KEY: Final = 500
_DELETED: Final = "deleted"


class BrokenLine:
    """Stands for a line that is no JSON."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: its place in the batch, from 0, and why."""

    row: int
    code: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A row fit to be stored. `content` is canonical JSON, None for a tombstone; `ways` hash its other look-ups.

    `gone`: of a tombstone, its key columns in canonical JSON.
    """

    row: int
    key_hash: bytes
    content_hash: bytes
    content: bytes | None
    ways: tuple[bytes, ...]
    gone: bytes | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A batch judged: rows to store, how many repeat one of them, and those rejected."""

    rows: Sequence[Judged]
    repeated: int
    rejected: Sequence[Rejected]


class Hashes:
    """The keyed hashes by which rows of one source are found and compared; nobody without the keys can make them."""

    def __init__(self, source_id: str, *, lookup: Callable[..., bytes], fingerprint: bytes) -> None:
        self._source_id = source_id
        self._lookup = lookup
        self._fingerprint = fingerprint

    def way(self, dataset: str, columns: Mapping[str, str]) -> bytes:
        """The hash of these columns with these values."""
        return self._lookup("pushed", self._source_id, dataset, canonical(columns).decode())

    def content(self, dataset: str, content: bytes | None) -> bytes:
        """The hash of a row's content; a tombstone has one too."""
        body = b"deleted" if content is None else b"row\x00" + content
        return hmac.digest(self._fingerprint, f"{self._source_id}\x00{dataset}\x00".encode() + body, "sha256")


def shape_of(dataset: Dataset) -> str:
    """The digest of what rows are found by; rows hashed for another shape would not be found."""
    ways = [sorted(way) for way in dataset.ways]
    return sha256(canonical([ways[0], *sorted(ways[1:])])).hex()


def key_text(value: object) -> str | None:
    """A value as it is hashed: text in NFC without outer white space, whole numbers in digits. None: no key."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return None
    return unicodedata.normalize("NFC", value).strip() or None


def judge(rows: Sequence[object], dataset: Dataset, hashes: Hashes, *, as_of: datetime, now: datetime) -> Verdict:
    """Check every row; rows of one key that say different things reject each other (design §6)."""
    if dataset.keep is not None and as_of + dataset.keep <= now:
        return Verdict((), 0, [Rejected(place, "too_old") for place in range(len(rows))])
    judged: dict[bytes, list[Judged]] = {}
    rejected: list[Rejected] = []
    for place, row in enumerate(rows):
        found = _judge_row(place, row, dataset, hashes)
        if isinstance(found, Judged):
            judged.setdefault(found.key_hash, []).append(found)
        else:
            rejected.append(Rejected(place, found))
    taken, repeated = [], 0
    for same_key in judged.values():
        if len({item.content_hash for item in same_key}) > 1:
            rejected.extend(Rejected(item.row, "conflicting") for item in same_key)
        else:
            taken.append(same_key[0])
            repeated += len(same_key) - 1
    return Verdict(taken, repeated, sorted(rejected, key=lambda item: item.row))


def _judge_row(place: int, row: object, dataset: Dataset, hashes: Hashes) -> Judged | str:
    if isinstance(row, BrokenLine):
        return "not_json"
    if not isinstance(row, dict):
        return "not_an_object"
    if not row or len(row) > _MAX_COLUMNS:
        return "columns"
    deleted = row.get(_DELETED, False)
    if not isinstance(deleted, bool):
        return "deleted_not_boolean"
    key = {column: text for column in dataset.key if (text := key_text(row.get(column))) is not None}
    if len(key) < len(dataset.key):
        return "key_missing"
    if any(len(text) > _MAX_KEY for text in key.values()):
        return "key_too_long"
    content = None
    if not deleted:
        try:
            content = canonical({name: value for name, value in row.items() if name != _DELETED})
        except MalformedError:
            return "value"
        if len(content) > MAX_ROW_BYTES:
            return "too_large"
    return Judged(
        place,
        hashes.way(dataset.name, key),
        hashes.content(dataset.name, content),
        content,
        () if deleted else _other_ways(row, dataset, hashes),
        canonical(key) if deleted else None,
    )


def _other_ways(row: Mapping[str, Any], dataset: Dataset, hashes: Hashes) -> tuple[bytes, ...]:
    found = []
    for way in dataset.ways[1:]:
        columns = {column: text for column in way if (text := key_text(row.get(column))) is not None}
        if len(columns) == len(way):
            found.append(hashes.way(dataset.name, columns))
    return tuple(found)
