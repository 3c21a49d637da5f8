"""Conflicting rows: one record key, two contents, in one run. Both are rejected, so the first must not be issued.

A first pass notes keyed hashes of record keys in a temporary table that spills to disk; only keys that repeat are
mapped in full. Memory stays flat, and nothing personal is written: the hashes are keyed.
"""

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Self


class ConflictFinder:
    """Collects (key hash, content hash) pairs and says which keys have more than one content."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("")  # an unnamed file of SQLite's own, gone when closed
        self._scratch.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, conflict INTEGER) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def note(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Remember pairs; a key seen with another content before is in conflict from now on."""
        self._scratch.executemany(
            "INSERT INTO seen VALUES (?, ?, 0)"
            " ON CONFLICT (key) DO UPDATE SET conflict = conflict OR content <> excluded.content",
            pairs,
        )

    def conflicting(self) -> frozenset[bytes]:
        """The keys with more than one content."""
        return frozenset(key for (key,) in self._scratch.execute("SELECT key FROM seen WHERE conflict"))
