"""Two counters in an empty database, other people's connections to it, and a watch on the event loop."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
from sqlalchemy import Connection, text

from hub.storage.database import Database

SCHEMA = (
    "CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL CONSTRAINT positive CHECK (n >= 0))",
    "CREATE TABLE children (parent TEXT NOT NULL REFERENCES counters (name) DEFERRABLE INITIALLY DEFERRED)",
    "INSERT INTO counters VALUES ('a', 0), ('b', 0)",
)
BUMP = text("UPDATE counters SET n = n + 1 WHERE name = :name")


def raw(url: str) -> Any:
    """A connection of somebody else's, in autocommit mode."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=0)
    return psycopg.connect(url, autocommit=True)


def outside(url: str, statement: str) -> list[tuple[Any, ...]]:
    connection = raw(url)
    try:
        cursor = connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def bump(tx: Connection, name: str = "a") -> None:
    tx.execute(BUMP, {"name": name})


async def value(database: Database, name: str = "a") -> int:
    query = text("SELECT n FROM counters WHERE name = :name")
    return await database.read(lambda tx: int(tx.execute(query, {"name": name}).scalar_one()))


HOLD = """
import sqlite3, sys, time, psycopg
url, seconds, end = sys.argv[1:]
embedded = url.startswith("sqlite")
path = url.removeprefix("sqlite:///")
connection = sqlite3.connect(path, isolation_level=None) if embedded else psycopg.connect(url, autocommit=True)
connection.execute("BEGIN IMMEDIATE" if embedded else "BEGIN")
connection.execute("UPDATE counters SET n = n + 100 WHERE name = 'a'")
print("held", flush=True)
time.sleep(float(seconds))
connection.execute(end)
"""


@asynccontextmanager
async def held_elsewhere(url: str, seconds: float, end: str = "ROLLBACK") -> AsyncIterator[None]:
    """Another process holds the row of `a` (on SQLite: the only write lock) for so long."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, url, str(seconds), end, stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Ticker:
    """Measures the longest time for which the event loop did not come round."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before), now
