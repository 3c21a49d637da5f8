"""Real databases that hold the town: PostgreSQL and MariaDB behind a relay that can fall silent, and SQLite files."""

import asyncio
import contextlib
import os
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from adapters.egress import Target
from tests.adapters.contract import Kind
from tests.adapters.town import COLUMNS, ENTERPRISES
from tests.support import POSTGRES, new_database

MARIADB = os.environ.get("YIZHENG_TEST_MARIADB")
PASSWORD = "读-only-reader-7f2b9c1d5e8a"
REFUSED = "not-the-password-of-anybody-41c7"
SELECT = "SELECT uscc, name, established_on, region FROM enterprises"
BY_USCC = {"statement": f"{SELECT} WHERE uscc = :uscc"}
BY_NAME = {"statement": f"{SELECT} WHERE name = :name"}
BY_REGION = {"statement": f"{SELECT} WHERE region = :region ORDER BY uscc"}


@dataclass
class Relay:
    """Passes bytes to a server until it is told to be silent; then connections open and nothing comes."""

    host: str
    port: int
    own_port: int = 0
    held: set[asyncio.Task[None]] = field(default_factory=set)
    waiting: set[asyncio.StreamWriter] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.held.add(task)
        # MariaDB speaks first: a connection that hears nothing is a question too.
        self.waiting.add(writer)
        try:
            answers, upstream = await asyncio.open_connection(self.host, self.port)
        except OSError:
            self.waiting.discard(writer)
            writer.close()
            return
        ways = [
            asyncio.create_task(self._pass(reader, upstream, writer)),
            asyncio.create_task(self._answer(answers, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # The stream server would log it.
            pass
        finally:
            for way in ways:
                way.cancel()
            self.held.discard(task)
            self.waiting.discard(writer)
            writer.close()
            upstream.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asks: asyncio.StreamWriter) -> None:
        """What a client says is always passed on, a request to cancel among it."""
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                self.waiting.add(asks)
                sink.write(data)
                await sink.drain()

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self.flowing.wait()
                self.waiting.discard(sink)
                sink.write(data)
                await sink.drain()

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        self.flowing.clear()
        try:
            yield
        finally:
            self.flowing.set()

    async def busy(self) -> int:
        return len(self.waiting)


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[Relay]:
    place = urlsplit(url)
    relay = Relay(place.hostname or "", place.port or 0)
    relay.flowing.set()
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.own_port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for task in tuple(relay.held):
            task.cancel()
        await asyncio.gather(*relay.held, return_exceptions=True)


def fill_postgres(url: str, rows: Iterable[Mapping[str, str]] = ENTERPRISES) -> None:
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("CREATE TABLE enterprises (uscc text, name text, established_on text, region text)")
        with link.cursor().copy("COPY enterprises FROM STDIN") as copy:
            for row in rows:
                copy.write_row([row[name] for name in COLUMNS])


@contextmanager
def postgres_reader(url: str) -> Iterator[str]:
    """A user who may only read, with a password that is asked for, in this database."""
    name = f"reader_{uuid.uuid4().hex[:12]}"
    # The password is beyond what a database in LATIN1 can be told.
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        # The tests' server trusts everybody else (deploy/test_services.sh).
        admin.execute(
            "DO $$ BEGIN CREATE ROLE readers; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$"
        )
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE readers")
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        try:
            yield name
        finally:
            link.execute(f"DROP OWNED BY {name} CASCADE")
            link.execute(f"DROP ROLE {name}")


def maria(database: str = "mysql", **options: Any) -> "pymysql.Connection[Any]":
    if MARIADB is None:
        pytest.skip("no MariaDB: make test starts one")
    place = urlsplit(MARIADB)
    return pymysql.connect(
        host=place.hostname, port=place.port or 0, user=place.username, database=database, autocommit=True, **options
    )


@contextmanager
def maria_database(*, charset: str = "utf8mb4") -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    with maria() as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET {charset}")
        cursor.execute(f"CREATE USER {name[:30]}@'%' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT SELECT ON {name}.* TO {name[:30]}@'%'")
        try:
            yield name
        finally:
            cursor.execute(f"DROP USER {name[:30]}@'%'")
            cursor.execute(f"DROP DATABASE {name}")


def fill_maria(database: str, rows: Iterable[Mapping[str, str]] = ENTERPRISES) -> None:
    with maria(database) as link, link.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE enterprises (uscc varchar(32) COLLATE utf8mb4_unicode_ci, name varchar(200), "
            "established_on varchar(10), region varchar(6))"
        )
        cursor.executemany(
            "INSERT INTO enterprises VALUES (%s, %s, %s, %s)", [[row[name] for name in COLUMNS] for row in rows]
        )


def fill_sqlite(path: Path, rows: Iterable[Mapping[str, str]] = ENTERPRISES) -> None:
    link = sqlite3.connect(path)
    link.execute("CREATE TABLE enterprises (uscc text, name text, established_on text, region text)")
    link.executemany("INSERT INTO enterprises VALUES (?, ?, ?, ?)", [[row[name] for name in COLUMNS] for row in rows])
    link.commit()
    link.close()


def database_kind(connection: Mapping[str, Any], **more: Any) -> Kind:
    return Kind(kind="sql", connection=connection, by_uscc=BY_USCC, by_name=BY_NAME, by_region=BY_REGION, **more)


def served_kind(relay: Relay, **connection: Any) -> Kind:
    whole = {"host": "127.0.0.1", "port": relay.own_port, "password": "secret:reader", "read_only": True} | connection
    return database_kind(
        whole,
        secrets={"reader": PASSWORD},
        denied={"reader": REFUSED},
        targets=frozenset({Target("127.0.0.1", relay.own_port), Target("127.0.0.1", 1)}),
        gone=whole | {"port": 1},
        slow=relay.silent,
        busy=relay.busy,
    )


@asynccontextmanager
async def postgres_kind(**changes: Any) -> AsyncIterator[Kind]:
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        fill_postgres(url)
        with postgres_reader(url) as reader:
            async with relayed(url) as relay:
                yield served_kind(relay, dialect="postgresql", database=url.rsplit("/", 1)[1], user=reader, **changes)


@asynccontextmanager
async def maria_kind(**changes: Any) -> AsyncIterator[Kind]:
    with maria_database() as name:
        fill_maria(name)
        async with relayed(MARIADB or "") as relay:
            yield served_kind(relay, dialect="mariadb", database=name, user=name[:30], **changes)


@contextmanager
def sqlite_kind(folder: Path) -> Iterator[Kind]:
    path = folder / "register.sqlite3"
    fill_sqlite(path)

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        link = sqlite3.connect(path, isolation_level=None)
        link.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            link.close()

    connection = {"dialect": "sqlite", "database": str(path)}
    yield database_kind(connection, slow=slow, gone=connection | {"database": str(folder / "absent.sqlite3")})
