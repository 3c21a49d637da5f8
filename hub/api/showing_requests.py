"""Asking a holder to show 请求亮证: an approval system's side, and the holder's."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep
from hub.api.showings import ShowingItemBody, pointer_of, taken_json
from hub.citizens.asked.values import (
    GIVEN,
    MOST_CLAIMS,
    MOST_WORDS,
    Asked,
    AskedItem,
    Asker,
    Item,
    Question,
    Wanted,
    WantedError,
)
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.showing.values import MOST_LICENCES, ChoiceError, Pick
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, KeyDep, UuidText, limit
from hub.edge.body import Body, read_json
from hub.edge.errors import Fault, InvalidBodyError
from hub.registry.meanings import Words
from hub.storage.idempotency import RequestKey
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1")
ASKS_PER_MINUTE: Final = 120
LOOKS_PER_MINUTE: Final = 30
"""Of one holder: wrong short codes are counted besides, and slowed."""
Name = Annotated[str, Field(min_length=1, max_length=64)]
Digits = Annotated[str, Path(pattern=r"^(?:[0-9]{8}|[0-9]{32})$")]


class WantedItemBody(Body):
    """One kind of licence, by its code or its short name, and which of its claims; `needed`: those of them without
    which there is no use for it.
    """

    type: Name
    claims: Annotated[tuple[Name, ...], Field(max_length=MOST_CLAIMS)] = ()
    needed: Annotated[tuple[Name, ...], Field(max_length=MOST_CLAIMS)] = ()


class ShowingRequestBody(Body):
    """What is asked for, in which matter, what for."""

    items: Annotated[tuple[WantedItemBody, ...], Field(min_length=1, max_length=MOST_LICENCES)]
    matter: Annotated[str, Field(min_length=1, max_length=64)]
    purpose: Annotated[str, Field(min_length=1, max_length=MOST_WORDS)]


class AnswerBody(Body):
    """What he shows of what was asked, or that he declines."""

    decision: Literal["give", "decline"]
    items: Annotated[tuple[ShowingItemBody, ...], Field(max_length=MOST_LICENCES)] = ()


BODIES = (ShowingRequestBody, AnswerBody)


@router.post(
    "/showings/requests",
    status_code=201,
    tags=["verify"],
    summary="Ask a holder to show 请求亮证",
    openapi_extra={"x-body": "ShowingRequestBody"},
)
async def ask(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> JSONResponse:
    """`scan` is for a QR, `code` what stands in it, `typed_code` for a keyboard: all three open this request to a
    signed-in holder, for five minutes, and it is answered once. The same Idempotency-Key gives the same request.
    """
    await limit(request, f"showing-request:{caller.system_id}", ASKS_PER_MINUTE)
    body, raw = await read_json(request, ShowingRequestBody, max_bytes=hub.settings.max_body_bytes)
    asker = Asker.of_system(caller)
    try:
        items = [Item(item.type, item.claims, item.needed) for item in body.items]
        scope = RequestKey.of(caller.system_id, "showing-requests", key, raw)
        made = await hub.showing.asking.ask(asker, Wanted(items, body.matter, body.purpose), request=scope)
    except WantedError as error:
        raise InvalidBodyError(Fault(_pointer(error), error.why)) from None
    found = await hub.showing.asking.look(asker, made)
    return JSONResponse(_question(found, hub.settings.public_url), status_code=201)


@router.get("/showings/requests/{request_id}", tags=["verify"], summary="What became of it 亮证请求结果")
async def look(request_id: Annotated[UuidText, Path()], caller: CallerDep, hub: HubDep) -> JSONResponse:
    """`state` is asked, given, taken, declined, cancelled or over. What was given comes with the first look after it,
    once, as `answer`: the verdicts of that moment, the claims, and a copy bound to the caller's key. A lost answer is
    not repeated: ask again.
    """
    asker = Asker.of_system(caller)
    found = await hub.showing.asking.look(asker, request_id)
    said = _question(found, hub.settings.public_url)
    if found.state != GIVEN:
        return JSONResponse(said)
    try:
        taken = await hub.showing.asking.collect(asker, request_id)
    except PresentationRefusedError:  # taken back, or erased, since: there is nothing to be had
        return JSONResponse(_question(await hub.showing.asking.look(asker, request_id), hub.settings.public_url))
    return JSONResponse(said | {"state": "taken", "answer": taken_json(taken)})


@router.post("/showings/requests/{request_id}/cancel", tags=["verify"], summary="Take it back 取消亮证请求")
async def cancel(request_id: Annotated[UuidText, Path()], caller: CallerDep, hub: HubDep) -> JSONResponse:
    """While nobody has answered; a holder who opens it then hears so. What was answered, or is over, stays as it is:
    `state` says which.
    """
    found = await hub.showing.asking.cancel(Asker.of_system(caller), request_id)
    return JSONResponse(_question(found, hub.settings.public_url))


@router.get("/me/asked/{code}", tags=["me"], summary="What somebody asks 对方请求什么")
async def asked(request: Request, code: Digits, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """Who asks, in which matter, what for, each claim with its ground; and which licences would do."""
    await limit(request, f"asked:{holder.id}", LOOKS_PER_MINUTE)
    return JSONResponse(asked_json(await hub.showing.answering.look(holder, code, peer=peer_of(request))))


@router.post("/me/asked/{code}", tags=["me"], summary="Answer it 答复请求", openapi_extra={"x-body": "AnswerBody"})
async def answer(request: Request, code: Digits, holder: ActingHolderDep, hub: HubDep) -> JSONResponse:
    """`give` shows exactly `items`, to whoever asked and nobody else; `decline` shows nothing. One answer a request."""
    await limit(request, f"asked:{holder.id}", LOOKS_PER_MINUTE)
    body, _ = await read_json(request, AnswerBody, max_bytes=hub.settings.max_body_bytes)
    if body.decision == "decline":
        await hub.showing.answering.decline(holder, code, peer=peer_of(request))
        return JSONResponse({"state": "declined", "showing": None})
    picks = [Pick(item.identifier, item.claims) for item in body.items]
    try:
        made = await hub.showing.answering.give(holder, code, picks, peer=peer_of(request))
    except ChoiceError as error:
        raise InvalidBodyError(Fault(pointer_of(error), error.why)) from None
    return JSONResponse({"state": "given", "showing": made})


def peer_of(request: Request) -> str:
    """The address that asks: wrong short codes are counted for it."""
    return request.client.host if request.client else "unknown"


def _pointer(error: WantedError) -> str:
    if error.item is None:
        return f"/{error.why}" if error.why in {"matter", "purpose"} else "/items"
    return f"/items/{error.item}" + ("/type" if error.claim is None else f"/claims/{error.claim}")


def _question(found: Question, public_url: str) -> dict[str, Any]:
    said: dict[str, Any] = {"id": found.id, "state": found.state, "expires_at": rfc3339(found.expires_at)}
    if found.code:
        said |= {"code": found.code, "scan": found.scan(public_url), "typed_code": found.typed}
        said |= {"seconds_left": found.seconds_left}
    return said


def asked_json(found: Asked) -> dict[str, Any]:
    """A request as whoever is asked reads it."""
    department = {"code": found.department.code, "name": _words((found.department.zh, found.department.en))}
    return {
        "department": department,
        "system": None if found.system is None else _words(found.system),
        "matter": _words(found.matter),
        "purpose": found.purpose,
        "items": [_item(item) for item in found.items],
        "expires_at": rfc3339(found.expires_at),
        "seconds_left": found.seconds_left,
    }


def _item(item: AskedItem) -> dict[str, Any]:
    return {
        "type": item.type_code,
        "type_name": _words(item.name),
        "needed": item.wanted,
        "claims": [
            {"name": each.name, "title": _words(each.title), "needed": each.needed, "ground": each.ground or None}
            for each in item.claims
        ],
        "certificates": [
            {"identifier": each.identifier, "issuer": _words(each.issuer), "valid_until": each.valid_until}
            for each in item.licences
        ],
    }


def _words(words: Words) -> dict[str, str]:
    return {"zh": words[0], "en": words[1]}
