"""The contract of boxes, in this process and on a real Redis: each id to one taker, in order, none lost by leaving."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from hub.exchange.agents.boxes import Boxes
from hub.exchange.agents.shared import open_boxes
from tests.redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Boxes, Boxes]]:
    """The boxes of two processes; in one process they are the same."""
    if request.param == "memory":
        both = open_boxes(None, secret=b"s")
        yield both, both
        await both.close()
        return
    url = request.getfixturevalue("redis").url
    first, second = open_boxes(url, secret=b"s"), open_boxes(url, secret=b"s")
    yield first, second
    await first.close()
    await second.close()


async def test_what_is_put_here_is_taken_there_in_order(pair: tuple[Boxes, Boxes]) -> None:
    here, there = pair
    for item in ("1", "2", "3"):
        await here.put("order", item, seconds=30)
    assert [await there.take("order", seconds=5) for _ in range(3)] == ["1", "2", "3"]
    assert await there.take("order", seconds=0.05) is None


@pytest.mark.both
async def test_who_waits_is_woken_and_each_id_goes_to_one(pair: tuple[Boxes, Boxes]) -> None:
    here, there = pair
    takers = [asyncio.create_task(boxes.take("many", seconds=5)) for boxes in (here, there, here, there)]
    await asyncio.sleep(0.1)
    for item in ("1", "2", "3", "4"):
        await here.put("many", item, seconds=30)
    assert sorted(item or "" for item in await asyncio.gather(*takers)) == ["1", "2", "3", "4"]


async def test_another_box_is_not_disturbed(pair: tuple[Boxes, Boxes]) -> None:
    here, there = pair
    waiting = asyncio.create_task(there.take("mine", seconds=5))
    await asyncio.sleep(0.05)
    await here.put("yours", "x", seconds=30)
    late = asyncio.create_task(there.take("late", seconds=5))
    await asyncio.sleep(0.05)
    await here.put("late", "y", seconds=30)
    assert await late == "y"
    assert not waiting.done()
    await here.put("mine", "z", seconds=30)
    assert await waiting == "z"


async def test_a_taker_that_left_takes_nothing(pair: tuple[Boxes, Boxes]) -> None:
    here, there = pair
    for _ in range(20):
        leaving = asyncio.create_task(there.take("left", seconds=5))
        await asyncio.sleep(0.01)
        putting = asyncio.create_task(here.put("left", "x", seconds=30))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait({leaving, putting})
        if leaving.cancelled():
            assert await here.take("left", seconds=5) == "x"


async def test_what_nobody_took_in_time_is_gone(pair: tuple[Boxes, Boxes]) -> None:
    here, there = pair
    await here.put("old", "x", seconds=0.05)
    await asyncio.sleep(0.2)
    assert await there.take("old", seconds=0.05) is None


@pytest.mark.redis
async def test_a_redis_that_comes_back_is_used_again() -> None:
    with redis_server() as server:
        boxes = open_boxes(server.url, secret=b"s")
        server.kill()
        await boxes.put("gone", "x", seconds=30)
        assert await boxes.take("gone", seconds=0.2) is None
        server.start()
        found = None
        while found is None:
            await boxes.put("back", "y", seconds=30)
            found = await boxes.take("back", seconds=0.5)
        assert found == "y"
        await boxes.close()
