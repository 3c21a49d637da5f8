"""Long work over bytes leaves the event loop: everybody waits for whoever holds it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

T = TypeVar("T")
LOOP_BYTES: Final = 65_536
"""What is read, judged or signed on the loop: below this a hop to a thread costs more than the work."""


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """The result of `work` over about `size` bytes, done in a thread when that is long. `work` must be pure."""
    return await asyncio.to_thread(work) if size > LOOP_BYTES else work()


def weight(value: Any) -> int:
    """About how many bytes a JSON value has; counted no further than `off_loop` wants to know."""
    total, waiting = 0, [value]
    while waiting and total <= LOOP_BYTES:
        item = waiting.pop()
        total += 8
        if isinstance(item, str | bytes):
            total += len(item)
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return total
