"""Choosing the dialect of a connection. A driver is imported when a source of its dialect is opened, not before."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from adapters.definition import resolved
from adapters.errors import DefinitionFaultError
from adapters.paths import judged
from adapters.port import Environment, Secrets
from adapters.sql_session import Dialect, Opening
from adapters.sql_sqlite import SqliteDialect

_MODULES: Final[Mapping[str, tuple[str, int]]] = {
    "postgresql": ("adapters.sql_postgresql", 5432),
    "kingbase": ("adapters.sql_postgresql", 54321),
    "opengauss": ("adapters.sql_postgresql", 5432),
    "mariadb": ("adapters.sql_mariadb", 3306),
    "mysql": ("adapters.sql_mariadb", 3306),
    "oracle": ("adapters.sql_extras", 1521),
    "mssql": ("adapters.sql_extras", 1433),
    "dameng": ("adapters.sql_extras", 5236),
}
_TRANSCODES: Final = frozenset({"postgresql", "kingbase", "opengauss", "mariadb", "mysql", "sqlite"})


def open_dialect(connection: Mapping[str, Any], environment: Environment) -> Dialect:
    """The dialect of a checked connection.

    Raises: DefinitionFaultError: `/host`, `/user` `missing`; `/text_as` `dialect`; `/dialect` and what to install.
    """
    name = connection["dialect"]
    if "text_as" in connection and name not in _TRANSCODES:
        raise DefinitionFaultError("/text_as", "dialect")
    if name == "sqlite":
        path, lies = _file(connection, environment)
        return SqliteDialect(path, lies, "gb18030" if "text_as" in connection else None)
    for member in ("host", "user"):
        if member not in connection:
            raise DefinitionFaultError(f"/{member}", "missing")
    module, port = _MODULES[name]
    opened: Dialect = import_module(module).open_dialect(
        connection, (connection["host"].lower(), connection.get("port", port)), opener(connection, environment.secrets)
    )
    return opened


def _file(connection: Mapping[str, Any], environment: Environment) -> tuple[Path, Path]:
    for member in ("host", "port", "user", "password", "ssl", "thick"):
        if member in connection:
            raise DefinitionFaultError(f"/{member}", "unknown")
    return Path(connection["database"]), judged(connection["database"], "/database", environment.folders)


def opener(connection: Mapping[str, Any], secrets: Secrets) -> Callable[[], Opening]:
    """Fetches a connection's secrets anew for each attempt, so that a renewed one is used at once."""
    tls = connection.get("ssl", {})

    def fetch() -> Opening:
        return Opening(
            password=resolved(secrets, connection.get("password", "")),
            ca=tls.get("ca", ""),
            client_cert=tls.get("client_cert", ""),
            client_key=resolved(secrets, tls.get("client_key", "")),
        )

    return fetch
