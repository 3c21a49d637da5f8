"""One fixture per port, parametrised over its implementations. A new implementation joins by one line here."""

import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.storage.cache import Locks, MemoryCache, MemoryRateLimits, RateLimits, SharedCache
from hub.storage.database import Database, open_database
from hub.storage.keystore.file import KeyFile
from hub.storage.keystore.port import KeyStore
from hub.storage.objects.folder import FolderObjects, ObjectStore
from hub.storage.objects.s3 import Bucket, S3Objects
from hub.storage.redis_cache import RedisCache, RedisRateLimits
from hub.storage.redis_link import RedisLink
from hub.storage.schema import migrate
from tests.adapters.s3 import new_bucket
from tests.conftest import DIALECTS
from tests.contracts.counters import SCHEMA
from tests.support import POSTGRES, REDIS, new_database

MASTER_KEY = bytes(range(32))
OpenLink = Callable[..., RedisLink]
SHARED = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql" and POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    return name


@pytest.fixture
def database_url(dialect: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'contract.sqlite3'}"
        return
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


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "contract.sqlite3"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_name() -> Iterator[str]:
    with new_database() as url:
        migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def migrated_url(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> Iterator[str]:
    """A database with the hub's schema and no rows, copied: to migrate takes ten times as long."""
    if dialect == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), tmp_path)}"
        return
    with new_database(request.getfixturevalue("migrated_name")) as url:
        yield url


@pytest.fixture(params=["folder", "s3"])
def open_objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ObjectStore]]:
    """Opens the same object store anew, as another process would."""
    if request.param == "folder":
        yield lambda: FolderObjects(tmp_path / "objects")
        return
    with contextmanager(new_bucket)() as bucket:
        yield lambda: S3Objects(Bucket.read(f"{bucket.address}/{bucket.name}/hub"))


@pytest.fixture
async def open_link() -> AsyncIterator[OpenLink]:
    """Opens lines to the Redis of the tests, under keys that no other test has."""
    prefix = f"test:{uuid.uuid4().hex}"
    opened: list[RedisLink] = []

    def link(**options: float) -> RedisLink:
        if REDIS is None:
            pytest.skip("no Redis: make test starts one")
        opened.append(RedisLink(REDIS, prefix=prefix, **options))
        return opened[-1]

    yield link
    if opened:
        client = link().client
        async for key in client.scan_iter(f"{prefix}:*"):
            await client.delete(key)
    for each in opened:
        await each.close()


@pytest.fixture(params=SHARED)
async def cache(request: pytest.FixtureRequest, open_link: OpenLink) -> AsyncIterator[SharedCache]:
    opened: SharedCache = MemoryCache() if request.param == "memory" else RedisCache(open_link(), secret=MASTER_KEY)
    yield opened
    await opened.close()


@pytest.fixture
def locks(cache: SharedCache) -> Locks:
    return cache


@pytest.fixture(params=SHARED)
def limits(request: pytest.FixtureRequest, open_link: OpenLink) -> RateLimits:
    return MemoryRateLimits() if request.param == "memory" else RedisRateLimits(open_link())


@pytest.fixture(params=["file"])
def open_keystore(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], KeyStore]:
    """Opens the same key store anew, as another process would."""
    return {"file": lambda: KeyFile(tmp_path / "keys" / "keystore.json", master_key=MASTER_KEY)}[request.param]
