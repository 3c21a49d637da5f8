"""Certificates 电子证照: issued, changed and looked at by their department, by GB/T 36904 identifier."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from certificates.lifecycle.history import moment_of
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.api.either import EitherDep, actor_of
from hub.deps import HubDep, KeyDep, StaffDep
from hub.edge.body import Body, read_json
from hub.edge.errors import BadRequestError, Fault
from hub.issuing.touched import Touch
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.service import Outcome, shown
from hub.runtime import Hub
from hub.storage.idempotency import RequestKey
from hub.verification.arriving import document_in, read_arrival

router = APIRouter(prefix="/api/v1", tags=["certificates"])
IdentifierText = Annotated[str, Field(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]
_Name = Annotated[str | None, Query(min_length=1, max_length=128)]
_Word = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
_Text = Annotated[str, Field(max_length=500)]


class TransitionBody(Body):
    """An act on a certificate 证照操作: what, why, on which legal basis; `claims` where it makes a new version.

    `effective_at`: a day, counted from its beginning, or an instant; not after now.
    """

    operation: _Word
    reason_code: _Word | None = None
    reason: _Text
    legal_basis: _Text
    effective_at: Annotated[str, Field(max_length=40)] | None = None
    claims: dict[str, Any] | None = None
    issued_on: Annotated[str, Field(max_length=10)] | None = None


class OriginBody(Body):
    """A licence that comes from another authority: named, or shown.

    `document` is the licence itself, an SD-JWT as text or a PDF, OFD or JSON file in base64. The hub verifies it, takes
    `identifier` and `number` from it, and for its claims those that the body does not give. `released`: the letter by
    which the authority there let it go; needed where the document is not plainly valid there.
    """

    identifier: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    number: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    authority: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    released: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    document: Annotated[str, Field(min_length=1)] | None = None


class IssueBody(TransitionBody):
    """A first certificate 新发, or one taken over from elsewhere 转入: `origin` says from where, or `predecessor`, its
    identifier, where that authority is in this hub.
    """

    operation: _Word = "issue"
    type: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{3,64}$")]
    origin: OriginBody | None = None
    predecessor: IdentifierText | None = None


BODIES: Final = (TransitionBody, IssueBody)


@router.post("/certificates", status_code=201, summary="Issue one 颁发证照", openapi_extra={"x-body": "IssueBody"})
async def issue(request: Request, hub: HubDep, who: EitherDep, key: KeyDep) -> JSONResponse:
    """For systems and officers of the issuing department. 202 where the type wants a second person.

    The same Idempotency-Key of a system gives the same certificate for 24 hours.
    """
    body, raw = await read_json(request, IssueBody, max_bytes=hub.settings.max_body_bytes)
    actor, scope = actor_of(who), scope_of(who, "certificates", key, raw)
    given, arrival = body.model_dump(exclude={"type", "origin"}), None
    if body.origin is not None:
        given["origin"] = body.origin.model_dump(exclude={"document"}, exclude_none=True)
        if body.origin.document is not None:
            document = document_in(body.origin.document)
            arrival = await read_arrival(hub.presentation, hub.vault, hub.types, body.type, document)
            given = arrival.filled(given)
    outcome = await hub.transitions.begin(actor, body.type, Act.read(given), request=scope, arrival=arrival)
    return await _answer(hub, actor, outcome)


@router.post(
    "/certificates/{identifier}/transitions",
    status_code=201,
    summary="Do something to it 证照状态变更",
    openapi_extra={"x-body": "TransitionBody"},
)
async def transition(
    identifier: IdentifierText, request: Request, hub: HubDep, who: EitherDep, key: KeyDep
) -> JSONResponse:
    """Suspend, resume, revoke, renew, change … For systems and officers of the issuing department; the operator may
    suspend, resume and revoke. 202 where the type wants a second person. docs/lifecycle.md has the table.
    """
    body, raw = await read_json(request, TransitionBody, max_bytes=hub.settings.max_body_bytes)
    route = "transitions/" + hashlib.sha256(identifier.encode()).hexdigest()[:32]
    actor, scope = actor_of(who), scope_of(who, route, key, raw)
    outcome = await hub.transitions.act(actor, identifier, Act.read(body.model_dump()), request=scope)
    return await _answer(hub, actor, outcome)


@router.get("/certificates/{identifier}", summary="Metadata, status, history 证照元数据")
async def get_certificate(
    identifier: IdentifierText,
    who: EitherDep,
    hub: HubDep,
    as_of: Annotated[
        str | None,
        Query(max_length=40, description="某日（北京时间当日终了）或某时刻的状态 As of a civil day, or an instant"),
    ] = None,
) -> JSONResponse:
    """For systems and staff of the issuing department; everyone else pulls through a case and sees a 404 here."""
    try:
        moment = moment_of(as_of) if as_of is not None else None
    except ValueError:
        raise BadRequestError(Fault("as_of", "neither_day_nor_instant")) from None
    history = await hub.transitions.history(actor_of(who), identifier)
    return JSONResponse(shown(history, as_of=moment, now=hub.clock()))


@router.get("/certificates-touched", summary="What a key, type, source or batch touched 波及范围")
async def list_touched(
    hub: HubDep,
    actor: StaffDep,
    key: _Name = None,
    type: Annotated[str | None, Query(max_length=64)] = None,  # noqa: A002  # the parameter's word
    version: Annotated[int | None, Query(ge=1)] = None,
    template: Annotated[int | None, Query(ge=0)] = None,
    source: _Name = None,
    batch: _Name = None,
    run: _Name = None,
) -> StreamingResponse:
    """JSON lines, for operators and auditors: every version that fits all that is given; pages and seals of a key, and
    pages set from a template. No person.
    """
    touch = Touch(key=key, type=type, type_version=version, template=template, source=source, batch=batch, run=run)
    found = await hub.touched.stream(actor, touch)
    return StreamingResponse(_lines(found), media_type="application/x-ndjson")


async def _lines(found: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    async for item in found:
        yield json.dumps(item, ensure_ascii=False).encode() + b"\n"


async def _answer(hub: Hub, actor: Actor, outcome: Outcome) -> JSONResponse:
    if outcome.identifier is None:
        waiting = await hub.transitions.waiting.view(actor, outcome.waiting or "")
        location = {"Location": f"/api/v1/certificate-acts/{waiting.id}"}
        return JSONResponse(waiting.as_json(), status_code=202, headers=location)
    history = await hub.transitions.history(actor, outcome.identifier)
    location = {"Location": f"/api/v1/certificates/{outcome.identifier}"}
    return JSONResponse(shown(history, as_of=None, now=hub.clock()), status_code=201, headers=location)


def scope_of(who: Actor | Caller, route: str, key: str | None, raw: bytes) -> RequestKey | None:
    """The scope of an Idempotency-Key. Raises: BadRequestError for one of staff."""
    if isinstance(who, Caller):
        return RequestKey.of(who.system_id, route, key, raw)
    if key is not None:
        # Kept per system; that a key of somebody else would do nothing must not go unsaid.
        raise BadRequestError(Fault("idempotency-key", "of_systems_only"))
    return None
