"""Evidence 证据: the pull."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep, KeyDep, LanguageDep, RememberedCallerDep, UuidText
from hub.edge.body import JSON_TYPE, Body, read_json
from hub.intake.claiming import EvidenceCall

router = APIRouter(prefix="/api/v1", tags=["evidence"])


class EvidenceBody(Body):
    """Which requirements, for what. Without `requirements`, all that the matter lists."""

    requirements: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=1, max_length=50)]
        | None
    ) = None
    purpose: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/cases/{case_no}/evidence", summary="Ask for evidence 取证", openapi_extra={"x-body": "EvidenceBody"})
async def ask(
    case_no: CaseNo, request: Request, caller: RememberedCallerDep, hub: HubDep, key: KeyDep, language: LanguageDep
) -> Response:
    """Every requirement gets its own outcome; what was disclosed is on the ledger before this answer leaves.

    `bundle` is a JWS over the hash of this request: SHA-256 of `POST`, the path and the exact body, each followed by a
    line feed.
    """
    body, raw = await read_json(request, EvidenceBody, max_bytes=hub.settings.max_body_bytes)
    call = EvidenceCall(
        case_no=case_no,
        requirements=body.requirements,
        purpose=body.purpose,
        language=language,
        request_hash=request_hash(case_no, raw),
        idempotency_key=key,
    )
    return Response(await hub.evidence.pull(caller, call), media_type=JSON_TYPE)


@router.get("/evidence-requests/{request_id}", summary="Fetch an answer again 重新获取")
async def fetch(request_id: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """The same bytes, without a new ledger entry, while case and grants hold."""
    return Response(await hub.evidence.fetch(caller, request_id), media_type=JSON_TYPE)


def request_hash(case_no: str, raw: bytes) -> str:
    """What the bundle binds itself to."""
    return hashlib.sha256(b"POST\n/api/v1/cases/" + case_no.encode() + b"/evidence\n" + raw + b"\n").hexdigest()
