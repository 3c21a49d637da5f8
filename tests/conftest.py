"""Fixtures: a hub on each database, copied from a template that is founded once a session."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
from argon2 import PasswordHasher

from hub.access import passwords
from hub.runtime import Hub
from tests.support import POSTGRES, Place, copy_home, make_template, new_database

DIALECTS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


LONG = tuple(f"tests/{name}" for name in ("walks", "drills", "pages", "clients", "agent", "collection", "access"))
"""Few tests, long ones: begun first, so that nobody waits for the last of them when all else is done."""


def pytest_configure() -> None:
    """Sign-ins by the hundred: at a quarter of a second each, hashes would be a third of the run.
    `tests/access/test_passwords.py` has the cost that is served with.
    """
    passwords.PasswordHasher = partial(PasswordHasher, time_cost=1, memory_cost=1024, parallelism=1)  # type: ignore[assignment, misc]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first; within a file the order stays. What no database can change runs on SQLite alone."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    twice = [item for item in items if item.get_closest_marker("embedded") and item.get_closest_marker("postgresql")]
    config.hook.pytest_deselected(items=twice)
    items[:] = [item for item in items if item not in set(twice)]


@pytest.fixture(scope="session")
def embedded_template(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("template-sqlite") / "home", None)
    asyncio.run(make_template(place))
    return place


@pytest.fixture(scope="session")
def postgresql_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        place = Place(tmp_path_factory.mktemp("template-postgresql") / "home", url)
        asyncio.run(make_template(place))
        yield place


@pytest.fixture(scope="session", params=DIALECTS)
def template(request: pytest.FixtureRequest) -> Place:
    """A founded and filled hub, to be copied and not used. Each is made once a process: a fixture with parameters would
    be made anew whenever these change, which is twice a file.
    """
    name = "embedded_template" if request.param == "sqlite" else "postgresql_template"
    made: Place = request.getfixturevalue(name)
    return made


@pytest.fixture
def place(template: Place, tmp_path: Path) -> Iterator[Place]:
    """This test's own hub, closed."""
    home = copy_home(template, tmp_path)
    if template.database_url is None:
        yield Place(home, None)
        return
    with new_database(template.database_url.rsplit("/", 1)[1]) as url:
        yield Place(home, url)


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    """This test's own hub, opened, without background work."""
    async with place.open() as opened:
        yield opened


@pytest.fixture
async def client(place: Place, hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application, in process."""
    async with place.client(hub) as opened:
        yield opened
