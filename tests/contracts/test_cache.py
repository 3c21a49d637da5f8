"""The cache, locks and rate-limits ports."""

import asyncio
import time

import pytest

from hub.storage.cache import Cache, Locks, RateLimits, SharedCache


async def test_a_value_comes_back_equal_until_it_is_deleted(cache: Cache) -> None:
    value = {"text": "证", "list": [1, None, True, 2.5], "nested": {"a": []}}
    await cache.set("k", value, seconds=60)
    assert await cache.get("k") == value
    await cache.delete("k")
    assert await cache.get("k") is None


async def test_what_was_never_set_is_none(cache: Cache) -> None:
    assert await cache.get("nothing") is None
    await cache.delete("nothing")


async def test_a_value_ends_with_its_time(cache: Cache) -> None:
    await cache.set("k", 1, seconds=0.1)
    await asyncio.sleep(0.2)
    assert await cache.get("k") is None


async def test_changing_a_value_after_set_or_get_changes_nothing(cache: Cache) -> None:
    value = [1]
    await cache.set("k", value, seconds=60)
    value.append(2)
    (await cache.get("k")).append(3)
    assert await cache.get("k") == [1]


async def test_what_is_not_json_is_refused(cache: Cache) -> None:
    with pytest.raises(TypeError):
        await cache.set("k", {1, 2}, seconds=60)


async def test_twenty_holders_are_never_two_at_once(locks: Locks) -> None:
    inside = most = 0

    async def hold() -> None:
        nonlocal inside, most
        async with locks.lock("l", seconds=10):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.002)
            inside -= 1

    await asyncio.gather(*(hold() for _ in range(20)))
    assert (inside, most) == (0, 1)


async def test_locks_of_different_names_do_not_wait_for_each_other(locks: Locks) -> None:
    async with asyncio.timeout(1), locks.lock("a", seconds=10), locks.lock("b", seconds=10):
        pass


async def test_an_error_inside_releases_the_lock(locks: Locks) -> None:
    with pytest.raises(KeyError):
        async with locks.lock("l", seconds=10):
            raise KeyError
    async with asyncio.timeout(1), locks.lock("l", seconds=10):
        pass


async def test_a_dead_holder_loses_the_lock_and_a_late_one_does_not_release_its_successors(locks: Locks) -> None:
    holders: list[str] = []

    async def hold(name: str, *, wait: float, seconds: float, work: float) -> None:
        await asyncio.sleep(wait)
        async with locks.lock("l", seconds=seconds):
            holders.append(f"{name}+")
            await asyncio.sleep(work)
            holders.append(f"{name}-")

    await asyncio.gather(
        hold("late", wait=0, seconds=0.1, work=0.3),
        hold("next", wait=0.02, seconds=10, work=0.5),  # enters at 0.1
        hold("last", wait=0.35, seconds=10, work=0),  # after the late one has ended
    )
    assert holders == ["late+", "next+", "late-", "next-", "last+", "last-"]


async def test_waiting_for_a_lock_is_not_work(locks: Locks) -> None:
    async with locks.lock("l", seconds=10):
        before = time.process_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), locks.lock("l", seconds=1):
                pass
        assert time.process_time() - before < 0.2


async def test_a_lock_outlives_ten_thousand_cached_values(cache: SharedCache) -> None:
    async with cache.lock("l", seconds=60):
        for number in range(10_100):
            await cache.set(str(number), number, seconds=60)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), cache.lock("l", seconds=1):
                pass


async def test_a_wait_that_was_given_up_leaves_no_lock_behind(locks: Locks) -> None:
    async def wait() -> None:
        async with locks.lock("l", seconds=60):
            await asyncio.sleep(60)

    for moment in range(20):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(moment / 10_000)
        waiting.cancel()
        await asyncio.wait({waiting})
        async with asyncio.timeout(1), locks.lock("l", seconds=60):
            pass


async def test_the_store_is_reachable(cache: SharedCache) -> None:
    assert await cache.reachable()


async def test_one_more_than_the_limit_is_refused_with_a_time_to_wait(limits: RateLimits) -> None:
    answers = [await limits.hit("k", per_minute=5) for _ in range(7)]
    assert [answer.allowed for answer in answers] == [True] * 5 + [False] * 2
    assert all(1 <= answer.retry_after_seconds <= 121 for answer in answers if not answer.allowed)


async def test_keys_are_counted_apart(limits: RateLimits) -> None:
    assert [(await limits.hit(key, per_minute=1)).allowed for key in "aab"] == [True, False, True]


async def test_a_hundred_at_once_are_counted_exactly(limits: RateLimits) -> None:
    answers = await asyncio.gather(*(limits.hit("k", per_minute=30) for _ in range(100)))
    assert sum(answer.allowed for answer in answers) == 30
