"""Writers of one moment share a commit on SQLite, and nobody notices but the disk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from hub.storage.database import SqliteDatabase
from hub.storage.errors import ConflictError
from hub.storage.group_commit import driver_of
from tests.contracts.counters import SCHEMA, bump, value


@pytest.fixture
async def counters(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "counters.sqlite3")
    for statement in SCHEMA:
        await database.write(lambda tx, statement=statement: tx.execute(text(statement)))  # type: ignore[misc]
    yield database
    await database.close()


class OwnError(Exception):
    pass


def refuse(tx: Connection) -> None:
    bump(tx)
    raise OwnError


def break_at_commit(tx: Connection) -> None:
    bump(tx)
    tx.execute(text("INSERT INTO children VALUES ('nobody')"))


def break_all(tx: Connection) -> None:
    bump(tx)
    driver_of(tx).execute("ROLLBACK")
    raise OwnError


async def test_writers_of_one_moment_share_a_commit(counters: SqliteDatabase) -> None:
    commits = []
    event.listen(counters._engine, "commit", commits.append)
    await asyncio.gather(*(counters.write(bump) for _ in range(20)))
    assert (await value(counters), len(commits)) == (20, 1)


async def test_a_unit_sees_what_stood_before_it_in_the_same_commit(counters: SqliteDatabase) -> None:
    def bump_and_look(tx: Connection) -> int:
        bump(tx)
        return int(tx.execute(text("SELECT n FROM counters WHERE name = 'a'")).scalar_one())

    assert await asyncio.gather(*(counters.write(bump_and_look) for _ in range(3))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(refuse, OwnError), (break_at_commit, ConflictError), (break_all, OwnError)],
    ids=["raises", "fails at commit", "undoes the whole transaction"],
)
async def test_one_that_fails_leaves_nothing_and_disturbs_nobody(
    counters: SqliteDatabase, fault: object, error: type[Exception]
) -> None:
    units = [bump, fault, bump]
    ended = await asyncio.gather(*(counters.write(unit) for unit in units), return_exceptions=True)  # type: ignore[arg-type]
    assert [type(item) for item in ended] == [type(None), error, type(None)]
    assert await value(counters) == 2


async def test_one_whose_caller_left_before_the_commit_is_not_run_and_the_others_are(counters: SqliteDatabase) -> None:
    tasks = [asyncio.create_task(counters.write(bump)) for _ in range(3)]
    await asyncio.sleep(0)  # all wait now for the end of this round
    tasks[0].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(item, asyncio.CancelledError) for item in ended] == [True, False, False]
    assert await value(counters) == 2
