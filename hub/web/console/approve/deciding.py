"""What an approver does with a case: decides it, or asks once for what is missing.

Where a licence comes of it, granting leads to its draft (`granting`); licences that were issued by their own form are
named instead.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.deps import HubDep
from hub.intake.errors import DebtsOpenError
from hub.intake.handling.asking_more import Asking
from hub.intake.handling.deciding import GRANTED, REFUSED, Decision
from hub.intake.handling.errors import AskedAlreadyError, AskError, CaseChangedError
from hub.intake.handling.steps import by_staff
from hub.web.console.approve.case import CASE, CHANGED, as_read, page
from hub.web.console.approve.granting import offer
from hub.web.console.approve.queue import QUEUE
from hub.web.console.counter.case import CaseNoPath
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_CHOOSE: Final = FieldError("outcome", "请选择准予或不予批准", "Choose whether it is granted")
_NO_REASON: Final = FieldError(
    "reason", "不予批准须说明理由，最多 500 字", "A refusal says why, in at most 500 characters"
)
_NOT_ISSUED: Final = FieldError(
    "results",
    "标识不是本部门颁发的证照，或并未准予",
    "Not a licence of your department, or nothing is granted",
)
_OWED: Final = FieldError(
    "", "还有部门欠件，补齐后才能决定", "Something is owed to it: it is decided when that has come"
)
_TOLD: Final = ("已一次性告知全部缺少的材料", "All that is missing was told, once")
_TOLD_ALREADY: Final = ("已经告知过一次，不能再次要求", "It was told once already, and is not asked for again")
_NOT_WHOLE: Final = ("情况已有变化，请重新查看证据后再告知", "The case has changed: read its evidence again first")
_MOST: Final = 500


@router.post(CASE + "/decide", response_class=HTMLResponse)
async def decide(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Grant or refuse."""
    given = await form(request)
    outcome, reason, read = given.text("outcome"), given.text("reason"), as_read(given)
    results = tuple(given.text("results").split())
    errors = [] if outcome in {GRANTED, REFUSED} else [_CHOOSE]
    if len(reason) > _MOST or (outcome == REFUSED and not reason):
        errors.append(_NO_REASON)
    if not errors and outcome == GRANTED and not results and not given.checked("without"):
        gives = await hub.handling.giving.gives(actor, case_no)
        if read not in {None, gives.case.change_no}:
            errors = [CHANGED]
        elif gives.types and gives.case.stage == "accepted" and gives.waiting is None:
            return await offer(request, hub, actor, gives, reason)
    if not errors:
        try:
            decision = Decision(outcome, reason or None, results, read)
            await hub.handling.stages.decide(by_staff(actor), case_no, decision)
        except AskError:
            errors = [_NOT_ISSUED]
        except DebtsOpenError:
            errors = [_OWED]
        except CaseChangedError:
            errors = [CHANGED]
        else:
            return redirect(f"{QUEUE}/{case_no}", ("已作出决定", "The case is decided"))
    return await page(request, hub, actor, case_no, given=given, errors=errors)


@router.post(CASE + "/ask-more")
async def ask_more(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """One notice of everything that is missing; the clock stands still until it comes."""
    given = await form(request)
    missing = [(code, party or None) for code, _, party in (item.partition("|") for item in given.all("missing"))]
    said = None
    try:
        await hub.handling.stages.ask_more(
            by_staff(actor), case_no, Asking(missing, given.text("note")[:_MOST] or None)
        )
    except AskedAlreadyError:
        said = _TOLD_ALREADY
    except AskError:
        said = _NOT_WHOLE
    return redirect(f"{QUEUE}/{case_no}", said or _TOLD, refused=said is not None)


@router.post(CASE + "/supplied")
async def supplied(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """What was missing has come."""
    await form(request)
    await hub.handling.stages.supplied(by_staff(actor), case_no)
    return redirect(f"{QUEUE}/{case_no}", ("已收齐补正材料", "What was missing has come"))
