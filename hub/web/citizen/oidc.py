"""To the city's identity provider for holders, and back."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hub.access.errors import SignInRefusedError
from hub.citizens.provider import ProviderSignIn
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.frame import render
from hub.web.citizen.sign_in import begun
from hub.web.citizen.visit import AWAY, cookie, give, take_back
from hub.web.console.visit import peer_of

router = APIRouter()
Word = Annotated[str, Query(max_length=2000)]
_log = structlog.get_logger(__name__)


@router.get("/me/oidc/start")
async def start(request: Request, hub: HubDep) -> Response:
    """Send the browser to the provider. By a link: a form's answer may not lead to another host (CSP form-action)."""
    await _limited(request, hub)
    departure = await _provider(hub).depart()
    response = RedirectResponse(departure.url, status_code=303)
    give(response, hub, AWAY, departure.cookie)
    return response


@router.get("/me/oidc/callback", response_class=HTMLResponse)
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
    """A session for whom the provider vouches and a record of ours confirms; every refusal looks alike."""
    del error_description, error_uri, session_state, scope  # sent by some providers, of no use and not to be trusted
    await _limited(request, hub)
    provider = _provider(hub)
    try:
        if error:
            state = code = ""  # it finds no attempt, like everything else that is not an answer to one
        secret = await provider.arrive(cookie(request, hub, AWAY), state=state, code=code, issuer=iss)
        response = await begun(request, hub, secret)
    except SignInRefusedError as refused:
        _log.warning("holder_sign_in_refused", reason=f"oidc:{refused.reason}")
        response = render(request, "me/refused.html", None, status=401)
    take_back(response, hub, AWAY)
    return response


def _provider(hub: Hub) -> ProviderSignIn:
    if hub.citizens.provider is None:
        raise MissingError("provider")
    return hub.citizens.provider


async def _limited(request: Request, hub: Hub) -> None:
    await limit(request, f"holder-sign-in:{peer_of(request).address}", hub.settings.token_requests_per_minute)
