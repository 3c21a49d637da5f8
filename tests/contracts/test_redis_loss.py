"""Redis gone, hanging, flushed or written to by a stranger: everything goes on, nothing is believed or lost."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.storage.cache import SharedCache
from hub.storage.database import Database, open_database
from hub.storage.jobs import LEASE, MemoryJobs, enqueue
from hub.storage.redis_cache import RedisCache, RedisRateLimits
from hub.storage.redis_jobs import LISTENING_SECONDS, RedisJobs
from hub.storage.redis_link import ANSWER_SECONDS, RedisLink
from tests.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.redis
SECRET = bytes(range(32))
PREFIX = "test"
OpenJobs = Callable[[Counter[int]], RedisJobs]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[RedisLink]:
    opened = RedisLink(server.url, prefix=PREFIX)
    yield opened
    await opened.close()


@pytest.fixture
async def cache(link: RedisLink) -> AsyncIterator[SharedCache]:
    opened = RedisCache(link, secret=SECRET)
    yield opened
    await opened.close()


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Database]:
    opened = open_database(migrated_url)
    yield opened
    await opened.close()


@pytest.fixture
async def open_jobs(server: RedisServer, store: Database) -> AsyncIterator[OpenJobs]:
    """A worker that counts, as another process would have it."""
    opened: list[RedisLink] = []

    def jobs(calls: Counter[int]) -> RedisJobs:
        async def handle(payload: Mapping[str, Any]) -> None:
            calls[payload["n"]] += 1

        worker = MemoryJobs(store, clock=lambda: datetime.now(UTC), handlers={"job": handle})
        listening = RedisLink(server.url, prefix=PREFIX, answer_seconds=LISTENING_SECONDS)
        opened.extend((RedisLink(server.url, prefix=PREFIX), listening))
        return RedisJobs(opened[-2], listening=listening, worker=worker)

    yield jobs
    for link in opened:
        await link.close()


async def put(store: Database, number: int) -> str:
    return await store.write(lambda tx: enqueue(tx, "job", {"n": number}, now=datetime.now(UTC)))


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for happens in another process
            await asyncio.sleep(0.02)


async def test_without_redis_a_value_is_a_miss_and_comes_back_with_it(server: RedisServer, cache: SharedCache) -> None:
    await cache.set("k", 1, seconds=60)
    server.kill()
    assert await cache.get("k") is None
    await cache.set("k", 2, seconds=60)
    await cache.delete("k")
    assert not await cache.reachable()
    server.start()
    async with asyncio.timeout(20):
        while not await cache.reachable():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await cache.set("k", 3, seconds=60)
    assert await cache.get("k") == 3


async def test_a_hanging_redis_holds_up_few_and_then_nobody(server: RedisServer, cache: SharedCache) -> None:
    await cache.set("k", 1, seconds=60)
    server.hang()
    try:
        assert await cache.get("k") is None
        # One caller a second tries; had each waited for Redis, this would take a quarter of an hour.
        async with asyncio.timeout(60 * ANSWER_SECONDS):
            for _ in range(1000):
                assert await cache.get("k") is None
    finally:
        server.wake()


async def test_without_redis_a_lock_still_holds_among_the_tasks_of_a_process(
    server: RedisServer, cache: SharedCache
) -> None:
    server.kill()
    inside = most = 0

    async def hold() -> None:
        nonlocal inside, most
        async with cache.lock("l", seconds=10):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.002)
            inside -= 1

    await asyncio.gather(*(hold() for _ in range(10)))
    assert (inside, most) == (0, 1)


async def test_redis_lost_inside_a_lock_is_no_error(server: RedisServer, cache: SharedCache) -> None:
    async with cache.lock("l", seconds=10):
        server.kill()


async def test_a_lock_of_another_process_is_waited_for_and_ends_with_its_time(
    server: RedisServer, cache: SharedCache
) -> None:
    other = RedisCache(RedisLink(server.url, prefix=PREFIX), secret=SECRET)
    async with cache.lock("l", seconds=60):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), other.lock("l", seconds=60):
                pass
    async with asyncio.timeout(5), other.lock("l", seconds=60):
        pass
    server.client.set(f"{PREFIX}:lock:l", "a holder that died", px=200)
    async with asyncio.timeout(5), other.lock("l", seconds=60):
        pass
    await other.close()


async def test_a_late_holder_does_not_release_the_lock_of_another_process(
    server: RedisServer, cache: SharedCache
) -> None:
    async with cache.lock("l", seconds=60):
        server.client.set(f"{PREFIX}:lock:l", "its successor")
    assert server.client.get(f"{PREFIX}:lock:l") == b"its successor"


async def test_what_a_stranger_writes_is_no_value(server: RedisServer, cache: SharedCache) -> None:
    await cache.set("k", {"granted": False}, seconds=60)
    await cache.set("other", {"granted": True}, seconds=60)
    place = f"{PREFIX}:value:k"
    kept = server.client.get(place)
    assert isinstance(kept, bytes)
    assert b"granted" not in kept
    moved = server.client.get(f"{PREFIX}:value:other")
    flipped = kept[:-1] + bytes([kept[-1] ^ 1])
    for forged in (b"", b"x", json.dumps({"granted": True}).encode(), b"\x80\x04K\x01.", kept[:20], flipped, moved):
        server.client.set(place, forged)  # type: ignore[arg-type]
        assert await cache.get("k") is None
    server.client.delete(place)
    server.client.lpush(place, "another type")
    assert await cache.get("k") is None


async def test_a_value_of_another_hub_is_no_value(server: RedisServer, cache: SharedCache) -> None:
    await cache.set("k", 1, seconds=60)
    other = RedisCache(RedisLink(server.url, prefix=PREFIX), secret=bytes(32))
    assert await other.get("k") is None
    await other.close()


async def test_two_processes_count_together_and_each_for_itself_without_redis(server: RedisServer) -> None:
    links = [RedisLink(server.url, prefix=PREFIX) for _ in range(2)]
    one, two = (RedisRateLimits(link) for link in links)
    assert [(await limits.hit("k", per_minute=3)).allowed for limits in (one, two, one, two)] == [True] * 3 + [False]
    server.kill()
    for limits in (one, two):
        assert [(await limits.hit("k", per_minute=2)).allowed for _ in range(3)] == [True, True, False]
    for link in links:
        await link.close()


async def test_a_job_wakes_a_worker_of_another_process(
    server: RedisServer, store: Database, open_jobs: OpenJobs
) -> None:
    calls: Counter[int] = Counter()
    here, there = open_jobs(Counter()), open_jobs(calls)
    serving = asyncio.create_task(there.serve(every_seconds=600))
    await asyncio.sleep(0.2)
    for number in range(20):
        await here.nudge(await put(store, number))
    await here.nudge(await put(store, 20))
    await until(lambda: sum(calls.values()) == 21)
    assert set(calls.values()) == {1}
    await until(lambda: server.client.xlen(f"{PREFIX}:jobs:stream") == 0)
    there.stop()
    await serving


@pytest.mark.parametrize("blow", ["kill", "flush", "hang"])
async def test_jobs_that_redis_lost_are_found_and_none_has_two_effects(
    server: RedisServer, store: Database, open_jobs: OpenJobs, blow: str
) -> None:
    calls: Counter[int] = Counter()
    workers = [open_jobs(calls) for _ in range(2)]
    serving = [asyncio.create_task(worker.serve(every_seconds=0.2)) for worker in workers]
    for number in range(30):
        job_id = await put(store, number)
        if number == 10:
            getattr(server, blow)()
        if number == 20:
            {"kill": server.start, "flush": server.flush, "hang": server.wake}[blow]()
        await workers[0].nudge(job_id)
    await until(lambda: len(calls) == 30)
    await put(store, 30)
    await workers[1].nudge()
    await until(lambda: len(calls) == 31)
    assert set(calls.values()) == {1}
    for worker in workers:
        worker.stop()
    await asyncio.gather(*serving)


async def test_the_stream_goes_on_after_a_flush_without_any_sweep(
    server: RedisServer, store: Database, open_jobs: OpenJobs
) -> None:
    calls: Counter[int] = Counter()
    jobs = open_jobs(calls)
    serving = asyncio.create_task(jobs.serve(every_seconds=600))
    await jobs.nudge(await put(store, 1))
    await until(lambda: calls[1] == 1)
    server.flush()
    await until(lambda: server.client.exists(f"{PREFIX}:jobs:stream"))
    await jobs.nudge(await put(store, 2))
    await until(lambda: calls[2] == 1)
    jobs.stop()
    await serving


async def test_an_id_in_the_hands_of_a_dead_worker_is_claimed(
    server: RedisServer, store: Database, open_jobs: OpenJobs
) -> None:
    calls: Counter[int] = Counter()
    stream = f"{PREFIX}:jobs:stream"
    server.client.xgroup_create(stream, "workers", id="0", mkstream=True)
    entry = server.client.xadd(stream, {"id": await put(store, 1)})
    server.client.xreadgroup("workers", "dead", {stream: ">"})
    long_ago = int(LEASE.total_seconds() * 1000) + 1
    server.client.execute_command("XCLAIM", stream, "workers", "dead", 0, entry, "IDLE", long_ago)
    jobs = open_jobs(calls)
    serving = asyncio.create_task(jobs.serve(every_seconds=600))
    await until(lambda: server.client.xlen(stream) == 0)
    assert calls == {1: 1}
    jobs.stop()
    await serving


async def test_garbage_in_the_stream_stops_no_worker(server: RedisServer, store: Database, open_jobs: OpenJobs) -> None:
    calls: Counter[int] = Counter()
    stream = f"{PREFIX}:jobs:stream"
    for fields in (
        {"id": "not an id"},
        {"id": b"\xff\xfe"},
        {"other": "x"},
        {"id": "0190d5a0-0000-7000-8000-000000000000"},
    ):
        server.client.xadd(stream, fields)  # type: ignore[arg-type]
    jobs = open_jobs(calls)
    serving = asyncio.create_task(jobs.serve(every_seconds=600))
    await asyncio.sleep(0.3)
    await jobs.nudge(await put(store, 1))
    await until(lambda: calls[1] == 1)
    jobs.stop()
    await serving


async def test_a_stream_without_workers_is_bounded(server: RedisServer, store: Database, open_jobs: OpenJobs) -> None:
    jobs = open_jobs(Counter())
    for _ in range(12):
        await jobs.nudge(*(["0190d5a0-0000-7000-8000-000000000000"] * 1000))
    assert server.client.xlen(f"{PREFIX}:jobs:stream") < 11_000


def test_the_lease_is_longer_than_a_read_waits() -> None:
    assert timedelta(seconds=LISTENING_SECONDS) < LEASE
