"""What a holder sees: the licences that departments have issued to him, and who looked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hub.citizens.dossier.stages import STAGES
from hub.citizens.values import SEES_OWN
from hub.deps import HubDep
from hub.web.citizen.frame import HOME, render
from hub.web.citizen.looks import looks
from hub.web.citizen.menu import MINE
from hub.web.citizen.visit import HolderDep
from hub.web.citizen.waiting import waiting
from hub.web.console.library.words import STATUSES

router = APIRouter()
Cursor = Annotated[str, Query(max_length=1024)]
MINE_PATH: Final = "/me/mine"
VALID: Final = "valid"
SHOWN: Final = 3
"""Licences and looks on the first page; each has a page with all of them."""
BY_OTHERS: Final = frozenset({"look", "nothing"})
"""Kinds of look that somebody else had, or was refused."""


@router.get(HOME, response_class=HTMLResponse)
async def home(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """To show himself, what needs him, what he has, who looked. Signed in less surely than that wants: what to do."""
    others = await hub.citizens.sessions.others(holder)
    if holder.level < SEES_OWN:
        return render(request, "me/home.html", holder, licences=None, others=others)
    licences, behind = await hub.citizens.licences.listed(holder)
    entries, _ = await hub.citizens.accesses.listed(holder)
    # His own before what he holds with others, in the order of a life. What ends soon is told under what needs him.
    ranks = {stage: rank for rank, stage in enumerate(STAGES)}
    licences = sorted(licences, key=lambda item: (not item.principal, ranks[item.stage]))
    standing = [item for item in licences if item.status == VALID]
    return render(
        request,
        "me/home.html",
        holder,
        licences=licences,
        standing=standing,
        shown=[*standing, *(item for item in licences if item.status != VALID)][:SHOWN],
        statuses=STATUSES,
        more=behind,
        others=others,
        looks=[item for item in looks(entries) if item.first.look in BY_OTHERS][:SHOWN],
        waiting=waiting(
            asked=await hub.citizens.asked_of.listed(holder),
            answers=await hub.citizens.objections.unseen(holder),
            unread=request.state.unread or 0,
            licences=licences,
        ),
    )


@router.get(MINE_PATH, response_class=HTMLResponse)
async def mine(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Everything that is not done every day, and signing out everywhere."""
    return render(request, "me/mine.html", holder, rows=MINE, others=await hub.citizens.sessions.others(holder))
