"""The switch of a type 停用: thrown by one person at once, lifted when a second one confirms."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.deps import HubDep, StaffDep
from hub.edge.body import Body, read_json
from hub.registry.sharing import TYPE_LIFT

router = APIRouter(prefix="/api/v1", tags=["certificate types"])
CodeText = Annotated[str, Path(pattern=r"^[0-9A-Za-z_]{1,64}$")]
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class HaltBody(Body):
    """Why, and on which legal basis."""

    reason: _Text
    legal_basis: _Text


class LiftBody(Body):
    """Why it goes on."""

    reason: _Text


BODIES: Final = (HaltBody, LiftBody)


@router.post(
    "/certificate-types/{code}/halt", status_code=201, summary="Stop a type 停用", openapi_extra={"x-body": "HaltBody"}
)
async def halt(code: CodeText, request: Request, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """From now on nothing of it is issued or disclosed, and verifying one says so. Operators, and approvers of the
    defining department.
    """
    body, _ = await read_json(request, HaltBody, max_bytes=hub.settings.max_body_bytes)
    found = await hub.halts.halt(actor, code, reason=body.reason, legal_basis=body.legal_basis)
    return JSONResponse(found.as_json(), status_code=201)


@router.get("/certificate-types/{code}/halt", summary="Whether it is stopped 停用情况")
async def get_halt(code: CodeText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """With each time that it was."""
    return JSONResponse((await hub.halts.view(actor, code)).as_json())


@router.post(
    "/certificate-types/{code}/resume",
    status_code=202,
    summary="Propose that it goes on 申请恢复",
    openapi_extra={"x-body": "LiftBody"},
)
async def resume(code: CodeText, request: Request, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """It goes on when another person confirms: `POST /api/v1/proposals/{id}/confirm`."""
    body, _ = await read_json(request, LiftBody, max_bytes=hub.settings.max_body_bytes)
    payload = {"code": hub.halts.code_of(code), "reason": body.reason}
    found = await hub.sharing.proposals.propose(actor, TYPE_LIFT, payload, body.reason)
    return JSONResponse(found.as_json(), status_code=202)
