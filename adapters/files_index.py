"""The index of one version of a file: its rows and the keys that are asked for, in one SQLite file.

A lookup touches the pages of its key and nothing else; memory is flat whatever the file's size. The index is never
changed once it has its name. It holds the rows themselves, personal data: mode 0600, in a folder of mode 0700.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from adapters.errors import FaultyAnswerError, UnreachableError
from adapters.files_rows import Bad, Table
from adapters.port import Row, Value

Key = tuple[str, ...]
_BATCH: Final = 500
_MAX_BYTES: Final = 8 * 2**30
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Quality:
    """What is in a file: rows that are served, and rows that cannot be told, counted by reason."""

    rows: int
    bad: Mapping[str, int]


def build_index(
    table: Table, path: Path, *, keys: frozenset[Key], as_of: datetime, stopped: Callable[[], bool]
) -> None:
    """Write the index of a table; columns of no key are kept as well.

    Raises: FaultyAnswerError(`columns`): a key's column is not in the file; UnreachableError(`closed`): `stopped`.
    """
    if table.columns is not None and not {column for key in keys for column in key} <= set(table.columns):
        raise FaultyAnswerError("columns")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    link = sqlite3.connect(path, isolation_level=None)
    try:
        with closing(link):
            _fill(link, table, sorted(keys), as_of, stopped)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fill(
    link: sqlite3.Connection, table: Table, keys: Sequence[Key], as_of: datetime, stopped: Callable[[], bool]
) -> None:
    # A crash leaves a file without its final name; it need not survive one.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "page_size=8192", "cache_size=-8192"):
        link.execute(f"PRAGMA {pragma}")
    link.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT)")
    link.execute("CREATE TABLE rows (n INTEGER PRIMARY KEY, d TEXT)")
    for number in range(len(keys)):
        link.execute(f"CREATE TABLE k{number} (k TEXT, n INTEGER)")
    link.execute("BEGIN")
    bad: Counter[str] = Counter()
    count = 0
    rows = enumerate(table.rows)
    while batch := list(islice(rows, _BATCH)):
        if stopped():
            raise UnreachableError("closed")
        bad.update(row.reason for _, row in batch if isinstance(row, Bad))
        good = [(number, row) for number, row in batch if not isinstance(row, Bad)]
        count += len(good)
        link.executemany(
            "INSERT INTO rows VALUES (?, ?)",
            [(number, json.dumps(row, ensure_ascii=False, separators=(",", ":"))) for number, row in good],
        )
        for place, key in enumerate(keys):
            link.executemany(f"INSERT INTO k{place} VALUES (?, ?)", _entries(good, key, table.columns))  # noqa: S608
    for place in range(len(keys)):
        link.execute(f"CREATE INDEX i{place} ON k{place} (k, n)")
    about = {
        "columns": table.columns,
        "keys": keys,
        "as_of": as_of.isoformat(),
        "rows": count,
        "bad": dict(bad),
    }
    link.executemany("INSERT INTO about VALUES (?, ?)", [(name, json.dumps(value)) for name, value in about.items()])
    link.execute("COMMIT")


def _entries(rows: Sequence[tuple[int, Any]], key: Key, columns: tuple[str, ...] | None) -> Iterator[tuple[str, int]]:
    places = None if columns is None else [columns.index(column) for column in key]
    for number, row in rows:
        values = [row.get(column) for column in key] if places is None else [row[place] for place in places]
        text = key_text(values)
        if text is not None:
            yield text, number


def key_text(values: Sequence[Any]) -> str | None:
    """The values of a key as one text; None when one is absent or is no single value. 5, 5.0 and "5" are the same."""
    texts = [_text(value) for value in values]
    if None in texts:
        return None
    return texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


class FileIndex:
    """An index that is being served. Of one thread at a time. `close` may be called while another process uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._link = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, isolation_level=None
        )
        try:
            about = {name: json.loads(value) for name, value in self._link.execute("SELECT name, value FROM about")}
        except BaseException:
            self._link.close()
            raise
        self._columns: list[str] | None = about["columns"]
        self.keys: list[Key] = [tuple(key) for key in about["keys"]]
        self.as_of = datetime.fromisoformat(about["as_of"])
        self.quality = Quality(about["rows"], about["bad"])

    def find(self, key: Key, values: Sequence[Value], *, max_rows: int, max_bytes: int) -> list[Row]:
        """Rows whose columns have exactly these values, in the order of the file. Raises: FaultyAnswerError."""
        text = key_text(values)
        if text is None:
            return []
        place = self.keys.index(key)
        found = self._link.execute(
            f"SELECT d FROM rows WHERE n IN (SELECT n FROM k{place} WHERE k = ?) ORDER BY n LIMIT ?",  # noqa: S608
            (text, max_rows + 1),
        )
        return self._rows(found, max_rows, max_bytes)

    def everything(self, *, max_rows: int, max_bytes: int) -> list[Row]:
        """All rows. Raises: FaultyAnswerError(`too_many`, `too_large`)."""
        if self.quality.rows > max_rows:
            raise FaultyAnswerError("too_many")
        return self._rows(self._link.execute("SELECT d FROM rows ORDER BY n"), max_rows, max_bytes)

    def page(self, column: str, after: Value, *, size: int, max_rows: int, max_bytes: int) -> list[tuple[str, Row]]:
        """`size` rows behind this value of a column, in its order, and whatever has the same value as the last of them.

        With them their values, as they are ordered. Raises: FaultyAnswerError.
        """
        place = self.keys.index((column,))
        query = f"SELECT k, n, d FROM k{place} JOIN rows USING (n) WHERE "  # noqa: S608
        found = self._link.execute(f"{query} k > ? ORDER BY k, n LIMIT ?", (key_text([after]) or "", size)).fetchall()
        if len(found) == size:
            last, number, _ = found[-1]
            same = f"{query} k = ? AND n > ? ORDER BY n LIMIT ?"
            found += self._link.execute(same, (last, number, max_rows + 1 - size))
        rows = self._rows(((text,) for _, _, text in found), max_rows, max_bytes)
        return [(key, row) for (key, _, _), row in zip(found, rows, strict=True)]

    def unlisted(self, column: str, *, most: int, max_bytes: int) -> list[Row]:
        """What `page` never comes to: rows without a value there; an empty one for each that could not be told."""
        place = self.keys.index((column,))
        known = f"FROM k{place} WHERE k <> ''"
        if self._link.execute(f"SELECT count(*) {known}").fetchone()[0] == self.quality.rows:
            rows = []
        else:
            others = f"SELECT d FROM rows WHERE n NOT IN (SELECT n {known}) ORDER BY n LIMIT ?"  # noqa: S608
            rows = self._rows(self._link.execute(others, (most,)), most, max_bytes)
        return rows + [{}] * min(sum(self.quality.bad.values()), most - len(rows))

    def _rows(self, found: Iterable[tuple[str]], max_rows: int, max_bytes: int) -> list[Row]:
        names = sum(len(name.encode()) for name in self._columns or ())
        rows: list[Row] = []
        for (text,) in found:
            if len(rows) == max_rows:
                raise FaultyAnswerError("too_many")
            max_bytes -= len(text.encode()) + names
            if max_bytes < 0:
                raise FaultyAnswerError("too_large")
            row = json.loads(text)
            # A nameless column cannot be mapped.
            rows.append(
                row
                if self._columns is None
                else {name: cell for name, cell in zip(self._columns, row, strict=True) if name}
            )
        return rows

    def close(self) -> None:
        """Stop serving it; the file stays."""
        self._link.close()


class IndexFolder:
    """Where the indexes of a source lie. A private folder goes with its source; a named one is shared, and stays."""

    def __init__(self, folder: Path, identity: str, *, keep: bool) -> None:
        self._folder = folder
        self._identity = identity
        self._keep = keep

    def find(self, version: str, keys: frozenset[Key]) -> FileIndex | None:
        """An index of this version with these keys, made by this process or another one."""
        for path in sorted(self._folder.glob(f"{self._identity}-{version}-*.index")):
            with suppress(sqlite3.Error, KeyError, ValueError):
                index = FileIndex(path)
                if keys <= set(index.keys):
                    return index
                index.close()
        return None

    def unfinished(self, version: str) -> Path:
        """A name for an index that is being written."""
        return self._folder / f"{self._identity}-{version}-{os.urandom(8).hex()}.unfinished"

    def finish(self, path: Path) -> FileIndex:
        """Give a whole index its name."""
        if path.stat().st_size > _MAX_BYTES:
            path.unlink()
            raise FaultyAnswerError("too_large")
        done = path.with_suffix(".index")
        path.rename(done)
        return FileIndex(done)

    def discard(self, index: FileIndex) -> None:
        """An index that is superseded; other processes that have it open read on."""
        index.close()
        index.path.unlink(missing_ok=True)

    def prune(self, served: set[str], now: datetime) -> None:
        """Remove what an earlier process left: other versions, and what it did not finish a day ago.

        Another process that serves another version has it open and reads on.
        """
        for path in self._folder.glob(f"{self._identity}-*"):
            with suppress(FileNotFoundError):
                stale = (now.timestamp() - path.stat().st_mtime) > _DAY_SECONDS
                version = path.name.removeprefix(f"{self._identity}-").partition("-")[0]
                if stale if path.suffix == ".unfinished" else version not in served:
                    path.unlink()

    def close(self) -> None:
        """Remove everything, unless the folder is shared."""
        if not self._keep:
            for path in self._folder.iterdir():
                path.unlink(missing_ok=True)
            self._folder.rmdir()
