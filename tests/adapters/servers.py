"""HTTP servers that sources are asked at: real sockets, proper manners unless told otherwise, everything remembered."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

from adapters.egress import Target
from tests.adapters.town import ENTERPRISES


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def segments(self) -> list[str]:
        """Decoded after the path was split: `%2F` is no slash."""
        return [unquote(segment) for segment in self.raw_path.split("/")[1:]]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("ascii"), keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Said:
    """An answer. `stream` instead of `body` is sent chunked, piece by piece."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    stream: AsyncIterator[bytes] | None = None


Handler = Callable[[Got], Awaitable[Said]]


def said(value: Any, status: int = 200, *headers: tuple[str, str]) -> Said:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Said(status, body, (("Content-Type", "application/json"), *headers))


@dataclass
class Server:
    """A running server; `raw`, if given, is written to each connection at once and the connection kept."""

    handler: Handler | None = None
    port: int = 0
    scheme: str = "http"
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    """Ever accepted."""
    working: int = 0
    """Requests on hand."""
    raw: bytes | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Requests are taken and not answered."""
        self.gate.clear()
        try:
            yield
        finally:
            self.gate.set()

    async def busy(self) -> int:
        return self.working

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = h11.Connection(h11.SERVER)
        try:
            if self.raw is not None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.raw)
                await writer.drain()
                await reader.read()
                return
            while (got := await _request(connection, reader)) is not None:
                self.got.append(got)
                self.working += 1
                try:
                    if not await self._answered(got, connection, reader, writer):
                        return
                finally:
                    self.working -= 1
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (OSError, h11.RemoteProtocolError, asyncio.IncompleteReadError, ssl.SSLError):
            pass

    async def _answered(
        self, got: Got, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        answering = asyncio.create_task(self._answer(got, connection, writer))
        leaving = asyncio.create_task(reader.read(1))
        stays = False
        try:
            done, _ = await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            stays = answering in done
        finally:
            for task in (answering, leaving):
                task.cancel()
            ended = await asyncio.gather(answering, leaving, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, OSError | ssl.SSLError):
                raise error
        return stays

    async def _answer(self, got: Got, connection: h11.Connection, writer: asyncio.StreamWriter) -> None:
        await self.gate.wait()
        assert self.handler is not None
        answer = await self.handler(got)
        framing = ("Transfer-Encoding", "chunked") if answer.stream else ("Content-Length", str(len(answer.body)))
        names = {name.lower() for name, _ in answer.headers}
        headers = [*answer.headers, *([] if "content-length" in names else [framing])]
        writer.write(connection.send(h11.Response(status_code=answer.status, headers=headers)) or b"")
        if answer.stream is None:
            writer.write(connection.send(h11.Data(data=answer.body)) or b"")
        else:
            async for piece in answer.stream:
                writer.write(connection.send(h11.Data(data=piece)) or b"")
                await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()


@asynccontextmanager
async def serving(
    handler: Handler | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    raw: bytes | None = None,
) -> AsyncIterator[Server]:
    server = Server(handler, scheme="https" if tls else "http", raw=raw)
    server.gate.set()
    async with talking(server.serve, host=host, tls=tls) as server.port:
        yield server


@asynccontextmanager
async def talking(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A port at which each connection is served by a task, ended and closed with the server."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            with suppress(OSError, ssl.SSLError):
                writer.close()
                await writer.wait_closed()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accepted, host, 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Got | None:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}
            return Got(request.method.decode("ascii"), request.target.decode("ascii"), headers, body)
        else:
            return None


@asynccontextmanager
async def nobody() -> AsyncIterator[int]:
    """A port at which nobody listens, kept from others."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def enterprises(**wanted: str) -> list[dict[str, str]]:
    """The rows of the town that have these values."""
    return [dict(row) for row in ENTERPRISES if all(row[name] == value for name, value in wanted.items())]
