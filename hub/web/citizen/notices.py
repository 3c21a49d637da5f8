"""Notices 通知: what a holder is told, and of which kinds he wants a message besides."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.paging import Pages
from hub.deps import HubDep, UuidText
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form

router = APIRouter()
NOTICES: Final = "/me/notices"
CHOICES: Final = NOTICES + "/choices"
Cursor = Annotated[str, Query(max_length=1024)]


@router.get(NOTICES, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep, cursor: Cursor = "") -> HTMLResponse:
    """The newest first."""
    pages = Pages(hub.catalogue.cursors, holder, "notices")
    found, behind = await hub.citizens.notices.listed(holder, pages.after(cursor))
    return render(
        request, "me/notices.html", holder, found=found, more=pages.next(behind), sends=hub.citizens.messages.on
    )


@router.post(NOTICES + "/read")
async def read_all(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """All of them are read."""
    await holder_form(request, holder)
    await hub.citizens.notices.read_all(holder)
    return redirect(NOTICES)


@router.get(CHOICES, response_class=HTMLResponse)
async def choices(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Every kind, ticked where a message comes."""
    found = await hub.citizens.notices.choices(holder)
    return render(request, "me/notice_choices.html", holder, found=found, sends=hub.citizens.messages.on)


@router.post(CHOICES)
async def choose(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """What is ticked comes as a message too; what he has a right to be told comes anyway."""
    given = await holder_form(request, holder)
    await hub.citizens.notices.choose(holder, given.all("messages"))
    return redirect(NOTICES)


@router.get(NOTICES + "/{notice_id}")
async def opened(notice_id: Annotated[UuidText, Path()], hub: HubDep, holder: HolderDep) -> Response:
    """It is read, and the page that says more comes next. Another's is 404."""
    found = await hub.citizens.notices.read(holder, notice_id)
    return redirect(found.page)
