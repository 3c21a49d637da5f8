"""Objections and questions of holders 异议, for the department that answers. Another department's is a 404."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me_objections import handed_json, shown
from hub.citizens.objections.values import Answer, Objection, State
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, StaffDep, UuidText
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1/objections", tags=["objections"])


class ObjectionAnswerBody(Body):
    """About data: `corrected`, once the library has changed, or `refused` with the reason and where to go next. A
    superior who reviews: `upheld`, which orders the correction, or `refused`; what is ordered: `corrected`. About a
    look or a case: `answered`, in words.
    """

    result: Annotated[str, Field(max_length=20, description="corrected, refused, upheld, answered")] = ""
    reason: Annotated[str, Field(max_length=1000)] = ""
    next: Annotated[str, Field(max_length=1000)] = ""


class ObjectionHandBody(Body):
    """Whose it is: the code of a department, or empty for the operator, who decides; and why."""

    department: Annotated[str, Field(pattern=r"^([0-9A-Z]{18})?$")] = ""
    reason: Annotated[str, Field(max_length=500)] = ""


BODIES: Final = (ObjectionAnswerBody, ObjectionHandBody)


@router.get("", summary="Objections to answer 待答复异议")
async def list_objections(hub: HubDep, actor: StaffDep, everything: bool = False) -> Response:
    """Those of the own department by when they are due, without a word about a person."""
    now, found = hub.clock(), await hub.citizens.desk.list(actor, everything=everything)
    listed = [_listed(item) | {"overdue": item.state is State.RUNNING and now > item.due_at} for item in found]
    return JSONResponse({"objections": listed})


@router.get("/{objection_id}", summary="One objection 单条异议")
async def get_objection(objection_id: UuidText, hub: HubDep, actor: StaffDep, language: LanguageDep) -> Response:
    """What the person says. Each look is on the ledger, and shown to him."""
    return JSONResponse(shown(await hub.citizens.desk.show(actor, objection_id), language))


@router.get("/{objection_id}/scan", summary="The paper that came with it 异议所附扫描件")
async def get_scan(objection_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """While it runs. Each look is on the ledger."""
    content, media_type = await hub.citizens.desk.scan(actor, objection_id)
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/{objection_id}/answer", summary="Answer it 答复异议", openapi_extra={"x-body": "ObjectionAnswerBody"})
async def answer_objection(
    objection_id: UuidText, request: Request, hub: HubDep, actor: StaffDep, language: LanguageDep
) -> Response:
    """Once, over a signature: of the department, or of the hub where that has no key here; `signed_by` says which."""
    body, _ = await read_json(request, ObjectionAnswerBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.desk.answer(actor, objection_id, Answer(body.result, body.reason, body.next))
    return JSONResponse(shown(await hub.citizens.desk.show(actor, objection_id), language))


@router.post("/{objection_id}/hand", summary="Hand it on 转交异议", openapi_extra={"x-body": "ObjectionHandBody"})
async def hand_on(objection_id: UuidText, request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """To who is responsible: once each way, then to the operator, whose word stays. The clock goes on."""
    body, _ = await read_json(request, ObjectionHandBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.handing.hand(actor, objection_id, department=body.department, reason=body.reason)
    return JSONResponse({"id": objection_id, "handed": handed_json(await hub.citizens.handing.path(objection_id))})


def _listed(item: Objection) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "state": item.state.value,
        "channel": item.channel,
        "department": item.department.get("code"),
        "raised_at": rfc3339(item.raised_at),
        "due_at": rfc3339(item.due_at),
        "ended_at": rfc3339(item.ended_at) if item.ended_at else None,
        "signed_by": item.signed_by,
    }
