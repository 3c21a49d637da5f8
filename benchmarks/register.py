"""A department's register behind HTTP, as fast as one process can be: `python -m benchmarks.register PORT [hang|MS]`.

It answers any path with the enterprise that the last segment names, after so many milliseconds, or, told to hang, with
nothing.
"""

import asyncio
import json
import sys
from functools import lru_cache
from typing import cast
from urllib.parse import unquote

import uvloop

from benchmarks.town import enterprise


class Answering(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line = self._buffer[: self._buffer.index(b"\r\n")]
            self._buffer = self._buffer[end + 4 :]
            self.answer(_answer(line.split(b" ")[1]))

    def answer(self, data: bytes) -> None:
        """Say it."""
        self._transport.write(data)


class Slow(Answering):
    """Says it after a while."""

    pause = 0.0

    def answer(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self.pause, self._transport.write, data)


class Hanging(Answering):
    """Takes every question and says nothing."""

    def data_received(self, data: bytes) -> None:
        del data


@lru_cache(100_000)
def _answer(path: bytes) -> bytes:
    number = unquote(path.rsplit(b"/", 1)[1].decode())
    serial = int(number[10:17]) if number[10:17].isdigit() else 0
    row = {
        "企业名称": enterprise(serial)["name"],
        "统一社会信用代码": number,
        "注册日期": "2019年3月1日",
        "ZT": "1",
        "股东": "某某",
    }
    body = json.dumps({"data": [row]}, ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve(port: int, mood: str) -> None:
    loop = asyncio.get_running_loop()
    Slow.pause = int(mood) / 1000 if mood.isdigit() else 0
    kind = Hanging if mood == "hang" else Slow if mood else Answering
    server = await loop.create_server(kind, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), (*sys.argv[2:], "")[0]))
