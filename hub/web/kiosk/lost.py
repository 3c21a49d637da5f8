"""A lost or stolen phone 手机丢了: everything that it opens is ended, by the card alone, without another screen."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.identities.binding import Bound
from hub.citizens.values import Holder
from hub.deps import HubDep
from hub.runtime import Hub
from hub.wallets.holdings import Holding
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
LOST: Final = START + "/lost"


@router.get(LOST, response_class=HTMLResponse)
async def opened(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """What is open: sessions, network IDs, licences in wallets; as numbers, since somebody may look on."""
    holder = visit.holder
    return render(
        request,
        "kiosk/lost.html",
        visit.kiosk,
        visit=visit,
        sessions=await hub.citizens.sessions.others(holder),
        identities=len(await _identities(hub, holder)),
        wallets=len(await _wallets(hub, holder)),
    )


@router.post(LOST, response_class=HTMLResponse)
async def end(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """End it. Sessions first: whoever has the phone undoes nothing of what follows. What a crash leaves out, the next
    touch ends.
    """
    await visit_form(request, visit)
    holder = visit.holder
    await hub.citizens.sessions.end_all(holder)
    for bound in await _identities(hub, holder):
        assert hub.citizens.identities is not None  # noqa: S101  # what it has bound is there
        await hub.citizens.identities.bindings.release(holder, bound.id)
    for held in await _wallets(hub, holder):
        await hub.wallets.holdings.remove(holder, held.bond_id, held.certificate_id)
    return redirect(LOST)


async def _identities(hub: Hub, holder: Holder) -> list[Bound]:
    if hub.citizens.identities is None:
        return []
    return [item for item in await hub.citizens.identities.bindings.listed(holder) if item.live]


async def _wallets(hub: Hub, holder: Holder) -> list[Holding]:
    """Without those of before, which end with their licence alone."""
    return [item for item in await hub.wallets.holdings.listed(holder) if item.bond_id]
