"""The database port: a unit of work is a plain function over one connection, committed when it returns.

`await database.write(unit)` answers only after the commit; a unit that raises leaves nothing behind. A unit may be run
more than once (serialization failure, deadlock), so it must not act outside the database: effects belong to the caller,
before or after. The same sync unit runs on both databases:

- SQLite: inline on the event loop, under BEGIN IMMEDIATE. Units take well under a millisecond and there is one writer
  anyway; a thread hop would cost more than the unit. Writers of one moment share a commit (`hub.storage.group_commit`).
  A lock held by another process is waited for without blocking.
- PostgreSQL: on SQLAlchemy's greenlet bridge over psycopg's asynchronous connections; READ COMMITTED, row locks.
"""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from hub.storage.errors import BusyError, CommitUnknownError, ConflictError, IntegrityBrokenError, UnavailableError
from hub.storage.group_commit import GroupCommit, driver_of

T = TypeVar("T")
Unit = Callable[[Connection], T]
Listener = Callable[..., Awaitable[None]]
"""Takes the ids of jobs; must not fail."""

BUSY_BOUND_SECONDS: Final = 5.0
MAX_ATTEMPTS: Final = 4
BEGIN_READ: Final = "BEGIN"
BEGIN_WRITE: Final = "BEGIN IMMEDIATE"
_RETRYABLE_SQLSTATES: Final = frozenset({"40001", "40P01"})
_MENTIONED: Final = "jobs"
_FORGONE: Final = "forgone"
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Database(Protocol):
    """Durable, atomic units of work. A write that returned survives a power cut; one that raised left nothing.

    Errors: BusyError, UnavailableError, ConflictError, CommitUnknownError; whatever the unit itself raises.
    """

    dialect: str

    async def write(self, unit: Unit[T]) -> T:
        """Run the unit in a read-write transaction and commit before answering."""
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Run the unit against one consistent snapshot; nothing it writes is kept."""
        ...

    def hear(self, listener: Listener) -> None:
        """Tell `listener` after every commit which jobs it wrote: the one place from which workers are nudged."""
        ...

    def forgo(self, kind: str) -> None:
        """Jobs of this kind have nobody who does them: units learn it by `is_forgone`."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...


def mention(tx: Connection, job_id: str) -> None:
    """Have a job told of once this transaction is committed. If it is not, or its process dies, nobody is told."""
    tx.info.setdefault(_MENTIONED, []).append(job_id)


def is_forgone(tx: Connection, kind: str) -> bool:
    """Whether this hub has nobody for jobs of this kind, so that none is to be written."""
    return kind in tx.info.get(_FORGONE, ())


def open_database(url: str) -> Database:
    """Open `sqlite:///path` or `postgresql://…`; no table is touched.

    Raises: ValueError for any other scheme.
    """
    if url.startswith("sqlite:///"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        return PostgresDatabase(url)
    raise ValueError("the database URL must start with sqlite:/// or postgresql://")


class _Heard:
    """What both databases do with the jobs that a unit mentioned."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._forgone: set[str] = set()

    def forgo(self, kind: str) -> None:
        self._forgone.add(kind)

    def hear(self, listener: Listener) -> None:
        self._listener = listener

    async def _told(self, run: Callable[[Unit[T]], Awaitable[T]], unit: Unit[T]) -> T:
        mentioned: list[str] = []

        def noted(tx: Connection) -> T:
            mentioned.clear()  # of an attempt that was undone
            tx.info[_MENTIONED], tx.info[_FORGONE] = mentioned, self._forgone
            return unit(tx)

        result = await run(noted)
        if mentioned and self._listener is not None:
            await self._listener(*mentioned)
        return result


class SqliteDatabase(_Heard):
    """One file, WAL, synchronous=FULL, one writer at a time. Writers of one moment share a commit."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._engine = sqlite_engine(path)
        self._connection: Connection | None = None
        self._commits = GroupCommit(lambda: self._transaction(BEGIN_WRITE))

    async def write(self, unit: Unit[T]) -> T:
        def translated(tx: Connection) -> T:
            try:
                return unit(tx)
            except (DBAPIError, sqlite3.Error) as error:
                raise _in_our_words(error) from None

        return await self._told(lambda noted: self._patiently(lambda: self._commits.write(noted)), translated)

    async def read(self, unit: Unit[T]) -> T:
        return await self._patiently(lambda: self._read(unit))

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    async def _read(self, unit: Unit[T]) -> T:
        with self._transaction(BEGIN_READ) as connection:
            return unit(connection)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        deadline = monotonic() + BUSY_BOUND_SECONDS
        pause = 0.001
        while True:
            try:
                return await attempt()
            except BusyError:
                if monotonic() > deadline:
                    raise
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, 0.1)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        # Units run on the event loop one after the other and never wait inside, so one connection serves them all.
        connection = self._connection
        try:
            if connection is None:
                connection = self._connection = self._engine.connect()
            driver_of(connection).execute(begin)
            yield connection
            if begin == BEGIN_WRITE:
                connection.commit()
        except (DBAPIError, sqlite3.Error) as error:
            raise _in_our_words(error) from None
        finally:
            if connection is not None:
                connection.rollback()  # ends a read; after a commit there is nothing to undo
                if driver_of(connection).in_transaction:
                    driver_of(connection).rollback()


def _in_our_words(error: DBAPIError | sqlite3.Error) -> Exception:
    return _translated(error if isinstance(error, DBAPIError) else OperationalError("", None, error))


def sqlite_engine(path: Path) -> Engine:
    """An engine whose every connection has the safe settings; transactions are begun by hand (pitfalls F11, F12)."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # parameters are personal data, and error texts end in logs
        connect_args={"timeout": 0.05, "isolation_level": None, "check_same_thread": False, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
        ):
            connection.execute(f"PRAGMA {pragma}")
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
        if found != {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}:
            raise UnavailableError(f"SQLite refused its safe settings: {found}")

    return engine


class PostgresDatabase(_Heard):
    """A pool of psycopg connections; row locks keep writers apart."""

    dialect = "postgresql"

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        super().__init__()
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=BUSY_BOUND_SECONDS,
            hide_parameters=True,
            pool_reset_on_return=None,  # every path below commits, rolls back or discards
            connect_args={
                "options": f"-c lock_timeout={int(BUSY_BOUND_SECONDS * 1000)}ms"
                " -c idle_in_transaction_session_timeout=60s",
                "connect_timeout": 5,
            },
        )

    async def write(self, unit: Unit[T]) -> T:
        return await self._told(lambda noted: self._retried(lambda: self._attempt(noted, keep=True)), unit)

    async def read(self, unit: Unit[T]) -> T:
        return await self._retried(lambda: self._attempt(unit, keep=False))

    async def close(self) -> None:
        await self._engine.dispose()

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        deadline = monotonic() + BUSY_BOUND_SECONDS
        for last in range(MAX_ATTEMPTS):
            try:
                return await attempt()
            except BusyError:
                if last == MAX_ATTEMPTS - 1 or monotonic() > deadline:
                    raise
                await asyncio.sleep(0.01 * 2**last * (0.5 + random.random()))  # noqa: S311
        raise AssertionError("unreachable")

    async def _attempt(self, unit: Unit[T], *, keep: bool) -> T:
        committing = False
        try:
            async with self._engine.connect() as connection:
                try:
                    # Rows copied past SQLAlchemy begin nothing that it would end: such a unit was never committed.
                    await connection.begin()
                    if not keep:
                        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                    result = await connection.run_sync(unit)
                    committing = keep
                    await (connection.commit() if keep else connection.rollback())
                except BaseException:
                    if committing:
                        await connection.invalidate()
                    else:
                        await connection.rollback()
                    raise
                return result
        except PoolTimeoutError:
            raise BusyError from None
        except DBAPIError as error:
            translated = _translated(error)
            if committing and not isinstance(translated, BusyError | ConflictError):
                raise CommitUnknownError from None  # a session ended by the server may have committed just before
            raise translated from None


def _translated(error: DBAPIError) -> Exception:
    """The port's word for a driver's error. The driver's text may hold values: neither repeated nor shown as cause."""
    original = error.orig
    if isinstance(error, IntegrityError):
        return ConflictError(_constraint(original))
    sqlstate = getattr(original, "sqlstate", None)
    if sqlstate in _RETRYABLE_SQLSTATES or sqlstate == "55P03":
        return BusyError()
    if isinstance(original, sqlite3.OperationalError) and "locked" in str(original):
        return BusyError()
    if getattr(original, "sqlite_errorcode", None) in _CORRUPT:
        return IntegrityBrokenError("database file")
    if isinstance(error, OperationalError):
        return UnavailableError(type(original).__name__)
    return error


def _constraint(original: BaseException | None) -> str:
    diagnosis = getattr(original, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or diagnosis.column_name)
    return str(original).removeprefix("UNIQUE constraint failed: ")
