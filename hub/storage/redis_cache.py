"""The cache, locks and rate-limits ports on Redis, for several processes of one hub.

Values are JSON, sealed for their key: whoever else writes to that Redis can take a value away, but neither read nor
make one. Nothing is pickled. Without Redis a value is a miss, a lock holds among the tasks of this process, and a
process counts its own requests: work is done more than once, and nothing that is refused becomes allowed elsewhere.
"""

import asyncio
import hmac
import json
import math
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from limits.aio.storage import RedisStorage

from hub.storage.cache import Allowance, MemoryCache, MemoryRateLimits, SlidingMinute
from hub.storage.errors import UnavailableError
from hub.storage.redis_link import RedisLink

_SALT_BYTES: Final = 32
_NONCE: Final = bytes(12)
_LOCK_POLL_SECONDS: Final = (0.01, 0.03)
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_log = structlog.get_logger(__name__)


class RedisCache:
    """Cache and locks of all processes on one Redis."""

    def __init__(self, link: RedisLink, *, secret: bytes) -> None:
        """`secret` is this hub's; the same in each of its processes."""
        self._link = link
        self._secret = hmac.digest(secret, b"redis values", "sha256")
        self._local = MemoryCache()
        self._release = link.client.register_script(_RELEASE)

    async def get(self, key: str) -> Any:
        name = self._link.key("value", key)
        try:
            sealed = await self._link.ask(lambda: self._link.client.get(name))
        except UnavailableError:
            return None
        return self._open(name, sealed) if isinstance(sealed, bytes) else None

    async def set(self, key: str, value: Any, *, seconds: float) -> None:
        name = self._link.key("value", key)
        sealed = self._seal(name, json.dumps(value))
        with suppress(UnavailableError):
            await self._link.ask(lambda: self._link.client.set(name, sealed, px=_milliseconds(seconds)))

    async def delete(self, key: str) -> None:
        with suppress(UnavailableError):
            await self._link.ask(lambda: self._link.client.delete(self._link.key("value", key)))

    @asynccontextmanager
    async def lock(self, name: str, *, seconds: float) -> AsyncIterator[None]:
        key, token = self._link.key("lock", name), secrets.token_hex(16)
        try:
            shared = await self._acquire(key, token, seconds)
            if shared:
                yield
            else:
                async with self._local.lock(name, seconds=seconds):
                    yield
        finally:
            # Also when the wait was given up: the command that took the lock may have been on its way.
            with suppress(UnavailableError):
                await self._link.ask(lambda: self._release(keys=[key], args=[token]))

    async def reachable(self) -> bool:
        return await self._link.reachable()

    async def close(self) -> None:
        await self._local.close()
        await self._link.close()

    async def _acquire(self, key: str, token: str, seconds: float) -> bool:
        """True with the lock; False without Redis."""
        try:
            while not await self._take(key, token, seconds):  # noqa: ASYNC110
                # It may end by time, and in another process; waiters keep apart from each other.
                await asyncio.sleep(random.uniform(*_LOCK_POLL_SECONDS))  # noqa: S311
        except UnavailableError:
            return False
        return True

    async def _take(self, key: str, token: str, seconds: float) -> bool:
        lasting = _milliseconds(seconds)
        return bool(await self._link.ask(lambda: self._link.client.set(key, token, nx=True, px=lasting)))

    def _cipher(self, salt: bytes) -> AESGCM:
        # A key for each value: random nonces under one key of years would meet.
        return AESGCM(hmac.digest(self._secret, salt, "sha256"))

    def _seal(self, name: str, text: str) -> bytes:
        salt = secrets.token_bytes(_SALT_BYTES)
        return salt + self._cipher(salt).encrypt(_NONCE, text.encode(), name.encode())

    def _open(self, name: str, sealed: bytes) -> Any:
        salt = sealed[:_SALT_BYTES]
        try:
            return json.loads(self._cipher(salt).decrypt(_NONCE, sealed[_SALT_BYTES:], name.encode()))
        except (InvalidTag, ValueError):
            _log.warning("cached_value_broken", alarm=True)
            return None


class RedisRateLimits:
    """Rate limits over all processes on one Redis; without it each process counts for itself."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=link.key("limit", ""),
            connection_pool=link.client.connection_pool,  # type: ignore[arg-type]  # its annotation forgets its own documentation
        )
        self._shared = SlidingMinute(storage)
        self._local = MemoryRateLimits()

    async def hit(self, key: str, *, per_minute: int) -> Allowance:
        try:
            return await self._link.ask(lambda: self._shared.hit(key, per_minute=per_minute))
        except UnavailableError:
            return await self._local.hit(key, per_minute=per_minute)


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
