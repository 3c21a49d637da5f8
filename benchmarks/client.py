"""The load generator: HTTP/1.1 keep-alive over plain asyncio protocols, requests made beforehand.

It parses a status line and a Content-Length and nothing more, because a full client costs more than the server it is to
measure. `Load.busy` says how much of a core it used; where that nears 1, it is the generator that was measured.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final, cast

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class AnswerError(Exception):
    """The server answered something else than 2xx, or hung up."""


@dataclass(frozen=True, slots=True)
class Load:
    """How one burst went. Latencies in milliseconds."""

    rate: float
    count: int
    p50: float
    p99: float
    busy: float


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[bytes] | None = None
        self._buffer = b""
        self._whole = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._whole < 0:
            end = self._buffer.find(_END)
            if end < 0:
                return
            start = self._buffer.lower().index(_LENGTH, 0, end) + len(_LENGTH)
            self._whole = end + len(_END) + int(self._buffer[start : self._buffer.index(b"\r\n", start)])
        if len(self._buffer) >= self._whole and self._waiting is not None:
            answer, self._buffer, self._whole = self._buffer, b"", -1
            waiting, self._waiting = self._waiting, None
            waiting.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(AnswerError(f"connection lost: {error}"))

    async def ask(self, request: bytes) -> bytes:
        """Head and body of the answer. Raises AnswerError."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._waiting
        if answer[9:10] != b"2":
            raise AnswerError(answer[:2000].decode(errors="replace"))
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def post(path: str, body: bytes, *, token: str = "", media_type: str = "application/json") -> bytes:
    """A whole request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join((*lines, "", "")).encode() + body


async def connect(port: int) -> Connection:
    """A connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


async def burst(port: int, requests: Sequence[bytes], *, clients: int, seconds: float, containing: bytes = b"") -> Load:
    """Keep `clients` requests in flight for `seconds`, taking the prepared requests in turn.

    Raises: AnswerError, also for an answer without `containing`: one that says "unavailable" in time is no figure.
    """
    connections = [await connect(port) for _ in range(clients)]
    source = cycle(requests)
    taken: list[float] = []
    cpu, started = time.process_time(), time.perf_counter()
    deadline = started + seconds
    await asyncio.gather(*(_keep_asking(each, source, deadline, taken, containing) for each in connections))
    elapsed = time.perf_counter() - started
    busy = (time.process_time() - cpu) / elapsed
    for connection in connections:
        connection.close()
    taken.sort()
    return Load(
        rate=len(taken) / elapsed,
        count=len(taken),
        p50=1000 * taken[len(taken) // 2],
        p99=1000 * taken[min(len(taken) - 1, int(len(taken) * 0.99))],
        busy=busy,
    )


async def _keep_asking(
    connection: Connection, source: Iterator[bytes], deadline: float, taken: list[float], containing: bytes
) -> None:
    while (started := time.perf_counter()) < deadline:
        answer = await connection.ask(next(source))
        taken.append(time.perf_counter() - started)
        if containing not in answer:
            raise AnswerError(answer[:2000].decode(errors="replace"))
