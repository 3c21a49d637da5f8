"""The promises of the port, on PostgreSQL, MariaDB and SQLite."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.adapters.contract import Kind, SourceContract
from tests.adapters.sql_servers import maria_kind, postgres_kind, sqlite_kind


@pytest.mark.postgresql
class TestPostgresql(SourceContract):
    @pytest.fixture
    async def kind(self) -> AsyncIterator[Kind]:
        async with postgres_kind() as kind:
            yield kind


class TestMariadb(SourceContract):
    @pytest.fixture
    async def kind(self) -> AsyncIterator[Kind]:
        async with maria_kind() as kind:
            yield kind


class TestSqlite(SourceContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> Iterator[Kind]:
        with sqlite_kind(tmp_path) as kind:
            yield kind
