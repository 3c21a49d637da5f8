"""Health that tells the truth: alive is the process; ready is everything that an answer needs (fail closed)."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import text

from hub.deps import HubDep
from hub.runtime import Hub
from hub.storage.errors import StorageError
from hub.storage.objects.guarded import beside

OBJECTS_SECONDS: Final = 2.0
router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="The process runs 存活")
async def live() -> dict[str, str]:
    """Says nothing about the stores."""
    return {"status": "live"}


@router.get("/ready", summary="The hub can answer 就绪")
async def ready(hub: HubDep) -> JSONResponse:
    """503 with the names of what is missing; details are for signed-in operators.

    `degraded` names what the hub does without, at a cost: a process that still answers must not be taken out of
    service for it, least of all every process at once. Without `signing` it verifies, shows and reads, and issues and
    discloses nothing.
    """
    missing, degraded = await asyncio.gather(_missing(hub), _degraded(hub))
    signing = await asyncio.to_thread(hub.keys.reachable)
    body: dict[str, Any] = {
        "status": "ready" if not missing else "not_ready",
        "missing": missing,
        "degraded": degraded if signing else [*degraded, "signing"],
        "signing": signing,
    }
    return JSONResponse(body, status_code=200 if not missing else 503)


async def _degraded(hub: Hub) -> list[str]:
    degraded = [] if await hub.cache.reachable() else ["redis"]
    try:  # asked through the breaker: while the store is away, this look is the one that finds it back
        await asyncio.wait_for(beside(hub.objects.names, "status-lists"), OBJECTS_SECONDS)
    except (StorageError, TimeoutError):
        degraded.append("objects")
    try:
        if await hub.stamp_queue.late():
            degraded.append("time-stamps")
        if await hub.keyring.crls.late():
            degraded.append("revocation-lists")
        if await hub.witnessing.late():  # too few co-signed lately, or somebody showed a fork
            degraded.append("witnesses")
        if await hub.database.read(hub.arrears.waiting):
            degraded.append("ledger-waits")
        if hub.desk.ending():  # in sixty days, or already: `yizheng key list` says which
            degraded.append("key-certificates")
    except StorageError:
        pass  # `missing` says so
    return degraded


async def _missing(hub: Hub) -> list[str]:
    missing = []
    try:
        await hub.database.read(lambda tx: tx.execute(text("SELECT 1")).scalar())
    except StorageError:
        missing.append("database")
    try:
        for number in await hub.status.due():
            await hub.status.current(number)
    except (StorageError, OSError):
        missing.append("status")
    if hub.ledger.broken:
        missing.append("ledger")
    return missing
