"""The desk for dead ends 办不成事, and mandates to accept cases 委托受理."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.access.actors import Role
from hub.api.case_handling import PartyKey
from hub.api.cases import CaseNo, OperatorBody
from hub.deps import CallerDep, HubDep, KeyDep, StaffDep, UuidText
from hub.edge.body import Body, read_json
from hub.intake.handling.dead_ends import Stuck
from hub.intake.handling.steps import by_system
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["cases"])


class DeadEndBody(Body):
    """Why it is stuck, by a key of the list, and at which requirement."""

    operator: OperatorBody
    reason: Literal[
        "source_stays_away", "record_wrong", "departments_disagree", "circular_prerequisite", "rule_does_not_fit",
        "left_over_from_history", "system_fault", "other",
    ]  # fmt: skip
    code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    party: PartyKey | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None


class DeadEndAnswerBody(Body):
    """What becomes of it."""

    outcome: Literal["solved", "way_shown", "handed_on", "not_possible"]
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class EndMandateBody(Body):
    """Why."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


BODIES = (DeadEndBody, DeadEndAnswerBody, EndMandateBody)


@router.post(
    "/cases/{case_no}/dead-end",
    status_code=201,
    summary="Send a stuck case to the desk 办不成事",
    openapi_extra={"x-body": "DeadEndBody"},
)
async def send_dead_end(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> JSONResponse:
    """Whatever its stage. The operator answers within his time; one case is there once at a time, and the same
    Idempotency-Key answers as it did.
    """
    body, raw = await read_json(request, DeadEndBody, max_bytes=hub.settings.max_body_bytes)
    stuck = Stuck(body.reason, body.code, body.party, body.note)
    scope = RequestKey.of(caller.system_id, "dead-ends", key, case_no.encode() + b"\x1f" + raw)
    hand = by_system(caller, body.operator.model_dump())
    sent = await hub.handling.dead_ends.send(hand, case_no, stuck, request=scope)
    return JSONResponse(sent, status_code=201)


@router.get("/cases/{case_no}/dead-end", summary="What the desk says of a case 办不成事进度")
async def dead_ends_of_case(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """All that it was told, and has answered, oldest first."""
    return JSONResponse({"dead_ends": await hub.handling.dead_ends.of_case(by_system(caller, {}), case_no)})


@router.get("/dead-ends", summary="The desk for dead ends 办不成事窗口")
async def dead_ends(
    actor: StaffDep, hub: HubDep, *, everything: Annotated[bool, Query(alias="all")] = False
) -> JSONResponse:
    """What waits, the most urgent first, and the figures. For operators; auditors see no words."""
    actor.require(Role.OPERATOR, Role.AUDITOR)
    desk = hub.handling.desk
    return JSONResponse(
        {"dead_ends": await desk.queue(actor, everything=everything), "statistics": await desk.statistics(actor)}
    )


@router.post(
    "/dead-ends/{dead_end}/answer", summary="Answer a dead end 答复", openapi_extra={"x-body": "DeadEndAnswerBody"}
)
async def answer_dead_end(dead_end: UuidText, request: Request, actor: StaffDep, hub: HubDep) -> JSONResponse:
    """By an operator, once."""
    body, _ = await read_json(request, DeadEndAnswerBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse(await hub.handling.desk.answer(actor, dead_end, body.outcome, body.text))


@router.get("/mandates", summary="Mandates to accept cases 委托受理")
async def mandates(actor: StaffDep, hub: HubDep) -> JSONResponse:
    """Given by, and to, the own department. One is made by the proposal `mandate.make` of the one that decides, which
    an approver of the other confirms.
    """
    return JSONResponse({"mandates": await hub.handling.mandates.list(actor)})


@router.post("/mandates/{mandate_id}/end", summary="End a mandate 终止委托", openapi_extra={"x-body": "EndMandateBody"})
async def end_mandate(mandate_id: UuidText, request: Request, actor: StaffDep, hub: HubDep) -> Response:
    """Either department alone. What was accepted under it stays so."""
    body, _ = await read_json(request, EndMandateBody, max_bytes=hub.settings.max_body_bytes)
    await hub.handling.mandates.end(actor, mandate_id, body.reason)
    return Response(status_code=204)
