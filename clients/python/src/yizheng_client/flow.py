"""One core for both clients: a call is a generator that yields what must be done, and two drivers do it.

A flow yields a `Request` and gets a `Reply` or a `Failure`; a `Pause` and gets nothing; `Alone`, another flow to be run
while no other such flow of this client runs, and gets its result. It touches neither network nor clock by itself.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import httpx2

T = TypeVar("T")


class Pieces(Protocol):
    """Whoever looks on while an answer comes."""

    def begin(self) -> None:
        """It begins, or begins again."""
        ...

    def take(self, piece: bytes) -> None:
        """More of it."""
        ...


MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Never shown: it holds a token and may hold personal data."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    pieces: Pieces | None = None
    """Is given an answer of 2xx piece by piece, as it comes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """No whole answer. `sent` False: the hub cannot have seen the request."""

    reason: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alone:
    """Run a flow that no other may run beside."""

    flow: "Generator[Any, Any, Any]"


Effect = Request | Pause | Alone
Flow = Generator[Effect, Any, T]


class BlockingDriver:
    """Does what flows yield, in the calling thread. Safe for several threads."""

    def __init__(self, http: httpx2.Client, *, answer_seconds: float) -> None:
        self.http = http
        self._answer_seconds = answer_seconds
        self._lock = threading.Lock()

    def run(self, flow: Flow[T]) -> T:
        """The flow's result."""
        answer: Any = None
        while True:
            try:
                effect = flow.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            match effect:
                case Request():
                    answer = self._send(effect)
                case Pause():
                    time.sleep(effect.seconds)
                    answer = None
                case Alone():
                    with self._lock:
                        answer = self.run(effect.flow)

    def _send(self, request: Request) -> Reply | Failure:
        until = time.monotonic() + self._answer_seconds
        body = bytearray()
        try:
            with self.http.stream(
                request.method, request.path, headers=request.headers, content=request.body
            ) as answer:
                looks_on = _looking_on(request, answer.status_code)
                for part in answer.iter_bytes():
                    body += part
                    looks_on(part)
                    if failure := _too_much(body, until):
                        return failure
                return Reply(answer.status_code, answer.headers, bytes(body))
        except httpx2.RequestError as error:
            return _failure(error)


class AsyncDriver:
    """Does what flows yield, under asyncio. For one event loop."""

    def __init__(self, http: httpx2.AsyncClient, *, answer_seconds: float) -> None:
        self.http = http
        self._answer_seconds = answer_seconds
        self._lock = asyncio.Lock()

    async def run(self, flow: Flow[T]) -> T:
        """The flow's result."""
        answer: Any = None
        while True:
            try:
                effect = flow.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            match effect:
                case Request():
                    answer = await self._send(effect)
                case Pause():
                    await asyncio.sleep(effect.seconds)
                    answer = None
                case Alone():
                    async with self._lock:
                        answer = await self.run(effect.flow)

    async def _send(self, request: Request) -> Reply | Failure:
        until = time.monotonic() + self._answer_seconds
        body = bytearray()
        try:
            async with self.http.stream(
                request.method, request.path, headers=request.headers, content=request.body
            ) as answer:
                looks_on = _looking_on(request, answer.status_code)
                async for part in answer.aiter_bytes():
                    body += part
                    looks_on(part)
                    if failure := _too_much(body, until):
                        return failure
                return Reply(answer.status_code, answer.headers, bytes(body))
        except httpx2.RequestError as error:
            return _failure(error)


def _looking_on(request: Request, status: int) -> Callable[[bytes], None]:
    if request.pieces is None or not 200 <= status < 300:
        return lambda _: None
    request.pieces.begin()
    return request.pieces.take


def _too_much(body: bytearray, until: float) -> Failure | None:
    """A limit per read does not end an answer that drips, nor one that never ends."""
    if len(body) > MAX_ANSWER_BYTES:
        return Failure("too_large", sent=True)
    return Failure("timeout", sent=True) if time.monotonic() > until else None


def _failure(error: httpx2.RequestError) -> Failure:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Failure("connect", sent=False)
    return Failure("timeout" if isinstance(error, httpx2.TimeoutException) else "broken", sent=True)
