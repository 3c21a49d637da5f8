"""What a signed-in holder has of his own 本人: codes to show, licences, who looked.

By the cookie of the holder's session alone: no system, and no member of staff, acts for him here. What changes
something wants the session's token in the header `X-CSRF-Token` besides, and comes from our own pages.
"""

import hashlib
import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.access.errors import ForgeryError
from hub.citizens.licences import Licence
from hub.citizens.once import Once
from hub.citizens.paging import Pages
from hub.citizens.presentation_store import Department, Presentation
from hub.citizens.presentations import CODES_PER_MINUTE, Shown
from hub.citizens.values import Holder
from hub.clock import rfc3339
from hub.deps import HubDep, KeyDep, LanguageDep, UuidText, limit
from hub.edge.body import Body, read_json
from hub.intake.counter.lines import masked_name
from hub.issuing.shelf import masked_number
from hub.registry.meanings import Words
from hub.web.citizen.visit import HolderDep, holding
from hub.web.console.forms import check_origin

router = APIRouter(prefix="/api/v1/me", tags=["me"])
Cursor = Annotated[str | None, Query(max_length=1024)]


class PresentationBody(Body):
    """For the counters of one department, by its code, or for any."""

    department: Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")] | None = None


BODIES = (PresentationBody,)


async def acting_holder(request: Request, holder: Annotated[Holder, Depends(holding)]) -> Holder:
    """The holder, for what changes something. Raises: ForgeryError, HolderSignInNeededError."""
    check_origin(request)
    if not hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), holder.csrf.encode()):
        raise ForgeryError
    return holder


ActingHolderDep = Annotated[Holder, Depends(acting_holder)]


@router.get("", summary="Who is signed in 本人")
async def me(holder: HolderDep) -> JSONResponse:
    """Name and number masked, how surely he is signed in, and the token that changing something wants."""
    identity = holder.identity
    return JSONResponse(
        {
            "name": masked_name(identity.name),
            "id_type": identity.id_type,
            "id_number": masked_number(identity.id_type, identity.id_number),
            "level": holder.level.name.lower(),
            "csrf_token": holder.csrf,
        }
    )


@router.post(
    "/presentations",
    status_code=201,
    summary="Make a code to show 生成出示码",
    openapi_extra={"x-body": "PresentationBody"},
)
async def make_presentation(request: Request, holder: ActingHolderDep, hub: HubDep, key: KeyDep) -> JSONResponse:
    """It lives 60 seconds and is taken once; the one before it ends. `code` is for a QR, `typed_code` for a keyboard
    and only where a department is named. The same Idempotency-Key gives the same code for 24 hours, as it is by then:
    one that has ended comes without its digits.
    """
    body, raw = await read_json(request, PresentationBody, max_bytes=hub.settings.max_body_bytes)
    await limit(request, f"present:{holder.id}", CODES_PER_MINUTE)
    once = Once(key, hashlib.sha256(raw).hexdigest()) if key else None
    made = await hub.citizens.presentations.make(holder, body.department, once=once)
    return JSONResponse(presented_json(await hub.citizens.presentations.look(holder, made)), status_code=201)


@router.get("/presentations", summary="Codes that were shown 出示记录")
async def presentations(holder: HolderDep, hub: HubDep, cursor: Cursor = None) -> JSONResponse:
    """The newest first, each with who took it."""
    pages = Pages(hub.catalogue.cursors, holder, "presentations")
    found, behind = await hub.citizens.presentations.listed(holder, pages.after(cursor))
    return JSONResponse({"presentations": [_presentation(item) for item in found], "next": pages.next(behind)})


@router.get("/presentations/{presentation_id}", summary="One code 单个出示码")
async def presentation(presentation_id: UuidText, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """With its digits while it lives; another holder's is 404."""
    return JSONResponse(presented_json(await hub.citizens.presentations.look(holder, presentation_id)))


@router.get("/certificates", summary="Own licences 本人证照")
async def certificates(holder: HolderDep, hub: HubDep, language: LanguageDep, cursor: Cursor = None) -> JSONResponse:
    """What departments have issued to him, as principal or further holder; none of the claims."""
    pages = Pages(hub.catalogue.cursors, holder, "licences")
    found, behind = await hub.citizens.licences.listed(holder, pages.after(cursor))
    return JSONResponse({"certificates": [licence_json(item, language) for item in found], "next": pages.next(behind)})


@router.get("/certificates/{identifier}", summary="One of them 单个证照")
async def certificate(
    identifier: Annotated[str, Path(max_length=200)], holder: HolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """Somebody else's is 404."""
    return JSONResponse(licence_json(await hub.citizens.licences.one(holder, identifier), language))


def presented_json(found: Shown | Presentation) -> dict[str, Any]:
    """As answers tell of a code: with its digits while it lives."""
    if isinstance(found, Presentation):
        return _presentation(found)
    shown: dict[str, Any] = {"code": found.code, "seconds_left": found.seconds_left}
    return _presentation(found.presentation) | shown | ({"typed_code": found.typed} if found.typed else {})


def _presentation(item: Presentation) -> dict[str, Any]:
    return {
        "id": item.id,
        "state": item.state,
        "made_at": rfc3339(item.made_at),
        "expires_at": rfc3339(item.expires_at),
        "department": department_json(item.made_for),
        "taken_by": department_json(item.taken_by),
        "taken_at": rfc3339(item.ended_at) if item.ended_at and item.state == "taken" else None,
        "case_no": item.case_no,
        "refused_by": department_json(item.refused_by),
        "refused_at": rfc3339(item.refused_at) if item.refused_at else None,
    }


def department_json(item: Department | None) -> dict[str, str] | None:
    """As answers name a department."""
    return None if item is None else {"code": item.code, "zh": item.zh, "en": item.en}


def licence_json(item: Licence, language: str) -> dict[str, Any]:
    """As answers tell of a licence in a list."""
    return {
        "identifier": item.identifier,
        "type": item.type_code,
        "type_name": said((item.type_zh, item.type_en), language),
        "issuer": item.issuer_code,
        "issuer_name": said((item.issuer_zh, item.issuer_en), language),
        "status": item.status,
        "issued_on": item.issued_on,
        "valid_until": item.valid_until,
        "principal_holder": item.principal,
        "held_with": item.of or None,
        "stage": item.stage.value,
        "days_left": item.days_left,
    }


def said(words: Words, language: str) -> str:
    """In the language of the request."""
    return words[1] if language == "en" else words[0]
