"""Dialects `oracle`, `mssql` and `dameng`: written against the drivers' documentation and not tested with a server.

What all three share is here; each driver's own words are in `_DRIVERS`. None offers TLS with a checked name at an
address that was checked, so `ssl` is refused rather than pretended.
"""

import math
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.sql_session import Bound, Dialect, Opening, Progress, Rows, Session
from adapters.sql_statement import Statement, Syntax
from adapters.sql_wire import Wire

_T_SQL: Final = frozenset(
    {"TRUNCATE", "BACKUP", "RESTORE", "DBCC", "SHUTDOWN", "WAITFOR", "KILL", "DENY", "BULK", "USE", "SET"}
    | {"DECLARE", "RECONFIGURE", "BEGIN", "COMMIT", "ROLLBACK", "IF", "WHILE", "GOTO", "PRINT", "RAISERROR", "THROW"}
    | {"UPDLOCK", "XLOCK", "TABLOCK", "TABLOCKX", "HOLDLOCK", "SAVE", "RETURN", "OPEN", "DISABLE", "ENABLE"}
)


@dataclass(frozen=True, slots=True)
class _Driver:
    """A driver: what to import and install, how it connects and marks parameters, codes it fails with."""

    module: str
    extra: str
    syntax: Syntax
    mark: Callable[[str], str]
    named: bool
    connect: Callable[[Any, Mapping[str, Any], tuple[str, int], Opening, str, float], tuple[Any, Wire | None]]
    begin: str | None
    ping: str
    denied: frozenset[int]
    timed_out: frozenset[int]
    closed: frozenset[int]


def _oracle(
    module: Any, connection: Mapping[str, Any], host: tuple[str, int], opening: Opening, address: str, seconds: float
) -> tuple[Any, Wire | None]:
    link = module.connect(
        user=connection["user"],
        password=opening.password,
        host=address,
        port=host[1],
        service_name=connection["database"],
        tcp_connect_timeout=seconds,
        retry_count=0,
    )
    return link, None


def _mssql(
    module: Any, connection: Mapping[str, Any], host: tuple[str, int], opening: Opening, address: str, seconds: float
) -> tuple[Any, Wire | None]:
    sock = socket.create_connection((address, host[1]), seconds)
    wire = Wire(sock.fileno())
    try:
        link = module.connect(
            dsn=host[0],
            port=host[1],
            database=connection["database"],
            user=connection["user"],
            password=opening.password,
            login_timeout=seconds,
            readonly=True,
            autocommit=True,
            sock=sock,
            disable_connect_retry=True,
        )
    except BaseException:
        wire.close()
        sock.close()
        raise
    return link, wire


def _dameng(
    module: Any, connection: Mapping[str, Any], host: tuple[str, int], opening: Opening, address: str, seconds: float
) -> tuple[Any, Wire | None]:
    link = module.connect(
        user=connection["user"],
        password=opening.password,
        server=address,
        port=host[1],
        schema=connection["database"],
        access_mode=module.DSQL_MODE_READ_ONLY,
        login_timeout=math.ceil(seconds),
    )
    return link, None


_DRIVERS: Final[Mapping[str, _Driver]] = {
    "oracle": _Driver(
        module="oracledb",
        extra="oracle",
        syntax=Syntax(),
        mark=lambda name: f":{name}",
        named=True,
        connect=_oracle,
        begin="SET TRANSACTION READ ONLY",
        ping="SELECT 1 FROM dual",
        denied=frozenset({1005, 1017, 1031, 1045, 28000, 28001, 12514, 12505}),
        timed_out=frozenset({1013, 3136, 4011, 4024}),
        closed=frozenset({28, 1012, 3113, 3114, 3135, 4005, 4011}),
    ),
    "mssql": _Driver(
        module="pytds",
        extra="mssql",
        syntax=Syntax(brackets=True, refused_words=_T_SQL),
        mark=lambda name: f"%({name})s",
        named=True,
        connect=_mssql,
        begin=None,
        ping="SELECT 1",
        denied=frozenset({229, 230, 916, 4060, 18452, 18456, 18487, 18488}),
        timed_out=frozenset({1222, -2}),
        closed=frozenset({233, 10053, 10054, 10060}),
    ),
    "dameng": _Driver(
        module="dmPython",
        extra="dameng",
        syntax=Syntax(),
        mark=lambda _: "?",
        named=False,
        connect=_dameng,
        begin=None,
        ping="SELECT 1",
        denied=frozenset({-2501, -2502, -2503, -5504, -5505, -70028}),
        timed_out=frozenset({-70019, -70005}),
        closed=frozenset({-70020, -70023, -70065}),
    ),
}


def open_dialect(connection: Mapping[str, Any], host: tuple[str, int], opening: Callable[[], Opening]) -> Dialect:
    """The dialect of a connection.

    Raises: DefinitionFaultError: `/dialect`, with what to install; `/ssl` `dialect`; `/thick` when Oracle's library is
        not there.
    """
    driver = _DRIVERS[connection["dialect"]]
    if "ssl" in connection:
        raise DefinitionFaultError("/ssl", "dialect")
    try:
        module = import_module(driver.module)
    except ImportError:
        module = None
    if module is None:
        raise DefinitionFaultError("/dialect", f"install: yizheng[{driver.extra}]")
    if connection.get("thick"):
        _thick(module)
    return ExtraDialect(driver, module, connection, host, opening)


def _thick(module: Any) -> None:
    with suppress(module.Error, AttributeError):
        module.init_oracle_client()
        return
    raise DefinitionFaultError("/thick", "install: Oracle Instant Client")


class ExtraDialect:
    """One database behind a driver of the list."""

    def __init__(
        self,
        driver: _Driver,
        module: Any,
        connection: Mapping[str, Any],
        host: tuple[str, int],
        opening: Callable[[], Opening],
    ) -> None:
        self.syntax = driver.syntax
        self.host: tuple[str, int] | None = host
        self._driver = driver
        self._module = module
        self._connection = connection
        self._opening = opening

    def opening(self) -> Opening:
        """The secrets as they are now."""
        return self._opening()

    def connect(self, opening: Opening, address: str, seconds: float) -> Session:
        """Connect to a checked address."""
        host = self.host or ("", 0)
        link, wire = self._driver.connect(self._module, self._connection, host, opening, address, seconds)
        return ExtraSession(self._driver, link, wire)

    def fault(self, error: Exception) -> SourceError:
        """What an exception of the driver means, by its number."""
        if isinstance(error, TimeoutError):
            return TimedOutError("connect")
        if isinstance(error, OSError):
            return UnreachableError("refused" if isinstance(error, ConnectionRefusedError) else "closed")
        if isinstance(error, UnicodeError):
            return FaultyAnswerError("charset")
        number = _number(error)
        if number in self._driver.denied or type(error).__name__ == "LoginError":
            return DeniedError()
        if number in self._driver.timed_out:
            return TimedOutError("total")
        if number in self._driver.closed or not isinstance(error, self._module.DatabaseError):
            return UnreachableError("closed")
        return FaultyAnswerError("statement")

    def close(self) -> None:
        """Nothing was written."""


def _number(error: Exception) -> int | None:
    first = error.args[0] if error.args else None
    found = getattr(first, "code", getattr(error, "number", first))
    return found if isinstance(found, int) else None


class ExtraSession:
    """One connection, asked through the DB-API."""

    def __init__(self, driver: _Driver, link: Any, wire: Wire | None) -> None:
        self._driver = driver
        self._link = link
        self._wire = wire

    def rows(self, statement: Statement, values: Mapping[str, Bound], progress: Progress) -> Rows:
        """Column names, then rows."""
        if hasattr(self._link, "call_timeout"):
            self._link.call_timeout = math.ceil(progress.seconds * 1000)
        text = statement.render(self._driver.mark)
        bindings: Any = dict(values) if self._driver.named else [values[name] for name in statement.names]
        cursor = self._link.cursor()
        if self._driver.begin:
            cursor.execute(self._driver.begin)
        if self._driver.module == "pytds":
            # python-tds reads % as a mark only when there are parameters.
            text = Statement(tuple(piece.replace("%", "%%") for piece in statement.pieces), statement.names).render(
                self._driver.mark
            )
            bindings = bindings or {"_": None}
        cursor.execute(text, bindings)
        progress.answering = True
        yield [column[0] for column in cursor.description or ()]
        while (row := cursor.fetchone()) is not None:
            yield [value.read() if hasattr(value, "read") else value for value in row]
        cursor.close()
        self._link.rollback()

    def ping(self, seconds: float) -> None:
        """One empty question."""
        del seconds
        cursor = self._link.cursor()
        cursor.execute(self._driver.ping)
        cursor.fetchone()
        cursor.close()

    def cancel(self) -> None:
        """What the driver has for it; Oracle's is safe from another thread, the others are cut instead."""
        if self._driver.module == "oracledb":
            with suppress(Exception):
                self._link.cancel()

    def abort(self) -> None:
        """Cut the connection, where its socket is ours."""
        if self._wire is not None:
            self._wire.cut()

    def close(self) -> None:
        """Give the connection back."""
        with suppress(Exception):
            self._link.close()
        if self._wire is not None:
            self._wire.close()
