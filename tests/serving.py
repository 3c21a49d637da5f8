"""A hub served for real: uvicorn in a thread on a free port, raw sockets, and one check of every problem document."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import uvicorn

from hub.app import create_app
from hub.problems import problem_types
from signing.canonical import strict_loads
from tests.support import PUBLIC_URL, Place

Parser = Literal["httptools", "h11"]
_SLUGS = {kind.slug: kind for kind in problem_types()}
_INSTANCE = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """What came back on a raw socket."""

    status: int
    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True)
class Served:
    """A running server."""

    place: Place
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send(self, request: bytes) -> Answer:
        """Send bytes as they are, read until the server closes; end the request with `Connection: close`."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_answer(connection)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20)


def read_answer(connection: socket.socket) -> Answer:
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass  # the server closed with our bytes unread; what it said before counts
    head, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status.split()[1]) if status else 0, headers, content)


@contextmanager
def serving(place: Place, parser: Parser = "httptools", *, port: int = 0, **settings: Any) -> Iterator[Served]:
    """Serve the place's hub until the block ends, stopped as SIGTERM would."""
    config = uvicorn.Config(
        create_app(place.settings(**settings)),
        host="127.0.0.1",
        port=port,
        http=parser,
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield Served(place, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def problem(answer: httpx2.Response | Answer, *, status: int | None = None, slug: str | None = None) -> dict[str, Any]:
    """The answer's problem document, checked: every error of the hub has this shape."""
    code = answer.status if isinstance(answer, Answer) else answer.status_code
    assert answer.headers["content-type"] == "application/problem+json", (code, answer.content[:200])
    body = strict_loads(answer.content, max_bytes=65536)
    assert isinstance(body, dict)
    prefix = f"{PUBLIC_URL}/problems/"
    assert body["type"].startswith(prefix)
    kind = _SLUGS[body["type"].removeprefix(prefix)]
    assert body["title"] in {kind.zh, kind.en}
    assert body["status"] == code == kind.status
    assert _INSTANCE.fullmatch(body["instance"])
    assert body["who_must_act"] == kind.who
    assert body["retryable"] is kind.retryable
    assert body.get("retry_after_seconds", "") == (int(answer.headers.get("retry-after", 0)) or "")
    assert answer.headers["x-request-id"] == body["instance"].removeprefix("urn:uuid:")
    assert answer.headers["cache-control"] == "no-store"
    assert (status, slug) in {(s, g) for s in (None, code) for g in (None, kind.slug)}, (code, kind.slug)
    return body
