"""My requests: where each stands, whose turn it is and until when; answering, withdrawing, disputing."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.requests.dispute_store import OPEN_STAGES, Stage
from hub.registry.requests.errors import IncompleteError
from hub.registry.requests.values import OPEN, State
from hub.registry.requests.views import RequestView
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.consumer import words
from hub.web.console.consumer.ask import BASE as ASK
from hub.web.console.consumer.ask_form import typed
from hub.web.console.consumer.names import Names, names_of
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/consumer/requests"


@router.get(LIST, response_class=HTMLResponse)
async def requests(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What my department asked for, and forms that were not finished."""
    views = [item for item in await hub.sharing.requests.list(actor) if _mine(actor, item)]
    drafts = await hub.drafts.list(actor, "ask")
    return render(request, "console/consumer/requests.html", actor, views=views, drafts=drafts, ask=ASK, **words.SHARED)


@router.get(LIST + "/{request_id}", response_class=HTMLResponse)
async def one(request: Request, request_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One request with its history."""
    return await _page(request, hub, actor, request_id)


@router.post(LIST + "/{request_id}/supply")
async def supply(request: Request, request_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """The form again, filled with what was asked, to answer what the owner wants to know."""
    await form(request)
    view = await hub.sharing.requests.get(actor, request_id)
    content = {"definition": typed(view.request.filing), "request": request_id, "reached": True}
    draft_id = await hub.drafts.begin(actor, "ask", content)
    return redirect(f"{ASK}/{draft_id}/check")


@router.post(LIST + "/{request_id}/withdraw", response_class=HTMLResponse)
async def withdraw(request: Request, request_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take it back."""
    given = await form(request)
    await hub.sharing.requests.withdraw(actor, request_id, given.text("withdraw_reason"))
    return redirect(f"{LIST}/{request_id}", ("申请已撤回", "The request is withdrawn"))


@router.post(LIST + "/{request_id}/dispute", response_class=HTMLResponse)
async def dispute(request: Request, request_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Dispute a refusal, a cut, or an answer that is late; settle it; put it higher."""
    given = await form(request)
    reason, move = given.text("reason"), given.text("move")
    service = hub.sharing.disputes
    moves: dict[str, Any] = {"open": service.open, "settle": service.settle, "escalate": service.escalate}
    if move not in moves:
        raise MissingError("move")
    try:
        await moves[move](actor, request_id, reason)
    except IncompleteError:
        errors = [FieldError("reason", "请写明理由", "Give the reason")]
        return await _page(request, hub, actor, request_id, errors)
    said = {
        "open": ("争议已提出，进入协商", "The dispute is open: negotiate"),
        "settle": ("争议已了结", "The dispute is settled"),
        "escalate": ("已提请上一级处理", "Put one level higher"),
    }
    return redirect(f"{LIST}/{request_id}", said[move])


async def _page(
    request: Request, hub: Hub, actor: Actor, request_id: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    view = await hub.sharing.requests.get(actor, request_id)
    found = await hub.sharing.disputes.of(actor, request_id)
    asked = view.request
    mine = Role.CONSUMER_ENGINEER in actor.roles and _mine(actor, view)
    is_open = found is not None and found.stage in OPEN_STAGES
    disputable = (
        asked.state is State.REFUSED
        or (asked.state is State.GRANTED and asked.decision.get("narrowed", False))
        or (asked.state is State.SUBMITTED and view.overdue)
    )
    return render(
        request,
        "console/consumer/request.html",
        actor,
        status=422 if errors else 200,
        errors=errors or (),
        view=view,
        asked=asked,
        names=await _names(hub, view),
        dispute=found,
        may_supply=mine and asked.state is State.MORE_ASKED,
        may_withdraw=mine and asked.state in OPEN,
        may_dispute=mine and disputable and not is_open,
        may_settle=found is not None and mine and found.stage in {Stage.NEGOTIATING, Stage.COORDINATING},
        may_escalate=found is not None and mine and found.stage in {Stage.NEGOTIATING, Stage.DECIDED},
        **words.SHARED,
    )


async def _names(hub: Hub, view: RequestView) -> Names:
    filing, owner = view.request.filing, view.request.owner_code
    return await hub.database.read(
        lambda tx: names_of(tx, hub.types, filing.resource_kind, filing.resource, matters=filing.matters, owner=owner)
    )


def _mine(actor: Actor, view: RequestView) -> bool:
    return actor.department_id is None or view.request.asking_department_id == actor.department_id
