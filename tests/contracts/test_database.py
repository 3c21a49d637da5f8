"""The database port: durable, atomic, isolated, and plain about what it cannot do."""

import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from hub.storage.database import Database, open_database
from hub.storage.errors import ConflictError, IntegrityBrokenError, UnavailableError
from tests.contracts.counters import bump, held_elsewhere, outside, value

CANARY = "110101199003070011"

# Durability and atomicity


async def test_a_write_that_returned_is_there_for_another_connection(counters: Database, database_url: str) -> None:
    await counters.write(bump)
    assert outside(database_url, "SELECT n FROM counters WHERE name = 'a'") == [(1,)]


WRITER = """
import asyncio, sys
from sqlalchemy import text
from hub.storage.database import open_database
async def main():
    database = open_database(sys.argv[1])
    for number in range(100_000):
        await database.write(lambda tx: tx.execute(text("INSERT INTO counters VALUES (:n, 1)"), {"n": str(number)}))
        print(number, flush=True)
asyncio.run(main())
"""


async def test_every_write_that_returned_survives_kill_9(counters: Database, database_url: str) -> None:
    with subprocess.Popen(  # noqa: ASYNC220  # nothing else runs on this loop
        [sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 50:
                process.kill()
                break
        reported = [50, *(int(line) for line in process.stdout.read().split())]
    names = {row[0] for row in outside(database_url, "SELECT name FROM counters")}
    assert {str(number) for number in range(max(reported) + 1)} <= names


async def test_a_unit_that_raises_leaves_nothing_and_its_error_comes_through(counters: Database) -> None:
    class OwnError(Exception):
        pass

    def unit(tx: Connection) -> None:
        bump(tx)
        bump(tx, "b")
        raise OwnError

    with pytest.raises(OwnError):
        await counters.write(unit)
    assert [await value(counters, name) for name in "ab"] == [0, 0]
    await counters.write(bump)
    assert await value(counters) == 1


async def test_a_read_keeps_nothing(counters: Database) -> None:
    # PostgreSQL refuses the statement, SQLite undoes it: both keep nothing.
    with suppress(DBAPIError):
        await counters.read(bump)
    assert await value(counters) == 0
    await counters.write(bump)
    assert await value(counters) == 1


async def test_a_commit_that_fails_raises_and_leaves_nothing(counters: Database) -> None:
    def unit(tx: Connection) -> str:
        bump(tx)
        tx.execute(text("INSERT INTO children VALUES ('nobody')"))
        return "all well"

    with pytest.raises(ConflictError):
        await counters.write(unit)
    assert await value(counters) == 0
    await counters.write(bump)
    assert await value(counters) == 1


async def test_a_plain_foreign_key_deferred_by_pragma_fails_at_commit_on_sqlite(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'plain.sqlite3'}")
    await database.write(lambda tx: tx.execute(text("CREATE TABLE a (id TEXT PRIMARY KEY)")))
    await database.write(lambda tx: tx.execute(text("CREATE TABLE b (a TEXT REFERENCES a (id))")))

    def unit(tx: Connection) -> None:
        tx.execute(text("PRAGMA defer_foreign_keys = ON"))
        tx.execute(text("INSERT INTO b VALUES ('nobody')"))

    with pytest.raises(ConflictError):
        await database.write(unit)
    assert await database.read(lambda tx: tx.execute(text("SELECT count(*) FROM b")).scalar()) == 0
    await database.close()


# Conflicts


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("INSERT INTO counters VALUES (:canary, 1), (:canary, 2)", "counters"),
        ("INSERT INTO counters VALUES (:canary, -1)", "positive"),
        ("INSERT INTO counters VALUES (:canary, NULL)", "n"),
    ],
    ids=["unique", "check", "not null"],
)
async def test_a_broken_constraint_is_a_conflict_without_values(counters: Database, statement: str, word: str) -> None:
    with pytest.raises(ConflictError) as raised:
        await counters.write(lambda tx: tx.execute(text(statement), {"canary": CANARY}))
    assert word in raised.value.constraint
    assert CANARY not in "".join(traceback.format_exception(raised.value))
    assert await value(counters) == 0


# Isolation


async def test_a_read_sees_one_snapshot_while_others_commit(counters: Database, database_url: str) -> None:
    query = text("SELECT n FROM counters WHERE name = 'a'")

    def unit(tx: Connection) -> tuple[int, int]:
        before = tx.execute(query).scalar_one()
        outside(database_url, "UPDATE counters SET n = 7 WHERE name = 'a'")
        return before, tx.execute(query).scalar_one()

    assert await counters.read(unit) == (0, 0)
    assert await value(counters) == 7


async def test_a_write_in_progress_is_not_read(counters: Database, database_url: str) -> None:
    async with held_elsewhere(database_url, 5):
        started = time.monotonic()
        assert await value(counters) == 0
        assert time.monotonic() - started < 1


# What the store cannot do


@pytest.mark.parametrize("url", ["sqlite:////nonexistent/folder/hub.sqlite3", "postgresql://nobody@127.0.0.1:1/none"])
async def test_a_store_that_cannot_be_reached_is_unavailable(url: str) -> None:
    database = open_database(url)
    with pytest.raises(UnavailableError):
        await database.read(lambda tx: tx.execute(text("SELECT 1")).scalar())
    with pytest.raises(UnavailableError):
        await database.write(bump)
    await database.close()


async def test_a_file_that_is_no_database_is_broken_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "hub.sqlite3"
    path.write_bytes(b"not a database at all" * 1000)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(IntegrityBrokenError):
        await database.write(lambda tx: tx.execute(text("CREATE TABLE t (x)")))
    await database.close()
    assert path.read_bytes() == b"not a database at all" * 1000


@pytest.mark.parametrize("url", ["mysql://localhost/x", "", "sqlite://relative"])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database URL"):
        open_database(url)
