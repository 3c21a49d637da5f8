"""Where one case stands, on paper to take home 办理情况单: by one key, in large print and both languages."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.deps import HubDep
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.counter.words import OUTCOMES, STATES
from hub.web.console.forms import form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.rate_page import RATE

router = APIRouter()
SLIP: Final = CASE + "/slip"


@router.post(SLIP, response_class=HTMLResponse)
async def print_slip(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Printed, and on the ledger: a form, so that nobody's looking around prints one."""
    await form(request)
    slip = await hub.case_slips.print(actor, case_no, view_of(request).language)
    here = f"{COUNTER}/{case_no}"
    rate_at = hub.settings.public_url + RATE
    shown: dict[str, Any] = {"outcomes": OUTCOMES, "states": STATES, "here": here, "rate_at": rate_at}
    return render(request, "console/counter/case_slip.html", actor, slip=slip, **shown)


@router.get(SLIP)
async def back(case_no: CaseNoPath, actor: ConsoleDep) -> Response:  # noqa: ARG001  # signed in
    """A page in another language, or taken up again: back to the case, where it is printed anew."""
    return redirect(f"{COUNTER}/{case_no}")
