"""Dialect `sqlite`: a database file, opened read-only and watched while it answers."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.sql_session import Bound, Opening, Progress, Rows, Session
from adapters.sql_statement import Statement, Syntax

_STEPS: Final = 10_000
_POLL_SECONDS: Final = 0.01
_ALLOWED: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_FAULTS: Final[Mapping[int, Callable[[], SourceError]]] = {
    sqlite3.SQLITE_BUSY: lambda: TimedOutError("read"),
    sqlite3.SQLITE_LOCKED: lambda: TimedOutError("read"),
    sqlite3.SQLITE_INTERRUPT: lambda: TimedOutError("total"),
    sqlite3.SQLITE_CANTOPEN: lambda: UnreachableError("refused"),
    sqlite3.SQLITE_IOERR: lambda: UnreachableError("closed"),
    sqlite3.SQLITE_PERM: DeniedError,
    sqlite3.SQLITE_AUTH: lambda: DefinitionFaultError("/statement", "not_allowed"),
    sqlite3.SQLITE_READONLY: lambda: DefinitionFaultError("/statement", "writes"),
    sqlite3.SQLITE_TOOBIG: lambda: FaultyAnswerError("too_large"),
    sqlite3.SQLITE_NOMEM: lambda: FaultyAnswerError("too_large"),
    sqlite3.SQLITE_NOTADB: lambda: FaultyAnswerError("format"),
    sqlite3.SQLITE_CORRUPT: lambda: FaultyAnswerError("format"),
}


class SqliteDialect:
    """One database file. `misdeclared` names the encoding of text that is not UTF-8 although it says so."""

    syntax = Syntax(backticks=True, brackets=True)
    host = None

    def __init__(self, path: Path, lies: Path, misdeclared: str | None) -> None:
        """`lies`: where it really lies, as it was when that was judged: a link put there later leads nowhere."""
        self._path = path
        self._resolved = lies
        self._misdeclared = misdeclared

    def opening(self) -> Opening:
        """No secrets: whoever may read the file may read the file."""
        return Opening()

    def connect(self, opening: Opening, address: str, seconds: float) -> Session:
        """Open the file; it is not looked into before the first question."""
        del opening, address, seconds
        if self._path.resolve() != self._resolved:
            raise UnreachableError("refused")
        # Not `immutable`: another process writes the file, and its locks must be honoured.
        link = sqlite3.connect(
            f"{self._resolved.as_uri()}?mode=ro",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=32,
        )
        link.execute("PRAGMA query_only=ON")
        link.execute("PRAGMA trusted_schema=OFF")
        link.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        link.set_authorizer(_authorize)
        if self._misdeclared:
            encoding = self._misdeclared
            link.text_factory = lambda text: text.decode(encoding)
        return SqliteSession(link, self._misdeclared)

    def fault(self, error: Exception) -> SourceError:
        """What an exception of sqlite3 means."""
        if isinstance(error, UnicodeDecodeError):
            return FaultyAnswerError("charset")
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            undecoded = isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
            return FaultyAnswerError("charset" if undecoded else "statement")
        if "not authorized" in str(error):
            # A table-valued pragma is refused with the code of any error.
            return DefinitionFaultError("/statement", "not_allowed")
        return _FAULTS.get(code & 0xFF, lambda: FaultyAnswerError("statement"))()

    def close(self) -> None:
        """Nothing was written."""


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


class SqliteSession:
    """One connection to the file. The deadline is kept by SQLite's own progress handler."""

    def __init__(self, link: sqlite3.Connection, misdeclared: str | None) -> None:
        self._link = link
        self._misdeclared = misdeclared
        self._stopped = False

    def rows(self, statement: Statement, values: Mapping[str, Bound], progress: Progress) -> Rows:
        """Column names, then rows."""
        ends = time.monotonic() + progress.seconds
        self._link.set_progress_handler(lambda: self._stopped or time.monotonic() > ends, _STEPS)
        self._link.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(progress.max_bytes + 1, 65_536))
        cursor = self._first(statement.render(self._mark), self._bindings(values), ends)
        progress.answering = True
        try:
            yield [column[0] for column in cursor.description]
            yield from cursor
        finally:
            cursor.close()

    def _mark(self, name: str) -> str:
        # Text in another encoding can only be bound as bytes.
        return f"CAST(:{name} AS TEXT)" if self._misdeclared else f":{name}"

    def _bindings(self, values: Mapping[str, Bound]) -> dict[str, Any]:
        plain = {name: value if isinstance(value, int | None) else str(value) for name, value in values.items()}
        if self._misdeclared is None:
            return plain
        return {
            name: value.encode(self._misdeclared) if isinstance(value, str) else value for name, value in plain.items()
        }

    def _first(self, text: str, bindings: Mapping[str, Any], ends: float) -> sqlite3.Cursor:
        while True:
            try:
                return self._link.execute(text, bindings)
            except sqlite3.OperationalError as error:
                # SQLite's own waiting cannot be interrupted.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or self._stopped or time.monotonic() > ends:
                    raise
            time.sleep(_POLL_SECONDS)

    def ping(self, seconds: float) -> None:
        """Read the list of tables, for which the file must be there and not be locked."""
        self._first("SELECT count(*) FROM sqlite_master", {}, time.monotonic() + seconds).close()

    def cancel(self) -> None:
        """Stop the running statement."""
        self._stopped = True
        with suppress(sqlite3.Error):
            self._link.interrupt()

    def abort(self) -> None:
        """The same: there is no connection to cut."""
        self.cancel()

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._link.close()
