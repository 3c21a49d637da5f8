"""The database port with many at once: nothing is lost, nobody waits in the event loop, and waiting ends."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from hub.storage import database as port
from hub.storage.database import Database, open_database
from hub.storage.errors import BusyError
from tests.contracts.counters import Ticker, bump, held_elsewhere, value


async def test_two_hundred_writers_at_once_lose_nothing(counters: Database) -> None:
    await asyncio.gather(*(counters.write(bump) for _ in range(200)))
    assert await value(counters) == 200


BUMPER = """
import asyncio, sys
from hub.storage.database import open_database
from tests.contracts.counters import bump
async def main():
    database = open_database(sys.argv[1])
    for _ in range(50):
        await database.write(bump)
    await database.close()
asyncio.run(main())
"""


async def test_three_processes_writing_at_once_lose_nothing(counters: Database, database_url: str) -> None:
    command = (sys.executable, "-c", BUMPER, database_url)
    processes = [await asyncio.create_subprocess_exec(*command, cwd=Path.cwd()) for _ in range(3)]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert await value(counters) == 150


async def test_a_lock_held_elsewhere_for_a_second_is_waited_for_beside_the_event_loop(
    counters: Database, database_url: str
) -> None:
    async with held_elsewhere(database_url, 1.0, "COMMIT"), Ticker() as ticker:
        started = time.monotonic()
        await counters.write(bump)
        waited = time.monotonic() - started
    assert 0.5 < waited < 4
    assert ticker.longest < 0.3
    assert await value(counters) == 101


async def test_a_lock_held_past_the_bound_is_busy_and_nothing_is_written(
    counters: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "BUSY_BOUND_SECONDS", 1.0)
    database = open_database(database_url)

    def unit(tx: Connection) -> None:
        bump(tx, "b")
        bump(tx, "a")

    try:
        async with held_elsewhere(database_url, 30), Ticker() as ticker:
            started = time.monotonic()
            with pytest.raises(BusyError):
                await database.write(unit)
            waited = time.monotonic() - started
        assert 0.9 < waited < 2.5
        assert ticker.longest < 0.3
        assert [await value(database, name) for name in "ab"] == [0, 0]
    finally:
        await database.close()


async def test_opening_while_locked_elsewhere_is_busy_or_waits(
    counters: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "BUSY_BOUND_SECONDS", 0.3)
    database = open_database(database_url)
    try:
        async with held_elsewhere(database_url, 30):
            with pytest.raises(BusyError):
                await database.write(bump)
    finally:
        await database.close()


async def test_a_cancelled_write_is_whole_or_absent_and_the_store_goes_on(counters: Database) -> None:
    slow = text("SELECT pg_sleep(0.3)" if counters.dialect == "postgresql" else "SELECT 1")

    def unit(tx: Connection) -> None:
        bump(tx)
        tx.execute(slow)
        bump(tx, "b")

    tasks = [asyncio.create_task(counters.write(unit)) for _ in range(30)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    committed = sum(1 for item in done if item is None)
    assert [await value(counters, name) for name in "ab"] == [committed, committed]
    await asyncio.gather(*(counters.write(bump) for _ in range(20)))
    assert await value(counters) == committed + 20
