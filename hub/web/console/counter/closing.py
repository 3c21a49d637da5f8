"""The end of a case at the counter: handed to whoever decides it, closed, or accepted now because something is owed;
and the one notice of what is missing.
"""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.access.actors import Actor
from hub.deps import HubDep
from hub.intake.errors import DebtsOpenError
from hub.intake.handling.asking_more import Asking
from hub.intake.handling.errors import AskedAlreadyError, AskError, MandateMissingError
from hub.intake.handling.steps import Hand, by_system
from hub.runtime import Hub
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import form
from hub.web.console.frame import redirect
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_CLOSED: Final = ("已办结，不再查询任何数据", "Closed: nothing more is asked for it")
_WHEN_PAID: Final = (
    "已受理。部门补齐后自动办结",
    "Accepted: it closes itself when departments have paid what they owe",
)
_ACCEPTED: Final = ("已受理，转审批部门", "Accepted: whoever decides it has it now")
_NO_MANDATE: Final = ("审批部门没有委托本部门受理这个事项", "The department that decides has not mandated yours")
_SUPPLIED: Final = ("已收齐补正材料", "What was missing has come")


@router.post(CASE + "/close")
async def close(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Close it; where something is owed by now, accept it instead: the person has nothing to do with that."""
    await form(request)
    said = _CLOSED
    try:
        await hub.counter.close(actor, case_no)
    except DebtsOpenError:
        await hub.counter.close(actor, case_no, when_paid=True)
        said = _WHEN_PAID
    return redirect(f"{COUNTER}/{case_no}", said)


@router.post(CASE + "/accept")
async def accept(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take it in for the department that decides, also while something is owed to it."""
    await form(request)
    try:
        await hub.handling.stages.accept(await _hand(hub, actor), case_no)
    except MandateMissingError:
        return redirect(f"{COUNTER}/{case_no}", _NO_MANDATE, refused=True)
    return redirect(f"{COUNTER}/{case_no}", _ACCEPTED)


@router.post(CASE + "/tell")
async def tell(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Tell the person once of all that is missing, and print it. A second sheet is the same notice again."""
    await form(request)
    hand = await _hand(hub, actor)
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    missing = [(line.code, line.party) for line in (*found.wanted, *found.first_settled)]
    if missing and found.open:
        # It was told before, or an answer came meanwhile: the sheet has it either way.
        with suppress(AskedAlreadyError, AskError):
            await hub.handling.stages.ask_more(hand, case_no, Asking(missing))
    return redirect(f"{COUNTER}/{case_no}/sheet")


@router.post(CASE + "/supplied")
async def supplied(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person has brought what was missing: the clock goes on."""
    await form(request)
    await hub.handling.stages.supplied(await _hand(hub, actor), case_no)
    return redirect(f"{COUNTER}/{case_no}", _SUPPLIED)


async def _hand(hub: Hub, actor: Actor) -> Hand:
    """The counter, for the clerk."""
    return by_system(await hub.counter.caller(actor), {"id": actor.id, "name": actor.name})
