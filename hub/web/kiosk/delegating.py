"""What one let others do, and was let do, at a terminal: to be seen with its uses, and ended at once, from either side.

A new one wants somebody who looks from the card to the face: it is written down at a counter.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.kiosk.saying import ending_at
from hub.deps import HubDep
from hub.web.citizen.acting_words import SCOPES, STATES, USES, whom
from hub.web.console.forms import id_in
from hub.web.console.view import view_of
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form
from hub.web.matter_names import titles_in

router = APIRouter(include_in_schema=False)
DELEGATIONS: Final = START + "/delegations"


@router.get(DELEGATIONS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Of both sides, the newest first."""
    found = await hub.citizens.others.delegating.listed(visit.holder)
    return render(
        request, "kiosk/delegations.html", visit.kiosk, visit=visit, found=found, states=STATES, scopes=SCOPES,
        whom=whom,
    )  # fmt: skip


@router.post(DELEGATIONS, response_class=HTMLResponse)
async def one(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """One with its uses; sent with `sure`, ended. Another's is 404, and on the ledger."""
    given = await visit_form(request, visit)
    delegating, wanted = hub.citizens.others.delegating, id_in(given, "delegation")
    if given.checked("sure"):
        await delegating.withdraw(visit.holder, wanted, where=ending_at(visit))
        return redirect(DELEGATIONS)
    item = await delegating.one(visit.holder, wanted)
    matters = await titles_in(hub, item.delegation.terms.matters, view_of(request).language)
    return render(
        request, "kiosk/delegation.html", visit.kiosk, visit=visit, item=item, matters=matters, scopes=SCOPES,
        uses=USES, whom=whom,
    )  # fmt: skip
