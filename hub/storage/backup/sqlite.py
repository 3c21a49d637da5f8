"""A consistent copy of the embedded database while others write to it: SQLite's own online backup."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hub.storage.errors import IntegrityBrokenError, UnavailableError


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy all of `source`, as of one instant, into the new file `target`, which needs no journal beside it.

    In one step under a read transaction: writers go on meanwhile (WAL). Raises: UnavailableError, IntegrityBrokenError
    for a copy whose pages do not fit together.
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written, pages=-1)
            written.execute("PRAGMA journal_mode=DELETE")
            answer = written.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise UnavailableError(type(error).__name__) from None
    if answer != "ok":
        raise IntegrityBrokenError("database file")
