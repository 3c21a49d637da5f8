"""Boxes that ids are put into and taken out of, between those who ask, those who poll, and those who answer.

In this process, or over Redis between the processes of one hub. Only random ids lie in a box; what they stand for lies
sealed in the cache. An id is handed to one taker, in the order of arrival; it may be lost with the store.
"""

import asyncio
from collections import deque
from typing import Protocol


class Boxes(Protocol):
    """Put ids into named boxes, take them out, wait for them. `tests/agent/test_boxes.py` is the contract."""

    async def put(self, box: str, item: str, *, seconds: float) -> None:
        """Put an id in; the box may be emptied after `seconds` without another. May be lost with the store."""
        ...

    async def take(self, box: str, *, seconds: float) -> str | None:
        """The oldest id, waiting at most so long; None when none came. Cancelling takes nothing."""
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


class MemoryBoxes:
    """Boxes in this process. Of one event loop."""

    def __init__(self) -> None:
        self._items: dict[str, deque[tuple[str, float]]] = {}
        self._waiting: dict[str, deque[asyncio.Future[str]]] = {}

    async def put(self, box: str, item: str, *, seconds: float) -> None:
        """As the port says."""
        if not self.hand_over(box, item):
            self._items.setdefault(box, deque()).append((item, asyncio.get_running_loop().time() + seconds))

    async def take(self, box: str, *, seconds: float) -> str | None:
        """As the port says."""
        items = self._items.get(box)
        found = None
        while items and found is None:
            item, until = items.popleft()
            found = item if until > asyncio.get_running_loop().time() else None
        if items is not None and not items:
            del self._items[box]
        return found or await self.wait(box, seconds)

    async def close(self) -> None:
        """As the port says."""
        for waiting in self._waiting.values():
            for future in waiting:
                future.cancel()

    def left(self, box: str) -> list[str]:
        """Take everything out at once."""
        return [item for item, _ in self._items.pop(box, ())]

    def waited_for(self) -> list[str]:
        """Boxes that somebody waits at."""
        return list(self._waiting)

    def hand_over(self, box: str, item: str) -> bool:
        """Give an id to whoever waits longest; False when nobody does."""
        for future in self._waiting.get(box, ()):
            if not future.done():
                future.set_result(item)
                return True
        return False

    async def wait(self, box: str, seconds: float) -> str | None:
        """Wait for what is handed over from now on."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(box, deque())
        waiting.append(future)
        try:
            await asyncio.wait({future}, timeout=seconds)
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # It came in the same moment: whoever waits next gets it.
                waiting.remove(future)
                if not self.hand_over(box, future.result()):
                    again = (future.result(), asyncio.get_running_loop().time() + seconds)
                    self._items.setdefault(box, deque()).appendleft(again)
            raise
        finally:
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                self._waiting.pop(box, None)
        return future.result() if future.done() and not future.cancelled() else None
