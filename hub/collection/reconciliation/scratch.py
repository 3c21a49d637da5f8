"""What was seen of a register that is read whole: keyed hashes in a temporary table that spills to disk."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from hub.issuing.plan import Ending, Weighed


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of the register: where it stands; its hashes, or None where it could not be mapped. `key` is the record's
    hash all the same, where at least its key could be read.
    """

    file: str
    row: int
    item: Weighed | None
    key: bytes | None


@dataclass(frozen=True, slots=True)
class SeenPage:
    """Some rows, and since when the register stood so: of licences made later it says nothing."""

    rows: Sequence[Seen]
    as_of: datetime


class Scratch:
    """Memory stays flat. Used by one thread after the other, never by two at once."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", check_same_thread=False)
        self._scratch.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, file TEXT, row INTEGER, ended INTEGER,"
            " matched INTEGER DEFAULT 0)"
            " WITHOUT ROWID"
        )

    def close(self) -> None:
        """Forget everything."""
        self._scratch.close()

    def note(self, rows: Sequence[Seen]) -> None:
        """Remember rows; of one key the last content counts."""
        self._scratch.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?, 0)"
            " ON CONFLICT (key) DO UPDATE SET content = coalesce(excluded.content, content), ended = excluded.ended",
            [
                (
                    item.item.record_hash if item.item else item.key,
                    item.item and item.item.fingerprint,
                    item.file,
                    item.row,
                    isinstance(item.item, Ending),
                )
                for item in rows
                if item.item is not None or item.key is not None
            ],
        )

    def size(self) -> int:
        """How many keys."""
        return int(self._scratch.execute("SELECT count(*) FROM seen").fetchone()[0])

    def match(self, keys: list[bytes]) -> dict[bytes, tuple[bytes | None, bool]]:
        """Those that were seen, with what they said, and whether that is that they ended."""
        found: dict[bytes, tuple[bytes | None, bool]] = {}
        for key in keys:
            row = self._scratch.execute(
                "UPDATE seen SET matched = 1 WHERE key = ? RETURNING content, ended", (key,)
            ).fetchone()
            if row is not None:
                found[key] = row[0], bool(row[1])
        return found

    def unmatched(self) -> Iterator[tuple[str, int]]:
        """Readable records that stand, and that no licence is of."""
        query = "SELECT file, row FROM seen WHERE matched = 0 AND content IS NOT NULL AND NOT ended ORDER BY file, row"
        with closing(self._scratch.execute(query)) as rows:
            yield from rows
