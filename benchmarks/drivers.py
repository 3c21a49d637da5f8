"""The bare drivers: sqlite3 and psycopg, with the hub's settings for durability and nothing of its code."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import psycopg

_CONNECTIONS: Final = 10
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-65536")
Call = tuple[str, Any, bool]
"""SQL, its parameters, and whether these are many sets."""


class Driver(Protocol):
    """Runs whole transactions."""

    async def run(self, calls: Iterable[Call], *, commit: bool) -> list[Sequence[Any]]:
        """Run the calls in one transaction; answers the rows of the last one that has any."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


async def open_driver(place: str) -> Driver:
    """A driver for a `postgresql://` URL or the path of an SQLite file."""
    if not place.startswith("postgresql://"):
        return SqliteDriver(place)
    driver = PostgresDriver()
    for _ in range(_CONNECTIONS):
        driver.give(await psycopg.AsyncConnection.connect(place))
    return driver


class SqliteDriver:
    """One connection, used on the event loop as the hub uses its own."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    async def run(self, calls: Iterable[Call], *, commit: bool) -> list[Sequence[Any]]:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE" if commit else "BEGIN")
        rows: list[Sequence[Any]] = []
        for sql, parameters, many in calls:
            if many:
                self._connection.executemany(sql, parameters)
            else:
                cursor = execute(sql, parameters)
                if cursor.description:
                    rows = cursor.fetchall()
        execute("COMMIT" if commit else "ROLLBACK")
        return rows

    async def close(self) -> None:
        self._connection.close()


class PostgresDriver:
    """As many connections as the hub's pool has; statements are prepared by psycopg after their fifth use."""

    def __init__(self) -> None:
        self._idle: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()

    def give(self, connection: psycopg.AsyncConnection) -> None:
        """Put a connection into the pool."""
        self._idle.put_nowait(connection)

    async def run(self, calls: Iterable[Call], *, commit: bool) -> list[Sequence[Any]]:
        connection = await self._idle.get()
        try:
            rows: list[Sequence[Any]] = []
            if not commit:
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            async with connection.cursor() as cursor:
                for sql, parameters, many in calls:
                    if sql.startswith("COPY "):
                        async with cursor.copy(cast("Any", sql)) as copy:
                            await copy.write(parameters)
                        continue
                    if many:
                        await cursor.executemany(cast("Any", sql), parameters)
                        continue
                    await cursor.execute(cast("Any", sql), parameters)
                    if cursor.description:
                        rows = list(await cursor.fetchall())
            await (connection.commit() if commit else connection.rollback())
            return rows
        finally:
            self.give(connection)

    async def close(self) -> None:
        while not self._idle.empty():
            await (await self._idle.get()).close()


def database_of(home: Path, url: str | None) -> str:
    """What `open_driver` takes, for a hub's home."""
    return url or str(home / "hub.sqlite3")
