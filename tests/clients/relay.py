"""A relay between client and hub that does what networks do: refuse, lose an answer, alter it, answer for another.

One exchange a connection. `plan` gets the path and says what happens to this exchange; `seen` is what came.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Alter = Callable[[bytes], bytes]
Plan = Callable[[str], "str | bytes | Alter"]
"""`pass`, `refuse` (closed unread), `lose` (done, the answer lost), `drip` and `flood` (an answer without end), a whole
answer, or a change of the body."""


@dataclass
class Relay:
    """A running relay."""

    upstream: int
    port: int = 0
    plan: Plan = field(default=lambda _: "pass")
    seen: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def once(self, *actions: "str | bytes | Alter", at: str) -> None:
        """These actions, in turn, for exchanges whose path holds `at`; the others pass."""
        left = list(actions)
        self.plan = lambda path: left.pop(0) if at in path and left else "pass"

    def count(self, at: str) -> int:
        return sum(at in line for line in self.seen)

    def handle(self, client: socket.socket) -> None:
        with client, suppress(ConnectionError):
            head, body = _read_request(client)
            if not head:
                return
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            self.seen.append(f"{method} {path}")
            self.heads.append(head)
            action = self.plan(path)
            if action == "refuse":
                return
            if action in {"drip", "flood"}:
                _endless(client, drip=action == "drip")
                return
            if isinstance(action, bytes):
                client.sendall(action)
                return
            answer = self._forward(head, body)
            if action == "lose":
                return
            client.sendall(_altered(answer, action) if callable(action) else answer)

    def _forward(self, head: bytes, body: bytes) -> bytes:
        head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)
        head = re.sub(rb"(?i)\r\nhost:[^\r]*", f"\r\nHost: 127.0.0.1:{self.upstream}".encode(), head)
        head = re.sub(rb"(?i)\r\naccept-encoding:[^\r]*", b"", head)
        with socket.create_connection(("127.0.0.1", self.upstream), timeout=20) as hub:
            hub.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            answer = b""
            while part := hub.recv(65536):
                answer += part
        return answer


def whole(status: int, body: bytes, *headers: str, kind: str = "application/problem+json") -> bytes:
    """An answer of the relay's own."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@contextmanager
def relaying(upstream: int) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = Relay(upstream, server.getsockname()[1])
        ending = threading.Event()

        def accept() -> None:
            while not ending.is_set():
                with suppress(TimeoutError):
                    client, _ = server.accept()
                    client.settimeout(20)
                    threading.Thread(target=relay.handle, args=(client,), daemon=True).start()

        server.settimeout(0.1)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield relay
        finally:
            ending.set()
            thread.join()


def _read_request(client: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        part = client.recv(65536)
        if not part:
            return b"", b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", head)
    while found and len(body) < int(found[1]):
        body += client.recv(65536)
    return head, body


def _endless(client: socket.socket, *, drip: bool) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    with suppress(OSError):
        while True:
            client.sendall(b" " if drip else b" " * 1_000_000)
            if drip:
                time.sleep(0.05)


def _altered(answer: bytes, change: Alter) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    body = change(body)
    return re.sub(rb"(?i)content-length: \d+", f"content-length: {len(body)}".encode(), head) + b"\r\n\r\n" + body
