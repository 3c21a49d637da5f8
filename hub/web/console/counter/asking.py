"""Asking the person all the same: one key for the reason, on the ledger; the rule that it breaks is said at once."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.deps import HubDep
from hub.edge.errors import BadRequestError, Fault
from hub.intake.asks.reasons import Reason
from hub.intake.asks.service import Asking
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import form
from hub.web.console.frame import redirect
from hub.web.console.visit import ConsoleDep

router = APIRouter()


@router.post(CASE + "/insist")
async def insist(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """`line` is the requirement and its party, `reason` one of the closed list."""
    given = await form(request)
    caller = await hub.counter.caller(actor)
    code, _, party = given.text("line").partition("|")
    if given.text("reason") not in set(Reason):
        raise BadRequestError(Fault("reason", "unknown"))
    asking = Asking(code, Reason(given.text("reason")), party or None, clerk=actor.id)
    said = [(await hub.asks.ask(caller, case_no, asking, language))["rule"] for language in ("zh-CN", "en")]
    told = ("已记录仍要求提供的理由", "Recorded: the person is asked all the same")
    if said[0] is not None and said[1] is not None:
        told = (
            f"{told[0]}。注意：{said[0]['text']}，已告知主管",
            f"{told[1]}. But: {said[1]['text']}. Your approver is told",
        )
    return redirect(f"{COUNTER}/{case_no}", told)
