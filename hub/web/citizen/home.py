"""What a holder sees: the licences that departments have issued to him, and who looked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hub.citizens.paging import Pages
from hub.citizens.values import SEES_OWN
from hub.deps import HubDep
from hub.web.citizen.frame import HOME, render
from hub.web.citizen.looks import looks
from hub.web.citizen.visit import HolderDep
from hub.web.console.library.words import STATUSES

router = APIRouter()
Cursor = Annotated[str, Query(max_length=1024)]
ACCESSES: Final = "/me/accesses"


@router.get(HOME, response_class=HTMLResponse)
async def home(request: Request, hub: HubDep, holder: HolderDep, cursor: Cursor = "") -> HTMLResponse:
    """The licences as cards. Signed in less surely than that wants: only what to do about it."""
    others = await hub.citizens.sessions.others(holder)
    if holder.level < SEES_OWN:
        return render(request, "me/home.html", holder, licences=None, statuses=STATUSES, more=None, others=others)
    pages = Pages(hub.catalogue.cursors, holder, "licences")
    licences, behind = await hub.citizens.licences.listed(holder, pages.after(cursor))
    return render(
        request,
        "me/home.html",
        holder,
        licences=licences,
        statuses=STATUSES,
        more=pages.next(behind),
        others=others,
        answers=await hub.citizens.objections.unseen(holder),
    )


@router.get(ACCESSES, response_class=HTMLResponse)
async def accesses(request: Request, hub: HubDep, holder: HolderDep, cursor: Cursor = "") -> HTMLResponse:
    """Every entry of the ledger about him, in plain words."""
    pages = Pages(hub.catalogue.cursors, holder, "accesses")
    entries, behind = await hub.citizens.accesses.listed(holder, pages.after(cursor))
    return render(request, "me/accesses.html", holder, looks=looks(entries), more=pages.next(behind))
