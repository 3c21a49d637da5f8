"""Notices at a terminal 自助终端看通知: fixed words that say what there is to be looked at, for who gets no message."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.deps import HubDep
from hub.web.kiosk.frame import START, render
from hub.web.kiosk.visit import VisitDep

router = APIRouter(include_in_schema=False)


@router.get(START + "/notices", response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """The newest twenty; that they were seen here marks none as read, since somebody else may stand there."""
    found, _ = await hub.citizens.notices.listed(visit.holder, None)
    return render(request, "kiosk/notices.html", visit.kiosk, visit=visit, found=found)
