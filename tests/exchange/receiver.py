"""A subscriber that listens on a real port and behaves as it is told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Receiver:
    """`mood`: ok, fail, hang, redirect, deaf (answers no challenge)."""

    port: int = 0
    scheme: str = "http"
    mood: str = "ok"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first message that is no handshake."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?token=canary-token"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What came besides handshakes."""
        told = [json.loads(body) for _, body in self.got]
        return [message for message in told if message["event"] != "subscription.verify"]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body))
        if self.messages:
            self.told.set()
        try:
            if self.mood == "hang":
                await reader.read()
                return
            answer = json.dumps({"challenge": json.loads(body).get("challenge")} if self.mood != "deaf" else {})
            status = {"fail": "500 Broken", "redirect": "302 Found\r\nLocation: http://169.254.169.254/latest/"}
            line = status.get(self.mood, "200 OK")
            writer.write(f"HTTP/1.1 {line}\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver, while it listens."""
    receiver = Receiver(scheme="https" if tls else "http")
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
