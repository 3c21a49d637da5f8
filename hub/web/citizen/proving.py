"""One look at a holder's data, and its proof: the page checks it by itself, and says how to do so without it."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.deps import HubDep, UuidText
from hub.web.citizen.frame import render
from hub.web.citizen.record import ACCESSES
from hub.web.citizen.visit import HolderDep

router = APIRouter()


@router.get(ACCESSES + "/{entry_id}", response_class=HTMLResponse)
async def access(request: Request, hub: HubDep, holder: HolderDep, entry_id: UuidText) -> HTMLResponse:
    """One entry of the ledger about him; another's is not there, and the attempt is an entry of its own."""
    found = await hub.citizens.accesses.one(holder, entry_id)
    return render(request, "me/access.html", holder, item=found, log_key=hub.ledger.verifier)
