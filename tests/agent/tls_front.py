"""TLS in front of a served hub, as its operator puts it there: wants a client certificate, passes bytes on."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.agent.tls_serving import Entrance


@asynccontextmanager
async def tls_front(entrance: Entrance, address: str, behind: int, folder: Path) -> AsyncIterator[int]:
    """From a free port of `address` to a port of this machine, in this event loop; answers the port."""
    (folder / "front-ca.pem").write_text(entrance.authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(entrance.server.write(folder))
    context.load_verify_locations(folder / "front-ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    held: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        held.add(task)
        ends = [writer]
        try:
            answers, upstream = await asyncio.open_connection("127.0.0.1", behind)
            ends.append(upstream)
            await asyncio.gather(_pass(reader, upstream), _pass(answers, writer))
        except (OSError, asyncio.CancelledError):
            pass  # the stream server would log it
        finally:
            for end in ends:
                end.close()
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await end.wait_closed()
            held.discard(task)

    server = await asyncio.start_server(serve, address, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(held):
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
