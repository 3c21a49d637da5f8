"""A look that one does not know 不认得的查询, said at a terminal: the department explains it in time."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.kiosk.saying import objecting_at
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.values import Kind, Said
from hub.deps import HubDep
from hub.storage.errors import MissingError
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
_TEXT: Final = (
    "在自助终端提出：本人不认得这次查询，请说明。 Raised at a terminal: I do not know this look; please explain."
)
"""Nobody types at a terminal."""


@router.post(START + "/doubt", response_class=HTMLResponse)
async def doubt(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """One entry, asked about; sent with `sure`, raised. One that is not his, or his own doing, is 404."""
    given = await visit_form(request, visit)
    entry = given.text("entry")[:36]
    item = next((one for one in (await hub.citizens.accesses.listed(visit.holder))[0] if one.id == entry), None)
    if item is None:
        raise MissingError("entry")
    if not given.checked("sure"):
        return render(request, "kiosk/doubt.html", visit.kiosk, visit=visit, item=item)
    try:
        said, agent = Said(kind=Kind.ACCESS, text=_TEXT, entry=entry), objecting_at(hub.database, visit)
        await hub.citizens.objections.raise_(visit.holder, said, agent=agent)
    except ObjectionRunsError:
        pass  # asked before: it is in the list
    except ObjectionError:
        raise MissingError("entry") from None
    return redirect(START + "/objections")
