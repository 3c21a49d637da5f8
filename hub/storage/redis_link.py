"""One line to Redis for a process: short time-outs, and no waiting for a server that was just found gone.

Redis only spares work here, so every caller has a way without it; what matters is that a lost Redis costs a request
nothing but that work. After a failure nobody asks again for a second, then one caller tries for all.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hub.storage.errors import UnavailableError

T = TypeVar("T")

ANSWER_SECONDS: Final = 1.0
"""A Redis in the same place answers within milliseconds; one that needs longer spares no work."""
PAUSE_SECONDS: Final = 1.0
_CONNECTIONS: Final = 64
_log = structlog.get_logger(__name__)


class RedisLink:
    """Commands to one Redis. Keys start with `prefix`, so that two hubs on one server never meet."""

    def __init__(self, url: str, *, prefix: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Nothing is connected yet. `url` is `redis://`, `rediss://` or `unix://`."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=answer_seconds,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=answer_seconds,
            # Once, at once: the pool's idle connections are dead after Redis was restarted.
            retry=Retry(NoBackoff(), 1),
        )
        self._pool = pool
        self.client: Redis = Redis(connection_pool=pool)
        self.prefix = prefix
        self._asleep_until = 0.0
        self._gone = False

    def key(self, kind: str, name: str) -> str:
        """The key of a thing: `prefix:kind:name`."""
        return f"{self.prefix}:{kind}:{name}"

    async def ask(self, command: Callable[[], Awaitable[T]]) -> T:
        """Send a command. Raises UnavailableError at once while Redis is known to be gone, else within seconds.

        A command that failed may still have been carried out.
        """
        now = monotonic()
        if now < self._asleep_until:
            raise UnavailableError("redis")
        if self._gone:
            self._asleep_until = now + PAUSE_SECONDS  # this caller tries for all
        try:
            answer = await _cancellable(command)
        except (RedisError, OSError) as error:
            # Any refusal counts: out of memory, a replica after a failover, a password that was changed.
            self._note_gone(error)
            raise UnavailableError("redis") from None  # the driver's text may hold the address with its password
        if self._gone:
            self._gone, self._asleep_until = False, 0.0
            _log.info("redis_is_back")
        return answer

    async def reachable(self) -> bool:
        """Whether Redis answers now."""
        try:
            await self.ask(self.client.ping)
        except UnavailableError:
            return False
        return True

    async def close(self) -> None:
        """Give the connections back."""
        await self.client.aclose()
        await self._pool.disconnect()

    def _note_gone(self, error: Exception) -> None:
        self._asleep_until = monotonic() + PAUSE_SECONDS
        if not self._gone:
            self._gone = True
            _log.warning("redis_is_gone", alarm=True, error=type(error).__name__)


async def _cancellable(command: Callable[[], Awaitable[T]]) -> T:
    """The driver waits with `asyncio.wait_for`, which before Python 3.12 may swallow a cancellation that comes together
    with the answer: a loop around it would then never end.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await command()
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def prefix_of(secret: bytes) -> str:
    """A prefix that no other hub has, from this hub's secret; it tells nothing of the secret."""
    return f"yizheng:{hmac.digest(secret, b'redis prefix', 'sha256')[:6].hex()}"
