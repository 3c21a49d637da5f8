"""The guard: over real HTTP servers that hang, fail and flap, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.breaker import BreakerState
from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError, TimedOutError, UnreachableError
from adapters.guarded import Guarded
from adapters.port import Answer, Budget, Context
from adapters.registry import open_source
from catalog.sources import Limits
from tests.adapters.contract import BUDGET, PATIENCE, Kind, SourceContract, until
from tests.adapters.servers import Got, Said, Server, nobody, said, serving
from tests.adapters.test_rest_contract import kind_of, register

OPERATION = {"path": "/rows", "rows": "/rows"}
LONG = Budget(connect_seconds=PATIENCE, read_seconds=PATIENCE, total_seconds=PATIENCE)


@dataclass
class Time:
    """Monotonic seconds and the wall clock, moved together."""

    seconds: float = 1000.0
    day: datetime = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)  # 09:00 in Beijing

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return self.day + timedelta(seconds=self.seconds - 1000)


@dataclass
class Desk:
    """A server whose answers the test chooses, and a guarded source that asks it."""

    time: Time
    statuses: list[int] = field(default_factory=list)
    server: Server | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def answer(self, _: Got) -> Said:
        status = self.statuses.pop(0) if self.statuses else 200
        return said({"rows": [{"n": 1}]}, status)

    @property
    def asked(self) -> int:
        assert self.server is not None
        return len(self.server.got)

    async def guard(self, **limits: Any) -> Guarded:
        assert self.server is not None
        windows = limits.pop("windows", ())
        kind = kind_of(self.server, 1, {"type": "none"}, connection={"url": self.server.url, "connections": 64})
        source = open_source("rest", kind.connection, kind.environment())
        guarded = Guarded(
            source,
            Limits(**limits),
            clock=self.time.wall,
            windows=windows,
            monotonic=self.time.monotonic,
            jitter=lambda: 0.0,
        )
        self.stack.push_async_callback(guarded.close)
        return guarded


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(Time())
    async with serving(desk.answer) as desk.server, desk.stack:
        yield desk


def server_of(desk: Desk) -> Server:
    assert desk.server is not None
    return desk.server


async def ask(guarded: Guarded, budget: Budget = BUDGET, **operation: Any) -> Answer:
    async with asyncio.timeout(PATIENCE):
        prepared = guarded.prepare({**OPERATION, **operation})
        return await guarded.ask(prepared, {}, budget=budget, context=Context())


async def code_of(asking: Awaitable[Answer]) -> str:
    try:
        await asking
    except SourceError as error:
        return error.code
    return ""


async def some(guarded: Guarded, number: int, **operation: Any) -> list[str]:
    """Ask one after the other; the codes."""
    return [await code_of(ask(guarded, **operation)) for _ in range(number)]


async def holds(question: Callable[[], bool]) -> bool:
    return question()


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


@pytest.mark.parametrize("text", ["8:00-18:00", "08:00", "24:00-08:00", "08:00-24:30", "08:60-09:00", "０８:00-09:00"])
async def test_a_window_that_is_none_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        await desk.guard(windows=["08:00-09:00", text])
    assert caught.value.pointer == "/windows/1"


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
