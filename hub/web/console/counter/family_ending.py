"""The end of a life event at the counter: taken in together, told once, closed together, and the slip to take home."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.deps import HubDep
from hub.web.console.counter.family import ONE, FamilyNoPath, values
from hub.web.console.counter.family_taking import FAMILY
from hub.web.console.forms import form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.rate_page import RATE

router = APIRouter()
_ACCEPTED: Final = ("已一并受理，转各审批部门", "All accepted: whoever decides them has them now")
_SUPPLIED: Final = ("已收齐补正材料", "What was missing has come")
_CLOSED: Final = ("已全部办结，不再查询任何数据", "All closed: nothing more is asked for them")
_LEFT: Final = (
    "能办结的已办结；其余等待审批或部门补齐",
    "What could be closed is closed; the rest waits for a decision or for a department",
)


@router.post(ONE + "/accept")
async def accept(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take in every case, each for the department that decides it: they go on side by side."""
    await form(request)
    refused = await hub.family_counter.accept(actor, family_no, view_of(request).language)
    if refused:
        zh, en = "、".join(refused), ", ".join(refused)
        said = (f"没有委托本部门受理：{zh}。其余已受理", f"Not mandated to yours: {en}. The others are accepted")
        return redirect(f"{FAMILY}/{family_no}", said, refused=True)
    return redirect(f"{FAMILY}/{family_no}", _ACCEPTED)


@router.post(ONE + "/tell")
async def tell(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Tell the person once of all that is missing, for all matters, and print it."""
    await form(request)
    await hub.family_counter.tell(actor, family_no, view_of(request).language)
    return redirect(f"{FAMILY}/{family_no}/sheet")


@router.post(ONE + "/supplied")
async def supplied(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person has brought what was missing: the clocks go on."""
    await form(request)
    await hub.family_counter.supplied(actor, family_no, view_of(request).language)
    return redirect(f"{FAMILY}/{family_no}", _SUPPLIED)


@router.post(ONE + "/close")
async def close(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """One exit for all that can be closed; then the slip."""
    await form(request)
    left = await hub.family_counter.close(actor, family_no)
    return redirect(f"{FAMILY}/{family_no}/slip", _LEFT if left else _CLOSED)


@router.get(ONE + "/sheet", response_class=HTMLResponse)
async def sheet(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What the person still brings for all matters, each paper once, in large print."""
    found = await hub.family_counter.look(actor, family_no, view_of(request).language)
    shown = values(found, view_of(request))
    return render(request, "console/counter/family_sheet.html", actor, printed=hub.clock(), **shown)


@router.get(ONE + "/slip", response_class=HTMLResponse)
async def slip(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What was done, what was issued, who looked, whom to ask: to take home, in large print."""
    language = view_of(request).language
    found = await hub.family_counter.look(actor, family_no, language)
    looks = await hub.family_slips.looks(actor, family_no, language)
    rate_at = hub.settings.public_url + RATE
    shown = values(found, view_of(request))
    return render(
        request, "console/counter/slip.html", actor, printed=hub.clock(), looks=looks, rate_at=rate_at, **shown
    )
