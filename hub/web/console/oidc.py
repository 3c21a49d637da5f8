"""To the identity provider and back."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hub.access.errors import SignInRefusedError
from hub.access.oidc import ATTEMPT_LIFE, OidcService
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.frame import redirect, render
from hub.web.console.view import safe_path
from hub.web.console.visit import begin_session, is_secure, peer_of, session_secret

router = APIRouter()
_NAME: Final = "yz_oidc"
Word = Annotated[str, Query(max_length=2000)]
_log = structlog.get_logger(__name__)


@router.get("/console/oidc/start")
async def start(request: Request, hub: HubDep, back: Word = "") -> Response:
    """Send the browser to the provider. By a link: a form's answer may not lead to another host (CSP form-action)."""
    await limit(request, f"sign-in:{peer_of(request).address}", hub.settings.token_requests_per_minute)
    departure = await _service(hub).depart(safe_path(back))
    response = RedirectResponse(departure.url, status_code=303)
    response.set_cookie(
        _cookie(hub),
        departure.cookie,
        max_age=int(ATTEMPT_LIFE.total_seconds()),
        path="/",
        secure=is_secure(hub),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/console/oidc/callback", response_class=HTMLResponse)
async def callback(
    request: Request,
    hub: HubDep,
    state: Word = "",
    code: Word = "",
    iss: Word | None = None,
    error: Word = "",
    error_description: Word = "",
    error_uri: Word = "",
    session_state: Word = "",
    scope: Word = "",
) -> Response:
    """A session for whom the provider vouches; every refusal looks alike."""
    del error_description, error_uri, session_state, scope  # sent by some providers, of no use and not to be trusted
    await limit(request, f"sign-in:{peer_of(request).address}", hub.settings.token_requests_per_minute)
    service = _service(hub)
    try:
        if error:
            state = code = ""  # it finds no attempt, like everything else that is not an answer to one
        staff, back = await service.arrive(request.cookies.get(_cookie(hub), ""), state=state, code=code, issuer=iss)
        begun = await hub.staff_sign_in.begin_for(staff, peer_of(request))
    except SignInRefusedError as refused:
        _log.warning("staff_sign_in_refused", reason=f"oidc:{refused.reason}")
        response: Response = render(request, "console/oidc_refused.html", None, status=401)
    else:
        await hub.sessions.end(session_secret(request, hub))
        response = redirect(safe_path(back))
        begin_session(response, hub, begun.secret)
    response.delete_cookie(_cookie(hub), path="/", secure=is_secure(hub), httponly=True, samesite="lax")
    return response


def _service(hub: Hub) -> OidcService:
    if hub.oidc is None:
        raise MissingError("provider")
    return hub.oidc


def _cookie(hub: Hub) -> str:
    return f"__Host-{_NAME}" if is_secure(hub) else _NAME
