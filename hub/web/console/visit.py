"""The session of a page: the cookie, who is signed in, and what happens without."""

from typing import Annotated, Final, cast

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import SignInNeededError
from hub.access.sessions import ABSOLUTE, SignedIn
from hub.access.staff_sign_in import Peer
from hub.deps import HubDep, limit
from hub.runtime import Hub

_NAME: Final = "yz_session"


async def visiting(request: Request, hub: HubDep) -> Actor:
    """The member of staff whose browser this is. Raises SignInNeededError, which becomes a redirect to sign in."""
    signed_in = await hub.sessions.find(session_secret(request, hub), "browser")
    await limit(request, f"staff:{signed_in.staff.id}", hub.settings.staff_requests_per_minute)
    request.state.signed_in = signed_in
    return signed_in.actor


ConsoleDep = Annotated[Actor, Depends(visiting)]


def signed_in_of(request: Request) -> SignedIn:
    """The session that `ConsoleDep` found. Raises SignInNeededError where there is none."""
    found = getattr(request.state, "signed_in", None)
    if found is None:
        raise SignInNeededError
    return cast("SignedIn", found)


def session_secret(request: Request, hub: Hub) -> str:
    """The cookie's value, or nothing."""
    return request.cookies.get(_cookie(hub), "")


def begin_session(response: Response, hub: Hub, secret: str) -> None:
    """Give the browser its new session."""
    response.set_cookie(
        _cookie(hub),
        secret,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        secure=is_secure(hub),
        httponly=True,
        samesite="lax",
    )


def end_session(response: Response, hub: Hub) -> None:
    """Take the cookie away."""
    response.delete_cookie(_cookie(hub), path="/", secure=is_secure(hub), httponly=True, samesite="lax")


def is_secure(hub: Hub) -> bool:
    """Whether browsers reach the hub by https."""
    return hub.settings.public_url.startswith("https://")


def peer_of(request: Request) -> Peer:
    """Where the request comes from."""
    agent = request.headers.get("user-agent", "")
    return Peer(request.client.host if request.client else "unknown", _short(agent))


def _cookie(hub: Hub) -> str:
    # With __Host- a sibling host cannot plant a session here; browsers take the prefix over https only.
    return f"__Host-{_NAME}" if is_secure(hub) else _NAME


def _short(agent: str) -> str:
    """`Chrome · Windows`: enough to recognise one's own browser, too little to tell people apart."""
    browsers = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "Mac OS": "macOS", "Linux": "Linux"}
    found = [next((name for mark, name in kind.items() if mark in agent), "") for kind in (browsers, systems)]
    return " · ".join(part for part in found if part)
