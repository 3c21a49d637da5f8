"""Showing licences 亮证: a holder makes a code that opens what he picked, an approval system takes it."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep, department_json
from hub.citizens.code_rows import TAKEN
from hub.citizens.once import Once
from hub.citizens.paging import Pages
from hub.citizens.showing.making import SHOWS_PER_MINUTE
from hub.citizens.showing.sealing import picks_json
from hub.citizens.showing.values import (
    MOST_LICENCES,
    MOST_WORDS,
    OFFLINE,
    Choice,
    ChoiceError,
    Live,
    OfflineLive,
    Pick,
    Received,
    Receiver,
    Showing,
    Taken,
)
from hub.citizens.values import Holder
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, KeyDep, UuidText, limit
from hub.edge.body import Body, read_json
from hub.edge.errors import Fault, InvalidBodyError
from hub.runtime import Hub
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1")
Cursor = Annotated[str | None, Query(max_length=1024)]
TAKES_PER_MINUTE: Final = 120
"""Of one system, or one clerk: each try that fails is an entry of the ledger."""
_PLACES: Final[Mapping[str, str]] = {"purpose": "/purpose"}


class ShowingItemBody(Body):
    """One licence, and the names of its claims that are shown; none: that it is in force, and no more."""

    identifier: Annotated[str, Field(min_length=1, max_length=200)]
    claims: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=60)] = ()


class ShowingBody(Body):
    """What is shown; to the department with this code alone, or to whoever scans; for what, in the holder's words."""

    items: Annotated[tuple[ShowingItemBody, ...], Field(min_length=1, max_length=MOST_LICENCES)]
    department: Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")] | None = None
    purpose: Annotated[str, Field(max_length=MOST_WORDS)] = ""
    offline: Literal["screen", "day"] | None = None
    """A signed code of one licence that is checked without a network: for ten minutes, or to be printed for a day."""


class TakingBody(Body):
    """What was scanned."""

    code: Annotated[str, Field(min_length=1, max_length=100)]


BODIES = (ShowingBody, TakingBody)


@router.post(
    "/me/showings",
    status_code=201,
    tags=["me"],
    summary="Show licences 亮证",
    openapi_extra={"x-body": "ShowingBody"},
)
async def make_showing(request: Request, holder: ActingHolderDep, hub: HubDep, key: KeyDep) -> JSONResponse:
    """A code for a QR, which opens exactly this, once, for 60 seconds; the showing before it ends. With `offline` a
    signed code instead: whoever sees it can check it, as often as he likes until it ends; nobody learns who did.
    The same Idempotency-Key gives the same showing for 24 hours, as it is by then.
    """
    body, raw = await read_json(request, ShowingBody, max_bytes=hub.settings.max_body_bytes)
    await limit(request, f"show:{holder.id}", SHOWS_PER_MINUTE)
    picks = [Pick(item.identifier, item.claims) for item in body.items]
    once, purpose = Once(key, hashlib.sha256(raw).hexdigest()) if key else None, body.purpose.strip()
    if body.offline and (len(picks) > 1 or body.department):
        raise InvalidBodyError(Fault("/offline", "one_licence_for_anybody"))
    try:
        if body.offline:
            made = await hub.showing.offline.make(holder, picks[0], life=body.offline, purpose=purpose, once=once)
        else:
            made = await hub.showing.showings.make(holder, Choice(picks, body.department, purpose), once=once)
    except ChoiceError as error:
        raise InvalidBodyError(Fault(pointer_of(error), error.why)) from None
    return JSONResponse(one_json(await found_of(hub, holder, made)), status_code=201)


@router.get("/me/showings", tags=["me"], summary="What was shown 亮证记录")
async def showings(holder: HolderDep, hub: HubDep, cursor: Cursor = None) -> JSONResponse:
    """The newest first, each with who took it, and what was shown to him."""
    pages = Pages(hub.catalogue.cursors, holder, "showings")
    found, behind = await hub.showing.showings.listed(holder, pages.after(cursor))
    return JSONResponse({"showings": [_showing(item) for item in found], "next": pages.next(behind)})


@router.get("/me/showings/{showing_id}", tags=["me"], summary="One of them 单次亮证")
async def showing(showing_id: UuidText, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """With its code while it lives; another holder's is 404."""
    return JSONResponse(one_json(await found_of(hub, holder, showing_id)))


@router.post("/me/showings/{showing_id}/withdraw", tags=["me"], summary="Stop showing 停止亮证")
async def withdraw_showing(showing_id: UuidText, holder: ActingHolderDep, hub: HubDep) -> JSONResponse:
    """The code opens nothing from now on; what was taken stays taken."""
    await hub.showing.showings.withdraw(holder, showing_id)
    return JSONResponse(one_json(await hub.showing.showings.look(holder, showing_id)))


@router.post(
    "/showings/take",
    tags=["verify"],
    summary="Take what a holder shows 接收亮证",
    openapi_extra={"x-body": "TakingBody"},
)
async def take_showing(request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """The verdict on each licence, the claims that its holder picked, and a purpose copy bound to the caller's key.

    It works once, and is not repeated: whoever loses the answer asks the holder to show again. No claims and no copy of
    a licence whose verdict is not `passed`.
    """
    await limit(request, f"take-showing:{caller.system_id}", TAKES_PER_MINUTE)
    body, _ = await read_json(request, TakingBody, max_bytes=hub.settings.max_body_bytes)
    by = {"kind": "system", "id": caller.client_id}
    taken = await hub.showing.receiving.take(Receiver("system", by, caller.department_id, system=caller), body.code)
    return JSONResponse(taken_json(taken))


async def found_of(hub: Hub, holder: Holder, showing_id: str) -> Live | OfflineLive | Showing:
    """One of his, of whichever kind. Raises: MissingError."""
    found = await hub.showing.showings.look(holder, showing_id)
    if isinstance(found, Showing) and found.state == OFFLINE:
        return await hub.showing.offline.look(holder, showing_id)
    return found


def taken_json(taken: Taken) -> dict[str, Any]:
    """What a system gets, once."""
    return {
        "showing": taken.showing_id,
        "taken_at": rfc3339(taken.at),
        "purpose": taken.purpose,
        "items": [_received(item) for item in taken.items],
        "ledger_entry": taken.entry,
        "behalf": taken.behalf.shown() if taken.behalf else None,
    }


def pointer_of(error: ChoiceError) -> str:
    """Which member of a body is wrong."""
    if error.place is None:
        return _PLACES.get(error.why, "/items")
    return f"/items/{error.place}" + ("/identifier" if error.claim is None else f"/claims/{error.claim}")


def _received(item: Received) -> dict[str, Any]:
    copy = None if item.copy is None else {"format": "dc+sd-jwt", "token": item.copy}
    return {
        "certificate": dict(item.licence),
        "verdict": dict(item.verdict),
        "claims": dict(item.claims),
        "copy": copy,
    }


def one_json(found: Live | OfflineLive | Showing) -> dict[str, Any]:
    """A showing as a holder's program is told, with its code while it lives."""
    if isinstance(found, Showing):
        return _showing(found)
    if isinstance(found, OfflineLive):
        return _showing(found.showing) | {"code": found.code}
    return _showing(found.showing) | {"code": found.code, "seconds_left": found.seconds_left}


def _showing(item: Showing) -> dict[str, Any]:
    return {
        "id": item.id,
        "state": item.state,
        "made_at": rfc3339(item.made_at),
        "expires_at": rfc3339(item.expires_at),
        "department": department_json(item.made_for),
        "purpose": item.purpose,
        "items": picks_json(item.picks),
        "asked": item.asked,
        "behalf": item.behalf.shown() if item.behalf else None,
        "mine": item.mine,
        "taken_as": item.taken_as,
        "taken_by": department_json(item.taken_by),
        "called": item.called,
        "taken_at": rfc3339(item.ended_at) if item.ended_at and item.state == TAKEN else None,
        "refused_by": department_json(item.refused_by),
        "refused_at": rfc3339(item.refused_at) if item.refused_at else None,
    }
