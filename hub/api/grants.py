"""Access 共享授权: ask for it, answer, dispute; the grants that follow. For a system, for itself, and for staff."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from catalog.grants import GrantState
from hub.access.actors import Actor
from hub.api.either import EitherDep
from hub.deps import HubDep, KeyDep, UuidText
from hub.edge.body import Body, read_json
from hub.edge.errors import BadRequestError, Fault
from hub.registry.requests.decision import read_approval
from hub.registry.requests.service import system_actor
from hub.registry.requests.values import State
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["grants"])
Word = Annotated[str, Field(max_length=100)]
Words = Annotated[tuple[Word, ...], Field(max_length=200)]
Said = Annotated[str, Field(max_length=2000)]
StateText = Annotated[State | None, Query(description="提交、补充、已授权、不予同意、撤回、失效")]


class GrantRequestBody(Body):
    """What is asked. Members may be left out: the answer names everything that is missing, at once."""

    system: Word = ""
    type: Word | None = None
    interface: Word | None = None
    fields: Words = ()
    matters: Words = ()
    purpose: Annotated[str, Field(max_length=200)] = ""
    legal_basis: Annotated[str, Field(max_length=500)] = ""
    scene: Annotated[str, Field(max_length=1000)] = ""
    kind: Annotated[str, Field(pattern="^(application|ex_officio)$")] = "application"
    quota_per_day: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    valid_from: Annotated[str, Field(max_length=40)] | None = None
    valid_until: Annotated[str, Field(max_length=40)] | None = None
    corroboration: Words = ()
    officers: Words = ()
    contact: Annotated[str, Field(max_length=200)] = ""
    bulk: bool = False
    bulk_subjects: Annotated[int, Field(ge=1)] | None = None


class ApprovalBody(Body):
    """What the owner agrees to. What is left out stays as asked; `reasons` by what was cut: `fields/name`."""

    fields: Words | None = None
    matters: Words | None = None
    officers: Words | None = None
    quota_per_day: Annotated[int, Field(ge=1)] | None = None
    valid_until: Annotated[str, Field(max_length=40)] | None = None
    corroboration: Words | None = None
    bulk: bool | None = None
    bulk_subjects: Annotated[int, Field(ge=1)] | None = None
    reasons: Annotated[dict[Word, Annotated[str, Field(max_length=500)]], Field(max_length=200)] | None = None


class ReasonBody(Body):
    """Why. `legal_basis` for a refusal, `approval` (who agreed, or the paper) for an extension."""

    reason: Said = ""
    legal_basis: Annotated[str, Field(max_length=500)] = ""
    approval: Annotated[str, Field(max_length=500)] = ""


BODIES: Final = (GrantRequestBody, ApprovalBody, ReasonBody)


async def acting(who: EitherDep) -> tuple[Actor, str | None]:
    """A member of staff, or a system for itself with its id."""
    return (who, None) if isinstance(who, Actor) else (system_actor(who), who.system_id)


ActingDep = Annotated[tuple[Actor, str | None], Depends(acting)]


@router.post(
    "/grant-requests", status_code=201, summary="Ask for access 申请授权", openapi_extra={"x-body": "GrantRequestBody"}
)
async def file(request: Request, who: ActingDep, hub: HubDep, key: KeyDep) -> Response:
    """422 with every fault at once; 201 with `state: granted` where the terms are unconditional."""
    body, raw = await read_json(request, GrantRequestBody, max_bytes=hub.settings.max_body_bytes)
    actor, system_id = who
    scope = None
    if key is not None and system_id is not None:
        scope = RequestKey(system_id, "grant-requests", key, hashlib.sha256(raw).hexdigest())
    found = await hub.sharing.requests.file(actor, _given(body), request=scope)
    headers = {"Location": f"/api/v1/grant-requests/{found.request.id}"}
    return JSONResponse(found.as_json(), status_code=201, headers=headers)


@router.post("/grant-requests/check", summary="Check a form 预检", openapi_extra={"x-body": "GrantRequestBody"})
async def check(request: Request, who: ActingDep, hub: HubDep) -> Response:
    """Everything that filing this would be refused for. Nothing is stored."""
    body, _ = await read_json(request, GrantRequestBody, max_bytes=hub.settings.max_body_bytes)
    faults = await hub.sharing.requests.check(who[0], _given(body))
    return JSONResponse({"errors": [fault.as_json() for fault in faults]})


@router.get("/grant-requests", summary="Requests 授权申请")
async def list_requests(
    who: ActingDep, hub: HubDep, state: StateText = None, overdue: bool = False, to_decide: bool = False
) -> Response:
    """A system's own; staff: those their department made or must answer; operator and auditor: all. At most 500."""
    wanted = state.value if state else None
    found = await hub.sharing.requests.list(who[0], state=wanted, overdue=overdue, to_decide=to_decide)
    return JSONResponse({"grant_requests": [item.as_json() for item in found]})


@router.get("/grant-requests/{request_id}", summary="One request 查询申请")
async def get_request(request_id: UuidText, who: ActingDep, hub: HubDep) -> Response:
    """With its history. Others' requests are a 404."""
    return JSONResponse((await hub.sharing.requests.get(who[0], request_id)).as_json())


@router.post(
    "/grant-requests/{request_id}/supply", summary="Supply 补充材料", openapi_extra={"x-body": "GrantRequestBody"}
)
async def supply(request_id: UuidText, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """The corrected request in whole; system and resource stay."""
    body, _ = await read_json(request, GrantRequestBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.sharing.requests.supply(who[0], request_id, _given(body))).as_json())


@router.post("/grant-requests/{request_id}/approve", summary="Agree 同意", openapi_extra={"x-body": "ApprovalBody"})
async def approve(request_id: UuidText, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """`{}` agrees to everything. The grant is live with the answer."""
    body, _ = await read_json(request, ApprovalBody, max_bytes=hub.settings.max_body_bytes)
    approval = read_approval(_given(body))
    return JSONResponse((await hub.sharing.requests.approve(who[0], request_id, approval)).as_json())


@router.post("/grant-requests/{request_id}/{step}", summary="A step 办理步骤", openapi_extra={"x-body": "ReasonBody"})
async def take_step(request_id: UuidText, step: str, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """`refuse`, `ask-more`, `extend` by the owner; `withdraw` and `dispute` by the asker; `settle` and `escalate` by
    either.
    """
    body, _ = await read_json(request, ReasonBody, max_bytes=hub.settings.max_body_bytes)
    actor, requests, disputes = who[0], hub.sharing.requests, hub.sharing.disputes
    steps: dict[str, Any] = {
        "refuse": lambda: requests.refuse(actor, request_id, body.reason, body.legal_basis),
        "ask-more": lambda: requests.ask_more(actor, request_id, body.reason),
        "extend": lambda: requests.extend(actor, request_id, body.reason, body.approval),
        "withdraw": lambda: requests.withdraw(actor, request_id, body.reason),
        "dispute": lambda: disputes.open(actor, request_id, body.reason),
        "settle": lambda: disputes.settle(actor, request_id, body.reason),
        "escalate": lambda: disputes.escalate(actor, request_id, body.reason),
    }
    if step not in steps:
        raise BadRequestError(Fault("/step", "unknown"))
    return JSONResponse((await steps[step]()).as_json())


@router.get("/grants", summary="Grants 授权")
async def list_grants(who: ActingDep, hub: HubDep) -> Response:
    """A system's own; staff: those their department gave or holds; operator and auditor: all. At most 500."""
    return JSONResponse({"grants": [grant.as_json() for grant in await hub.registry.grants.list(who[0])]})


@router.get("/grants/{grant_id}", summary="One grant 查询授权")
async def get_grant(grant_id: UuidText, who: ActingDep, hub: HubDep) -> Response:
    """Others' grants are a 404."""
    return JSONResponse((await hub.registry.grants.get(who[0], grant_id)).as_json())


@router.post("/grants/{grant_id}/{step}", summary="Suspend 暂停撤回", openapi_extra={"x-body": "ReasonBody"})
async def change_grant(grant_id: UuidText, step: str, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """`suspend`, `resume` or `withdraw`, by the owner and with a reason; it acts on the next query everywhere."""
    body, _ = await read_json(request, ReasonBody, max_bytes=hub.settings.max_body_bytes)
    states = {"suspend": GrantState.SUSPENDED, "resume": GrantState.LIVE, "withdraw": GrantState.WITHDRAWN}
    if step not in states:
        raise BadRequestError(Fault("/step", "unknown"))
    await hub.registry.grants.change_by(who[0], grant_id, states[step], body.reason)
    return JSONResponse((await hub.registry.grants.get(who[0], grant_id)).as_json())


@router.get("/notices", summary="Notices 提醒")
async def list_notices(who: ActingDep, hub: HubDep, unseen: bool = False) -> Response:
    """What waits and what happened: codes and references, no data."""
    found = await hub.sharing.notices.list(who[0], unseen=unseen)
    return JSONResponse({"notices": [notice.as_json() for notice in found]})


@router.post("/notices/{notice_id}/seen", status_code=204, summary="Seen 已阅")
async def seen(notice_id: UuidText, who: ActingDep, hub: HubDep) -> Response:
    """For everybody it was for."""
    await hub.sharing.notices.see(who[0], notice_id)
    return Response(status_code=204)


def _given(body: Body) -> dict[str, Any]:
    given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
