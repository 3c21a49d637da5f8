"""Grants that the department gave: who may have what, and suspending, resuming, withdrawing with a reason."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.grants import GrantState
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.consumer.names import names_of, titles_of
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/grants"
_STATES: Final = {
    "suspend": (GrantState.SUSPENDED, "授权已暂停，立即生效", "The grant is suspended, at once"),
    "resume": (GrantState.LIVE, "授权已恢复", "The grant is in force again"),
    "withdraw": (GrantState.WITHDRAWN, "授权已撤回，立即生效", "The grant is withdrawn, at once"),
}


@router.get(LIST, response_class=HTMLResponse)
async def grants(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Grants of what the department owns, newest first."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    found = await hub.registry.grants.list(actor)
    if actor.department_id is not None:
        found = [item for item in found if item.grant.owner_department_id == actor.department_id]
    named = [(item.grant.resource_kind, item.grant.resource) for item in found]
    titles = await hub.database.read(lambda tx: titles_of(tx, hub.types, named))
    return render(request, "console/owner/grants.html", actor, grants=found, states=words.STATES, titles=titles)


@router.get(LIST + "/{grant_id}", response_class=HTMLResponse)
async def grant(request: Request, grant_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One grant."""
    return await _page(request, hub, actor, grant_id)


@router.post(LIST + "/{grant_id}/{step}", response_class=HTMLResponse)
async def change(request: Request, grant_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Suspend, resume or withdraw it."""
    given = await form(request)
    if step not in _STATES:
        raise MissingError("page")
    state, zh, en = _STATES[step]
    if not given.text("reason"):
        return await _page(request, hub, actor, grant_id, [FieldError("reason", "请写明理由", "Give the reason")])
    try:
        await hub.registry.grants.change_by(actor, grant_id, state, given.text("reason"))
    except DefinitionError:
        zh, en = "授权已撤回，或理由过长（最多 500 字）", "It is withdrawn, or the reason is longer than 500 characters"
        wrong = FieldError("reason", zh, en)
        return await _page(request, hub, actor, grant_id, [wrong])
    return redirect(f"{LIST}/{grant_id}", (zh, en))


async def _page(
    request: Request, hub: Hub, actor: Actor, grant_id: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    view = await hub.registry.grants.get(actor, grant_id)
    grant = view.grant
    names = await hub.database.read(
        lambda tx: names_of(tx, hub.types, grant.resource_kind, grant.resource, matters=grant.terms.matters, owner="")
    )
    may = Role.OWNER_APPROVER in actor.roles and view.grant.owner_department_id == actor.department_id
    return render(
        request, "console/owner/grant.html", actor, status=422 if errors else 200, errors=errors or (), view=view,
        states=words.STATES, may=may, list_path=LIST, names=names,
    )  # fmt: skip
