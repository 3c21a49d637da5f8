"""Long work over bytes leaves the event loop: everybody waits for whoever holds it."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
LOOP_BYTES: Final = 65_536
"""What is read, judged or signed on the loop: below this a hop to a thread costs more than the work."""


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """The result of `work` over about `size` bytes, done in a thread when that is long. `work` must be pure."""
    return await asyncio.to_thread(work) if size > LOOP_BYTES else work()
