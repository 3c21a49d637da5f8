"""Messages to holders that the city's gateway has not taken: when, of which kind and why; never whose."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.notices.kinds import KINDS, NoticeKind
from hub.citizens.notices.store import counted
from hub.deps import HubDep, UuidText
from hub.web.console.forms import form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
MESSAGES: Final = "/console/messages"


@router.get(MESSAGES, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What was given up, the newest first, and how many stand where."""
    found = await hub.citizens.messages.dead(actor)
    return render(
        request,
        "console/supervision/messages.html",
        actor,
        found=[item | {"words": KINDS[NoticeKind(item["kind"])].words} for item in found],
        counts=await hub.database.read(counted),
        on=hub.citizens.messages.on,
    )


@router.post(MESSAGES + "/{notice_id}/again")
async def again(request: Request, notice_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Send it once more."""
    await form(request)
    await hub.citizens.messages.again(actor, notice_id)
    return redirect(MESSAGES)
