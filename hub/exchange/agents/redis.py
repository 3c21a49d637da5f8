"""Boxes over the processes of one hub: a Redis list a box. One reader a process waits for all its takers at once.

Without Redis ids are lost: a question then ends as `agent_absent` or with its time, and nothing else happens.
"""

import asyncio
import math
from contextlib import suppress
from typing import Final

import structlog

from hub.clock import new_id
from hub.exchange.agents.boxes import MemoryBoxes
from hub.storage.errors import UnavailableError
from hub.storage.redis_link import PAUSE_SECONDS, RedisLink

_WAIT_SECONDS: Final = 2
LISTENING_SECONDS: Final = _WAIT_SECONDS + 2.0
_log = structlog.get_logger(__name__)


class RedisBoxes:
    """Boxes on Redis. Of one event loop."""

    def __init__(self, link: RedisLink, *, listening: RedisLink) -> None:
        """`listening` is a link of its own, with more patience than a read waits inside Redis."""
        self._link = link
        self._listening = listening
        self._takers = MemoryBoxes()
        # Somebody began to wait at a box that the read under way does not know.
        self._bell = link.key("bell", new_id())
        self._reader: asyncio.Task[None] | None = None

    async def put(self, box: str, item: str, *, seconds: float) -> None:
        """As the port says."""
        key = self._link.key("box", box)

        async def command() -> None:
            async with self._link.client.pipeline(transaction=True) as pipe:
                pipe.rpush(key, item)
                pipe.pexpire(key, math.ceil(seconds * 1000))
                await pipe.execute()

        with suppress(UnavailableError):
            await self._link.ask(command)

    async def take(self, box: str, *, seconds: float) -> str | None:
        """As the port says."""
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        new = box not in self._takers.waited_for()
        waiting = asyncio.ensure_future(self._takers.wait(box, seconds))
        try:
            if new:
                await asyncio.sleep(0)  # let it stand in the line before the reader looks
                await self._ring()
            return await waiting
        except asyncio.CancelledError:
            waiting.cancel()
            await asyncio.wait({waiting})
            came = waiting.result() if not waiting.cancelled() and waiting.exception() is None else None
            for item in [*self._takers.left(box), *([came] if came is not None else [])]:
                await self._give_back(box, item)
            raise

    async def close(self) -> None:
        """As the port says."""
        if self._reader is not None:
            while not self._reader.done():  # the driver may swallow one cancellation and wait on
                self._reader.cancel()
                await asyncio.wait({self._reader}, timeout=0.1)
        await self._takers.close()
        await self._listening.close()
        await self._link.close()

    async def _ring(self) -> None:
        async def command() -> None:
            async with self._link.client.pipeline(transaction=True) as pipe:
                pipe.rpush(self._bell, "")
                pipe.expire(self._bell, 60)
                await pipe.execute()

        with suppress(UnavailableError):
            await self._link.ask(command)

    async def _read(self) -> None:
        while True:
            boxes = self._takers.waited_for()
            keys = {self._link.key("box", box): box for box in boxes}
            names = [self._bell, *keys]
            try:
                found = await self._listening.ask(
                    lambda names=names: self._listening.client.blpop(names, timeout=_WAIT_SECONDS)  # type: ignore[misc]
                )
            except UnavailableError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001  # whatever a stranger wrote there: the others go on
                _log.warning("boxes_failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if found is None:
                continue
            name, item = (part.decode(errors="replace") if isinstance(part, bytes) else part for part in found)
            box = keys.get(name)
            if box is not None and not self._takers.hand_over(box, item):
                await self._give_back(box, item)

    async def _give_back(self, box: str, item: str) -> None:
        """Whoever waited for it has left; first in the line again."""
        key = self._link.key("box", box)

        async def command() -> None:
            async with self._link.client.pipeline(transaction=True) as pipe:
                pipe.lpush(key, item)
                pipe.expire(key, 120)
                await pipe.execute()

        with suppress(UnavailableError):
            await self._link.ask(command)
