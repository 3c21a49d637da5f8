"""The breaker, by itself and before a failing server: whose outcome counts, when it opens, and that it asks once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.breaker import Breaker, BreakerState
from adapters.errors import UnreachableError
from adapters.port import Budget
from tests.adapters.contract import until
from tests.adapters.guard_desk import Desk, ask, code_of, holds, opened_desk, server_of, some


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock, threshold=2, first_pause_seconds=1.0)
    for _ in range(2):
        breaker.failed(breaker.enter())
    assert breaker.state is BreakerState.OPEN
    return breaker, clock


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "abandoned"])
def test_a_straggler_from_before_decides_nothing_for_the_one_question(outcome: str) -> None:
    clock = Clock()
    breaker = Breaker(clock, threshold=2, first_pause_seconds=1.0)
    straggler = breaker.enter()
    for _ in range(2):
        breaker.failed(breaker.enter())
    clock.now = 0.5
    getattr(breaker, outcome)(straggler)
    assert (breaker.state, breaker.seconds_left) == (BreakerState.OPEN, 0.5)
    clock.now = 1.0
    one = breaker.enter()
    getattr(breaker, outcome)(straggler)
    assert breaker.state is BreakerState.HALF_OPEN
    with pytest.raises(UnreachableError):
        breaker.enter()
    breaker.succeeded(one)
    assert breaker.state is BreakerState.CLOSED
    getattr(breaker, outcome)(straggler)
    breaker.failed(breaker.enter())
    assert breaker.state is BreakerState.CLOSED


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker(Clock(), threshold=2)
    for _ in range(5):
        breaker.failed(breaker.enter())
        breaker.succeeded(breaker.enter())
    assert breaker.state is BreakerState.CLOSED


def test_the_one_question_that_fails_doubles_the_pause_once() -> None:
    breaker, clock = opened()
    clock.now = 1.0
    one = breaker.enter()
    breaker.failed(one)
    breaker.failed(one)
    assert breaker.seconds_left == 2.0


# Before a real server that fails


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


async def test_the_breaker_opens_waits_asks_once_and_closes(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    desk.statuses = [500] * 5
    assert await some(guarded, 7) == ["faulty_status_500"] * 5 + ["unreachable_breaker_open"] * 2
    assert desk.asked == 5
    assert guarded.health().state is BreakerState.OPEN
    assert guarded.health().open_seconds == 1.0

    desk.time.seconds += 1
    async with server_of(desk).held():
        one = asyncio.create_task(code_of(ask(guarded)))
        await until(lambda: holds(lambda: desk.asked == 6))
        assert guarded.health().state is BreakerState.HALF_OPEN
        assert await some(guarded, 3) == ["unreachable_breaker_open"] * 3
    assert await one == ""
    assert desk.asked == 6
    assert guarded.health().state is BreakerState.CLOSED
    assert await some(guarded, 3) == [""] * 3


async def test_the_pause_doubles_up_to_a_minute_and_starts_anew_after_an_answer(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    desk.statuses = [500] * 5
    await some(guarded, 5)
    pauses = []
    for _ in range(8):
        pauses.append(guarded.health().open_seconds)
        desk.time.seconds += pauses[-1]
        desk.statuses = [502]
        assert await some(guarded, 2) == ["faulty_status_502", "unreachable_breaker_open"]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    desk.time.seconds += 60
    assert await some(guarded, 1) == [""]
    desk.statuses = [500] * 5
    await some(guarded, 5)
    assert guarded.health().open_seconds == 1


async def test_the_one_question_given_up_leaves_its_turn_to_the_next(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    desk.statuses = [500] * 5
    await some(guarded, 5)
    desk.time.seconds += 1
    async with server_of(desk).held():
        one = asyncio.create_task(ask(guarded))
        await until(lambda: holds(lambda: desk.asked == 6))
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
    assert await some(guarded, 2) == ["", ""]


async def test_stragglers_from_before_it_opened_decide_nothing(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    async with server_of(desk).held():
        old = [asyncio.create_task(code_of(ask(guarded))) for _ in range(3)]
        await until(lambda: holds(lambda: server_of(desk).working == 3))
        hasty = Budget(total_seconds=0.05)
        for _ in range(5):
            assert await code_of(ask(guarded, hasty)) == "timed_out_total"
            desk.time.seconds += 0.1
        assert guarded.health().state is BreakerState.OPEN
    assert await asyncio.gather(*old) == [""] * 3
    assert guarded.health().state is BreakerState.OPEN


async def test_bad_answers_are_answers_to_the_breaker(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    desk.statuses = [404] * 12
    assert set(await some(guarded, 12)) == {"faulty_status_404"}
    assert desk.asked == 12


async def test_a_flapping_source_gets_honest_answers(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    pattern = [200, 500, 200, 200, 500, 200, 500, 200, 200, 200] * 3
    desk.statuses = list(pattern)
    codes = await some(guarded, len(pattern))
    assert codes == ["" if status == 200 else "faulty_status_500" for status in pattern]
