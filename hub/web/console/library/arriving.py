"""Taking over a licence of another place 转入: shown and verified, or named by hand; then the form of its type.

What was verified travels through the form as a ticket under the hub's MAC, for whoever showed it alone and for an hour:
where the licence comes from and a keyed hash of its holder, never the document or what it says.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.errors import ActError
from certificates.lifecycle.states import Operation
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.issuing.transitions.arriving import Arrival
from hub.storage.vault import Vault
from hub.verification.arriving import read_arrival
from hub.verification.presenting import MAX_UPLOAD_BYTES
from hub.web.console.forms import FieldError, form, upload
from hub.web.console.frame import render
from hub.web.console.library.forms import shown_claims
from hub.web.console.library.issue import NEW, TypePath, issued_target
from hub.web.console.library.make import Target, form_page, taken
from hub.web.console.library.words import act_fault
from hub.web.console.visit import ConsoleDep
from signing.canonical import canonical, strict_loads

router = APIRouter()
ARRIVE: Final = NEW + "/{code}/transfer"
BODY_LIMITS: Final = {r"/console/licences/new/[0-9A-Za-z_]{1,64}/transfer": MAX_UPLOAD_BYTES}
_LIFE: Final = timedelta(hours=1)
_MAX_TICKET: Final = 8192
_NOTHING: Final = FieldError("document", "请选择文件，或粘贴证照文本", "Choose a file, or paste the licence's text")
_OVER: Final = FieldError("", "核验已过一小时，请重新出示原证照", "It was verified over an hour ago: show it again")


@router.get(ARRIVE, response_class=HTMLResponse)
async def show(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The licence from there is asked for first."""
    return _page(request, actor, await _target(hub, actor, code))


@router.post(ARRIVE, response_class=HTMLResponse)
async def shown(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """It is verified, and the form filled with what it says."""
    target = await _target(hub, actor, code)
    given = await upload(request, max_bytes=MAX_UPLOAD_BYTES)
    document = given.files["document"].content if "document" in given.files else given.text("token").encode()
    if not document:
        return _page(request, actor, target, [_NOTHING])
    try:
        arrival = await read_arrival(hub.presentation, hub.vault, hub.types, target.kind.code, document)
    except ActError as error:
        return _page(request, actor, target, [act_fault(error)])
    ticket = sealed(hub.vault, actor, arrival, hub.clock())
    target = replace(target, arrival=arrival, ticket=ticket)
    authority = {"origin.authority": arrival.origin.get("authority", "")}
    return form_page(request, actor, target, shown_claims(target.kind, arrival.claims) | authority)


@router.get(ARRIVE + "/form", response_class=HTMLResponse)
async def by_hand(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form for a licence that is only named: nobody can verify it."""
    return form_page(request, actor, await _target(hub, actor, code), {})


@router.post(ARRIVE + "/form", response_class=HTMLResponse)
async def go_on(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or take it over."""
    target = await _target(hub, actor, code)
    given = await form(request)
    ticket = given.text("arrival")
    if ticket:
        arrival = opened(hub.vault, actor, ticket, hub.clock())
        if arrival is None or arrival.type_code != target.kind.code:
            return _page(request, actor, target, [_OVER])
        target = replace(target, arrival=arrival, ticket=ticket)
    return await taken(request, hub, actor, target, given)


def sealed(vault: Vault, actor: Actor, arrival: Arrival, now: datetime) -> str:
    """The ticket of a verified licence."""
    content = {
        "by": actor.id,
        "until": int((now + _LIFE).timestamp()),
        "type": arrival.type_code,
        "origin": dict(arrival.origin),
        "predecessor": arrival.predecessor,
        "holder": arrival.holder,
        "needs_word": arrival.needs_word,
    }
    said = canonical(content)
    return base64.urlsafe_b64encode(vault.row_mac(_meaning(said)) + said).decode()


def opened(vault: Vault, actor: Actor, ticket: str, now: datetime) -> Arrival | None:
    """What was verified; None for a ticket that is over, somebody else's or nobody's."""
    try:
        content = base64.b64decode(ticket, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, said = content[:32], content[32:]
    if len(content) > _MAX_TICKET or not hmac.compare_digest(vault.row_mac(_meaning(said)), mac):
        return None
    found: Mapping[str, Any] = strict_loads(said, max_bytes=_MAX_TICKET)
    if found["by"] != actor.id or found["until"] <= now.timestamp():
        return None
    return Arrival(found["type"], found["origin"], found["predecessor"], found["holder"], bool(found["needs_word"]))


def _meaning(said: bytes) -> bytes:
    return b"arrival\x1f" + said


async def _target(hub: HubDep, actor: Actor, code: str) -> Target:
    found = await issued_target(hub, actor, code)
    path = f"{NEW}/{found.kind.slug}/transfer"
    return replace(found, operation=Operation.TRANSFER_IN, path=f"{path}/form", back=path)


def _page(request: Request, actor: Actor, target: Target, errors: list[FieldError] | None = None) -> HTMLResponse:
    return render(
        request, "console/library_arrive.html", actor, status=422 if errors else 200, errors=errors or [],
        target=target, new=NEW,
    )  # fmt: skip
