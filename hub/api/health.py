"""Health that tells the truth: alive is the process; ready is everything that an answer needs (fail closed)."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import text

from hub.deps import HubDep
from hub.runtime import Hub
from hub.storage.errors import StorageError

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="The process runs 存活")
async def live() -> dict[str, str]:
    """Says nothing about the stores."""
    return {"status": "live"}


@router.get("/ready", summary="The hub can answer 就绪")
async def ready(hub: HubDep) -> JSONResponse:
    """503 with the names of what is missing; details are for signed-in operators.

    `degraded` names what the hub does without, at a cost: a process that still answers must not be taken out of
    service for it, least of all every process at once.
    """
    missing = await _missing(hub)
    body: dict[str, Any] = {
        "status": "ready" if not missing else "not_ready",
        "missing": missing,
        "degraded": [] if await hub.cache.reachable() else ["redis"],
    }
    return JSONResponse(body, status_code=200 if not missing else 503)


async def _missing(hub: Hub) -> list[str]:
    missing = []
    try:
        await hub.database.read(lambda tx: tx.execute(text("SELECT 1")).scalar())
    except StorageError:
        missing.append("database")
    try:
        await asyncio.to_thread(hub.objects.names, "status-lists")
        for number in await hub.status.numbers():
            await hub.status.current(number)
    except (StorageError, OSError):
        missing.append("status")
    if hub.ledger.broken:
        missing.append("ledger")
    return missing
