"""Demands 供需对接: a system or staff leave one, staff of the owner and operators answer it."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.api.either import EitherDep
from hub.deps import HubDep, KeyDep, StaffDep, UuidText
from hub.edge.body import Body, read_json
from hub.edge.errors import BadRequestError, Fault
from hub.registry.search.service import MAX_LIMIT
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=1024, description="As `next` of the page before")]
Code = Annotated[str, Field(max_length=64)]
Queue = Annotated[bool, Query(description="待本部门答复 Those that wait for the own department; staff only")]


class DemandBody(Body):
    """A demand 供需对接: something the catalogue does not have."""

    what: Annotated[str, Field(max_length=200)] = ""
    legal_basis: Annotated[str, Field(max_length=500)] = ""
    contact: Annotated[str, Field(max_length=200, description="An office, never a person")] = ""
    matter: Annotated[str, Field(max_length=64)] = ""
    fields: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=50)] = ()
    note: Annotated[str, Field(max_length=2000)] = ""


class DemandAnswerBody(Body):
    """`publish`: `kind` and `code`. `refuse`: `reason`. `forward`: `reason`, perhaps `to`. `assign`: `to`, `reason`."""

    kind: Annotated[str, Field(max_length=20, description="interface, certificate_type")] = ""
    code: Code = ""
    reason: Annotated[str, Field(max_length=2000)] = ""
    to: Annotated[Code | None, Field(description="USCC of a department")] = None


BODIES: Final = (DemandBody, DemandAnswerBody)


@router.post("/demands", status_code=201, summary="Leave a demand 供需对接", openapi_extra={"x-body": "DemandBody"})
async def file_demand(request: Request, hub: HubDep, who: EitherDep, key: KeyDep) -> Response:
    """It reaches the department that most likely has it, with a clock; faults are named all at once."""
    body, raw = await read_json(request, DemandBody, max_bytes=hub.settings.max_body_bytes)
    told = {name: value for name, value in body.model_dump().items() if value} | {"fields": list(body.fields)}
    if isinstance(who, Caller):
        scope = RequestKey(who.system_id, "demands", key, hashlib.sha256(raw).hexdigest()) if key else None
        view = await hub.catalogue.demands.file_for(who, told, key=scope)
    else:
        view = await hub.catalogue.demands.file(who, told)
    location = {"Location": f"/api/v1/demands/{view.demand.id}"}
    return JSONResponse(view.as_json(), status_code=201, headers=location)


@router.get("/demands", summary="Demands 需求清单")
async def list_demands(
    hub: HubDep, who: EitherDep, queue: Queue = False, limit: Limit = 50, cursor: Cursor = None
) -> JSONResponse:
    """Those that the own department left, newest first; operator and auditor: all."""
    if queue and not isinstance(who, Actor):
        raise BadRequestError(Fault("/queue", "staff_only"))
    scope: list[Any] = ["demands", queue, who.department_id]
    before = str(hub.catalogue.cursors.open(cursor, scope=scope)[0]) if cursor else None
    found = await hub.catalogue.demands.list(who, queue=queue, before=before, limit=limit + 1)
    more = hub.catalogue.cursors.seal([found[limit - 1].demand.id], scope=scope) if len(found) > limit else None
    return JSONResponse({"demands": [item.as_json() for item in found[:limit]], "next": more})


@router.get("/demands/{demand_id}", summary="One demand 需求详情")
async def get_demand(demand_id: UuidText, hub: HubDep, who: EitherDep) -> JSONResponse:
    """With every step, for whoever asked and whoever must answer. Somebody else's is a 404."""
    return JSONResponse((await hub.catalogue.demands.show(who, demand_id)).as_json())


@router.post("/demands/{demand_id}/withdraw", summary="Withdraw a demand 撤回需求")
async def withdraw_demand(demand_id: UuidText, hub: HubDep, who: EitherDep) -> JSONResponse:
    """No longer needed. Twice is a 409."""
    return JSONResponse((await hub.catalogue.demands.withdraw(who, demand_id)).as_json())


@router.post(
    "/demands/{demand_id}/{step}", summary="Answer a demand 答复需求", openapi_extra={"x-body": "DemandAnswerBody"}
)
async def answer_demand(demand_id: UuidText, step: str, request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """`publish`, `refuse` and `forward` by an approver of the owner; `assign` by the operator."""
    body, _ = await read_json(request, DemandAnswerBody, max_bytes=hub.settings.max_body_bytes)
    demands = hub.catalogue.demands
    steps: dict[str, Any] = {
        "publish": lambda: demands.publish(actor, demand_id, kind=body.kind, code=body.code),
        "refuse": lambda: demands.refuse(actor, demand_id, body.reason),
        "forward": lambda: demands.forward(actor, demand_id, body.reason, to=body.to),
        "assign": lambda: demands.assign(actor, demand_id, body.to or "", body.reason),
    }
    if step not in steps:
        raise BadRequestError(Fault("/step", "unknown"))
    return JSONResponse((await steps[step]()).as_json())
