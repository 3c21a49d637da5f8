"""Staff 人员, for programs of the operator; people use the console. Called with a token `yzs_…`."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from hub.access.staff_store import Staff
from hub.clock import rfc3339
from hub.deps import HubDep, StaffDep, UuidText
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["staff"])
RoleName = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]


class StaffBody(Body):
    """A new account. Its owner sets the password through the link in the answer."""

    user_name: Annotated[str, Field(min_length=3, max_length=64)]
    display_name: Annotated[str, Field(min_length=1, max_length=100)]
    department: Annotated[str, Field(min_length=18, max_length=18)] | None = None
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=5)]
    external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class RolesBody(Body):
    """Exactly these roles from now on."""

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=5)]


@router.get("/staff", summary="Accounts 账号列表")
async def list_staff(hub: HubDep, actor: StaffDep) -> Response:
    """All for operator and auditor, else those of one's own department."""
    return JSONResponse({"staff": [shown(staff) for staff in await hub.staff.seen_by(actor)]})


@router.get("/staff/me", summary="Who am I 当前账号")
async def me(hub: HubDep, actor: StaffDep) -> Response:
    """The account behind this token."""
    return JSONResponse(shown(await hub.staff.get(actor, actor.id)))


@router.post("/staff", status_code=201, summary="Make an account 新建账号", openapi_extra={"x-body": "StaffBody"})
async def add(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """Operators only. `link` is shown this once and works once, for 30 minutes."""
    body, _ = await read_json(request, StaffBody, max_bytes=hub.settings.max_body_bytes)
    staff = await hub.staff.add(actor, body.model_dump())
    link = await hub.staff.invite(actor, staff.id)
    headers = {"Location": f"/api/v1/staff/{staff.id}"}
    return JSONResponse({**shown(staff), "link": link}, status_code=201, headers=headers)


@router.get("/staff/{staff_id}", summary="One account 查询账号")
async def get_staff(staff_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """Another department's account is a 404."""
    return JSONResponse(shown(await hub.staff.get(actor, staff_id)))


@router.post("/staff/{staff_id}/roles", summary="Change roles 修改角色", openapi_extra={"x-body": "RolesBody"})
async def change_roles(request: Request, staff_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """His sessions and tokens end."""
    body, _ = await read_json(request, RolesBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse(shown(await hub.staff.change_roles(actor, staff_id, list(body.roles))))


@router.post("/staff/{staff_id}/invite", summary="A new one-time link 一次性链接")
async def invite(staff_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """Setting a password through it ends what he had."""
    return JSONResponse({"link": await hub.staff.invite(actor, staff_id)})


@router.post("/staff/{staff_id}/disable", summary="Disable an account 停用账号")
async def disable(staff_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """His sessions and tokens end at once."""
    return JSONResponse(shown(await hub.staff.disable(actor, staff_id)))


@router.post("/staff/{staff_id}/enable", summary="Enable an account 启用账号")
async def enable(staff_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """By the password he had."""
    return JSONResponse(shown(await hub.staff.enable(actor, staff_id)))


def shown(staff: Staff) -> dict[str, Any]:
    """An account as colleagues and operators see it."""
    return {
        "id": staff.id,
        "user_name": staff.user_name,
        "display_name": staff.display_name,
        "department": staff.department_code,
        "roles": sorted(staff.roles),
        "active": staff.active,
        "break_glass": staff.break_glass,
        "created_at": rfc3339(staff.created_at),
    }
