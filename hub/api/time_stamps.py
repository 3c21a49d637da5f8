"""Time-stamps 时间戳: the built-in authority for trying out, and the stamps of the ledger's checkpoints."""

from base64 import b64encode
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from hub.clock import rfc3339
from hub.deps import HubDep, limit
from hub.edge.body import read_bytes, require_media_type
from hub.issuing.stamping.queue import CHECKPOINT, find
from hub.issuing.stamping.service import QUERY_TYPE, REPLY_TYPE
from signing.tsp.authority import MAX_REQUEST_BYTES

router = APIRouter(tags=["time-stamps"])
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {QUERY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post("/tsa", summary="The built-in time-stamp authority, for trying out 试用时间戳", openapi_extra=_BODY)
async def time_stamp(request: Request, hub: HubDep) -> Response:
    """RFC 3161 over HTTP. The policy of its stamps says that they are for trying out; 404 where another authority is
    configured.
    """
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"tsa:{peer}", hub.settings.tsa_requests_per_minute)
    require_media_type(request, QUERY_TYPE)
    asked = await read_bytes(request, max_bytes=MAX_REQUEST_BYTES)
    return Response(await hub.stamps.answer(asked), media_type=REPLY_TYPE)


@router.get("/ledger/stamp", summary="The stamp of a checkpoint, and what waits for one 检查点时间戳")
async def checkpoint_stamp(hub: HubDep) -> JSONResponse:
    """The newest checkpoint that was handed to the configured authority, about one an hour. `token` is a base64 RFC
    3161 token over the SHA-256 of `checkpoint`; null while it is pending.
    """
    found = await hub.database.read(lambda tx: find(tx, purpose=CHECKPOINT))
    waiting = await hub.stamp_queue.waiting()
    stamp: dict[str, Any] | None = None
    if found is not None and found.content is not None:
        stamp = {
            "checkpoint": found.content.decode(),
            "token": None if found.token is None else b64encode(found.token).decode(),
            "stamped_at": None if found.stamped_at is None else rfc3339(found.stamped_at),
        }
    oldest = None if waiting.oldest_at is None else rfc3339(waiting.oldest_at)
    return JSONResponse({"stamp": stamp, "waiting": {"count": waiting.count, "oldest_at": oldest}})
