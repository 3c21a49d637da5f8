"""Where the tables of a pack's sources stand: by default an SQLite file each, so that a pack runs with nothing else."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from hub.runtime import Hub

_AWAY: Final = "_away"
_DOUBLE: Final = '"'
By = Mapping[str, str]
"""The question that an interface puts: column → parameter."""


@dataclass(frozen=True, slots=True)
class Table:
    """A department's own table, as a pack declares it; all cells are texts.

    Attributes:
        real: the kind of server that it stands in where packs run on real ones.
        asked: every question that interfaces put to it.
    """

    source: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    real: str
    asked: tuple[By, ...] = ()


class Standing(Protocol):
    """A table that stands somewhere and can be asked."""

    def definition(self) -> Mapping[str, Any]:
        """`kind`, `connection` and what else of a source's declaration says where it is."""

    def secrets(self) -> Mapping[str, str]:
        """What the connection names as `secret:NAME`."""

    def operation(self, by: By) -> Mapping[str, Any]:
        """One question to it, in the words of its kind."""

    def away(self) -> AbstractContextManager[None]:
        """The department's system fails, until the end."""


@runtime_checkable
class Dialling(Protocol):
    """What dials the hub, and is not connected to."""

    async def dial(self, hub: Hub, department: str) -> None:
        """Have it come, once the source is registered. Raises: OSError: it does not."""


class Places(Protocol):
    """Puts tables somewhere. What it started ends with it."""

    def stand(self, table: Table, folder: Path) -> Standing:
        """Make the table, with its rows; `folder` is the source's own. Raises: OSError."""


@dataclass(frozen=True, slots=True)
class SqliteTable:
    """In a file."""

    path: Path
    table: Table
    none: Mapping[str, str] = field(default_factory=dict)

    def definition(self) -> Mapping[str, Any]:
        """Of kind `sql`."""
        return {"kind": "sql", "connection": {"dialect": "sqlite", "database": str(self.path)}}

    def secrets(self) -> Mapping[str, str]:
        """A file has none."""
        return self.none

    def operation(self, by: By) -> Mapping[str, Any]:
        """One SELECT."""
        return {"statement": select(self.table, by, quote=_DOUBLE)}

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing of that name is there."""
        _rename(self.path, self.table.name, self.table.name + _AWAY)
        try:
            yield
        finally:
            _rename(self.path, self.table.name + _AWAY, self.table.name)


class Embedded:
    """Every table in a file of its own."""

    def stand(self, table: Table, folder: Path) -> SqliteTable:
        """Write the file."""
        path = (folder / f"{table.source}.sqlite3").absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        places = ", ".join("?" * len(table.columns))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(creation(table, quote=_DOUBLE, column="TEXT"))
            database.executemany(
                f"INSERT INTO {quoted(table.name, _DOUBLE)} VALUES ({places})",  # noqa: S608  # quoted, of the pack
                table.rows,
            )
        return SqliteTable(path, table)


def select(table: Table, by: By, *, quote: str) -> str:
    """The one statement that asks a table by these columns."""
    names = ", ".join(quoted(name, quote) for name in table.columns)
    where = " AND ".join(f"{quoted(column, quote)} = :{param}" for column, param in by.items())
    return f"SELECT {names} FROM {quoted(table.name, quote)} WHERE {where}"  # noqa: S608  # quoted, values are bound


def creation(table: Table, *, quote: str, column: str) -> str:
    """The statement that makes it; every column is of one kind. Nothing is unique: two records of one person happen."""
    columns = ", ".join(f"{quoted(name, quote)} {column}" for name in table.columns)
    return f"CREATE TABLE {quoted(table.name, quote)} ({columns})"


def quoted(name: str, quote: str) -> str:
    """A name as SQL takes it."""
    return quote + name.replace(quote, quote * 2) + quote


def _rename(path: Path, name: str, to: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"ALTER TABLE {quoted(name, _DOUBLE)} RENAME TO {quoted(to, _DOUBLE)}")
