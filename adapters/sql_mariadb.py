"""Dialects `mariadb` and `mysql`, over PyMySQL.

PyMySQL itself would write values into the statement. Here the server prepares the statement and takes the values from
session variables, which are set from hexadecimal literals: no character set can turn a value into SQL.
"""

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import pymysql
from pymysql.cursors import SSCursor

from adapters.errors import (
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.sql_files import CredentialFiles
from adapters.sql_mariadb_faults import fault_of
from adapters.sql_mariadb_session import DECODERS, MariaLink, MariaSession
from adapters.sql_session import Dialect, Opening, Session
from adapters.sql_statement import Syntax
from adapters.sql_wire import Wire

_CANCEL_SECONDS: Final = 2.0


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

    def _link(self, opening: Opening, address: str, seconds: float) -> tuple[MariaLink, Wire]:
        host, port = self.host or ("", 0)
        tls = self._connection.get("ssl")
        secure: dict[str, Any] = {"ssl_disabled": True}
        if tls is not None:
            host = tls.get("server_name", host)
            secure = {"ssl": self._context(opening)}
        link = MariaLink(
            host=host,
            port=port,
            user=self._connection["user"],
            password=opening.password.encode(),
            database=self._connection["database"],
            charset="latin1" if self._transcoded else "utf8mb4",
            conv=DECODERS,
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
        return fault_of(code) if isinstance(code, int) else UnreachableError("closed")

    def close(self) -> None:
        """Remove certificates and keys."""
        self._files.close()


class _Refused:
    """Refuses to send the password in the clear."""

    def __init__(self, link: Any) -> None:
        del link

    def authenticate(self, packet: Any) -> Any:
        """Never."""
        del packet
        raise pymysql.OperationalError(1251, "clear")
