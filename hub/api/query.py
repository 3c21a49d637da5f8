"""Queries 数据查询: one question to one source."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from hub.deps import HubDep, KeyDep, LanguageDep, RememberedCallerDep
from hub.edge.body import JSON_TYPE, Body, read_json
from hub.exchange.question import QueryCall

router = APIRouter(prefix="/api/v1", tags=["exchange"])
InterfaceCode = Annotated[str, Path(pattern=r"^[a-z0-9_-]{3,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class QueryBody(Body):
    """A question for a case. The party is named by role; its number and name are the case's, not the caller's."""

    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    party: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    subject: Annotated[int, Field(ge=0, le=19)] | None = None
    params: Annotated[dict[Name, str | int | bool | None], Field(max_length=20)] = Field(default_factory=dict)
    fields: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    material: Annotated[str, Field(max_length=200)] = ""


@router.post(
    "/interfaces/{code}/query", summary="Put one question to one source 查询", openapi_extra={"x-body": "QueryBody"}
)
async def query(
    code: InterfaceCode,
    request: Request,
    caller: RememberedCallerDep,
    hub: HubDep,
    key: KeyDep,
    language: LanguageDep,
) -> Response:
    """An outcome, and for `satisfied` the granted fields; the ledger row is committed before this answer leaves.

    `answer` is a JWS over the same content and the hash of this request: SHA-256 of `POST`, the path and the exact
    body, each followed by a line feed. A field outside the grant is a 403.
    """
    body, raw = await read_json(request, QueryBody, max_bytes=hub.settings.max_body_bytes)
    call = QueryCall(
        interface=code,
        case_no=body.case_no,
        purpose=body.purpose,
        party=body.party,
        subject=body.subject,
        params=body.params,
        fields=tuple(dict.fromkeys(body.fields)) if body.fields is not None else None,
        material=body.material,
        language=language,
        request_hash=hashlib.sha256(f"POST\n/api/v1/interfaces/{code}/query\n".encode() + raw + b"\n").hexdigest(),
        idempotency_key=key,
    )
    service = hub.exchange.sandbox if caller.sandbox else hub.exchange.queries
    return Response(await service.query(caller, call), media_type=JSON_TYPE)
