"""Drills 21 and 22: Redis gone, hanging, restarted and flushed under load; several processes on one hub."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from hub.issuing.transitions.writing import PUBLISH_STATUS
from hub.storage.jobs import enqueue
from tests.drills.oracle import examine
from tests.drills.test_faults import on_postgresql, on_sqlite
from tests.drills.town import PATIENCE, Server, Town, pulling
from tests.redis_server import RedisServer, redis_server
from tests.support import INTAKE, Place, assertion, free_port, token_form

pytestmark = pytest.mark.redis
LOAD_SECONDS = 1.0
PAUSE_SECONDS = 0.05
"""Between a clerk's cases: five are load all the time and leave the other tests a processor."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis that every hub of this test is told of, here and in processes."""
    with redis_server() as running:
        monkeypatch.setenv("YIZHENG_REDIS_URL", running.url)
        yield running


@pytest.mark.slow
def test_redis_killed_flushed_and_hanging_under_load_is_no_error_and_is_named(server: RedisServer, town: Town) -> None:
    over = threading.Event()

    def clerk(hub: Server) -> None:
        while not over.wait(PAUSE_SECONDS):
            town.insist(hub, pulling(town.open_case(hub)))

    def blow(hub: Server) -> None:
        for strike, heal in ((server.flush, None), (server.kill, server.start), (server.hang, server.wake)):
            strike()
            time.sleep(LOAD_SECONDS)
            if heal is not None:
                _until_degraded(hub, ["redis"])
                heal()
            _until_degraded(hub, [])

    with town.serving() as hub, ThreadPoolExecutor(5) as clerks:
        under_way = [clerks.submit(clerk, hub) for _ in range(5)]
        try:
            blow(hub)
        finally:
            over.set()
        for ended in under_way:
            ended.result()
        town.remember_checkpoint(hub)
    assert examine(town) == []


async def test_an_assertion_works_once_whatever_happens_to_redis(server: RedisServer, place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        forms = [token_form(assertion(place.signer(), INTAKE)) for _ in range(2)]
        first = await client.post("/oauth/token", data=forms[0])
        server.flush()
        again = await client.post("/oauth/token", data=forms[0])
        server.kill()
        alone = [await client.post("/oauth/token", data=forms[number]) for number in (0, 1, 1)]
        server.start()
        late = await client.post("/oauth/token", data=forms[1])
    assert (first.status_code, again.status_code, late.status_code) == (200, 401, 401)
    assert [answer.status_code for answer in alone] == [401, 200, 401]


async def test_two_processes_share_a_limit_and_keep_it_each_for_itself_without_redis(
    server: RedisServer, place: Place
) -> None:
    limited = {"verify_requests_per_minute": 3}

    async def ask(*clients: httpx2.AsyncClient) -> list[int]:
        return [(await client.post("/api/v1/verify", json={"token": "x"})).status_code for client in clients]

    async with (
        place.open(**limited) as one,
        place.client(one) as first,
        place.open(**limited) as two,
        place.client(two) as second,
    ):
        assert await ask(first, second, first, second, first) == [200, 200, 200, 429, 429]
        server.kill()
        assert await ask(first, first, first, first, second) == [200, 200, 200, 429, 200]


@on_sqlite
async def test_readiness_names_redis_and_stays_ready(server: RedisServer, place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        assert (await client.get("/health/ready")).json() == {
            "status": "ready",
            "missing": [],
            "degraded": [],
            "signing": True,
        }
        server.kill()
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["degraded"]) == (200, ["redis"])


@on_postgresql
@pytest.mark.slow
def test_two_serving_processes_are_one_hub_and_one_may_die(server: RedisServer, town: Town) -> None:
    port = free_port()
    hub = Server(Command(town, "serve", "--port", str(port), "--workers", "2"), port)  # type: ignore[arg-type]
    try:
        assert hub.wait_ready()
        town.sign_in(hub)
        twin = pulling(town.open_case(hub))
        with ThreadPoolExecutor(8) as clerks:
            answers = list(clerks.map(lambda _: town.insist(hub, twin), range(16)))
            assert {answer.status_code for answer in answers} == {200}
            under_way = [clerks.submit(lambda: town.insist(hub, pulling(town.open_case(hub)))) for _ in range(30)]
            os.kill(hub.process.children()[-1], signal.SIGKILL)  # type: ignore[attr-defined]
            assert {ended.result().status_code for ended in under_way} == {200}
        assert hub.wait_ready()
        town.remember_checkpoint(hub)
    finally:
        hub.end()
    assert hub.process.wait(0) == 0
    assert examine(town) == []


@pytest.mark.slow
def test_a_worker_without_a_server_runs_jobs_keeps_the_log_going_and_ends_when_told(
    server: RedisServer, town: Town
) -> None:
    """No server runs: what a command that was killed left is done, and the log goes on."""
    with town.serving() as hub:
        town.open_case(hub)
    worker = town.start("worker", name="worker")
    try:
        asyncio.run(_enqueue(town.place))
        deadline = time.monotonic() + 30
        while town.look("SELECT id FROM outbox"):
            assert time.monotonic() < deadline, "the job is not run"
            time.sleep(0.05)
    finally:
        worker.end()
    assert worker.wait(0) == 0
    assert examine(town) == []


@pytest.mark.parametrize("redis_url", [None, "redis://127.0.0.1:1/0"])
def test_several_processes_are_refused_without_both_stores(
    place: Place, monkeypatch: pytest.MonkeyPatch, redis_url: str | None, tmp_path: Path
) -> None:
    if redis_url and place.database_url:
        pytest.skip("that is the combination that serves")
    monkeypatch.setenv("YIZHENG_REDIS_URL", redis_url or "")
    done = Town(place, tmp_path).command("serve", "--port", str(free_port()), "--workers", "2")
    assert (done.returncode, "YIZHENG_REDIS_URL" in done.stderr) == (64, True)


@on_sqlite
def test_check_says_that_redis_does_not_answer_and_not_its_password(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("YIZHENG_REDIS_URL", "redis://:hidden-word@127.0.0.1:1/0")
    done = Town(place, tmp_path).command("check")
    assert (done.returncode, "Redis does not answer" in done.stderr) == (69, True)
    assert "hidden-word" not in done.stdout + done.stderr
    monkeypatch.setenv("YIZHENG_REDIS_URL", "http://:hidden-word@127.0.0.1:1/0")
    done = Town(place, tmp_path).command("check")
    assert (done.returncode, "YIZHENG_REDIS_URL" in done.stderr) == (64, True)
    assert "hidden-word" not in done.stdout + done.stderr


class Command:
    """A `yizheng` command in an interpreter of its own: one that starts processes itself is not forked from a test."""

    def __init__(self, town: Town, *arguments: str) -> None:
        with (town.scratch / f"{arguments[0]}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub.cli", *arguments], env=town.environment(None), stdout=log, stderr=log
            )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, seconds: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode

    def children(self) -> list[int]:
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self) -> None:
        if not self.ended():
            self._process.terminate()
        if self.wait(30) is None:
            self._process.kill()
            self._process.wait(5)


async def _enqueue(place: Place) -> None:
    async with place.open() as hub:
        await hub.database.write(lambda tx: enqueue(tx, PUBLISH_STATUS, {"number": 0}, now=hub.clock()))


def _until_degraded(hub: Server, wanted: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = hub.http.get("/health/ready")
        assert answer.status_code == 200, answer.text
        if answer.json()["degraded"] == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"readiness does not come to say {wanted}")
