"""A department's register behind HTTP, whose mood a test sets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Register:
    """Rows by number, how it answers, and how often it was asked."""

    rows: dict[str, list[dict[str, Any]]]
    port: int = 0
    mood: str = "well"
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    held: str = ""
    """The number whose question waits for the gate."""

    def answer(self, key: str) -> tuple[str, bytes]:
        found = self.rows.get(key, [])
        match self.mood:
            case "html":
                return "text/html", b"<html>maintenance</html>"
            case "drifted":
                found = [
                    {("renamed" if name == "企业名称" else name): value for name, value in row.items()} for row in found
                ]
            case "two":
                found = [*found, *found]
            case "another":
                found = next(rows for number, rows in self.rows.items() if number != key)
        return "application/json", json.dumps({"data": found}, ensure_ascii=False).encode()


@asynccontextmanager
async def serving(register: Register) -> AsyncIterator[Register]:
    """Serve it on a free loopback port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                key = head.split(" ", 2)[1].rsplit("/", 1)[1]
                register.asked.append(key)
                register.arrived.set()
                if register.mood == "hang":
                    await asyncio.sleep(60)
                if register.mood == "gated" or register.held == key:
                    await register.gate.wait()
                kind, body = register.answer(key)
                lines = [
                    "HTTP/1.1 200 OK",
                    f"Content-Type: {kind}; charset=utf-8",
                    f"Content-Length: {len(body)}",
                    "",
                    "",
                ]
                writer.write("\r\n".join(lines).encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    register.port = server.sockets[0].getsockname()[1]
    tasks = asyncio.all_tasks()
    try:
        yield register
    finally:
        server.close()
        for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}:
            if "handle" in repr(task.get_coro()):
                task.cancel()
        await asyncio.sleep(0)
