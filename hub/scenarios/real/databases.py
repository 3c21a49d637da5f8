"""Tables of sources in PostgreSQL and MariaDB: a database of its own for the run, and a reader with SELECT alone.

Both are dropped at the end. The account that makes them is the given one; the hub is told of the reader only.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from hub.scenarios.places import By, Table, creation, quoted, select

READER: Final = "reader"


class Server(Protocol):
    """A database server that takes statements; of which kind, `dialect` and `quote` say."""

    dialect: str
    quote: str
    database: str
    user: str
    password: str

    @property
    def at(self) -> SplitResult:
        """Where it is."""

    def do(self, *statements: str, rows: tuple[str, tuple[tuple[str, ...], ...]] | None = None) -> None:
        """Run statements in the run's database, then one with rows. Raises: OSError: the server refuses."""

    def close(self) -> None:
        """Drop what was made."""


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """A table in one of the two."""

    server: Server
    table: Table

    def definition(self) -> Mapping[str, Any]:
        """Of kind `sql`, by its reader."""
        at, server = self.server.at, self.server
        connection = {
            "dialect": server.dialect, "host": at.hostname, "port": at.port, "database": server.database,
            "user": server.user, "password": f"secret:{READER}",
        }  # fmt: skip
        return {"kind": "sql", "connection": connection, "targets": [f"{at.hostname}:{at.port}"]}

    def secrets(self) -> Mapping[str, str]:
        """The reader's password."""
        return {READER: self.server.password}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One SELECT."""
        return {"statement": select(self.table, by, quote=self.server.quote)}

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing of that name is there."""
        name, gone = (quoted(each, self.server.quote) for each in (self.table.name, f"{self.table.name}_away"))
        self.server.do(f"ALTER TABLE {name} RENAME TO {gone}")
        try:
            yield
        finally:
            self.server.do(f"ALTER TABLE {gone} RENAME TO {name}")


def stand(server: Server, table: Table) -> DatabaseTable:
    """Make the table, with its rows, for the reader to read."""
    name, marks = quoted(table.name, server.quote), ", ".join(["%s"] * len(table.columns))
    reader = server.user if server.dialect == "postgresql" else f"{server.user}@'%'"
    on = name if server.dialect == "postgresql" else f"{server.database}.{name}"
    server.do(
        creation(table, quote=server.quote, column="TEXT"),
        f"GRANT SELECT ON {on} TO {reader}",
        rows=(f"INSERT INTO {name} VALUES ({marks})", table.rows),  # noqa: S608  # quoted, of the pack
    )
    return DatabaseTable(server, table)


@dataclass(slots=True)
class Postgres:
    """A PostgreSQL server, given as `postgresql://USER[:PASSWORD]@HOST:PORT` of an account that may make databases."""

    url: str
    dialect: str = "postgresql"
    quote: str = '"'
    database: str = field(default_factory=lambda: f"scenario_{secrets.token_hex(6)}")
    user: str = field(default_factory=lambda: f"scenario_reader_{secrets.token_hex(6)}")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def __post_init__(self) -> None:
        """Make database and reader."""
        self._run("postgres", [f'CREATE DATABASE "{self.database}"'])
        self.do(f"CREATE ROLE {self.user} LOGIN PASSWORD '{self.password}'")

    @property
    def at(self) -> SplitResult:
        """Where it is."""
        return urlsplit(self.url)

    def do(self, *statements: str, rows: tuple[str, tuple[tuple[str, ...], ...]] | None = None) -> None:
        """See `Server`."""
        self._run(self.database, statements, rows)

    def close(self) -> None:
        """See `Server`."""
        self._run("postgres", [f'DROP DATABASE "{self.database}" WITH (FORCE)', f"DROP ROLE {self.user}"])

    def _run(self, database: str, statements: Any, rows: Any = None) -> None:
        import psycopg

        try:
            with psycopg.connect(f"{self.url.rstrip('/')}/{database}", autocommit=True) as link:
                for statement in statements:
                    link.execute(statement)
                if rows is not None:
                    link.cursor().executemany(*rows)
        except psycopg.Error as error:
            raise OSError(f"PostgreSQL: {type(error).__name__}: {error}") from error


@dataclass(slots=True)
class Maria:
    """A MariaDB server, given as `mysql://USER[:PASSWORD]@HOST:PORT`."""

    url: str
    dialect: str = "mariadb"
    quote: str = "`"
    database: str = field(default_factory=lambda: f"scenario_{secrets.token_hex(6)}")
    user: str = field(default_factory=lambda: f"scenario_{secrets.token_hex(6)}")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def __post_init__(self) -> None:
        """Make database and reader."""
        self._run(None, [f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4"])
        self.do(f"CREATE USER {self.user}@'%' IDENTIFIED BY '{self.password}'")

    @property
    def at(self) -> SplitResult:
        """Where it is."""
        return urlsplit(self.url)

    def do(self, *statements: str, rows: tuple[str, tuple[tuple[str, ...], ...]] | None = None) -> None:
        """See `Server`."""
        self._run(self.database, statements, rows)

    def close(self) -> None:
        """See `Server`."""
        self._run(None, [f"DROP DATABASE {self.database}", f"DROP USER {self.user}@'%'"])

    def _run(self, database: str | None, statements: Any, rows: Any = None) -> None:
        import pymysql

        at = self.at
        try:
            link = pymysql.connect(
                host=at.hostname, port=at.port or 3306, user=unquote(at.username or ""),
                password=unquote(at.password or ""), database=database, charset="utf8mb4", autocommit=True,
            )  # fmt: skip
            with link, link.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                if rows is not None:
                    cursor.executemany(*rows)
        except pymysql.Error as error:
            raise OSError(f"MariaDB: {type(error).__name__}: {error}") from error
