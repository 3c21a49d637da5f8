"""One fixture per port, parametrised over its implementations. A new implementation joins by one line here."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.storage.cache import Cache, Locks, MemoryCache, MemoryRateLimits, RateLimits
from hub.storage.database import Database, open_database
from hub.storage.keystore import KeyFile, KeyStore
from hub.storage.objects import FolderObjects, ObjectStore
from hub.storage.schema import migrate
from tests.conftest import DIALECTS
from tests.contracts.counters import SCHEMA
from tests.support import POSTGRES, new_database

MASTER_KEY = bytes(range(32))


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'contract.sqlite3'}"
        return
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database port over an empty database."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def counters(database: Database) -> Database:
    """Two counters at zero, and a table that refers to them at COMMIT."""
    await database.write(lambda tx: [tx.execute(text(statement)) for statement in SCHEMA])
    return database


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """A database with the hub's schema and no rows."""
    migrate(database_url)
    return database_url


@pytest.fixture(params=["folder"])
def open_objects(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens the same object store anew, as another process would."""
    return {"folder": lambda: FolderObjects(tmp_path / "objects")}[request.param]


@pytest.fixture(params=["memory"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    opened = {"memory": MemoryCache}[request.param]()
    yield opened
    await opened.close()


@pytest.fixture(params=["memory"])
async def locks(request: pytest.FixtureRequest) -> AsyncIterator[Locks]:
    opened = {"memory": MemoryCache}[request.param]()
    yield opened
    await opened.close()


@pytest.fixture(params=["memory"])
def limits(request: pytest.FixtureRequest) -> RateLimits:
    return {"memory": MemoryRateLimits}[request.param]()


@pytest.fixture(params=["file"])
def open_keystore(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], KeyStore]:
    """Opens the same key store anew, as another process would."""
    return {"file": lambda: KeyFile(tmp_path / "keys" / "keystore.json", master_key=MASTER_KEY)}[request.param]
