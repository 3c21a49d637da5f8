"""The jobs port over the outbox: a job exists exactly if its cause does, and runs at least once."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from catalog.tables import table
from hub.storage.database import Database, open_database
from hub.storage.jobs import LEASE, MAX_ATTEMPTS, PAGE, Handler, Jobs, MemoryJobs, enqueue
from hub.storage.redis_jobs import LISTENING_SECONDS, RedisJobs
from hub.storage.tables import OutboxRow
from tests.contracts.conftest import SHARED, OpenLink

START = datetime(2026, 11, 22, tzinfo=UTC)
OUTBOX = table(OutboxRow)
OpenJobs = Callable[..., Jobs]


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, time: timedelta) -> None:
        self.now += time


class Recorder:
    """A handler that counts its calls by the payload's `n`, and does what `behave` says."""

    def __init__(self, behave: Callable[[int], None] = lambda _n: None) -> None:
        self.calls: Counter[int] = Counter()
        self._behave = behave

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        self.calls[payload["n"]] += 1
        await asyncio.sleep(0)
        self._behave(payload["n"])


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Database]:
    opened = open_database(migrated_url)
    yield opened
    await opened.close()


@pytest.fixture(params=SHARED)
def open_jobs(request: pytest.FixtureRequest, store: Database, open_link: OpenLink) -> OpenJobs:
    """A worker over the same outbox, as another process would have it; several may be opened."""

    def opened(clock: Clock, handler: Handler, **options: float) -> Jobs:
        worker = MemoryJobs(store, clock=clock, handlers={"job": handler}, **options)
        if request.param == "memory":
            return worker
        return RedisJobs(open_link(), listening=open_link(answer_seconds=LISTENING_SECONDS), worker=worker)

    return opened


async def put(store: Database, *numbers: int, kind: str = "job") -> None:
    await store.write(lambda tx: [enqueue(tx, kind, {"n": number}, now=START) for number in numbers])


async def left(store: Database, *, failed: bool = False) -> int:
    query = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.failed.is_(failed))
    return await store.read(lambda tx: int(tx.execute(query).scalar_one()))


async def test_a_job_runs_once_and_is_gone(store: Database, open_jobs: OpenJobs) -> None:
    recorder = Recorder()
    jobs = open_jobs(Clock(), recorder)
    await put(store, 1, 2, 3)
    assert await jobs.sweep() == 3
    assert await jobs.sweep() == 0
    assert recorder.calls == {1: 1, 2: 1, 3: 1}
    assert await left(store) == 0


async def test_a_job_whose_cause_was_undone_does_not_exist(store: Database, open_jobs: OpenJobs) -> None:
    def unit(tx: Connection) -> None:
        enqueue(tx, "job", {"n": 1}, now=START)
        raise KeyError

    with pytest.raises(KeyError):
        await store.write(unit)
    assert await open_jobs(Clock(), Recorder()).sweep() == 0


async def test_a_poison_job_does_not_stop_the_others(store: Database, open_jobs: OpenJobs) -> None:
    def behave(number: int) -> None:
        if number == 2:
            raise RuntimeError("poison")

    recorder = Recorder(behave)
    await put(store, 1, 2, 3)
    await put(store, 4, kind="a kind that nobody handles")
    await open_jobs(Clock(), recorder).sweep()
    assert recorder.calls == {1: 1, 2: 1, 3: 1}
    assert await left(store) == 2


async def test_a_failed_job_waits_longer_each_time_and_ends_at_the_cap(store: Database, open_jobs: OpenJobs) -> None:
    def behave(_number: int) -> None:
        raise RuntimeError

    clock, recorder = Clock(), Recorder(behave)
    jobs = open_jobs(clock, recorder)
    await put(store, 1)
    await jobs.sweep()
    assert await jobs.sweep() == 0
    clock.pass_time(timedelta(seconds=1))
    assert await jobs.sweep() == 0
    for _ in range(MAX_ATTEMPTS + 5):
        clock.pass_time(timedelta(seconds=301))
        await jobs.sweep()
    assert recorder.calls[1] == MAX_ATTEMPTS
    assert (await left(store), await left(store, failed=True)) == (0, 1)


DIE = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from hub.storage.database import open_database
from hub.storage.jobs import MemoryJobs
async def die(payload):
    print("started", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
async def main():
    clock = lambda: datetime(2026, 11, 22, tzinfo=UTC)
    await MemoryJobs(open_database(sys.argv[1]), clock=clock, handlers={"job": die}).sweep()
asyncio.run(main())
"""


async def test_a_job_whose_process_was_killed_runs_again_when_its_lease_ends(
    store: Database, open_jobs: OpenJobs, migrated_url: str
) -> None:
    await put(store, 1)
    died = subprocess.run([sys.executable, "-c", DIE, migrated_url], capture_output=True, cwd=Path.cwd())  # noqa: ASYNC221
    assert (died.returncode, died.stdout) == (-9, b"started\n")
    clock, recorder = Clock(), Recorder()
    jobs = open_jobs(clock, recorder)
    assert await jobs.sweep() == 0
    clock.pass_time(LEASE)
    assert await jobs.sweep() == 1
    assert recorder.calls == {1: 1}
    assert await left(store) == 0


async def test_a_job_that_kills_its_process_each_time_ends_at_the_cap(store: Database, open_jobs: OpenJobs) -> None:
    # What ten killed processes leave behind: a lease that ran out, and ten attempts.
    await put(store, 1)
    await store.write(lambda tx: tx.execute(update(OUTBOX).values(attempts=MAX_ATTEMPTS, lease="dead")))
    recorder = Recorder()
    await open_jobs(Clock(), recorder).sweep()
    assert recorder.calls == {}
    assert (await left(store), await left(store, failed=True)) == (0, 1)


async def test_two_workers_share_fifty_jobs_without_doing_one_twice(store: Database, open_jobs: OpenJobs) -> None:
    clock, recorder = Clock(), Recorder()
    workers = [open_jobs(clock, recorder) for _ in range(2)]
    await put(store, *range(50))
    await asyncio.gather(*(worker.sweep() for worker in workers))
    assert recorder.calls == dict.fromkeys(range(50), 1)
    assert await left(store) == 0


async def test_a_worker_that_lost_its_lease_does_not_finish_its_successors_job(
    store: Database, open_jobs: OpenJobs
) -> None:
    clock = Clock()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_payload: Mapping[str, Any]) -> None:
        started.set()
        await go_on.wait()

    def behave(_number: int) -> None:
        raise RuntimeError("the second try fails")

    await put(store, 1)
    first = asyncio.create_task(open_jobs(clock, slow).sweep())
    await started.wait()
    clock.pass_time(LEASE)
    await open_jobs(clock, Recorder(behave)).sweep()
    go_on.set()
    await first
    assert await left(store) == 1


async def test_a_job_runs_when_its_cause_is_committed_whatever_the_pause_between_sweeps(
    store: Database, open_jobs: OpenJobs
) -> None:
    """The worker looks at its start, and then once an hour; the second job is written by the first."""
    done = asyncio.Event()
    seen: list[tuple[int, bool]] = []

    async def handle(payload: Mapping[str, Any]) -> None:
        number = payload["n"]
        seen.append((number, await left(store) > 0))  # what the cause wrote is there to be read
        if number == 1:
            await put(store, 2)
        else:
            done.set()

    worker, other = open_jobs(Clock(), handle), open_jobs(Clock(), Recorder())
    # On Redis the process that enqueues is another than the one that works.
    store.hear(other.nudge if isinstance(other, RedisJobs) else worker.nudge)
    serving = asyncio.create_task(worker.serve(every_seconds=3600))
    await put(store, 1)
    async with asyncio.timeout(10):
        await done.wait()
    worker.stop()
    await serving
    assert seen == [(1, True), (2, True)]
    assert await left(store) == 0


async def test_a_commit_that_fails_and_a_job_for_later_nudge_nobody(store: Database) -> None:
    told: list[str] = []

    async def listen(*job_ids: str) -> None:
        told.extend(job_ids)

    def undone(tx: Connection) -> None:
        enqueue(tx, "job", {"n": 1}, now=START)
        raise KeyError

    store.hear(listen)
    with pytest.raises(KeyError):
        await store.write(undone)
    await store.write(lambda tx: enqueue(tx, "job", {"n": 2}, now=START, due=START + LEASE))
    assert told == []
    job_id = await store.write(lambda tx: enqueue(tx, "job", {"n": 3}, now=START))
    assert told == [job_id]


async def test_a_slow_job_does_not_hold_up_the_next(store: Database, open_jobs: OpenJobs) -> None:
    quick = asyncio.Event()

    async def handle(payload: Mapping[str, Any]) -> None:
        if payload["n"] == 1:
            await quick.wait()
        quick.set()

    await put(store, 1, 2)
    async with asyncio.timeout(5):
        assert await open_jobs(Clock(), handle).sweep() == 2
    assert await left(store) == 0


async def test_a_long_job_keeps_its_lease_as_long_as_its_worker_lives(store: Database, open_jobs: OpenJobs) -> None:
    clock, others = Clock(), Recorder()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def long(_payload: Mapping[str, Any]) -> None:
        started.set()
        await go_on.wait()

    await put(store, 1)
    first = asyncio.create_task(open_jobs(clock, long, renew_seconds=0.01).sweep())
    await started.wait()
    for _ in range(3):
        clock.pass_time(LEASE / 2)
        renewed = clock.now + LEASE
        while await store.read(lambda tx: tx.execute(select(OUTBOX.c.due_at)).scalar_one()) < renewed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await open_jobs(clock, others).sweep()
    go_on.set()
    await first
    assert others.calls == {}
    assert await left(store) == 0


async def test_a_worker_that_finds_its_lease_gone_ends_its_handler(store: Database, open_jobs: OpenJobs) -> None:
    clock, started, ended = Clock(), asyncio.Event(), asyncio.Event()

    async def endless(_payload: Mapping[str, Any]) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await put(store, 1)
    first = asyncio.create_task(open_jobs(clock, endless, renew_seconds=0.01).sweep())
    await started.wait()
    await store.write(lambda tx: tx.execute(update(OUTBOX).values(lease="another")))
    async with asyncio.timeout(5):
        await first
    assert ended.is_set()
    assert await left(store) == 1


async def test_a_stopped_worker_finishes_what_it_has_in_hand_and_takes_nothing_more(
    store: Database, open_jobs: OpenJobs
) -> None:
    started, go_on, calls = asyncio.Event(), asyncio.Event(), Counter[int]()

    async def handle(payload: Mapping[str, Any]) -> None:
        calls[payload["n"]] += 1
        started.set()
        await go_on.wait()

    jobs = open_jobs(Clock(), handle)
    await put(store, 1)
    serving = asyncio.create_task(jobs.serve(every_seconds=0.01))
    await started.wait()
    jobs.stop()
    await put(store, 2)
    await jobs.nudge()
    await asyncio.sleep(0.1)
    go_on.set()
    async with asyncio.timeout(5):
        await serving
    assert calls == {1: 1}
    assert await left(store) == 1


async def test_more_than_a_page_is_swept_at_once(store: Database, open_jobs: OpenJobs) -> None:
    recorder = Recorder()
    await put(store, *range(PAGE + 1))
    assert await open_jobs(Clock(), recorder).sweep() == PAGE + 1
    assert recorder.calls == dict.fromkeys(range(PAGE + 1), 1)


async def test_a_worker_stopped_in_the_middle_of_a_job_stops_and_the_job_runs_again(
    store: Database, open_jobs: OpenJobs
) -> None:
    started = asyncio.Event()

    async def never(_payload: Mapping[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    clock, recorder = Clock(), Recorder()
    await put(store, 1)
    serving = asyncio.create_task(open_jobs(clock, never).serve(every_seconds=0.01))
    await started.wait()
    serving.cancel()
    done, _ = await asyncio.wait([serving], timeout=2)
    assert done
    clock.pass_time(LEASE)
    await open_jobs(clock, recorder).sweep()
    assert recorder.calls == {1: 1}
