"""Rating 好差评: one's own closed cases, and how one of them went."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.objections.errors import ObjectionError
from hub.citizens.ratings.errors import RatedError
from hub.citizens.ratings.store import BAD
from hub.citizens.ratings.writing import Given
from hub.citizens.values import Holder
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.objection_words import fault

router = APIRouter()
CASES: Final = "/me/cases"
CaseNo = Annotated[str, Path(pattern=r"^YZ[0-9A-Z]{20}$")]


@router.get(CASES, response_class=HTMLResponse)
async def cases(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Closed cases, the newest first."""
    return render(request, "me/cases.html", holder, found=await hub.citizens.ratings.past(holder))


@router.get(CASES + "/{case_no}", response_class=HTMLResponse)
async def begin(request: Request, case_no: CaseNo, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """The questions, or what was answered."""
    return await _page(request, hub, holder, case_no, Form({}))


@router.post(CASES + "/{case_no}", response_class=HTMLResponse)
async def rate(request: Request, case_no: CaseNo, hub: HubDep, holder: HolderDep) -> Response:
    """Once."""
    given = await holder_form(request, holder)
    stars, brought = _number(given.text("stars")), _number(given.text("brought"))
    try:
        await hub.citizens.ratings.rate(holder, case_no, Given(stars, brought, given.text("text")))
    except ObjectionError as error:
        wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
        return await _page(request, hub, holder, case_no, given, [wrong])
    except RatedError:
        return redirect(f"{CASES}/{case_no}")
    return redirect("/me/objections" if stars <= BAD else CASES)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


async def _page(
    request: Request, hub: Hub, holder: Holder, case_no: str, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    found = await hub.citizens.ratings.one(holder, case_no)
    status = 422 if errors else 200
    return render(request, "me/rate.html", holder, status=status, errors=errors, item=found, given=given)
