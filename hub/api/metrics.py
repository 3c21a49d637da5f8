"""Numbers for a monitoring system 监控指标: how the log and its witnesses stand. No account: none is secret."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from hub.deps import HubDep, limit
from hub.ledger.gauges import as_text, gauges

router = APIRouter(tags=["health"])
PER_MINUTE: Final = 60
_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", summary="Numbers for monitoring 监控指标")
async def metrics(request: Request, hub: HubDep) -> PlainTextResponse:
    """Prometheus's text format. `docs/operator.md` says from which number on to call somebody."""
    await limit(request, f"metrics:{request.client.host if request.client else ''}", PER_MINUTE)
    found = await hub.database.read(
        lambda tx: gauges(tx, arrears=hub.arrears, witnesses=hub.witnessing, clock=hub.clock)
    )
    return PlainTextResponse(as_text(found), media_type=_FORMAT)
