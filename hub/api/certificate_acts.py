"""Acts that wait for a second person 待复核: for staff of the issuing department, and the system that asked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.certificates import IdentifierText, TransitionBody, scope_of
from hub.api.either import EitherDep, actor_of
from hub.deps import HubDep, KeyDep, StaffDep, UuidText
from hub.edge.body import Body, read_json
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.service import shown

router = APIRouter(prefix="/api/v1", tags=["certificates"])


class ActListBody(TransitionBody):
    """One act for many certificates 批量操作. Acts that make new versions are not for lists."""

    identifiers: Annotated[tuple[IdentifierText, ...], Field(min_length=1, max_length=20_000)]


class ActRejectionBody(Body):
    """Why not."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


BODIES: Final = (ActRejectionBody, ActListBody)


@router.get("/certificate-acts", summary="Acts that wait 待复核操作")
async def list_acts(hub: HubDep, actor: StaffDep) -> JSONResponse:
    """Of the own department, the newest hundred; without what they say."""
    return JSONResponse({"acts": [item.as_json() for item in await hub.transitions.waiting.waiting(actor)]})


@router.get("/certificate-acts/{act}", summary="One of them 待复核操作详情")
async def get_act(act: UuidText, hub: HubDep, who: EitherDep) -> JSONResponse:
    """With what it says, for those who may decide it, while it waits."""
    return JSONResponse((await hub.transitions.waiting.view(actor_of(who), act)).as_json())


@router.post("/certificate-acts/{act}/confirm", status_code=201, summary="Confirm 复核通过")
async def confirm_act(act: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """By another person of the department; it is done with the answer."""
    version = await hub.transitions.waiting.confirm(actor, act)
    history = await hub.transitions.history(actor, version.identifier)
    return JSONResponse(shown(history, as_of=None, now=hub.clock()), status_code=201)


@router.post(
    "/certificate-acts/{act}/reject", summary="Reject 复核不通过", openapi_extra={"x-body": "ActRejectionBody"}
)
async def reject_act(act: UuidText, request: Request, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """Or take back one's own."""
    body, _ = await read_json(request, ActRejectionBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.transitions.waiting.reject(actor, act, body.reason)).as_json())


@router.post(
    "/certificate-act-lists",
    status_code=202,
    summary="One act for many 批量操作",
    openapi_extra={"x-body": "ActListBody"},
)
async def put_list(request: Request, hub: HubDep, who: EitherDep, key: KeyDep) -> JSONResponse:
    """Each row for itself: a bad one stops nothing. Waits for a second person where a type of its rows wants one."""
    body, raw = await read_json(request, ActListBody, max_bytes=hub.settings.max_body_bytes)
    act = Act.read(body.model_dump(exclude={"identifiers"}))
    found = await hub.transitions.lists.put(
        actor_of(who), act, body.identifiers, request=scope_of(who, "certificate-act-lists", key, raw)
    )
    location = {"Location": f"/api/v1/certificate-act-lists/{found.id}"}
    return JSONResponse(found.as_json(), status_code=202, headers=location)


@router.get("/certificate-act-lists/{list_id}", summary="How far it is 批量进度")
async def get_list(list_id: UuidText, hub: HubDep, who: EitherDep) -> JSONResponse:
    """Rows by outcome, per cent, and why rows were refused."""
    return JSONResponse((await hub.transitions.lists.view(actor_of(who), list_id)).as_json())


@router.get("/certificate-act-lists/{list_id}/report", summary="Row by row 逐行结果")
async def get_list_report(
    list_id: UuidText, hub: HubDep, who: EitherDep, after: Annotated[int, Query(ge=0)] = 0
) -> JSONResponse:
    """A thousand rows; `after` the number of the last one gives the next."""
    rows = await hub.transitions.lists.report(actor_of(who), list_id, after=after)
    return JSONResponse({"rows": rows, "next": rows[-1]["number"] if rows else None})


@router.post("/certificate-act-lists/{list_id}/confirm", status_code=202, summary="Confirm 批量复核")
async def confirm_list(list_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """By another person of the department."""
    return JSONResponse((await hub.transitions.lists.confirm(actor, list_id)).as_json(), status_code=202)
