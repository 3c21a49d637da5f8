"""The cache, locks and rate-limits ports, and their embedded side: everything in this process.

They only spare work: losing them may cost time, never safety. What must hold (one effect, a replay refused, a grant
withdrawn) is held by the database. Values are JSON. Keys and the names of locks are seen by whoever looks into the
store: nothing personal is put there.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

if TYPE_CHECKING:
    from cashews import Cache as Cashews

_LOCK_POLL_SECONDS: Final = 0.005


class Cache(Protocol):
    """Values that may vanish at any time. `set` then `get` gives an equal value or None, never another key's."""

    async def get(self, key: str) -> Any:
        """The value, or None."""
        ...

    async def set(self, key: str, value: Any, *, seconds: float) -> None:
        """Keep a JSON value for at most so long."""
        ...

    async def delete(self, key: str) -> None:
        """Forget it. May be lost with the store out of reach: only `seconds` bounds how long a value is seen."""
        ...


class Locks(Protocol):
    """Mutual exclusion between tasks that share the store; a holder that dies loses the lock after `seconds`.

    One that stays longer is not told, and does not release its successor's. With the store out of reach the lock
    excludes the tasks of one process only. So a lock keeps work from being done twice; it never makes it safe.
    """

    def lock(self, name: str, *, seconds: float) -> AbstractAsyncContextManager[None]:
        """An asynchronous context manager that waits for the lock."""
        ...


class SharedCache(Cache, Locks, Protocol):
    """Cache and locks over one store."""

    async def reachable(self) -> bool:
        """Whether the store can be used now. Without it everything goes on, with more work."""
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer of a rate limit."""

    allowed: bool
    retry_after_seconds: int


class RateLimits(Protocol):
    """Counts per key over a sliding minute. The limit is soft at its edge (a sliding-window estimate)."""

    async def hit(self, key: str, *, per_minute: int) -> Allowance:
        """Count one use and say whether it may go on."""
        ...


class MemoryCache:
    """Cache and locks in this process."""

    def __init__(self) -> None:
        # Not in cashews: its memory store lets a late holder release somebody else's lock, waits by spinning, and
        # forgets a lock when ten thousand values came after it.
        self._held: dict[str, tuple[object, float]] = {}

    @cached_property
    def _cashews(self) -> "Cashews":
        # Inside, for it loads the driver of Redis as well, and few commands keep anything (decision 0006).
        from cashews import Cache as Cashews

        cashews = Cashews()
        cashews.setup("mem://?check_interval=10&size=10000")
        return cashews

    async def get(self, key: str) -> Any:
        text = await self._cashews.get(key)
        return None if text is None else json.loads(text)

    async def set(self, key: str, value: Any, *, seconds: float) -> None:
        await self._cashews.set(key, json.dumps(value), expire=seconds)

    async def delete(self, key: str) -> None:
        await self._cashews.delete(key)

    @asynccontextmanager
    async def lock(self, name: str, *, seconds: float) -> AsyncIterator[None]:
        holder = object()
        while (held := self._held.get(name)) is not None and time.monotonic() < held[1]:  # noqa: ASYNC110  # it may end by time
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        self._held[name] = (holder, time.monotonic() + seconds)
        try:
            yield
        finally:
            if self._held.get(name, (None, 0.0))[0] is holder:
                del self._held[name]

    async def reachable(self) -> bool:
        return True

    async def close(self) -> None:
        if "_cashews" in vars(self):  # nothing was kept otherwise
            await self._cashews.close()


class SlidingMinute:
    """Rate limits over any storage of `limits`."""

    def __init__(self, storage: Storage) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._items: dict[int, RateLimitItemPerMinute] = {}

    async def hit(self, key: str, *, per_minute: int) -> Allowance:
        item = self._items.setdefault(per_minute, RateLimitItemPerMinute(per_minute))
        allowed = await self._limiter.hit(item, key)
        if allowed:
            return Allowance(allowed=True, retry_after_seconds=0)
        stats = await self._limiter.get_window_stats(item, key)
        return Allowance(allowed=False, retry_after_seconds=max(1, int(stats.reset_time - time.time()) + 1))


class MemoryRateLimits(SlidingMinute):
    """Rate limits in this process."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage())
