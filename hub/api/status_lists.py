"""Status lists 状态列表, as verifiers everywhere read them."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from hub.deps import HubDep
from signing.status_list import TYP

router = APIRouter(tags=["status"])


@router.get("/status-lists/{number}", summary="A signed status list 状态列表")
async def status_list(number: Annotated[int, Path(ge=0, le=10_000_000)], hub: HubDep) -> Response:
    """`application/statuslist+jwt`: two bits a licence, signed, short-lived, cacheable; tells nobody who looks."""
    token = await hub.status.current(number)
    return Response(token, media_type=f"application/{TYP}", headers={"Cache-Control": "public, max-age=60"})
