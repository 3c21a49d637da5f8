"""The session of a holder's page: a cookie of its own name, who is signed in, forms that come from our own page."""

import hmac
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.access.errors import ForgeryError
from hub.citizens.places import REMEMBERED
from hub.citizens.sessions import ABSOLUTE
from hub.citizens.trial import LIFE
from hub.citizens.values import Holder
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.web.console.forms import CSRF_FIELD, Form, form, upload
from hub.web.console.visit import is_secure

SESSION: Final = "yz_holder"
PLACE: Final = "yz_holder_place"
"""Of a browser in which somebody has signed in: it stays, and opens nothing."""
STEP: Final = "yz_holder_step"
"""Of the browser that has asked for a code."""
AWAY: Final = "yz_holder_oidc"
"""Of the browser that was sent to the provider."""
WALLET: Final = "yz_holder_wallet"
"""Of the browser that came from a wallet which waits for an answer."""


async def holding(request: Request, hub: HubDep) -> Holder:
    """The holder whose browser this is. Raises: HolderSignInNeededError, RateLimitedError."""
    holder = await hub.citizens.sessions.find(cookie(request, hub, SESSION))
    await limit(request, f"holder:{holder.id}", hub.settings.holder_requests_per_minute)
    request.state.holder = holder
    if request.scope["path"].startswith("/me"):  # the pages' header tells it
        request.state.unread = await hub.citizens.notices.unread(holder)
    return holder


HolderDep = Annotated[Holder, Depends(holding)]


async def holder_form(request: Request, holder: Holder) -> Form:
    """A posted form with the session's token. Raises: ForgeryError, BadRequestError, BodyTooLargeError."""
    given = await form(request, anonymous=True)
    if not hmac.compare_digest(given.raw(CSRF_FIELD).encode(), holder.csrf.encode()):
        raise ForgeryError
    return given


async def holder_upload(request: Request, holder: Holder, *, max_bytes: int) -> Form:
    """The same, with files. Raises: as `holder_form`."""
    given = await upload(request, max_bytes=max_bytes, anonymous=True)
    if not hmac.compare_digest(given.raw(CSRF_FIELD).encode(), holder.csrf.encode()):
        raise ForgeryError
    return given


def cookie(request: Request, hub: Hub, name: str) -> str:
    """A cookie of ours, or nothing."""
    return request.cookies.get(_named(hub, name), "")


def give(response: Response, hub: Hub, name: str, value: str) -> None:
    """Give the browser a cookie that ends with what it stands for."""
    life = {SESSION: ABSOLUTE, PLACE: REMEMBERED}.get(name, 2 * LIFE)
    response.set_cookie(
        _named(hub, name),
        value,
        max_age=int(life.total_seconds()),
        path="/",
        secure=is_secure(hub),
        httponly=True,
        samesite="lax",
    )


def take_back(response: Response, hub: Hub, name: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(_named(hub, name), path="/", secure=is_secure(hub), httponly=True, samesite="lax")


def _named(hub: Hub, name: str) -> str:
    return f"__Host-{name}" if is_secure(hub) else name
