"""What only a server can do to a unit of work: serialization failures, deadlocks, lost connections, a full pool."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from hub.storage import database as port
from hub.storage.database import PostgresDatabase
from hub.storage.errors import BusyError, CommitUnknownError, StorageError, UnavailableError
from tests.contracts.counters import SCHEMA, bump, outside, value
from tests.support import POSTGRES, new_database

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database_url() -> Iterator[str]:
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        yield url


@pytest.fixture
async def postgres(database_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(database_url)
    await database.write(lambda tx: [tx.execute(text(statement)) for statement in SCHEMA])
    yield database
    await database.close()


async def test_a_serialization_failure_is_run_again(postgres: PostgresDatabase, database_url: str) -> None:
    runs = 0

    def unit(tx: Connection) -> None:
        nonlocal runs
        runs += 1
        tx.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        read = tx.execute(text("SELECT n FROM counters WHERE name = 'a'")).scalar_one()
        if runs == 1:
            outside(database_url, "UPDATE counters SET n = 10 WHERE name = 'a'")
        tx.execute(text("UPDATE counters SET n = :n WHERE name = 'a'"), {"n": read + 1})

    await postgres.write(unit)
    assert (runs, await value(postgres)) == (2, 11)


async def test_a_serialization_failure_that_never_ends_is_busy(postgres: PostgresDatabase, database_url: str) -> None:
    runs = 0

    def unit(tx: Connection) -> None:
        nonlocal runs
        runs += 1
        tx.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        tx.execute(text("SELECT n FROM counters WHERE name = 'a'"))
        outside(database_url, "UPDATE counters SET n = n + 10 WHERE name = 'a'")
        bump(tx)

    with pytest.raises(BusyError):
        await postgres.write(unit)
    assert (runs, await value(postgres)) == (port.MAX_ATTEMPTS, 10 * port.MAX_ATTEMPTS)


async def test_of_two_in_a_deadlock_one_is_run_again_and_both_commit(postgres: PostgresDatabase) -> None:
    runs: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Connection], None]:
        def unit(tx: Connection) -> None:
            runs.append(first)
            bump(tx, first)
            tx.execute(text("SELECT pg_sleep(0.3)"))
            bump(tx, second)

        return unit

    await asyncio.gather(postgres.write(crossing("a", "b")), postgres.write(crossing("b", "a")))
    assert len(runs) == 3
    assert [await value(postgres, name) for name in "ab"] == [2, 2]


async def test_a_full_pool_is_busy(
    postgres: PostgresDatabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "BUSY_BOUND_SECONDS", 0.3)
    narrow = PostgresDatabase(database_url, pool_size=1)
    slow = asyncio.create_task(narrow.read(lambda tx: tx.execute(text("SELECT pg_sleep(1)")).scalar()))
    await asyncio.sleep(0.1)
    with pytest.raises(BusyError):
        await narrow.write(bump)
    await slow
    await narrow.write(bump)
    assert await value(narrow) == 1
    await narrow.close()


async def test_a_connection_lost_before_commit_wrote_nothing_and_the_pool_heals(
    postgres: PostgresDatabase, database_url: str
) -> None:
    def unit(tx: Connection) -> None:
        bump(tx)
        _terminate(tx, database_url)
        bump(tx, "b")

    with pytest.raises(UnavailableError):
        await postgres.write(unit)
    assert [await value(postgres, name) for name in "ab"] == [0, 0]


async def test_a_connection_lost_at_commit_has_an_unknown_outcome(
    postgres: PostgresDatabase, database_url: str
) -> None:
    def unit(tx: Connection) -> None:
        bump(tx)
        _terminate(tx, database_url)

    with pytest.raises(CommitUnknownError):
        await postgres.write(unit)
    await postgres.write(lambda tx: bump(tx, "b"))


async def test_idle_connections_cut_by_a_restart_cost_at_most_one_answer(
    postgres: PostgresDatabase, database_url: str
) -> None:
    await asyncio.gather(*(postgres.write(bump) for _ in range(20)))
    outside(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    failures = 0
    for _ in range(5):
        try:
            await postgres.write(lambda tx: bump(tx, "b"))
        except StorageError:
            failures += 1
    assert failures <= 1
    assert await value(postgres, "b") == 5 - failures


def _terminate(tx: Connection, url: str) -> None:
    pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    outside(url, f"SELECT pg_terminate_backend({pid})")
    time.sleep(0.1)  # the backend dies a moment later
