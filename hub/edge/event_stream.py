"""Server-sent events (WHATWG HTML §9.2): written as they come, for readers that read.

A reader that takes nothing for `STALLED` seconds is cut off: what it does not take would stay in memory. Whoever makes
the events sends a sign of life in every silence, by which proxies and both ends know that the other is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

EVENT_STREAM: Final = "text/event-stream"
ALIVE: Final = 15.0
"""Seconds of silence after which a sign of life is sent."""
STALLED: Final = 30.0
SIGN_OF_LIFE: Final = b": \n\n"
RETRY: Final = b"retry: 1000\n\n"
"""Milliseconds after which a reader that lost its connection comes back."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(name: str, data: bytes, *, id: str = "") -> bytes:  # noqa: A002  # the word of the standard
    """An event. `data` is one line; an empty `id` leaves the one that the reader has as it is."""
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), b"id: %b\n" % id.encode() if id else b"", data)


class EventStream(StreamingResponse):
    """Sends frames; `over` is called when it has ended, in whatever way."""

    def __init__(
        self, frames: AsyncIterator[bytes], *, over: Callable[[], None] = lambda: None, stalled: float = STALLED
    ) -> None:
        super().__init__(frames, headers=_HEADERS, media_type=EVENT_STREAM)
        self._over = over
        self._stalled = stalled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()

    async def stream_response(self, send: Send) -> None:
        """Write until the events end, or the reader stalls: then the server closes an unfinished answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for chunk in self.body_iterator:
                async with asyncio.timeout(self._stalled):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return
