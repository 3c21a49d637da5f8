"""Kind `files`: registers that a department puts down as CSV, XLSX or JSON lines, in a folder or over SFTP.

Each version of a file is read once, into an index (`adapters.files_index`); a question by key reads a few pages of it.
The index holds the register's rows: docs/sources-sql-files.md says where it lies and when it is removed.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO, Final

from adapters.definition import check_definition, check_params, whole_number
from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError
from adapters.files_index import FileIndex, IndexFolder, Key, Quality
from adapters.files_places import LocalFolder, Place, check_glob
from adapters.files_rows import Table, read_csv, read_json_lines
from adapters.files_schema import CONNECTION_SCHEMA, LISTING_SCHEMA, OPERATION_SCHEMA
from adapters.files_shelf import Shelf
from adapters.lifetime import Lifetime
from adapters.paths import judged
from adapters.port import Answer, Budget, Context, Environment, Prepared, Probe, Row, RowFacts, Value

__all__ = ["CONNECTION_SCHEMA", "OPERATION_SCHEMA", "FilesSource", "open_files", "open_source"]
_SHANGHAI: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A checked operation: columns and the parameters they must equal; no columns means all rows."""

    key: Key
    names: tuple[str, ...]
    params: frozenset[str]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class _Listing:
    """A checked operation that lists all rows in the order of a column."""

    by: str
    params: frozenset[str] = frozenset({"after", "size"})
    safe: bool = True


class FilesSource:
    """Registers in files. A newer version answers when it is whole and indexed; until then the one before does."""

    def __init__(self, shelf: Shelf, as_of_column: str | None) -> None:
        self._shelf = shelf
        self._as_of_column = as_of_column
        self._lifetime = Lifetime()

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Check an operation; whether its columns are in the file, the first question tells."""
        if "by" in operation:
            check_definition(LISTING_SCHEMA, operation)
            self._shelf.want((operation["by"],))
            return _Listing(operation["by"])
        check_definition(OPERATION_SCHEMA, operation)
        if ("key" in operation) == ("rows" in operation):
            raise DefinitionFaultError("/key", "missing" if "key" not in operation else "key_or_rows")
        given = operation.get("key", {})
        key = tuple(sorted(given))
        names = tuple(given[column] for column in key)
        if key:
            self._shelf.want(key)
        return _Lookup(key, names, frozenset(names))

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask once. `as_of` is the oldest of the files that answered, or what the declared column says."""
        del context
        if isinstance(prepared, _Listing):
            check_params(prepared.params, params)
            return await self._page(prepared.by, params["after"], whole_number(params, "size", least=1), budget)
        if not isinstance(prepared, _Lookup):
            raise DefinitionFaultError("", "foreign")
        check_params(prepared.params, params)
        values = [params[name] for name in prepared.names]

        def question(index: FileIndex) -> list[Row]:
            if not prepared.key:
                return index.everything(max_rows=budget.max_rows, max_bytes=budget.max_bytes)
            return index.find(prepared.key, values, max_rows=budget.max_rows, max_bytes=budget.max_bytes)

        async with self._lifetime.question(budget.total_seconds):
            answers = await self._shelf.ask(budget, question)
        rows = [row for _, found in answers for row in found]
        if len(rows) > budget.max_rows:
            raise FaultyAnswerError("too_many")
        return Answer(rows, min((self._as_of(index, found) for index, found in answers), default=None))

    async def _page(self, by: str, after: Value, size: int, budget: Budget) -> Answer:
        """Rows behind `after`; those of one value stay together. With the first page what has no value there, and an
        empty row for each that could not be told: a list without them would pass for a whole one.
        """
        size = min(size, budget.max_rows)

        def question(index: FileIndex) -> tuple[list[Row], list[tuple[str, Row]]]:
            first = index.unlisted(by, most=size, max_bytes=budget.max_bytes) if after in ("", None) else []
            return first, index.page(by, after, size=size, max_rows=budget.max_rows, max_bytes=budget.max_bytes)

        async with self._lifetime.question(budget.total_seconds):
            answers = await self._shelf.ask(budget, question)
        listed = sorted(
            ((key, index, row) for index, (_, found) in answers for key, row in found), key=lambda item: item[0]
        )
        if len(listed) > size:
            listed = [item for item in listed if item[0] <= listed[size - 1][0]]
        told = [(index, row) for index, (first, _) in answers for row in first][:size]
        told += [(index, row) for _, index, row in listed]
        if len(told) > budget.max_rows:
            raise FaultyAnswerError("too_many")
        dates = [RowFacts(self._as_of(index, [row])) for index, row in told]
        # The list stood so when it was written, however old its rows are.
        return Answer([row for _, row in told], min(index.as_of for index, _ in answers), dates)

    def _as_of(self, index: FileIndex, rows: list[Row]) -> datetime:
        """The oldest date in the declared column; a file without one is as old as it was written."""
        if self._as_of_column is None:
            return index.as_of
        told = [instant(row.get(self._as_of_column)) for row in rows]
        return min((moment for moment in told if moment is not None), default=index.as_of)

    @property
    def quality(self) -> list[Quality]:
        """Rows and bad rows of each file that answers now."""
        return [index.quality for index in self._shelf.serving]

    async def probe(self, budget: Budget) -> Probe:
        """See whether a whole version answers. Bad rows are told by `code` and do not make it fail."""
        began = perf_counter()
        try:
            async with self._lifetime.question(budget.total_seconds):
                await self._shelf.ask(budget, lambda _: None)
        except SourceError as error:
            return Probe(ok=False, seconds=perf_counter() - began, code=error.code)
        bad = sum(sum(quality.bad.values()) for quality in self.quality)
        return Probe(ok=True, seconds=perf_counter() - began, code=f"bad_rows_{bad}" if bad else "")

    async def close(self) -> None:
        """Give connections back and remove private indexes."""
        if not self._lifetime.closed:
            self._lifetime.close()
            await self._shelf.close()


def instant(value: Any) -> datetime | None:
    """An ISO date or instant; without an offset it is one of Asia/Shanghai."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=_SHANGHAI)


def open_source(connection: Mapping[str, Any], environment: Environment) -> FilesSource:
    """Open a folder. Nothing is reached yet. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    if ("folder" in connection) == ("sftp" in connection):
        raise DefinitionFaultError("/folder", "folder_or_sftp" if "folder" in connection else "missing")
    glob = connection["glob"]
    check_glob(glob)
    place: Place
    if "sftp" in connection:
        from adapters.files_sftp import SftpFolder

        place = SftpFolder(connection["sftp"], glob, environment.egress, environment.secrets)
        return open_files(place, connection, environment, check_seconds=30)
    folder = judged(connection["folder"], "/folder", environment.folders)
    return open_files(LocalFolder(folder, glob), connection, environment, check_seconds=1)


def open_files(
    place: Place, connection: Mapping[str, Any], environment: Environment, *, check_seconds: float
) -> FilesSource:
    """A source over any place that holds files. `check_seconds`: how often it is looked at unless declared."""
    keep = "index_dir" in connection
    folder = _index_dir(connection, environment) if keep else Path(tempfile.mkdtemp(prefix="yizheng-files-"))
    what = {name: value for name, value in connection.items() if name not in {"index_dir", "check_seconds"}}
    identity = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    shelf = Shelf(
        place,
        IndexFolder(folder, identity, keep=keep),
        reader(connection),
        clock=environment.clock,
        every=connection.get("select", "newest") == "all",
        settle_seconds=connection.get("settle_seconds", 1),
        check_seconds=connection.get("check_seconds", check_seconds),
    )
    return FilesSource(shelf, connection.get("as_of_column"))


def _index_dir(connection: Mapping[str, Any], environment: Environment) -> Path:
    folder = judged(connection["index_dir"], "/index_dir", environment.folders)
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise DefinitionFaultError("/index_dir", "private_folder")
    return folder


def reader(connection: Mapping[str, Any]) -> Callable[[BinaryIO], Table]:
    """How a file of this connection is read."""
    if connection["format"] == "xlsx":
        from adapters.files_xlsx import read_xlsx

        return partial(read_xlsx, sheet=connection.get("sheet"))
    whole = partial(_whole, final_newline=connection.get("final_newline", True))
    if connection["format"] == "jsonl":
        return lambda stream: read_json_lines(whole(stream))
    encoding, delimiter = connection.get("encoding"), connection.get("delimiter", ",")
    return lambda stream: read_csv(whole(stream), encoding=encoding, delimiter=delimiter)


def _whole(stream: BinaryIO, *, final_newline: bool) -> BinaryIO:
    """Refuse a file that ends in the middle of a line: its writer has not finished, or died."""
    if stream.seek(0, os.SEEK_END) == 0:
        raise FaultyAnswerError("incomplete")
    stream.seek(-1, os.SEEK_END)
    if final_newline and stream.read(1) not in {b"\n", b"\r"}:
        raise FaultyAnswerError("incomplete")
    stream.seek(0)
    return stream
