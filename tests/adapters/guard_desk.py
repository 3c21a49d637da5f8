"""A real HTTP server whose answers the test chooses, a guarded source that asks it, and a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import SourceError
from adapters.guarded import Guarded
from adapters.port import Answer, Budget, Context
from adapters.registry import open_source
from catalog.sources import Limits
from tests.adapters.contract import BUDGET, PATIENCE
from tests.adapters.servers import Got, Said, Server, said, serving
from tests.adapters.test_rest_contract import kind_of

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


@asynccontextmanager
async def opened_desk() -> AsyncIterator[Desk]:
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
