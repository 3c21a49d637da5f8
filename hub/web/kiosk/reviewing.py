"""A refusal that one does not accept 申请复核, said at a terminal: the superior, or the operator, looks again."""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.kiosk.saying import objecting_at
from hub.citizens.objections.errors import ObjectionOverError
from hub.deps import HubDep
from hub.web.console.forms import id_in
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form
from hub.web.objection_words import KINDS

router = APIRouter(include_in_schema=False)
_TEXT: Final = (
    "在自助终端提出：本人不同意，请再看一次。 Raised at a terminal: I do not agree; please look at it once more."
)
"""Nobody types at a terminal."""


@router.post(START + "/objections/review", response_class=HTMLResponse)
async def review(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """One refusal, by whom it would be reviewed and until when; sent with `sure`, asked for. Another's is 404."""
    given = await visit_form(request, visit)
    item = await hub.citizens.objections.one(visit.holder, id_in(given, "objection"))
    offer = (await hub.citizens.reviewing.offers([item])).get(item.id)
    if offer is None:  # asked for before, or too late: the list says so
        return redirect(START + "/objections")
    if not given.checked("sure"):
        return render(request, "kiosk/review.html", visit.kiosk, visit=visit, item=item, offer=offer, kinds=KINDS)
    with suppress(ObjectionOverError):  # a moment ago, elsewhere
        await hub.citizens.reviewing.ask(visit.holder, item.id, _TEXT, agent=objecting_at(hub.database, visit))
    return redirect(START + "/objections")
