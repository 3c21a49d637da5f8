"""The guard over real HTTP servers that hang and fail: what is repeated, ended and told; none slows another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import FaultyAnswerError, TimedOutError, UnreachableError
from adapters.guarded import Guarded
from adapters.port import Answer, Budget
from catalog.sources import Limits
from tests.adapters.contract import PATIENCE, Kind, SourceContract, until
from tests.adapters.guard_desk import LONG, Desk, ask, code_of, holds, opened_desk, server_of, some
from tests.adapters.servers import Got, Said, Server, nobody, said, serving
from tests.adapters.test_rest_contract import kind_of, register


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


class TestGuardedKeepsThePort(SourceContract):
    """A guarded source is a source."""

    @pytest.fixture
    async def kind(self) -> AsyncIterator[Kind]:
        async with serving(register) as server, nobody() as absent:
            found = kind_of(server, absent, {"type": "api_key", "name": "X-Key", "key": "secret:key"})
            yield GuardedKind(**vars(found))


@dataclass(kw_only=True)
class GuardedKind(Kind):
    @asynccontextmanager
    async def open(self, *given: Any, **changes: Any) -> AsyncIterator[Any]:
        async with super().open(*given, **changes) as source:
            guarded = Guarded(source, Limits(concurrency=32), clock=lambda: datetime.now(UTC))
            try:
                yield guarded
            finally:
                await guarded.close()


async def test_a_safe_question_is_repeated_and_another_is_not(desk: Desk) -> None:
    guarded = await desk.guard(retries=2)
    desk.statuses = [503, 502]
    assert len((await ask(guarded)).rows) == 1
    assert desk.asked == 3
    desk.statuses = [503]
    assert await some(guarded, 1, method="POST") == ["faulty_status_503"]
    assert desk.asked == 4
    desk.statuses = [503, 503, 503]
    assert await some(guarded, 1) == ["faulty_status_503"]
    assert desk.asked == 7


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_what_will_not_pass_is_not_repeated(desk: Desk, status: int) -> None:
    guarded = await desk.guard(retries=3)
    desk.statuses = [status]
    assert await some(guarded, 1) != [""]
    assert desk.asked == 1


async def test_nothing_is_repeated_when_the_time_is_too_short(desk: Desk) -> None:
    guarded = await desk.guard(retries=3)
    desk.statuses = [503]
    with pytest.raises(FaultyAnswerError):
        await ask(guarded, Budget(total_seconds=0.09))
    assert desk.asked == 1


async def test_health_tells_what_happened(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)
    health = guarded.health()
    assert (health.last_ok, health.last_error, health.p50, health.p95) == (None, "", None, None)
    await some(guarded, 3)
    desk.time.seconds += 5
    desk.statuses = [404]
    await some(guarded, 1)
    health = guarded.health()
    assert health.last_ok == desk.time.day
    assert (health.last_error, health.last_error_at) == ("faulty_status_404", desk.time.wall())
    assert health.p50 == health.p95 == 0.0


async def test_durations_of_the_last_hundred_make_the_percentiles(desk: Desk) -> None:
    guarded = await desk.guard(retries=0)

    async def slow(got: Got) -> Said:
        desk.time.seconds += float(got.query["s"])
        return said({"rows": []})

    server_of(desk).handler = slow
    for seconds in [1000, *range(1, 101)]:
        await ask(guarded, Budget(total_seconds=PATIENCE), query={"s": str(seconds)})
    assert (guarded.health().p50, guarded.health().p95) == (50.0, 95.0)


class Stubborn:
    """An adapter that breaks its promises: it ends neither in time nor with an error of a source."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def prepare(self, _: Any) -> Any:
        return type("Prepared", (), {"params": frozenset(), "safe": True})()

    async def ask(self, *_: Any, **__: Any) -> Answer:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError

    async def probe(self, budget: Budget) -> Any: ...

    async def close(self) -> None: ...


async def test_an_adapter_that_does_not_end_is_ended_and_counted() -> None:
    guarded = Guarded(Stubborn(None), Limits(retries=0), clock=lambda: datetime.now(UTC))
    for _ in range(5):
        with pytest.raises(TimedOutError):
            await ask(guarded, Budget(total_seconds=0.01))
    assert guarded.health().last_error == "timed_out_total"
    with pytest.raises(UnreachableError) as caught:
        await ask(guarded)
    assert caught.value.reason == "breaker_open"


async def test_an_error_nobody_thought_of_is_a_faulty_answer_without_its_text() -> None:
    guarded = Guarded(Stubborn(KeyError("示例市")), Limits(retries=0), clock=lambda: datetime.now(UTC))
    with pytest.raises(FaultyAnswerError) as caught:
        await ask(guarded)
    assert caught.value.reason == "unexpected_KeyError"
    assert caught.value.__suppress_context__


async def test_ten_dead_sources_do_not_slow_the_eleventh(desk: Desk) -> None:
    """Nine hang, one refuses: hundreds wait for them, and whoever asks the living one is served meanwhile."""
    living = await desk.guard()
    hanging: list[Guarded] = []
    async with AsyncExitStack() as stack:
        for _ in range(9):
            dead = Desk(desk.time)
            dead.server = await stack.enter_async_context(serving(dead.answer))
            await stack.enter_async_context(dead.server.held())
            hanging.append(await dead.guard())
            stack.push_async_callback(hanging[-1].close)
        gone = Desk(desk.time, server=Server(desk.answer, port=await stack.enter_async_context(nobody())))
        hanging.append(await gone.guard())
        waiting = [asyncio.create_task(code_of(ask(one, LONG))) for one in hanging for _ in range(72)]
        await until(lambda: holds(lambda: sum(one.health().waiting for one in hanging) >= 9 * 64))
        assert await asyncio.gather(*(code_of(ask(living)) for _ in range(64))) == [""] * 64
        assert not any(task.done() for task in waiting[: 9 * 72])
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert living.health().last_error == ""
