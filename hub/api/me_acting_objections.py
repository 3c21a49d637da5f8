"""Objecting for somebody else 代为提出异议: as `/api/v1/me/objections`, judged anew at every request."""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from hub.api.me import ActingHolderDep
from hub.api.me_acting import ActingKey
from hub.api.me_objections import FORM_BYTES, PER_MINUTE, ReviewBody, said_of, shown, shown_in_full
from hub.citizens.once import Once
from hub.deps import HubDep, KeyDep, LanguageDep, UuidText, limit
from hub.edge.body import read_json
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/acting/{key}/objections", tags=["me"])
BODY_LIMITS = {r"/api/v1/me/acting/[0-9a-f]{32}/objections": FORM_BYTES}


@router.post(
    "", status_code=201, summary="Object for the principal 代为提出异议", openapi_extra={"x-body": "ObjectionBody"}
)
async def object_(
    key: ActingKey, request: Request, holder: ActingHolderDep, hub: HubDep, language: LanguageDep, once: KeyDep
) -> JSONResponse:
    """About the principal's licences and looks; the entry names who objected. Delegates are refused."""
    await limit(request, f"object:{holder.id}", PER_MINUTE)
    said, digest = await said_of(request, hub)
    named = Once(once, digest) if once else None
    made = await hub.citizens.objecting_for.raise_(holder, key, said, once=named)
    return JSONResponse(shown(await hub.citizens.objecting_for.one(holder, key, made), language), status_code=201)


@router.get("/{objection_id}", summary="One of them 单条异议")
async def objection(
    key: ActingKey, objection_id: UuidText, holder: HolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """With the signed answer, and where it was handed on. Another's is 404."""
    found = await hub.citizens.objecting_for.one(holder, key, objection_id)
    return JSONResponse(await shown_in_full(hub, found, language))


@router.post("/{objection_id}/withdraw", summary="Withdraw it 撤回异议")
async def withdraw(
    key: ActingKey, objection_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """While it runs; later is a 409."""
    await hub.citizens.objecting_for.withdraw(holder, key, objection_id)
    return JSONResponse(shown(await hub.citizens.objecting_for.one(holder, key, objection_id), language))


@router.post(
    "/{objection_id}/review",
    status_code=201,
    summary="Have a refused one looked at again 申请复核",
    openapi_extra={"x-body": "ReviewBody"},
)
async def review(
    key: ActingKey,
    objection_id: UuidText,
    request: Request,
    holder: ActingHolderDep,
    hub: HubDep,
    language: LanguageDep,
    once: KeyDep,
) -> JSONResponse:
    """As `/api/v1/me/objections/{id}/review`."""
    body, raw = await read_json(request, ReviewBody, max_bytes=hub.settings.max_body_bytes)
    named = Once(once, hashlib.sha256(raw).hexdigest()) if once else None
    made = await hub.citizens.objecting_for.review(holder, key, objection_id, body.text, once=named)
    return JSONResponse(shown(await hub.citizens.objecting_for.one(holder, key, made), language), status_code=201)
