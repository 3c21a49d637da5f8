"""A case judged again 办件复核, for auditors: outcomes and rules, never a value."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.access.actors import Role
from hub.deps import HubDep
from hub.intake.errors import CaseNotFoundError
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
PATH: Final = "/console/replay"
_UNKNOWN: Final = FieldError("case_no", "没有此办件", "There is no such case")
_LOOKS: Final = {
    "same": ("一致", "same", "good"),
    "different": ("不一致", "different", "bad"),
    "not_replayable": ("不可复核", "not replayable", "off"),
}


@router.get(PATH, response_class=HTMLResponse)
async def ask(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """By the case's number."""
    actor.require(Role.AUDITOR)
    return render(request, "console/replay.html", actor, found=None, case_no="", looks=_LOOKS, path_of=PATH)


@router.post(PATH, response_class=HTMLResponse)
async def replay(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Each decision, and whether it is given again. By a form: no link makes an entry of the ledger."""
    actor.require(Role.AUDITOR)
    case_no = (await form(request)).text("case_no")[:40]
    language = "en" if view_of(request).language == "en" else "zh-CN"
    errors, found = [], None
    try:
        found = await hub.replaying.replay(actor, case_no, language)
    except CaseNotFoundError:
        errors = [_UNKNOWN]
    return render(
        request, "console/replay.html", actor, status=422 if errors else 200, errors=errors, found=found,
        case_no=case_no, looks=_LOOKS, path_of=PATH,
    )  # fmt: skip
