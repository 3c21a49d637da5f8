"""What real databases do under kind `sql`: cancelling, writing, types, encodings, lost connections."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, TimedOutError, UnreachableError
from adapters.port import Answer, Budget, Context, Source
from adapters.registry import open_source
from tests.adapters.contract import BUDGET, HASTY, Kind, ask, until
from tests.adapters.sql_servers import (
    BY_USCC,
    MARIADB,
    database_kind,
    maria,
    maria_database,
    maria_kind,
    postgres_kind,
    postgres_reader,
    relayed,
    served_kind,
    sqlite_kind,
)
from tests.adapters.town import CROWD, KNOWN
from tests.support import POSTGRES, new_database

pytestmark = pytest.mark.postgresql
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@asynccontextmanager
async def postgres(script: str = "SELECT 1", *, encoding: str = "", **changes: Any) -> AsyncIterator[tuple[Kind, str]]:
    """A database of its own with a reader, filled by a script."""
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        name = url.rsplit("/", 1)[1]
        if encoding:
            with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
                admin.execute(f'DROP DATABASE "{name}"')
                admin.execute(f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' TEMPLATE template0")
        with psycopg.connect(url, autocommit=True, client_encoding=encoding or "UTF8") as link:
            link.execute(script)
        with postgres_reader(url) as reader:
            async with relayed(url) as relay:
                yield served_kind(relay, dialect="postgresql", database=name, user=reader, **changes), url


@asynccontextmanager
async def mariadb(*script: str, charset: str = "utf8mb4", **changes: Any) -> AsyncIterator[tuple[Kind, str]]:
    with maria_database(charset=charset) as name:
        with maria(name) as link, link.cursor() as cursor:
            for statement in script:
                cursor.execute(statement)
        async with relayed(MARIADB or "") as relay:
            yield served_kind(relay, dialect="mariadb", database=name, user=name[:30], **changes), name


async def one(kind: Kind, statement: str, budget: Budget = BUDGET, **params: Any) -> list[Any]:
    async with kind.open() as source:
        return [dict(row) for row in (await ask(source, {"statement": statement}, budget, **params)).rows]


async def refused(kind: Kind, statement: str) -> DefinitionFaultError:
    with pytest.raises(DefinitionFaultError) as caught:
        await one(kind, statement)
    return caught.value


async def test_a_question_given_up_is_stopped_at_postgresql() -> None:
    async with postgres() as (kind, url), kind.open() as source:
        await stopped_question(source, "SELECT pg_sleep(3600)", lambda: postgres_sleeping(url))


async def test_a_question_given_up_is_stopped_at_mariadb() -> None:
    async with mariadb() as (kind, name), kind.open() as source:
        await stopped_question(source, "SELECT sleep(3600)", lambda: maria_sleeping(name))


async def stopped_question(source: Source, statement: str, sleeping: Any) -> None:
    task = asyncio.create_task(ask(source, {"statement": statement}))
    await until(sleeping)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def gone() -> bool:
        return not await sleeping()

    await until(gone)
    with pytest.raises(TimedOutError):
        await ask(source, {"statement": statement}, HASTY)
    await until(gone)
    assert (await source.probe(BUDGET)).ok


async def postgres_sleeping(url: str) -> bool:
    with psycopg.connect(url) as link:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'"
        found = link.execute(query).fetchone()
    return found is not None and found[0] > 0


async def maria_sleeping(name: str) -> bool:
    with maria() as link, link.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.processlist WHERE db = %s AND state = 'User sleep'", (name,)
        )
        found = cursor.fetchone()
    return found is not None and found[0] > 0


async def test_an_endless_question_to_sqlite_ends_in_time_and_the_next_is_answered(tmp_path: Path) -> None:
    with sqlite_kind(tmp_path) as kind:
        async with kind.open(dict(kind.connection) | {"pool_size": 1}) as source:
            with pytest.raises(TimedOutError):
                await ask(source, {"statement": ENDLESS}, HASTY)
            assert len((await ask(source, BY_USCC, uscc=KNOWN["uscc"])).rows) == 1


async def test_a_function_that_writes_is_refused_by_the_session_of_postgresql() -> None:
    script = """
        CREATE TABLE looks (at int);
        CREATE FUNCTION look() RETURNS int LANGUAGE sql SECURITY DEFINER
            AS 'INSERT INTO looks VALUES (1) RETURNING at';
    """
    async with postgres(script) as (kind, url):
        assert (await refused(kind, "SELECT look()")).rule == "writes"
        with psycopg.connect(url) as link:
            assert link.execute("SELECT count(*) FROM looks").fetchone() == (0,)


async def test_a_function_that_writes_is_refused_by_the_session_of_mariadb() -> None:
    script = (
        "CREATE TABLE looks (at int)",
        "CREATE FUNCTION look() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO looks VALUES (1); RETURN 1; END",
    )
    async with mariadb(*script) as (kind, name):
        with maria(name) as link, link.cursor() as cursor:
            cursor.execute(f"GRANT EXECUTE ON {name}.* TO {name[:30]}@'%'")
            assert (await refused(kind, "SELECT look()")).rule == "writes"
            cursor.execute("SELECT count(*) FROM looks")
            assert cursor.fetchone() == (0,)


async def test_sqlite_answers_nothing_but_reads_of_its_tables(tmp_path: Path) -> None:
    with sqlite_kind(tmp_path) as kind:
        assert (await refused(kind, "SELECT * FROM pragma_table_info('enterprises')")).rule == "not_allowed"
        with pytest.raises(FaultyAnswerError) as caught:
            await one(kind, "SELECT hex(zeroblob(100000000))")
        assert caught.value.reason == "too_large"


async def test_a_sqlite_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    with sqlite_kind(tmp_path) as kind:
        path = tmp_path / "register.sqlite3"
        async with kind.open() as source:
            path.rename(tmp_path / "private.sqlite3")
            path.symlink_to("private.sqlite3")
            with pytest.raises(UnreachableError) as caught:
                await ask(source, BY_USCC, uscc=KNOWN["uscc"])
            assert caught.value.reason == "refused"


async def test_values_of_postgresql_become_json() -> None:
    statement = """
        SELECT 1.50::numeric AS money, 1e6::numeric AS whole, DATE '2020-02-29' AS day,
            TIMESTAMP '2020-01-02 03:04:05.5' AS local, TIMESTAMPTZ '2020-01-02 03:04:05+08' AT TIME ZONE 'UTC' AS utc,
            'infinity'::date AS always, TIME '08:30' AS clock, true AS yes, NULL AS nothing, 9007199254740993 AS big,
            '{"a": [1, null]}'::jsonb AS doc, ARRAY[1, 2] AS list, '6f1c1d1e-0000-4000-8000-000000000000'::uuid AS id,
            1.5::float8 AS float
    """
    async with postgres() as (kind, _):
        assert await one(kind, statement) == [
            {
                "money": "1.50",
                "whole": "1000000",
                "day": "2020-02-29",
                "local": "2020-01-02T03:04:05.5",
                "utc": "2020-01-01T19:04:05",
                "always": "infinity",
                "clock": "08:30:00",
                "yes": True,
                "nothing": None,
                "big": "9007199254740993",
                "doc": {"a": [1, None]},
                "list": [1, 2],
                "id": "6f1c1d1e-0000-4000-8000-000000000000",
                "float": 1.5,
            }
        ]
        instants = await one(kind, "SELECT TIMESTAMPTZ '2020-01-02 03:04:05+08' AS at")
        assert instants[0]["at"].startswith("2020-01-0")
        assert instants[0]["at"][-6] in "+-"


async def test_values_of_mariadb_become_json() -> None:
    statement = """
        SELECT CAST(1.50 AS DECIMAL(10,2)) AS money, DATE '2020-02-29' AS day, TIMESTAMP '2020-01-02 03:04:05' AS local,
            zero, TIME '08:30:00' AS clock, NULL AS nothing, 9007199254740993 AS big, 1.5e0 AS floating, 7 AS small
        FROM t
    """
    script = ("SET sql_mode = ''", "CREATE TABLE t (zero date)", "INSERT INTO t VALUES ('0000-00-00')")
    async with mariadb(*script) as (kind, _):
        assert await one(kind, statement) == [
            {
                "money": "1.50",
                "day": "2020-02-29",
                "local": "2020-01-02T03:04:05",
                "zero": "0000-00-00",
                "clock": "08:30:00",
                "nothing": None,
                "big": "9007199254740993",
                "floating": 1.5,
                "small": 7,
            }
        ]


async def test_bytes_are_refused_unless_their_encoding_is_declared() -> None:
    statement = "SELECT decode('d6d0ce84', 'hex') AS name"
    async with postgres() as (kind, _):
        with pytest.raises(FaultyAnswerError) as caught:
            await one(kind, statement)
        assert caught.value.reason == "binary"
    async with postgres(charset="gb18030") as (kind, _):
        assert await one(kind, "SELECT decode('d6d0cec4', 'hex') AS name") == [{"name": "中文"}]
        with pytest.raises(FaultyAnswerError) as caught:
            await one(kind, "SELECT decode('ff', 'hex') AS name")
        assert caught.value.reason == "charset"


async def test_gbk_declared_latin1_is_read_and_asked_for_at_mariadb() -> None:
    raw = "诚信食品厂（衢州）".encode("gbk").hex()
    script = (
        "CREATE TABLE t (name varchar(100)) CHARACTER SET latin1",
        f"INSERT INTO t VALUES (CONVERT(X'{raw}' USING latin1))",
    )
    async with mariadb(*script, charset="latin1", text_as="gbk") as (kind, _):
        # Half a character may not be one of MariaDB's letters: such names are quoted.
        statement = "SELECT name AS `名称`, '诚' AS `字` FROM t WHERE name = :name"
        assert await one(kind, statement, name="诚信食品厂（衢州）") == [{"名称": "诚信食品厂（衢州）", "字": "诚"}]
        assert await one(kind, statement, name="誠") == []


async def test_gbk_declared_latin1_is_read_and_asked_for_at_postgresql() -> None:
    garbled = "诚信食品厂（衢州）".encode("gbk").decode("latin-1")
    script = f"CREATE TABLE t (name text); INSERT INTO t VALUES ('{garbled}')"
    async with postgres(script, encoding="LATIN1", text_as="gbk") as (kind, _):
        statement = "SELECT name AS 名称, '诚' AS 字 FROM t WHERE name = :name"
        assert await one(kind, statement, name="诚信食品厂（衢州）") == [{"名称": "诚信食品厂（衢州）", "字": "诚"}]


async def test_gbk_in_a_sqlite_file_is_read_and_asked_for(tmp_path: Path) -> None:
    link = sqlite3.connect(tmp_path / "old.sqlite3", isolation_level=None)
    link.execute("CREATE TABLE t (name text)")
    link.execute("INSERT INTO t VALUES (CAST(? AS TEXT))", ("诚信食品厂".encode("gbk"),))
    link.close()
    connection = {"dialect": "sqlite", "database": str(tmp_path / "old.sqlite3"), "text_as": "gbk"}
    statement = "SELECT name FROM t WHERE name = :name"
    assert await one(database_kind(connection), statement, name="诚信食品厂") == [{"name": "诚信食品厂"}]
    plain = {name: value for name, value in connection.items() if name != "text_as"}
    with pytest.raises(FaultyAnswerError) as caught:
        await one(database_kind(plain), "SELECT name FROM t")
    assert caught.value.reason == "charset"


@pytest.fixture(params=["postgresql", "mariadb"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Kind]:
    async with postgres_kind() if request.param == "postgresql" else maria_kind() as kind:
        yield kind


async def test_connections_that_the_server_dropped_are_replaced(served: Kind) -> None:
    async with served.open() as source:
        prepared = source.prepare(BY_USCC)
        await asyncio.gather(*(_ask(source, prepared) for _ in range(4)))
        user = served.connection["user"]
        if served.connection["dialect"] == "postgresql":
            with psycopg.connect(f"{POSTGRES}/postgres") as link:
                link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (user,))
        else:
            with maria() as killer, killer.cursor() as cursor:
                cursor.execute(f"KILL USER {user}")
        answers = await asyncio.gather(*(_ask(source, prepared) for _ in range(4)))
        assert [len(answer.rows) for answer in answers] == [1, 1, 1, 1]


async def _ask(source: Source, prepared: Any) -> Answer:
    return await source.ask(prepared, {"uscc": KNOWN["uscc"]}, budget=BUDGET, context=Context())


async def test_questions_wait_for_one_connection_and_then_are_told_that_it_is_busy(served: Kind) -> None:
    async with served.open(dict(served.connection) | {"pool_size": 1}) as source:
        answers = await asyncio.gather(*(ask(source, BY_USCC, uscc=row["uscc"]) for row in CROWD))
        assert [answer.rows[0]["uscc"] for answer in answers] == [row["uscc"] for row in CROWD]
        assert served.slow is not None
        async with served.slow():
            held = asyncio.create_task(ask(source, BY_USCC, uscc=KNOWN["uscc"]))
            assert served.busy is not None
            await until(lambda: _some(served))
            with pytest.raises(UnreachableError) as caught:
                await ask(source, BY_USCC, HASTY, uscc=KNOWN["uscc"])
            assert caught.value.reason == "busy"
        assert len((await held).rows) == 1


async def _some(kind: Kind) -> bool:
    assert kind.busy is not None
    return await kind.busy() > 0


async def test_a_table_that_is_gone_and_one_that_may_not_be_read_are_told_apart(served: Kind) -> None:
    with pytest.raises(FaultyAnswerError) as caught:
        await one(served, "SELECT * FROM no_such_table")
    assert caught.value.reason == "statement"
    forbidden = "pg_authid" if served.connection["dialect"] == "postgresql" else "mysql.user"
    with pytest.raises(DeniedError):
        await one(served, f"SELECT * FROM {forbidden}")


async def test_two_columns_of_one_name_are_refused(served: Kind) -> None:
    with pytest.raises(FaultyAnswerError) as caught:
        await one(served, "SELECT 1 AS a, 2 AS a")
    assert caught.value.reason == "columns"


async def test_parameters_have_types(served: Kind) -> None:
    integer = "int" if served.connection["dialect"] == "postgresql" else "signed"
    operation = {
        "statement": f"SELECT CAST(:n AS {integer}) + 1 AS n, :yes AS yes, :on AS day, :m + 0.25 AS m",
        "params": {"n": "integer", "yes": "boolean", "on": "date", "m": "decimal"},
    }
    if served.connection["dialect"] == "postgresql":
        operation["statement"] = "SELECT :n::int + 1 AS n, :yes::bool AS yes, :on::date AS day, :m::numeric + 0.25 AS m"
    async with served.open() as source:
        answer = await ask(source, operation, n="41", yes="true", on="2020-02-29", m="1.50")
        row = dict(answer.rows[0])
        assert (row["n"], bool(row["yes"]), row["day"], row["m"]) == (42, True, "2020-02-29", "1.75")
        for name, value in {"n": "4 or 1=1", "yes": "maybe", "on": "2021-02-29", "m": "NaN"}.items():
            with pytest.raises(DefinitionFaultError) as caught:
                await ask(source, operation, **({"n": "1", "yes": True, "on": "2020-01-01", "m": "1"} | {name: value}))
            assert (caught.value.pointer, caught.value.rule) == (f"/params/{name}", "type")
            assert str(value) not in str(caught.value)


async def test_a_large_value_is_cut_while_it_comes(served: Kind) -> None:
    for statement in (
        "SELECT repeat('x', 15000000) AS x",
        "SELECT repeat('x', 900000) AS x UNION ALL SELECT repeat('y', 900000)",
    ):
        with pytest.raises(FaultyAnswerError) as caught:
            await one(served, statement)
        assert caught.value.reason == "too_large"


def _connection(**changes: Any) -> dict[str, Any]:
    return {"dialect": "postgresql", "host": "db", "database": "d", "user": "u", "password": "secret:p"} | changes


@pytest.mark.parametrize(
    ("connection", "pointer", "rule"),
    [
        (_connection(password="plain"), "/password", "pattern"),
        (_connection(read_only=False), "/read_only", "const"),
        (_connection(dialect="mongodb"), "/dialect", "enum"),
        ({"dialect": "mariadb", "database": "d", "user": "u"}, "/host", "missing"),
        ({"dialect": "postgresql", "database": "d", "host": "h"}, "/user", "missing"),
        ({"dialect": "sqlite", "database": "relative.db"}, "/database", "absolute_path"),
        ({"dialect": "sqlite", "database": "/data/../x.db"}, "/database", "absolute_path"),
        ({"dialect": "sqlite", "database": "/x.db", "host": "h"}, "/host", "unknown"),
        (_connection(dialect="oracle", text_as="gbk"), "/text_as", "dialect"),
        (_connection(dialect="oracle"), "/dialect", "install: yizheng[oracle]"),
        (_connection(dialect="mssql"), "/dialect", "install: yizheng[mssql]"),
        (_connection(dialect="dameng"), "/dialect", "install: yizheng[dameng]"),
        (_connection(ssl={"client_key": "-----BEGIN PRIVATE KEY-----"}), "/ssl/client_key", "pattern"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_with_its_place(
    connection: dict[str, Any], pointer: str, rule: str
) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("sql", connection, database_kind({}).environment())
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)
