"""Having one's own licences collected at a terminal 自助终端一键归集: once an hour, read here or at the next visit."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.kiosk.looking import KioskHand
from hub.deps import HubDep
from hub.edge.errors import RateLimitedError
from hub.web.citizen.dossier_words import OUTCOMES
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
COLLECT = START + "/collect"


@router.get(COLLECT, response_class=HTMLResponse)
async def collecting(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """What departments answered the last time."""
    holder = visit.holder
    last = await hub.dossier.fetching.last(holder.id)
    return render(
        request,
        "kiosk/collect.html",
        visit.kiosk,
        visit=visit,
        last=last,
        outcomes=OUTCOMES,
        askable=bool(await hub.dossier.fetching.givers(holder.identity.id_type)),
        names={item.type_code: hub.types.newest(item.type_code) for item in last.feeds} if last else {},
    )


@router.post(COLLECT, response_class=HTMLResponse)
async def collect(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """Ask every department that may be; within the hour the last answer stands."""
    await visit_form(request, visit)
    try:
        await hub.dossier.fetching.ask(visit.holder.id, visit.holder.identity, by=KioskHand(visit))
    except RateLimitedError:
        pass
    except HolderSignInNeededError:
        raise KioskOverError from None
    return redirect(COLLECT)
