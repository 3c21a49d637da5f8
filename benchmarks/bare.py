"""A FastAPI endpoint that does nothing, served as `yizheng serve` serves: `python -m benchmarks.bare PORT`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.post("/stream")
async def silence() -> StreamingResponse:
    """Stream nothing, and stay."""

    async def frames() -> AsyncIterator[bytes]:
        yield b": \n\n"
        await asyncio.sleep(3600)

    return StreamingResponse(frames(), media_type="text/event-stream")


@app.post("/{path:path}")
async def nothing(path: str, request: Request) -> dict[str, Any]:
    """Read the body, answer a small document."""
    return {"path": path, "bytes": len(await request.body())}


def serve(application: Any, port: int) -> None:
    """As the hub serves: one process, uvloop, httptools, no log."""
    config = uvicorn.Config(
        application, port=port, http="httptools", loop="uvloop", log_config=None, access_log=False, server_header=False
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    serve(app, int(sys.argv[1]))
