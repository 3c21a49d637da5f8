"""Tokens and the metadata a client needs to get one."""

from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from hub.access.errors import GrantTypeError, InvalidClientError
from hub.access.service import MAX_ASSERTION_BYTES
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.issuing.keys.desk import JWKS_AGE

router = APIRouter(tags=["access"])
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_FORM_BYTES: Final = 2 * MAX_ASSERTION_BYTES
_log = structlog.get_logger(__name__)


@router.post("/oauth/token", summary="Exchange a client assertion for an access token 换取访问令牌")
async def token(request: Request, hub: HubDep) -> JSONResponse:
    """OAuth 2 client credentials with `private_key_jwt` (RFC 7523); `aud` is the issuer as one string."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"token:{peer}", hub.settings.token_requests_per_minute)
    form = await _form(request)
    if form.get("grant_type") != "client_credentials":
        raise GrantTypeError("unsupported_grant_type", "grant_type must be client_credentials")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise GrantTypeError("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
    try:
        access_token = await hub.access.token(form["client_assertion"])
    except InvalidClientError as error:
        _log.warning("client_refused", reason=error.reason, peer=peer)
        raise
    return JSONResponse({"access_token": access_token, "token_type": "Bearer", "expires_in": hub.access.token_seconds})


@router.get("/.well-known/oauth-authorization-server", summary="Authorization server metadata (RFC 8414)")
async def metadata(hub: HubDep) -> dict[str, Any]:
    """Where and how to get a token."""
    issuer = hub.settings.public_url
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "response_types_supported": [],
    }


@router.get("/.well-known/jwks.json", summary="The hub's public keys 公钥集")
async def jwks(hub: HubDep) -> JSONResponse:
    """Keys of tokens, receipts, bundles, purpose copies and status lists. Choose by exact `kid`.

    A new key stands here longer than the set may be cached before it signs; a replaced one stays for what it signed.
    """
    keys = [key.jwk for key in hub.desk.public_keys().values()]
    return JSONResponse({"keys": keys}, headers={"Cache-Control": f"public, max-age={int(JWKS_AGE.total_seconds())}"})


async def _form(request: Request) -> dict[str, str]:
    require_media_type(request, FORM_TYPE)
    return read_form(await read_bytes(request, max_bytes=_MAX_FORM_BYTES))
