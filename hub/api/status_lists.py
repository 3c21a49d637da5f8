"""Status lists 状态列表, as verifiers everywhere read them: static objects, to be cached and passed on."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from hub.deps import HubDep, limit
from hub.issuing.status.service import TTL
from signing.status_list import TYP

router = APIRouter(tags=["status"])
HISTORY_PER_MINUTE = 60


@router.get("/status-lists/{number}", summary="A signed status list 状态列表")
async def status_list(
    number: Annotated[int, Path(ge=0, le=10_000_000)],
    request: Request,
    hub: HubDep,
    time: Annotated[
        int | None, Query(ge=0, le=253_402_300_799, description="某一时刻的列表 As it was then: seconds since 1970")
    ] = None,
) -> Response:
    """`application/statuslist+jwt`: two bits a licence, signed, short-lived; tells nobody who looks. With `time` as it
    was at that moment, by what was recorded then (Token Status List §8.4).
    """
    if time is None:
        token = await hub.status.current(number)
    else:
        await limit(request, "status-list-history", HISTORY_PER_MINUTE)
        token = await hub.status_history.at(number, time)
    tag = f'"{hashlib.sha256(token).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": f"public, max-age={round(TTL.total_seconds())}",
        "ETag": tag,
        "Access-Control-Allow-Origin": "*",  # public, and read by verifiers that are web pages
    }
    known = [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(token, media_type=f"application/{TYP}", headers=headers)
