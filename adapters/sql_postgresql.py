"""Dialect `postgresql`, and `kingbase` and `opengauss`, which speak its wire protocol."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.raw_cursor import RawCursor
from psycopg.types.string import TextLoader

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.sql_files import CredentialFiles
from adapters.sql_libpq import connect
from adapters.sql_session import Bound, Dialect, Opening, Progress, Rows, Session
from adapters.sql_statement import Statement, Syntax
from adapters.sql_wire import Wire

_CANCEL_SECONDS: Final = 2.0
_STATES: Final[tuple[tuple[str, Callable[[], SourceError]], ...]] = (
    ("57014", lambda: TimedOutError("total")),
    ("57P03", lambda: UnreachableError("refused")),
    ("57", lambda: UnreachableError("closed")),
    ("08", lambda: UnreachableError("closed")),
    ("53", lambda: UnreachableError("busy")),
    ("28", DeniedError),
    ("3D", DeniedError),
    ("42501", DeniedError),
    ("25006", lambda: DefinitionFaultError("/statement", "writes")),
    ("40", lambda: FaultyAnswerError("conflict", retryable=True)),
    ("22021", lambda: FaultyAnswerError("charset")),
    ("22P05", lambda: FaultyAnswerError("charset")),
    ("22", lambda: FaultyAnswerError("value")),
)
# libpq gives no code for a connection that failed. These are its own words, never translated in the packaged library.
_WORDS: Final[tuple[tuple[tuple[str, ...], Callable[[], SourceError]], ...]] = (
    (("too many", "remaining connection slots"), lambda: UnreachableError("busy")),
    (("starting up", "shutting down"), lambda: UnreachableError("refused")),
    (("FATAL", "authentication", "fe_sendauth"), DeniedError),
    (("certificate", "SSL", "TLS", "tls"), lambda: UnreachableError("tls")),
    (("Connection refused", "No route", "unreachable"), lambda: UnreachableError("refused")),
    (("password refused",), DeniedError),
    (("closed the connection", "reset by peer"), lambda: UnreachableError("closed")),
)


def open_dialect(connection: Mapping[str, Any], host: tuple[str, int], opening: Callable[[], Opening]) -> Dialect:
    """The dialect of a connection. Raises: DefinitionFaultError."""
    return PostgresDialect(connection, host, opening)


class PostgresDialect:
    """One database. Without `ssl` a password is never sent in the clear, but nothing else is protected."""

    syntax = Syntax(dollar_quotes=True, operators="?@#")

    def __init__(self, connection: Mapping[str, Any], host: tuple[str, int], opening: Callable[[], Opening]) -> None:
        self.host: tuple[str, int] | None = host
        self._connection = connection
        self._opening = opening
        self._files = CredentialFiles()

    def opening(self) -> Opening:
        """The secrets as they are now."""
        return self._opening()

    def connect(self, opening: Opening, address: str, seconds: float) -> Session:
        """Connect and make the session read-only."""
        link = connect(self._arguments(opening, address), seconds)
        try:
            for name in ("date", "timestamp", "timestamptz"):
                link.adapters.register_loader(name, IsoLoader)
            for name in ("time", "timetz", "interval"):
                link.adapters.register_loader(name, TextLoader)
            link.execute("SET default_transaction_read_only = on")
            return PostgresSession(link, transcoded="text_as" in self._connection)
        except BaseException:
            link.close()
            raise

    def _arguments(self, opening: Opening, address: str) -> dict[str, Any]:
        host, port = self.host or ("", 0)
        tls = self._connection.get("ssl")
        given = {
            "host": host if tls is None else tls.get("server_name", host),
            "hostaddr": address,
            "port": port,
            "dbname": self._connection["database"],
            "user": self._connection["user"],
            "password": opening.password,
            "application_name": "yizheng",
            # Mis-declared text travels as it lies there, byte for byte.
            "client_encoding": "LATIN1" if "text_as" in self._connection else "UTF8",
            "gssencmode": "disable",
            # Nothing of the hub's own account may be tried on a department's server.
            "passfile": "/dev/null",
            "sslcertmode": "disable",
            "sslmode": "disable",
            "require_auth": "!password,!gss,!sspi",
        }
        return given | ({} if tls is None else self._tls(opening))

    def _tls(self, opening: Opening) -> dict[str, Any]:
        files = self._files.write(opening)
        given = {"sslmode": "verify-full", "sslrootcert": files.get("ca", "system"), "require_auth": "!gss,!sspi"}
        if "client_cert" in files:
            return given | {
                "sslcertmode": "allow",
                "sslcert": files["client_cert"],
                "sslkey": files.get("client_key", ""),
            }
        return given

    def fault(self, error: Exception) -> SourceError:
        """What an exception of psycopg means."""
        if isinstance(error, UnicodeError):
            return FaultyAnswerError("charset")
        if isinstance(error, TimeoutError):
            return TimedOutError("connect")
        if not isinstance(error, psycopg.Error):
            return FaultyAnswerError("value")
        if error.sqlstate is not None:
            return next((fault() for state, fault in _STATES if error.sqlstate.startswith(state)), _statement())
        if not isinstance(error, psycopg.OperationalError):
            return FaultyAnswerError("value")
        text = str(error)
        found = next((fault() for words, fault in _WORDS if any(word in text for word in words)), None)
        return found or UnreachableError("closed" if "connection failed" not in text else "refused")

    def close(self) -> None:
        """Remove certificates and keys."""
        self._files.close()


def _statement() -> SourceError:
    return FaultyAnswerError("statement")


class PostgresSession:
    """One connection. Rows come one by one, so that a large answer is cut and not held."""

    def __init__(self, link: "psycopg.Connection[Any]", *, transcoded: bool) -> None:
        self._link = link
        self._wire = Wire(link.fileno())
        self._transcoded = transcoded
        self._limit_ms = 0

    def rows(self, statement: Statement, values: Mapping[str, Bound], progress: Progress) -> Rows:
        """Column names, then rows; the transaction is rolled back, which also undoes settings changed by functions."""
        self._limit(progress)
        names = list(dict.fromkeys(statement.names))
        text = statement.render(lambda name: f"${names.index(name) + 1}")
        bindings = [self._sent(values[name]) for name in names]
        self._link.execute("BEGIN READ ONLY")
        with RawCursor(self._link) as cursor:
            stream = cursor.stream(self._sent(text).encode("latin-1" if self._transcoded else "utf-8"), bindings)
            first = next(stream, None)
            progress.answering = True
            yield [self._received(column.name) for column in cursor.description or ()]
            if first is not None:
                yield self._row(first)
            for row in stream:
                yield self._row(row)
        self._link.execute("ROLLBACK")

    def _limit(self, progress: Progress) -> None:
        wanted = math.ceil(progress.seconds * 1000)
        # The hub's own clock is exact; the server's is there for a hub that died.
        if not self._limit_ms * 0.5 <= wanted <= self._limit_ms:
            self._link.execute(f"SET statement_timeout = {wanted}".encode())
            self._limit_ms = wanted

    def _row(self, row: Sequence[Any]) -> Sequence[Any]:
        return [self._received(value) for value in row] if self._transcoded else row

    def _sent(self, value: Any) -> Any:
        if self._transcoded and isinstance(value, str):
            return value.encode("gb18030").decode("latin-1")
        return value

    def _received(self, value: Any) -> Any:
        if self._transcoded and isinstance(value, str):
            return value.encode("latin-1").decode("gb18030")
        return value

    def ping(self, seconds: float) -> None:
        """One empty question."""
        del seconds
        self._link.execute("SELECT 1")

    def cancel(self) -> None:
        """PostgreSQL's cancel request, over a connection of its own."""
        with suppress(psycopg.Error, OSError):
            self._link.cancel_safe(timeout=_CANCEL_SECONDS)

    def abort(self) -> None:
        """Cut the connection."""
        self._wire.cut()

    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""
        with suppress(psycopg.Error, OSError):
            self._link.close()
        self._wire.close()


class IsoLoader(Loader):
    """Dates and instants as ISO 8601 text. `infinity` and years before Christ stay as PostgreSQL writes them."""

    def load(self, data: Buffer) -> str:
        """`2020-01-01 00:00:00+08` → `2020-01-01T00:00:00+08:00`."""
        text = bytes(data).decode("ascii")
        if text.endswith("BC") or not text[0].isdigit():
            return text
        text = text.replace(" ", "T", 1)
        return f"{text}:00" if "T" in text and text[-3] in "+-" else text
