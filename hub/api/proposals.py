"""Proposals 双人复核: changes by one operator that another confirms. For operators' programs; people have pages."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.deps import HubDep, StaffDep, UuidText
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["proposals"])


class ProposalBody(Body):
    """A change, as its action reads it, and why."""

    action: Annotated[str, Field(max_length=40)]
    payload: dict[str, Any]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class RejectionBody(Body):
    """Why not."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


BODIES = (ProposalBody, RejectionBody)


@router.get("/proposals", summary="Proposals 变更清单")
async def list_proposals(hub: HubDep, actor: StaffDep, only_open: bool = False) -> Response:
    """The newest 200, for operators and auditors."""
    found = await hub.sharing.proposals.list(actor, only_open=only_open)
    return JSONResponse(
        {"actions": list(hub.sharing.proposals.actions), "proposals": [item.as_json() for item in found]}
    )


@router.post("/proposals", status_code=201, summary="Propose 提出变更", openapi_extra={"x-body": "ProposalBody"})
async def propose(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """Nothing changes yet; it lapses after three days."""
    body, _ = await read_json(request, ProposalBody, max_bytes=hub.settings.max_body_bytes)
    found = await hub.sharing.proposals.propose(actor, body.action, body.payload, body.reason)
    return JSONResponse(found.as_json(), status_code=201)


@router.post("/proposals/{proposal_id}/confirm", summary="Confirm 确认")
async def confirm(proposal_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """By another operator; the change is made with the answer."""
    return JSONResponse((await hub.sharing.proposals.confirm(actor, proposal_id)).as_json())


@router.post("/proposals/{proposal_id}/reject", summary="Reject 否决", openapi_extra={"x-body": "RejectionBody"})
async def reject(proposal_id: UuidText, request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """Or take back one's own."""
    body, _ = await read_json(request, RejectionBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.sharing.proposals.reject(actor, proposal_id, body.reason)).as_json())
