"""A subscriber that listens on a real port and behaves as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Receiver:
    """`mood`: ok, fail, hang, redirect, deaf (answers no challenge)."""

    port: int = 0
    mood: str = "ok"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=canary-token"

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
async def listening() -> AsyncIterator[Receiver]:
    """A receiver, while it listens."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
