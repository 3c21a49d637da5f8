"""Questions to officers 协查, for the department that is asked. Another department's is a 404."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.deps import HubDep, StaffDep, UuidText
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["verification tasks"])
Code = Annotated[str, Field(min_length=1, max_length=64)]


class TaskAnswerBody(Body):
    """`confirmed` with every field of the form; `not_found` and `cannot_tell` with a reason."""

    result: Annotated[str, Field(max_length=20, description="confirmed, not_found, cannot_tell")] = ""
    values: Annotated[dict[Code, Any], Field(max_length=20)] = Field(default_factory=dict)
    reason: Annotated[str, Field(max_length=500)] = ""


BODIES = (TaskAnswerBody,)


@router.get("/verification-tasks", summary="Questions to answer 协查任务")
async def list_tasks(hub: HubDep, actor: StaffDep, everything: bool = False) -> Response:
    """Those of the own department by when they are due, without a word about a person."""
    return JSONResponse({"tasks": await hub.lower.tasks.list(actor, everything=everything)})


@router.get("/verification-tasks/{task_id}", summary="One question 协查任务详情")
async def get_task(task_id: UuidText, hub: HubDep, actor: StaffDep) -> Response:
    """With whom it is about while it is open: the question and no more."""
    return JSONResponse(await hub.lower.tasks.show(actor, task_id))


@router.post(
    "/verification-tasks/{task_id}/answer",
    summary="Answer a question 答复协查",
    openapi_extra={"x-body": "TaskAnswerBody"},
)
async def answer_task(task_id: UuidText, request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """Once, over a signature: of the department, or of the hub where that has no key here; `signed_by` says which."""
    body, _ = await read_json(request, TaskAnswerBody, max_bytes=hub.settings.max_body_bytes)
    told = await hub.lower.tasks.answer(actor, task_id, result=body.result, values=body.values, reason=body.reason)
    return JSONResponse(told)
