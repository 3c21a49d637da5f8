"""The real register of a city in three databases and as a file: enterprise by USCC, and by name."""

import csv
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.port import Source
from tests.adapters.contract import Kind, ask
from tests.adapters.files_town import files_kind, local
from tests.adapters.sql_servers import (
    MARIADB,
    database_kind,
    maria,
    maria_database,
    postgres_reader,
    relayed,
    served_kind,
)
from tests.support import POSTGRES, new_database

REGISTER = Path(__file__).parents[3] / "shared" / "data" / "quzhou_enterprises.csv"
ROWS = 2012
COLUMNS = ("企业名称", "统一社会信用代码", "注册日期", "企业类型", "法人代表", "注册资金", "经营范围", "所在省份", "地区", "注册地址")  # fmt: skip  # noqa: E501
DEFINED = ", ".join(f"{name} text" for name in COLUMNS)


@pytest.fixture(scope="module")
def register() -> list[dict[str, str]]:
    if not REGISTER.exists():
        pytest.skip("the real register is not here")
    with REGISTER.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def _postgresql(register: list[dict[str, str]], stack: AsyncExitStack) -> Kind:
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    url = stack.enter_context(new_database())
    with psycopg.connect(url) as link:
        link.execute(f"CREATE TABLE 企业 ({DEFINED})")
        with link.cursor().copy("COPY 企业 FROM STDIN") as copy:
            for row in register:
                copy.write_row(list(row.values()))
    reader = stack.enter_context(postgres_reader(url))
    relay = await stack.enter_async_context(relayed(url))
    return served_kind(relay, dialect="postgresql", database=url.rsplit("/", 1)[1], user=reader)


async def _mariadb(register: list[dict[str, str]], stack: AsyncExitStack) -> Kind:
    name = stack.enter_context(maria_database())
    with maria(name) as link, link.cursor() as cursor:
        cursor.execute(f"CREATE TABLE 企业 ({DEFINED})")
        cursor.executemany(
            f"INSERT INTO 企业 VALUES ({', '.join(['%s'] * len(COLUMNS))})", [list(row.values()) for row in register]
        )
    relay = await stack.enter_async_context(relayed(MARIADB or ""))
    return served_kind(relay, dialect="mariadb", database=name, user=name[:30])


def _sqlite(register: list[dict[str, str]], folder: Path) -> Kind:
    import sqlite3

    path = folder / "register.sqlite3"
    link = sqlite3.connect(path, isolation_level=None)
    link.execute(f"CREATE TABLE 企业 ({DEFINED})")
    marks = ", ".join(["?"] * len(COLUMNS))
    link.executemany(f"INSERT INTO 企业 VALUES ({marks})", [list(row.values()) for row in register])
    link.close()
    return database_kind({"dialect": "sqlite", "database": str(path)})


@pytest.fixture(params=["postgresql", "mariadb", "sqlite", "files"])
async def opened(
    request: pytest.FixtureRequest, register: list[dict[str, str]], tmp_path: Path
) -> AsyncIterator[tuple[Source, Mapping[str, Any], Mapping[str, Any]]]:
    by_uscc: dict[str, Any] = {"statement": "SELECT * FROM 企业 WHERE 统一社会信用代码 = :uscc"}
    by_name: dict[str, Any] = {"statement": "SELECT * FROM 企业 WHERE 企业名称 = :name"}
    async with AsyncExitStack() as stack:
        if request.param == "files":
            kind = files_kind(local(REGISTER.parent, glob=REGISTER.name))
            by_uscc, by_name = {"key": {"统一社会信用代码": "uscc"}}, {"key": {"企业名称": "name"}}
        elif request.param == "sqlite":
            kind = _sqlite(register, tmp_path)
        else:
            fill = _postgresql if request.param == "postgresql" else _mariadb
            kind = await fill(register, stack)
        yield await stack.enter_async_context(kind.open()), by_uscc, by_name


async def test_every_enterprise_is_found_by_its_code_and_by_its_name(
    opened: tuple[Source, Mapping[str, Any], Mapping[str, Any]], register: list[dict[str, str]]
) -> None:
    source, by_uscc, by_name = opened
    assert len(register) == ROWS
    for row in register[:: 1 if "key" in by_uscc else 20]:
        assert [dict(found) for found in (await ask(source, by_uscc, uscc=row["统一社会信用代码"])).rows] == [row]
        assert row in [dict(found) for found in (await ask(source, by_name, name=row["企业名称"])).rows]
