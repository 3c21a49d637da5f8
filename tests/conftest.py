"""Fixtures: a hub on each database, copied from a template that is founded once a session."""

import asyncio
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
from argon2 import PasswordHasher

from hub.access import passwords
from hub.runtime import Hub
from tests.compiled import share_compiled_statements
from tests.judges.absence import MISSING
from tests.support import POSTGRES, Place, copy_home, make_template, new_database

DIALECTS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


MEMORY, ENOUGH = Path("/dev/shm"), 500_000_000  # noqa: S108  # each test's folder is its own, under a name drawn
FAILED = pytest.StashKey[bool]()

LONG = tuple(f"tests/{name}/" for name in ("walks", "drills", "pages", "clients", "agent", "collection", "access"))
"""Few tests, long ones, that wait more than they compute: servers start, leases run out, pages load."""


RULES = tuple(f"tests/{name}/" for name in ("registry", "exchange", "access", "agent"))
"""What is decided here is decided in Python, over stores without a word of one dialect: of each file the first test
goes through PostgreSQL for the others, and so do those that say `both`, where two of something meet at one row.
"""


def pytest_configure() -> None:
    """Sign-ins by the hundred: at a quarter of a second each, hashes would be a third of the run.
    `tests/access/test_passwords.py` has the cost that is served with.
    """
    share_compiled_statements()
    passwords.PasswordHasher = partial(PasswordHasher, time_cost=1, memory_cost=1024, parallelism=1)  # type: ignore[assignment, misc]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What no database can change runs on SQLite alone, and of a table of cases that all take one way the first row
    goes through PostgreSQL for the others.
    """
    sampled: set[str] = set()
    twice = []
    for item in items:
        if not item.get_closest_marker("postgresql"):
            continue
        file, way = item.nodeid.partition("::")[0], item.nodeid.partition("[")[0]
        once = file.startswith(RULES) and file in sampled and not item.get_closest_marker("both")
        if once or item.get_closest_marker("embedded") or (item.get_closest_marker("sampled") and way in sampled):
            twice.append(item)
        sampled.update((file, way))
    config.hook.pytest_deselected(items=twice)
    left_out = set(twice)
    items[:] = _mixed([item for item in items if item not in left_out])


def _mixed(items: list[pytest.Item]) -> list[pytest.Item]:
    """Files that wait among files that compute, evenly, so that workers do not all wait at once; within a file the
    order stays, and the longest come first, so that nobody waits for the last of them when all else is done.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = [name for folder in LONG for name in files if name.startswith(folder)]
    computing = [name for name in files if not name.startswith(LONG)]
    ranks = {name: place / len(names) for names in (waiting, computing) for place, name in enumerate(names)}
    return [item for name in sorted(ranks, key=lambda name: ranks[name]) for item in files[name]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names every judge that was not there: a run without them proves less, and looks the same."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {item.longrepr[2].removeprefix("Skipped: ") for item in skipped if isinstance(item.longrepr, tuple)}
    for reason in sorted(reason for reason in reasons if reason.startswith(MISSING)):
        terminalreporter.write_line(f"{reason}: its tests were skipped", red=True)


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no collection of garbage need look at it again, and at the rest less often,
    for that was a twentieth of the whole run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers who failed, for `folder_in_memory`."""
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.fixture
def folder_in_memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where nobody waits for a disk, as a hub does some dozen times a test; what a failed test leaves in it is kept
    under `tmp_path`. Without memory to spare it is `tmp_path` itself.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="yizheng-test-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        if request.node.stash.get(FAILED, False):
            shutil.copytree(folder, tmp_path / "from-memory", ignore_dangling_symlinks=True)


@pytest.fixture
def place(template: Place, folder_in_memory: Path) -> Iterator[Place]:
    """This test's own hub, closed."""
    home = copy_home(template, folder_in_memory)
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
