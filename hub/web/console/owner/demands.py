"""Demands that reached the department: what is wanted, and the answer: published as, not ours, or no, with a reason."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.requests.errors import StepError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/demands"


@router.get(LIST, response_class=HTMLResponse)
async def demands(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Those that wait for the department; for the hub's own roles every one that waits."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    found = await hub.catalogue.demands.list(actor, queue=True)
    return render(request, "console/owner/demands.html", actor, found=found, states=words.STATES)


@router.get(LIST + "/{demand_id}", response_class=HTMLResponse)
async def demand(request: Request, demand_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One demand."""
    return await _page(request, hub, actor, demand_id)


@router.post(LIST + "/{demand_id}/{step}", response_class=HTMLResponse)
async def answer(request: Request, demand_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Answer it."""
    given = await form(request)
    errors: list[FieldError] = []
    try:
        await _answer(hub, actor, demand_id, step, given)
    except DefinitionError as error:
        names = {"publish": "code", "refuse": "refuse_reason", "forward": "forward_reason"}
        told = {
            "publish": ("没有以此编码发布的资源", "Nothing is published under this code"),
            "refuse": ("请写明理由", "Give the reason"),
            "forward": ("请写明理由，并选择其他部门", "Give the reason, and another department"),
        }
        if step not in names:
            raise MissingError("page") from error
        errors = [FieldError(names[step], *told[step])]
    except StepError:
        errors = [FieldError("", "已经答复，或他人刚刚办理过", "It was answered, or somebody was faster")]
    if not errors:
        return redirect(LIST, ("已答复", "Answered"))
    return await _page(request, hub, actor, demand_id, errors, given)


async def _answer(hub: Hub, actor: Actor, demand_id: str, step: str, given: Form) -> None:
    service = hub.catalogue.demands
    match step:
        case "publish":
            await service.publish(actor, demand_id, kind=given.text("kind"), code=given.text("code"))
        case "refuse":
            await service.refuse(actor, demand_id, given.text("refuse_reason"))
        case "forward":
            await service.forward(actor, demand_id, given.text("forward_reason"), to=given.text("to") or None)
        case _:
            raise MissingError("page")


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    demand_id: str,
    errors: list[FieldError] | None = None,
    given: Form | None = None,
) -> HTMLResponse:
    view = await hub.catalogue.demands.show(actor, demand_id)
    departments = await hub.database.read(list_departments)
    mine = actor.department_id is not None and actor.department_id == view.demand.owner_department_id
    return render(
        request, "console/owner/demand.html", actor, status=422 if errors else 200, errors=errors or (), view=view,
        may=mine and Role.OWNER_APPROVER in actor.roles and view.demand.state.value == "assigned",
        departments=[item for item in departments if item.id != actor.department_id and not item.closed],
        given=given or Form({}), states=words.STATES, list_path=LIST,
    )  # fmt: skip
