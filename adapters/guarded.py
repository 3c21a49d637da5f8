"""The guard around a source: it can be slow, dead or flooded, and nobody else notices.

For each question, in this order: load windows → breaker → a slot, or a place in a bounded line → load limit → the
question, repeated with jitter only if repeating is safe and there is time. The whole of it, waiting included, ends with
the budget. Each source has its own guard and shares nothing with another.
"""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from adapters.breaker import Breaker, BreakerState, Permit
from adapters.errors import (
    DefinitionFaultError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
    may_retry,
)
from adapters.lifetime import Lifetime
from adapters.port import Answer, Budget, Context, Prepared, Probe, Source, Value
from catalog.sources import Limits

_BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
_WINDOW: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24(?=:00)):([0-5]\d)", re.ASCII)
_KEPT: Final = 100
"""Durations that p50 and p95 are taken from."""
_MINUTE: Final = 60.0
_FIRST_DELAY: Final = 0.2
_GRACE_SECONDS: Final = 0.1
"""An adapter ends its question itself; one that does not is ended this much later."""
_WORTH_ASKING: Final = 0.25
"""Whoever waited until less than this part of the time was left is not asked for any more."""
_OWN: Final = frozenset(
    {"busy", "closed", "egress", "breaker_open", "load_limit", "outside_window", "agent_absent", "hub_absent"}
)
"""Reasons that say nothing about whether the source answers. An absent agent is known to be at once and costs nobody
anything: a breaker would only keep it away after it is back.
"""
_any_fraction: Final = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Health:
    """A source as its guard sees it. Seconds; None where nothing was asked yet."""

    state: BreakerState
    open_seconds: float
    in_flight: int
    waiting: int
    last_ok: datetime | None
    last_error: str
    last_error_at: datetime | None
    p50: float | None
    p95: float | None


class Guarded:
    """A `Source` over another. Of one event loop."""

    def __init__(
        self,
        source: Source,
        limits: Limits,
        *,
        clock: Callable[[], datetime],
        windows: Sequence[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _any_fraction,
    ) -> None:
        """`jitter` gives 0 to 1. Raises: DefinitionFaultError: a window that is not `HH:MM-HH:MM`."""
        self._source = source
        self._limits = limits
        self._clock = clock
        self._windows = read_windows(windows)
        self._now = monotonic
        self._jitter = jitter
        self._breaker = Breaker(monotonic)
        self._lifetime = Lifetime()
        self._slots = asyncio.Semaphore(max(limits.concurrency, 1))
        self._waiting = 0
        self._in_flight = 0
        self._asked: deque[float] = deque()
        self._durations: deque[float] = deque(maxlen=_KEPT)
        self._last_ok: datetime | None = None
        self._last_error = ""
        self._last_error_at: datetime | None = None

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Check an operation. Raises: DefinitionFaultError."""
        return self._source.prepare(operation)

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask, and again where that is safe and helps.

        Raises: UnreachableError: `outside_window`, `breaker_open`, `busy` (no place in the line, or no slot in time),
            `load_limit`, and what the source raises. Nothing of these was asked.
        """
        self._check_window()
        deadline = self._now() + budget.total_seconds
        asked = False
        try:
            async with self._lifetime.question(budget.total_seconds + _GRACE_SECONDS), self._slot():
                # With a last moment left a question only takes a slot, and blames the source for our own line.
                if deadline - self._now() < budget.total_seconds * _WORTH_ASKING:
                    raise UnreachableError("busy")
                asked = True
                return await self._attempts(prepared, params, budget, context, deadline)
        except TimedOutError:
            if asked:
                raise
            # Not the source was slow: no slot came free in time.
            raise UnreachableError("busy") from None

    async def probe(self, budget: Budget) -> Probe:
        """Reach the source beside the line; outside its load windows it is left alone."""
        try:
            self._check_window()
        except UnreachableError as error:
            return Probe(ok=False, seconds=0.0, code=error.code)
        return await self._source.probe(budget)

    async def idle(self) -> None:
        """Wait for the questions under way and in the line; each ends with its budget at the latest."""
        await self._lifetime.idle()

    async def close(self) -> None:
        """End the questions under way and in the line, and the source."""
        self._lifetime.close()
        await self._source.close()

    def health(self) -> Health:
        """What the console shows; asks nothing."""
        ordered = sorted(self._durations)
        return Health(
            state=self._breaker.state,
            open_seconds=self._breaker.seconds_left,
            in_flight=self._in_flight,
            waiting=self._waiting,
            last_ok=self._last_ok,
            last_error=self._last_error,
            last_error_at=self._last_error_at,
            p50=ordered[(len(ordered) - 1) // 2] if ordered else None,
            p95=ordered[(len(ordered) - 1) * 95 // 100] if ordered else None,
        )

    async def _attempts(
        self, prepared: Prepared, params: Mapping[str, Value], budget: Budget, context: Context, deadline: float
    ) -> Answer:
        attempt = 0
        while True:
            left = replace(budget, total_seconds=deadline - self._now())
            try:
                return await self._once(prepared, params, left, context)
            except SourceError as error:
                delay = _FIRST_DELAY * 2**attempt * (0.5 + self._jitter())
                may = attempt < self._limits.retries and self._now() + delay < deadline and not self._breaker.is_shut
                if not may or _is_own(error) or not (prepared.safe and may_retry(error)):
                    raise
            attempt += 1
            await asyncio.sleep(delay)

    async def _once(self, prepared: Prepared, params: Mapping[str, Value], budget: Budget, context: Context) -> Answer:
        self._take_load()
        permit = self._breaker.enter()
        begun = self._now()
        try:
            answer = await self._source.ask(prepared, params, budget=budget, context=context)
        except SourceError as error:
            self._settle(permit, begun, error)
            raise
        except asyncio.CancelledError:
            # Our own time-out: the source is as slow as if its adapter had noticed. Otherwise nobody waits any more.
            late = self._now() - begun >= budget.total_seconds
            self._settle(permit, begun, TimedOutError("total") if late else UnreachableError("closed"))
            raise
        except Exception as error:  # noqa: BLE001  # a library under an adapter that met what nobody thought of
            # Its name helps whoever repairs it; its text may hold the answer, and goes no further.
            fault = FaultyAnswerError(f"unexpected_{type(error).__name__}")
            self._settle(permit, begun, fault)
            raise fault from None
        self._settle(permit, begun, None)
        return answer

    def _settle(self, permit: Permit, begun: float, error: SourceError | None) -> None:
        """Remember how a question ended."""
        if error is not None and _is_own(error):
            self._breaker.abandoned(permit)
            return
        self._durations.append(self._now() - begun)
        if error is None:
            self._last_ok = self._clock()
        else:
            self._last_error, self._last_error_at = error.code, self._clock()
        if error is not None and _is_silence(error):
            self._breaker.failed(permit)
        else:
            self._breaker.succeeded(permit)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        # Asked first so that nobody queues at a door that is shut.
        if self._breaker.is_shut:
            raise UnreachableError("breaker_open")
        if self._slots.locked() and self._waiting >= self._limits.waiting:
            raise UnreachableError("busy")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._slots.release()

    def _take_load(self) -> None:
        if self._limits.per_minute is None:
            return
        now = self._now()
        while self._asked and self._asked[0] <= now - _MINUTE:
            self._asked.popleft()
        if len(self._asked) >= self._limits.per_minute:
            raise UnreachableError("load_limit")
        self._asked.append(now)

    def _check_window(self) -> None:
        if self._windows and not _within(self._windows, self._clock()):
            raise UnreachableError("outside_window")


def read_windows(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Minutes of the day, Asia/Shanghai, from `HH:MM-HH:MM`; the end is not in it, `24:00` is midnight.

    Raises: DefinitionFaultError(`/windows/<n>`, "window").
    """
    found = []
    for number, text in enumerate(texts):
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise DefinitionFaultError(f"/windows/{number}", "window")
        hours = [int(part) for part in match.groups()]
        found.append((hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]))
    return tuple(found)


def next_window(texts: Sequence[str], now: datetime) -> datetime | None:
    """When a source that may not be asked now may be asked next; None: it may be asked at any hour, or now.

    Raises: as `read_windows`.
    """
    windows = read_windows(texts)
    if not windows or _within(windows, now):
        return None
    midnight = now.astimezone(_BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [midnight + timedelta(minutes=begin) for begin, _ in windows]
    return min(moment if moment > now else moment + timedelta(days=1) for moment in begins)


def _within(windows: Sequence[tuple[int, int]], now: datetime) -> bool:
    here = now.astimezone(_BEIJING)
    minute = here.hour * 60 + here.minute
    # A window over midnight ends before it begins.
    return any(begin <= minute < end if begin < end else minute >= begin or minute < end for begin, end in windows)


def _is_own(error: SourceError) -> bool:
    """Whether it says nothing about the source."""
    return isinstance(error, DefinitionFaultError) or (isinstance(error, UnreachableError) and error.reason in _OWN)


def _is_silence(error: SourceError) -> bool:
    """Whether the source failed to answer, as against answering badly."""
    if isinstance(error, FaultyAnswerError):
        return error.may_retry or error.reason.startswith("status_5")
    return isinstance(error, UnreachableError | TimedOutError)
