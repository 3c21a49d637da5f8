"""Showing licences for somebody else 代为亮证: made under an acting; looked at and stopped like one's own."""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from hub.api.me import ActingHolderDep
from hub.api.me_acting import ActingKey
from hub.api.showing_requests import LOOKS_PER_MINUTE, AnswerBody, Digits, asked_json, peer_of
from hub.api.showings import ShowingBody, found_of, one_json, pointer_of
from hub.citizens.once import Once
from hub.citizens.showing.making import SHOWS_PER_MINUTE
from hub.citizens.showing.values import Choice, ChoiceError, Pick
from hub.deps import HubDep, KeyDep, limit
from hub.edge.body import read_json
from hub.edge.errors import Fault, InvalidBodyError
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/acting", tags=["me"])


@router.post(
    "/{key}/showings",
    status_code=201,
    summary="Show the principal's licences 代为亮证",
    openapi_extra={"x-body": "ShowingBody"},
)
async def make(request: Request, key: ActingKey, holder: ActingHolderDep, hub: HubDep, once: KeyDep) -> JSONResponse:
    """As `/api/v1/me/showings`; whoever takes it is told, masked, in whose name and by whom. Judged again when it is
    taken: where the ground is gone by then it opens nothing. Look at it under `/api/v1/me/showings/{id}`.
    """
    body, raw = await read_json(request, ShowingBody, max_bytes=hub.settings.max_body_bytes)
    await limit(request, f"show:{holder.id}", SHOWS_PER_MINUTE)
    picks = [Pick(item.identifier, item.claims) for item in body.items]
    named, purpose = Once(once, hashlib.sha256(raw).hexdigest()) if once else None, body.purpose.strip()
    if body.offline and (len(picks) > 1 or body.department):
        raise InvalidBodyError(Fault("/offline", "one_licence_for_anybody"))
    others = hub.showing.for_others
    try:
        if body.offline:
            made = await others.make_offline(holder, key, picks[0], life=body.offline, purpose=purpose, once=named)
        else:
            made = await others.make(holder, key, Choice(picks, body.department, purpose), once=named)
    except ChoiceError as error:
        raise InvalidBodyError(Fault(pointer_of(error), error.why)) from None
    return JSONResponse(one_json(await found_of(hub, holder, made)), status_code=201)


@router.get("/{key}/asked/{code}", summary="What somebody asks, of the principal 请求什么")
async def asked(request: Request, key: ActingKey, code: Digits, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """As `/api/v1/me/asked/{code}`, with the principal's licences, which is an entry of the principal's."""
    await limit(request, f"asked:{holder.id}", LOOKS_PER_MINUTE)
    _, found = await hub.showing.for_others.look(holder, key, code, peer=peer_of(request))
    return JSONResponse(asked_json(found))


@router.post("/{key}/asked/{code}", summary="Answer it 代为答复请求", openapi_extra={"x-body": "AnswerBody"})
async def answer(request: Request, key: ActingKey, code: Digits, holder: ActingHolderDep, hub: HubDep) -> JSONResponse:
    """As `/api/v1/me/asked/{code}`: judged again when its asker fetches it."""
    await limit(request, f"asked:{holder.id}", LOOKS_PER_MINUTE)
    body, _ = await read_json(request, AnswerBody, max_bytes=hub.settings.max_body_bytes)
    others, peer = hub.showing.for_others, peer_of(request)
    if body.decision == "decline":
        await others.decline(holder, key, code, peer=peer)
        return JSONResponse({"state": "declined", "showing": None})
    picks = [Pick(item.identifier, item.claims) for item in body.items]
    try:
        made = await others.give(holder, key, code, picks, peer=peer)
    except ChoiceError as error:
        raise InvalidBodyError(Fault(pointer_of(error), error.why)) from None
    return JSONResponse({"state": "given", "showing": made})
