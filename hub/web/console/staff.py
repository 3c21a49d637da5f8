"""People: everybody sees those of his department; an operator makes, invites, changes and disables accounts.

What he may not do alone becomes a proposal, under the reason that he gave.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.access.errors import SecondOperatorError
from hub.access.staff_two import invites_alone
from hub.deps import HubDep, UuidText
from hub.registry.sharing import STAFF_ADD, STAFF_INVITE, STAFF_ROLES
from hub.runtime import Hub
from hub.storage.errors import ConflictError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.proposals import propose
from hub.web.console.visit import ConsoleDep
from hub.web.console.words import ROLES

router = APIRouter()
_WRONG: Final = {
    "user_name": ("用户名为 3 至 64 位小写字母、数字和 . _ -", "Use 3 to 64 of a-z 0-9 . _ -"),
    "display_name": ("请输入姓名", "Enter the person's name"),
    "department": ("没有这个部门", "There is no such department"),
    "roles": (
        "请至少选择一个角色；不属于部门的账号只能是运行人员或审计人员",
        "Choose at least one role; without a department only operator and auditor",
    ),
    "external_id": ("统一身份标识最多 255 个字符", "The provider's identifier has at most 255 characters"),
    "reason": ("须由另一名运行人员确认，请写明事由", "Another operator must confirm this: say why it is needed"),
    "staff": ("至少要保留一名可用的平台运行人员", "The last operator stays"),
    "account": ("账号已停用，请先启用", "The account is disabled: enable it first"),
}


@router.get("/console/staff", response_class=HTMLResponse)
async def people(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The accounts he sees; an operator those that are not believed, too."""
    found = await hub.staff.seen_by(actor)
    doubted = await hub.staff.doubted(actor) if Role.OPERATOR in actor.roles else ()
    return render(request, "console/staff.html", actor, people=found, doubted=doubted, **_shown(actor))


@router.get("/console/staff/new", response_class=HTMLResponse)
async def new_form(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form of a new account."""
    actor.require(Role.OPERATOR)
    return await _new_page(request, hub, actor, Form({}))


@router.post("/console/staff/new", response_class=HTMLResponse)
async def add(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Make the account and show the link for its owner."""
    given = await form(request)
    definition: dict[str, Any] = {
        name: given.text(name) for name in ("user_name", "display_name", "department", "external_id")
    }
    missing = [FieldError(name, *_WRONG[name]) for name in ("user_name", "display_name") if not given.text(name)]
    if missing or not given.all("roles"):  # all that is missing at once; the rest is judged by the use case
        roles = [] if given.all("roles") else [FieldError("roles", *_WRONG["roles"])]
        return await _new_page(request, hub, actor, given, [*missing, *roles])
    definition["roles"] = given.all("roles")
    try:
        try:
            added = await hub.staff.add(actor, definition)
        except SecondOperatorError:
            return await propose(hub, actor, STAFF_ADD, definition, given.text("reason"))
    except DefinitionError as error:
        return await _new_page(request, hub, actor, given, [_fault(error)])
    except ConflictError:
        taken = FieldError("user_name", "这个用户名已有人使用", "This user name is taken")
        return await _new_page(request, hub, actor, given, [taken])
    return await _link_page(request, hub, actor, added.id)


@router.get("/console/staff/{staff_id}", response_class=HTMLResponse)
async def person(request: Request, staff_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One account."""
    return await _person_page(request, hub, actor, staff_id)


@router.post("/console/staff/{staff_id}/roles", response_class=HTMLResponse)
async def change_roles(request: Request, staff_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Give exactly the ticked roles."""
    given = await form(request)
    try:
        try:
            await hub.staff.change_roles(actor, staff_id, given.all("roles"))
        except SecondOperatorError:
            return await propose(
                hub, actor, STAFF_ROLES, {"staff": staff_id, "roles": given.all("roles")}, given.text("reason")
            )
    except DefinitionError as error:
        return await _person_page(request, hub, actor, staff_id, [_fault(error)])
    return redirect(f"/console/staff/{staff_id}", ("角色已修改，需重新登录", "Roles changed; he must sign in again"))


@router.post("/console/staff/{staff_id}/invite", response_class=HTMLResponse)
async def invite(request: Request, staff_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """A new one-time link, shown on this one page."""
    given = await form(request)
    try:
        try:
            return await _link_page(request, hub, actor, staff_id)
        except SecondOperatorError:
            return await propose(hub, actor, STAFF_INVITE, {"staff": staff_id}, given.text("why"))
    except DefinitionError as error:
        fault = _fault(error)
        wrong = FieldError("why", fault.zh, fault.en) if fault.field == "reason" else fault
        return await _person_page(request, hub, actor, staff_id, [wrong])


@router.post("/console/staff/{staff_id}/state", response_class=HTMLResponse)
async def switch(request: Request, staff_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Disable or enable."""
    given = await form(request)
    if given.text("active") == "1":
        await hub.staff.enable(actor, staff_id)
        return redirect(f"/console/staff/{staff_id}", ("账号已启用", "The account is enabled"))
    try:
        await hub.staff.disable(actor, staff_id)
    except DefinitionError as error:
        return await _person_page(request, hub, actor, staff_id, [_fault(error)])
    return redirect(f"/console/staff/{staff_id}", ("账号已停用", "The account is disabled"))


async def _new_page(
    request: Request, hub: Hub, actor: Actor, given: Form, errors: list[FieldError] | None = None
) -> HTMLResponse:
    departments = await hub.database.read(list_departments)
    return render(
        request,
        "console/staff_new.html",
        actor,
        status=422 if errors else 200,
        errors=errors or (),
        departments=departments,
        given=given,
        **_shown(actor),
    )


async def _person_page(
    request: Request, hub: Hub, actor: Actor, staff_id: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    found = await hub.staff.get(actor, staff_id)
    status = 422 if errors else 200
    return render(
        request, "console/person.html", actor, status=status, errors=errors or (), person=found,
        alone=invites_alone(actor, found, hub.clock()), **_shown(actor),
    )  # fmt: skip


async def _link_page(request: Request, hub: Hub, actor: Actor, staff_id: str) -> HTMLResponse:
    link = await hub.staff.invite(actor, staff_id)
    found = await hub.staff.get(actor, staff_id)
    return render(request, "console/staff_link.html", actor, person=found, link=link)


def _shown(actor: Actor) -> dict[str, Any]:
    return {"roles": ROLES, "may_change": Role.OPERATOR in actor.roles}


def _fault(error: DefinitionError) -> FieldError:
    name = str(error).partition(":")[0]
    return FieldError("" if name in {"staff", "account"} else name, *_WRONG[name])
