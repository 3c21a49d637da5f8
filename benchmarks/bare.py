"""A FastAPI endpoint that does nothing, served as `yizheng serve` serves: `python -m benchmarks.bare PORT`."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

app = FastAPI()


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
