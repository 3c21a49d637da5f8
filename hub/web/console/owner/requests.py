"""Requests for access, seen by the owner: the queue with its clocks, one request, and the ways to answer it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.meanings import CORROBORATION, Words
from hub.registry.requests.decision import read_approval
from hub.registry.requests.dispute_store import Dispute
from hub.registry.requests.disputes import FOR_ASKER, FOR_OWNER
from hub.registry.requests.errors import IncompleteError, OwnRequestError, StepError
from hub.registry.requests.store import find_request
from hub.registry.requests.values import OPEN, Filing, State
from hub.registry.requests.views import RequestView
from hub.runtime import Hub
from hub.web.console.consumer.names import names_of, titles_of
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.owner.answers import approval_of, beside, cut_words, last_day_of
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/requests"
_SAID: Final = {
    "approve": ("已同意，授权已生效", "Granted, and in force"),
    "refuse": ("已作出不予共享决定", "Refused"),
    "ask": ("已一次性告知申请部门补充", "The asker is told what is missing"),
    "extend": ("答复期限已延长", "The time for the answer is extended"),
    "settle": ("已协商一致，请重新答复", "Settled; answer it once more"),
    "escalate": ("已提请主管部门处理", "Put to the operator"),
}
_WHY: Final = {
    "asked_before": ("已经一次性告知过，不能再次要求补充", "More was asked for once already"),
    "extended_before": ("已经延期过一次", "It was extended once already"),
    "overdue": ("期限已过，不能再延期或要求补充", "The time is over: it can be neither extended nor asked about"),
    "no_extension": ("现行规则不允许延期", "The rules allow no extension"),
    "changed_meanwhile": ("他人刚刚办理过，请查看最新状态", "Somebody was faster; look at its state"),
    "resource_unknown": ("所申请的资源已不再提供", "What was asked for is not published any more"),
}
_VERDICTS: Final[dict[str, Words]] = {
    FOR_ASKER: ("支持申请部门：须重新答复", "for the asker: it is answered again"),
    FOR_OWNER: ("支持数源部门：原答复有效", "for the owner: the answer stands"),
}


@router.get(LIST, response_class=HTMLResponse)
async def requests(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    show: Annotated[str, Query(pattern="^(open|all)$")] = "open",
) -> HTMLResponse:
    """What waits, soonest due first; with `show=all` what is over as well."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    found = await hub.sharing.requests.list(actor, to_decide=show == "open")
    if actor.department_id is not None:
        found = [item for item in found if item.request.owner_department_id == actor.department_id]
    if show == "open":
        found = [item for item in found if item.request.state in OPEN]
    disputes = await _disputes(hub, actor)
    filings = [*(item.request.filing for item in found), *(filing for _, filing in disputes)]
    named = [(filing.resource_kind, filing.resource) for filing in filings]
    titles = await hub.database.read(lambda tx: titles_of(tx, hub.types, named))
    return render(
        request, "console/owner/requests.html", actor, found=found, disputes=disputes, everything=show == "all",
        states=words.STATES, titles=titles,
    )  # fmt: skip


async def _disputes(hub: Hub, actor: Actor) -> list[tuple[Dispute, Filing]]:
    """Open disputes, each with what it is about."""
    found = await hub.sharing.disputes.list(actor)
    about = await hub.database.read(lambda tx: [find_request(tx, item.request_id) for item in found])
    return [(item, request.filing) for item, request in zip(found, about, strict=True) if request is not None]


@router.get(LIST + "/{request_id}", response_class=HTMLResponse)
async def one(request: Request, request_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One request with its history."""
    return await _page(request, hub, actor, request_id)


@router.get(LIST + "/{request_id}/{step}", response_class=HTMLResponse)
async def step_form(request: Request, request_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form of one way to answer."""
    actor.require(Role.OWNER_APPROVER)
    return await _page(request, hub, actor, request_id, step)


@router.post(LIST + "/{request_id}/{step}", response_class=HTMLResponse)
async def answer(request: Request, request_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Answer it, or take a step in its dispute."""
    given = await form(request)
    try:
        await _answer(hub, actor, request_id, step, given)
    except IncompleteError as error:
        errors = [beside(fault) for fault in error.faults]
    except StepError as error:
        zh, en = _WHY.get(error.why, ("当前状态下不能办理", "Not possible in this state"))
        errors = [FieldError("", zh, en)]
    except OwnRequestError:
        errors = [
            FieldError("", "申请人不得办理本人的申请，须由他人办理", "Whoever asked may not decide: somebody else must")
        ]
    else:
        return redirect(f"{LIST}/{request_id}", _SAID.get(step, ("已办理", "Done")))
    return await _page(request, hub, actor, request_id, step, errors, given)


async def _answer(hub: Hub, actor: Actor, request_id: str, step: str, given: Form) -> None:
    service, reason = hub.sharing.requests, given.text("reason")
    match step:
        case "approve":
            found = await service.get(actor, request_id)
            await service.approve(actor, request_id, read_approval(approval_of(found.request.filing, given)))
        case "refuse":
            await service.refuse(actor, request_id, reason, given.text("legal_basis"))
        case "ask":
            await service.ask_more(actor, request_id, reason)
        case "extend":
            await service.extend(actor, request_id, reason, given.text("approval"))
        case "settle":
            await hub.sharing.disputes.settle(actor, request_id, reason)
        case "escalate":
            await hub.sharing.disputes.escalate(actor, request_id, reason)
        case _:
            raise StepError(step, "unknown")


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    request_id: str,
    step: str = "",
    errors: Sequence[FieldError] = (),
    given: Form | None = None,
) -> HTMLResponse:
    view = await hub.sharing.requests.get(actor, request_id)
    dispute = await hub.sharing.disputes.of(actor, request_id)
    filing = view.request.filing
    names = await hub.database.read(
        lambda tx: names_of(
            tx,
            hub.types,
            filing.resource_kind,
            filing.resource,
            matters=filing.matters,
            owner=view.request.owner_code,
        )
    )
    is_owner = Role.OWNER_APPROVER in actor.roles and actor.department_id == view.request.owner_department_id
    return render(
        request,
        "console/owner/request.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        view=view,
        dispute=dispute,
        step=step,
        given=given,
        may=_may(view) if is_owner else [],
        verdicts=_VERDICTS,
        in_dispute=is_owner and dispute is not None and dispute.stage.value in {"negotiating", "decided"},
        titles=await _titles(hub, actor, view),
        names=names,
        asking=await _name(hub, request, view.request.asking_code),
        corroborations=CORROBORATION,
        cut_words=lambda cut: cut_words(cut, names),
        list_path=LIST,
        states=words.STATES,
        until=last_day_of(view.request.filing),
    )


def _may(view: RequestView) -> list[str]:
    """Ways to answer that are open now."""
    if view.request.state is not State.SUBMITTED:
        return []
    more = [] if view.request.asks or view.overdue else ["ask"]
    return ["approve", "refuse", *more, *([] if view.request.extensions or view.overdue else ["extend"])]


async def _name(hub: Hub, request: Request, code: str) -> str:
    """A department's name with its code."""
    found = await hub.database.read(lambda tx: find_department(tx, code))
    return f"{view_of(request).t(found.name_zh, found.name_en)} · {code}" if found else code


async def _titles(hub: Hub, actor: Actor, view: RequestView) -> dict[str, Any]:
    """Titles and terms of the fields asked for, where it is an interface of his own."""
    if view.request.filing.word != "interface" or actor.department_id != view.request.owner_department_id:
        return {}
    if not actor.roles & {Role.OWNER_ENGINEER, Role.OWNER_APPROVER}:
        return {}
    found = await hub.interfaces.list(actor)
    newest = next((item for item in found if item.code == view.request.filing.resource and item.state == "live"), None)
    return dict(newest.declared["fields"]) if newest else {}
