"""Evidence 证据: the pull."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from hub.api.cases import CaseNo, Facts
from hub.api.evidence_events import stream, wants_stream
from hub.deps import CallerDep, HubDep, KeyDep, LanguageDep, RememberedCallerDep, UuidText
from hub.edge.body import JSON_TYPE, Body, read_json
from hub.edge.event_stream import EVENT_STREAM
from hub.intake.calls import EvidenceCall

router = APIRouter(prefix="/api/v1", tags=["evidence"])


class AnswerBack(Body):
    """What is said to a question that an earlier answer asked back: a choice (null takes it back), or facts."""

    resume_token: Annotated[str, Field(min_length=1, max_length=1024)]
    choice: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    facts: Facts | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "AnswerBack":
        if ("choice" in self.model_fields_set) == (self.facts is not None):
            raise ValueError("one of the two")
        return self


class EvidenceBody(Body):
    """Which requirements, for what: by code, or by the system's own `materials`; without either, all that the matter
    lists.
    """

    requirements: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=1, max_length=50)]
        | None
    ) = None
    materials: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1, max_length=50)]
        | None
    ) = None
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    answers: Annotated[tuple[AnswerBack, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _is_one(self) -> "EvidenceBody":
        if self.requirements is not None and self.materials is not None:
            raise ValueError("one of the two")
        return self


class PlanBody(Body):
    """What the pull would be for."""

    purpose: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/cases/{case_no}/plan", summary="What a pull would ask 取证计划", openapi_extra={"x-body": "PlanBody"})
async def plan(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep) -> Response:
    """Which requirements apply and why, by what each would be met, and the questions that are open. Nothing is fetched,
    and nothing is told about a party.
    """
    body, _ = await read_json(request, PlanBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse(await hub.planning.plan(caller, case_no, purpose=body.purpose, language=language))


@router.post(
    "/cases/{case_no}/evidence",
    summary="Ask for evidence 取证",
    openapi_extra={"x-body": "EvidenceBody"},
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
async def ask(
    case_no: CaseNo, request: Request, caller: RememberedCallerDep, hub: HubDep, key: KeyDep, language: LanguageDep
) -> Response:
    """Every requirement gets its own outcome; what was disclosed is on the ledger before this answer leaves.

    `bundle` is a JWS over the hash of this request: SHA-256 of `POST`, the path and the exact body, each followed by a
    line feed. With `Accept: text/event-stream` every requirement leaves as an event of its own when it is settled.
    """
    body, raw = await read_json(request, EvidenceBody, max_bytes=hub.settings.max_body_bytes)
    call = EvidenceCall(
        case_no=case_no,
        requirements=body.requirements,
        purpose=body.purpose,
        language=language,
        request_hash=request_hash(case_no, raw),
        idempotency_key=key,
        materials=body.materials,
        answers=tuple((item.resume_token, item.choice if item.facts is None else item.facts) for item in body.answers),
    )
    if wants_stream(request):
        return await stream(request, caller, hub, call)
    return Response(await hub.evidence.pull(caller, call), media_type=JSON_TYPE)


@router.get("/evidence-requests/{request_id}", summary="Fetch an answer again 重新获取")
async def fetch(request_id: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """The same bytes, without a new ledger entry, while case and grants hold."""
    return Response(await hub.evidence.fetch(caller, request_id), media_type=JSON_TYPE)


def request_hash(case_no: str, raw: bytes) -> str:
    """What the bundle binds itself to."""
    return hashlib.sha256(b"POST\n/api/v1/cases/" + case_no.encode() + b"/evidence\n" + raw + b"\n").hexdigest()
