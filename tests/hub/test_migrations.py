"""Migrations: from nothing to the schema that the code writes against, on both databases, as often as one likes."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from hub.storage.database import sqlite_engine
from hub.storage.schema import METADATA, alembic_config, migrate
from tests.conftest import DIALECTS
from tests.support import POSTGRES, Place, make_template, new_database


@pytest.fixture(params=DIALECTS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty home with an empty database."""
    if request.param == "sqlite":
        (tmp_path / "home").mkdir()
        yield Place(tmp_path / "home", None)
        return
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        yield Place(tmp_path / "home", url)


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    if place.database_url is None:
        opened = sqlite_engine(place.settings().sqlite_path())
    else:
        url = place.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        opened = create_engine(url, poolclass=NullPool)
    yield opened
    opened.dispose()


def url_of(place: Place) -> str:
    return place.settings().effective_database_url()


def contents(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: sorted(connection.execute(text(f"SELECT * FROM {name}")).all(), key=repr) for name in names}


def test_the_migrated_schema_is_the_one_the_code_declares(place: Place, engine: Engine) -> None:
    migrate(url_of(place))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    assert set(contents(engine)) == {*METADATA.tables, "alembic_version"}


def test_the_comparison_can_see_a_difference(place: Place, engine: Engine) -> None:
    migrate(url_of(place))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE outbox"))
        connection.execute(text("ALTER TABLE systems ADD COLUMN extra TEXT"))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert {difference[0] for difference in found} >= {"add_table", "remove_column"}


def test_constraints_arrive_with_the_tables(place: Place, engine: Engine) -> None:
    migrate(url_of(place))
    with engine.connect() as connection:
        inspector = inspect(connection)
        for name, table in METADATA.tables.items():
            foreign = {tuple(key["constrained_columns"]) for key in inspector.get_foreign_keys(name)}
            assert foreign == {tuple(key.column_keys) for key in table.foreign_key_constraints}, name
            primary = inspector.get_pk_constraint(name)["constrained_columns"]
            assert primary == [column.name for column in table.primary_key.columns], name


def test_migrating_twice_changes_nothing(place: Place, engine: Engine) -> None:
    asyncio.run(make_template(place))
    before = contents(engine)
    migrate(url_of(place))
    migrate(url_of(place))
    assert contents(engine) == before
    assert sum(map(len, before.values())) > 20


def test_a_migration_that_fails_half_way_leaves_nothing(place: Place, engine: Engine) -> None:
    # A table in the way of one of the later statements.
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE systems (other TEXT)"))
    with pytest.raises(Exception, match="systems"):
        migrate(url_of(place))
    assert set(contents(engine)) <= {"systems", "alembic_version"}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE systems"))
    migrate(url_of(place))
    assert set(METADATA.tables) <= set(contents(engine))


def test_there_is_one_line_of_revisions() -> None:
    scripts = ScriptDirectory.from_config(alembic_config("sqlite://"))
    assert len(scripts.get_heads()) == 1
    assert [revision.revision for revision in scripts.walk_revisions()][-1] == "0001"


def test_migrations_ship_in_the_package_and_run_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'hub.sqlite3'}"
    migrate(url)
    command.current(alembic_config(url))
    connection = sqlite3.connect(tmp_path / "hub.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
