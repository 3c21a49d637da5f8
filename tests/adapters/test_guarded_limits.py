"""No more than the owner bears: slots, a bounded line, so many a minute, and only in the hours of a window."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.breaker import BreakerState
from adapters.errors import DefinitionFaultError
from adapters.guarded import next_window
from adapters.port import Budget
from tests.adapters.contract import BUDGET, until
from tests.adapters.guard_desk import LONG, Desk, ask, code_of, holds, opened_desk, server_of, some


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


async def test_a_full_house_says_so_at_once(desk: Desk) -> None:
    guarded = await desk.guard(concurrency=2, waiting=3, retries=0)
    async with server_of(desk).held():
        asked = [asyncio.create_task(code_of(ask(guarded, LONG))) for _ in range(5)]
        await until(lambda: holds(lambda: server_of(desk).working == 2 and guarded.health().waiting == 3))
        assert guarded.health().in_flight == 2
        assert await some(guarded, 2) == ["unreachable_busy"] * 2
    assert await asyncio.gather(*asked) == [""] * 5
    assert desk.asked == 5
    health = guarded.health()
    assert (health.in_flight, health.waiting, health.state) == (0, 0, BreakerState.CLOSED)


async def test_whoever_waits_in_vain_was_not_timed_out_by_the_source(desk: Desk) -> None:
    guarded = await desk.guard(concurrency=1, retries=0)
    async with server_of(desk).held():
        first = asyncio.create_task(code_of(ask(guarded, LONG)))
        await until(lambda: holds(lambda: server_of(desk).working == 1))
        assert await code_of(ask(guarded, Budget(total_seconds=0.05))) == "unreachable_busy"
    assert await first == ""
    assert guarded.health().last_error == ""


async def test_a_line_that_is_cancelled_leaves_no_trace(desk: Desk) -> None:
    guarded = await desk.guard(concurrency=1, retries=0)
    async with server_of(desk).held():
        tasks = [asyncio.create_task(ask(guarded, LONG)) for _ in range(4)]
        await until(lambda: holds(lambda: guarded.health().waiting == 3))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (guarded.health().in_flight, guarded.health().waiting) == (0, 0)
    assert await some(guarded, 3) == [""] * 3


async def test_no_more_a_minute_than_the_owner_bears(desk: Desk) -> None:
    guarded = await desk.guard(per_minute=3, retries=0)
    assert await some(guarded, 5) == ["", "", "", "unreachable_load_limit", "unreachable_load_limit"]
    desk.time.seconds += 59
    assert await some(guarded, 1) == ["unreachable_load_limit"]
    desk.time.seconds += 1
    assert await some(guarded, 4) == ["", "", "", "unreachable_load_limit"]
    assert desk.asked == 6
    assert guarded.health().state is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("windows", "hour", "minute", "open_"),
    [
        (["08:30-18:00"], 8, 29, False),
        (["08:30-18:00"], 8, 30, True),
        (["08:30-18:00"], 17, 59, True),
        (["08:30-18:00"], 18, 0, False),
        (["22:00-06:00"], 23, 0, True),
        (["22:00-06:00"], 5, 59, True),
        (["22:00-06:00"], 6, 0, False),
        (["00:00-24:00"], 0, 0, True),
        (["00:00-01:00", "12:00-13:00"], 12, 30, True),
        ([], 3, 0, True),
    ],
)
async def test_load_windows_are_hours_of_the_city(
    desk: Desk,
    windows: list[str],
    hour: int,
    minute: int,
    open_: bool,  # noqa: FBT001
) -> None:
    desk.time.day = datetime(2026, 11, 22, hour, minute, tzinfo=UTC) - timedelta(hours=8)
    guarded = await desk.guard(windows=windows)
    assert await some(guarded, 1) == ([""] if open_ else ["unreachable_outside_window"])
    assert (await guarded.probe(BUDGET)).ok is open_
    assert bool(desk.asked) is open_


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        (["08:30-18:00"], (22, 8, 29), (22, 8, 30)),
        (["08:30-18:00"], (22, 18, 0), (23, 8, 30)),
        (["22:00-06:00"], (22, 6, 0), (22, 22, 0)),
        (["00:00-01:00", "12:00-13:00"], (22, 1, 0), (22, 12, 0)),
        (["00:00-01:00", "12:00-13:00"], (22, 13, 0), (23, 0, 0)),
        (["08:30-18:00"], (22, 9, 0), None),
        ([], (22, 3, 0), None),
    ],
)
def test_when_a_window_opens_next(
    windows: list[str], now: tuple[int, int, int], opens: tuple[int, int, int] | None
) -> None:
    def moment(place: tuple[int, int, int]) -> datetime:
        return datetime(2026, 11, *place, tzinfo=UTC) - timedelta(hours=8)

    assert next_window(windows, moment(now)) == (moment(opens) if opens else None)


@pytest.mark.parametrize("text", ["8:00-18:00", "08:00", "24:00-08:00", "08:00-24:30", "08:60-09:00", "０８:00-09:00"])
async def test_a_window_that_is_none_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        await desk.guard(windows=["08:00-09:00", text])
    assert caught.value.pointer == "/windows/1"
