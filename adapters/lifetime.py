"""The time of a question: it ends with its answer, with its budget, or with its source."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.errors import TimedOutError, UnreachableError


class Lifetime:
    """Bounds every question of one source. Of one event loop."""

    def __init__(self) -> None:
        self._closed = False
        self._under_way: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def closed(self) -> bool:
        """Whether the source was closed."""
        return self._closed

    @asynccontextmanager
    async def question(self, seconds: float) -> AsyncIterator[None]:
        """Run one question inside this. Whatever it awaits is cancelled when its time is over.

        Raises: TimedOutError(`total`); UnreachableError(`closed`) when the source is closed, before or during it.
        """
        if self._closed:
            raise UnreachableError("closed")
        whole = asyncio.timeout(seconds)
        try:
            async with whole:
                self._under_way.add(whole)
                self._idle.clear()
                yield
        except TimeoutError:
            if not whole.expired():
                raise
            raise (UnreachableError("closed") if self._closed else TimedOutError("total")) from None
        finally:
            self._under_way.discard(whole)
            if not self._under_way:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no question is under way. Each ends with its budget, so this does too unless new ones come."""
        await self._idle.wait()

    def close(self) -> None:
        """End the questions under way, now; refuse the next. Twice is once."""
        self._closed = True
        for whole in self._under_way:
            if not whole.expired():
                whole.reschedule(asyncio.get_running_loop().time())
