"""Dialects `mariadb` and `mysql`, over PyMySQL.

PyMySQL itself would write values into the statement. Here the server prepares the statement and takes the values from
session variables, which are set from hexadecimal literals: no character set can turn a value into SQL.
"""

import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import pymysql
from pymysql.connections import Connection
from pymysql.constants import FIELD_TYPE
from pymysql.cursors import SSCursor

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.sql_files import CredentialFiles
from adapters.sql_session import Bound, Dialect, Opening, Progress, Rows, Session
from adapters.sql_statement import Statement, Syntax
from adapters.sql_wire import Wire

_CANCEL_SECONDS: Final = 2.0
_MAX_PREPARED: Final = 32
_PROTOCOL_BYTES: Final = 262_144
_TIMED_OUT: Final = frozenset({1317, 1969, 3024, 1205})
_DENIED: Final = frozenset({1044, 1045, 1049, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1698, 1862, 2059, 2061, 4151})
_BUSY: Final = frozenset({1040, 1041, 1203, 1226})
_CLOSED: Final = frozenset({1053, 1077, 1079, 1080, 1152, 1153, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2027, 2055})
_WRITES: Final = frozenset({1290, 1792})
_CONFLICT: Final = frozenset({1020, 1213})


def open_dialect(connection: Mapping[str, Any], host: tuple[str, int], opening: Callable[[], Opening]) -> Dialect:
    """The dialect of a connection. Raises: DefinitionFaultError."""
    return MariaDialect(connection, host, opening)


class MariaDialect:
    """One database. Without `ssl` a password is never sent in the clear, but nothing else is protected."""

    syntax = Syntax(backticks=True)

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
        link, wire = self._link(opening, address, seconds)
        try:
            return MariaSession(
                link, wire, lambda: self._link(opening, address, _CANCEL_SECONDS), transcoded=self._transcoded
            )
        except BaseException:
            link.close()
            wire.close()
            raise

    @property
    def _transcoded(self) -> bool:
        return "text_as" in self._connection

    def _link(self, opening: Opening, address: str, seconds: float) -> tuple["_Link", Wire]:
        host, port = self.host or ("", 0)
        tls = self._connection.get("ssl")
        secure: dict[str, Any] = {"ssl_disabled": True}
        if tls is not None:
            host = tls.get("server_name", host)
            secure = {"ssl": self._context(opening)}
        link = _Link(
            host=host,
            port=port,
            user=self._connection["user"],
            password=opening.password.encode(),
            database=self._connection["database"],
            charset="latin1" if self._transcoded else "utf8mb4",
            conv=_DECODERS,
            cursorclass=SSCursor,
            read_timeout=seconds,
            write_timeout=seconds,
            autocommit=True,
            defer_connect=True,
            auth_plugin_map={} if tls is not None else {"mysql_clear_password": _Refused, "dialog": _Refused},
            **secure,
        )
        ends = time.monotonic() + seconds
        sock = socket.create_connection((address, port), seconds)
        wire = Wire(sock.fileno())
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The socket is ours and goes to the checked address; the certificate is checked against the name.
            link.connect(sock)
        except BaseException as error:
            wire.close()
            sock.close()
            # PyMySQL calls a silent server a lost connection.
            if isinstance(error, pymysql.MySQLError) and time.monotonic() >= ends:
                raise TimeoutError from None
            raise
        link.wait_for_ever()
        return link, wire

    def _context(self, opening: Opening) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=opening.ca or None)
        files = self._files.write(opening)
        if "client_cert" in files:
            context.load_cert_chain(files["client_cert"], files.get("client_key"))
        return context

    def fault(self, error: Exception) -> SourceError:
        """What an exception of PyMySQL or of the socket means."""
        cause = getattr(error, "original_exception", error)
        if isinstance(cause, ssl.SSLError):
            return UnreachableError("tls")
        if isinstance(cause, TimeoutError):
            return TimedOutError("connect")
        if isinstance(cause, OSError):
            return UnreachableError("refused" if isinstance(cause, ConnectionRefusedError) else "closed")
        if isinstance(error, UnicodeError):
            return FaultyAnswerError("charset")
        code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
        return _coded(code) if isinstance(code, int) else UnreachableError("closed")

    def close(self) -> None:
        """Remove certificates and keys."""
        self._files.close()


def _coded(code: int) -> SourceError:
    if code in _TIMED_OUT:
        return TimedOutError("total")
    if code in _DENIED:
        return DeniedError()
    if code in _BUSY:
        return UnreachableError("busy")
    if code in _CLOSED:
        return UnreachableError("closed")
    if code in _WRITES:
        return DefinitionFaultError("/statement", "writes")
    if code == 2026:
        return UnreachableError("tls")
    return FaultyAnswerError("conflict", retryable=True) if code in _CONFLICT else FaultyAnswerError("statement")


class _Refused:
    """Refuses to send the password in the clear."""

    def __init__(self, link: Any) -> None:
        del link

    def authenticate(self, packet: Any) -> Any:
        """Never."""
        del packet
        raise pymysql.OperationalError(1251, "clear")


class _Link(Connection):
    """PyMySQL's connection with a limit on what one answer may make it hold: a row may be a gigabyte."""

    allowance: float = math.inf

    def wait_for_ever(self) -> None:
        """After the greeting the hub keeps the time and cuts the connection."""
        self._read_timeout = None
        self._write_timeout = None

    def forget_rest(self) -> None:
        """Let go of an answer that was not read to its end: PyMySQL would read on when it is garbage."""
        result: Any = self._result  # type: ignore[attr-defined]
        if result is not None and result.unbuffered_active:
            result.unbuffered_active = False
            result.connection = None

    def _read_bytes(self, num_bytes: int) -> bytes:
        self.allowance -= num_bytes
        if self.allowance < 0:
            raise FaultyAnswerError("too_large")
        data: bytes = super()._read_bytes(num_bytes)  # type: ignore[misc]
        return data


class MariaSession:
    """One connection. Rows come one by one, so that a large answer is cut and not held."""

    def __init__(self, link: _Link, wire: Wire, again: Callable[[], tuple[_Link, Wire]], *, transcoded: bool) -> None:
        self._link = link
        self._wire = wire
        self._again = again
        self._charset = "latin1" if transcoded else "utf8mb4"
        self._encoding = "gb18030" if transcoded else "utf-8"
        self._transcoded = transcoded
        self._prepared: dict[str, str] = {}
        self._limit_seconds = 0.0
        if transcoded:
            # PyMySQL reads latin1 as cp1252, which has holes.
            link.encoding = "latin-1"
        self._do("SET SESSION TRANSACTION READ ONLY")
        self._do("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")

    def rows(self, statement: Statement, values: Mapping[str, Bound], progress: Progress) -> Rows:
        """Column names, then rows."""
        self._limit(progress)
        self._link.allowance = 2 * progress.max_bytes + _PROTOCOL_BYTES
        name = self._prepare(statement.render(lambda _: "?"))
        if values:
            self._do("SET " + ", ".join(f"@y_{key} = {self._literal(value)}" for key, value in values.items()))
        using = ", ".join(f"@y_{key}" for key in statement.names)
        cursor = self._link.cursor()
        cursor.execute(f"EXECUTE {name} USING {using}" if using else f"EXECUTE {name}")
        progress.answering = True
        try:
            yield [self._received(column[0]) for column in cursor.description or ()]
            while (row := cursor.fetchone()) is not None:
                yield [self._received(value) for value in row] if self._transcoded else row
        finally:
            self._link.forget_rest()
        cursor.close()

    def _prepare(self, text: str) -> str:
        known = self._prepared.get(text)
        if known is not None:
            return known
        if len(self._prepared) >= _MAX_PREPARED:
            oldest = next(iter(self._prepared))
            self._do(f"DEALLOCATE PREPARE {self._prepared.pop(oldest)}")
        taken = set(self._prepared.values())
        name = next(found for number in range(_MAX_PREPARED) if (found := f"y{number}") not in taken)
        self._do(f"SET @y = {self._literal(text)}")
        self._do(f"PREPARE {name} FROM @y")
        self._prepared[text] = name
        return name

    def _literal(self, value: Bound) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, Decimal):
            return format(value, "f")
        return f"CONVERT(X'{str(value).encode(self._encoding).hex()}' USING {self._charset})"

    def _received(self, value: Any) -> Any:
        if self._transcoded and isinstance(value, str):
            return value.encode("latin-1").decode("gb18030")
        return value

    def _limit(self, progress: Progress) -> None:
        # The hub's own clock is exact; the server's is there for a hub that died.
        if self._limit_seconds * 0.5 <= progress.seconds <= self._limit_seconds:
            return
        if "MariaDB" in str(self._link.server_version):  # type: ignore[attr-defined]
            self._do(f"SET SESSION max_statement_time = {progress.seconds:.3f}")
        else:
            self._do(f"SET SESSION max_execution_time = {math.ceil(progress.seconds * 1000)}")
        self._limit_seconds = progress.seconds

    def _do(self, text: str) -> None:
        self._link.query(text)

    def ping(self, seconds: float) -> None:
        """MySQL's own ping."""
        del seconds
        self._link.ping(reconnect=False)

    def cancel(self) -> None:
        """KILL QUERY, over a connection of its own."""
        number = int(self._link.thread_id())  # type: ignore[no-untyped-call]
        with suppress(pymysql.MySQLError, OSError, SourceError):
            link, wire = self._again()
            try:
                link.query(f"KILL QUERY {number}")
            finally:
                link.close()
                wire.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._wire.cut()

    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""
        with suppress(pymysql.MySQLError, OSError, AttributeError):
            self._link.close()
        self._wire.close()


def _instant(text: str) -> str:
    return text.replace(" ", "T", 1)


# What is not named here arrives as the server writes it: dates, times, decimals. A zero date is no date of Python's.
_DECODERS: Final[dict[Any, Any]] = {
    FIELD_TYPE.TINY: int,
    FIELD_TYPE.SHORT: int,
    FIELD_TYPE.LONG: int,
    FIELD_TYPE.LONGLONG: int,
    FIELD_TYPE.INT24: int,
    FIELD_TYPE.YEAR: int,
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
    FIELD_TYPE.TIMESTAMP: _instant,
    FIELD_TYPE.DATETIME: _instant,
}
