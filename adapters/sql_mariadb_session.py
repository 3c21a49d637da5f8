"""One connection to MariaDB or MySQL, over PyMySQL: prepared statements, values as literals, rows one by one."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import pymysql
from pymysql.connections import Connection
from pymysql.constants import FIELD_TYPE

from adapters.errors import (
    FaultyAnswerError,
    SourceError,
)
from adapters.sql_session import Bound, Progress, Rows
from adapters.sql_statement import Statement
from adapters.sql_wire import Wire

_MAX_PREPARED: Final = 32
_PROTOCOL_BYTES: Final = 262_144


class MariaLink(Connection):
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

    def __init__(
        self, link: MariaLink, wire: Wire, again: Callable[[], tuple[MariaLink, Wire]], *, transcoded: bool
    ) -> None:
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
DECODERS: Final[dict[Any, Any]] = {
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
