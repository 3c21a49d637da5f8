"""Which terminal a browser is, and who stands at it: two cookies of their own, which open no other page."""

import hmac
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.access.errors import ForgeryError
from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.standing import Visit
from hub.citizens.kiosk.visits import LONGEST
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.web.console.forms import CSRF_FIELD, Form, form
from hub.web.console.visit import is_secure

TERMINAL: Final = "yz_kiosk"
PERSON: Final = "yz_kiosk_visit"
_YEARS_SECONDS: Final = 5 * 31_536_000
"""A terminal is set up once; the hub ends it."""
PER_MINUTE: Final = 120
"""Requests of one terminal."""


async def standing(request: Request, hub: HubDep) -> Kiosk:
    """The terminal. Raises: KioskUnknownError, RateLimitedError."""
    kiosk = await hub.kiosk.devices.find(cookie(request, hub, TERMINAL))
    await limit(request, f"kiosk:{kiosk.id}", PER_MINUTE)
    return kiosk


KioskDep = Annotated[Kiosk, Depends(standing)]


async def visiting(request: Request, hub: HubDep, kiosk: KioskDep) -> Visit:
    """Whoever stands there, for another minute. Raises: KioskUnknownError, KioskOverError."""
    return await hub.kiosk.visits.find(kiosk, cookie(request, hub, PERSON))


VisitDep = Annotated[Visit, Depends(visiting)]


async def visit_form(request: Request, visit: Visit) -> Form:
    """A posted form with the visit's token. Raises: ForgeryError, BadRequestError, BodyTooLargeError."""
    given = await form(request, anonymous=True)
    if not hmac.compare_digest(given.raw(CSRF_FIELD).encode(), visit.holder.csrf.encode()):
        raise ForgeryError
    return given


def cookie(request: Request, hub: Hub, name: str) -> str:
    """A cookie of ours, or nothing."""
    return request.cookies.get(_named(hub, name), "")


def give(response: Response, hub: Hub, name: str, value: str) -> None:
    """Give the browser a cookie."""
    life = int(LONGEST.total_seconds()) if name == PERSON else _YEARS_SECONDS
    response.set_cookie(
        _named(hub, name), value, max_age=life, path="/", secure=is_secure(hub), httponly=True, samesite="strict"
    )


def take_back(response: Response, hub: Hub, name: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(_named(hub, name), path="/", secure=is_secure(hub), httponly=True, samesite="strict")


def _named(hub: Hub, name: str) -> str:
    return f"__Host-{name}" if is_secure(hub) else name
