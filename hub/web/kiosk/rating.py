"""Rating without a phone 自助终端评价: one's own closed cases, by oneself; nobody at a counter rates for the person."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.kiosk.saying import CHANNEL
from hub.citizens.kiosk.standing import Visit
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.ratings.errors import RatedError
from hub.citizens.ratings.writing import Given
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form
from hub.web.objection_words import fault

router = APIRouter(include_in_schema=False)
RATINGS: Final = START + "/ratings"


@router.get(RATINGS, response_class=HTMLResponse)
async def past(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Closed cases, the newest first."""
    found = await hub.citizens.ratings.past(visit.holder)
    return render(request, "kiosk/ratings.html", visit.kiosk, visit=visit, found=found)


@router.post(RATINGS, response_class=HTMLResponse)
async def rate(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """The questions about one of them; sent with an answer, that."""
    given = await visit_form(request, visit)
    case_no = given.text("case_no")[:40]
    if not given.checked("sent"):
        return await _asked(request, hub, visit, case_no, given)
    try:
        stars, brought = _number(given.text("stars")), _number(given.text("brought"))
        said = Given(stars, brought, given.text("text"))
        await hub.citizens.ratings.rate(visit.holder, case_no, said, place=visit.must_stand, channel=CHANNEL)
    except ObjectionError as error:
        wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
        return await _asked(request, hub, visit, case_no, given, [wrong])
    except RatedError:
        pass
    return redirect(RATINGS)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


async def _asked(
    request: Request, hub: Hub, visit: Visit, case_no: str, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    item = await hub.citizens.ratings.one(visit.holder, case_no)
    status = 422 if errors else 200
    return render(
        request, "kiosk/rate.html", visit.kiosk, visit=visit, status=status, errors=errors, item=item, given=given
    )
