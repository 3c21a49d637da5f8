"""Wallets 电子钱包: OpenID4VCI 1.0, the side of programs. Holders' own pages are hub/web/citizen/wallets.py.

Answers and refusals are those of the protocols, in JSON of their own: `error` and `error_description`, not problems.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Annotated, Any, Concatenate, Final, ParamSpec

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.responses import RedirectResponse, Response

from certificates.definitions.parts import Custody
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, JSON_TYPE, read_bytes, require_media_type
from hub.edge.errors import BadRequestError, BodyTooLargeError
from hub.edge.form import read_form
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.errors import WalletError
from hub.wallets.issuing import Wanted
from hub.wallets.metadata import PREFIX, base_metadata, issuer_metadata, server_metadata, type_metadata
from hub.wallets.once import new_nonce
from hub.wallets.proofs import Dpop, read_dpop
from hub.wallets.pushing import LIFE as PUSHED_LIFE
from hub.wallets.sealing import MEDIA_TYPE as SEALED_TYPE
from hub.wallets.sealing import opened_request, receiver_of, request_encryption
from hub.web.citizen.visit import WALLET, give
from signing.canonical import strict_loads
from signing.errors import MalformedError

router = APIRouter(tags=["wallets"])
ANSWER: Final = "/me/wallets/answer"
_MAX_FORM_BYTES: Final = 16_384
_MAX_REQUEST_BYTES: Final = 131_072
_PUBLIC: Final = {"Cache-Control": "public, max-age=60"}
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
P = ParamSpec("P")
Route = Callable[Concatenate[Request, P], Coroutine[Any, Any, Response]]


def refusing(malformed: str = "invalid_request") -> Callable[[Route[P]], Route[P]]:
    """A refusal in the words of OAuth 2 (RFC 6749 §5.2, RFC 9449 §7.1); what cannot be read is `malformed`."""

    def guarded(route: Route[P]) -> Route[P]:
        @wraps(route)
        async def answered(request: Request, *args: P.args, **named: P.kwargs) -> Response:
            try:
                return await route(request, *args, **named)
            except BadRequestError as error:
                refused = WalletError(malformed, str(error))
            except BodyTooLargeError:
                refused = WalletError(malformed, "too large", status=413)
            except WalletError as error:
                refused = error
            challenge = f'DPoP error="{refused.error}", algs="ES256"'
            headers = {"WWW-Authenticate": challenge} if refused.status == 401 else {}
            body = {"error": refused.error, "error_description": refused.description}
            return JSONResponse(body, status_code=refused.status, headers=headers)

        return answered  # type: ignore[return-value]  # FastAPI calls by name, `request` too

    return guarded


@router.get("/.well-known/openid-credential-issuer", summary="Metadata of the credential issuer 钱包签发元数据")
async def issuer(hub: HubDep) -> JSONResponse:
    """Which licences wallets can hold, and where they get them (OpenID4VCI 1.0 §12.2)."""
    types = [item.type for item in hub.types.current().values()]
    sealed = request_encryption(hub.vault, hub.clock())
    return JSONResponse(issuer_metadata(hub.settings.public_url, types, sealed), headers=_PUBLIC)


@router.get("/.well-known/oauth-authorization-server/wallets", summary="Authorization server of wallets (RFC 8414)")
async def server(hub: HubDep) -> JSONResponse:
    """Where wallets get tokens; systems have a server of their own."""
    slugs = [item.type.slug for item in hub.types.current().values() if item.type.custody is Custody.LIBRARY]
    found = server_metadata(hub.settings.public_url, slugs, codes=hub.wallets.pushing.on)
    return JSONResponse(found, headers=_PUBLIC)


@router.get(f"{PREFIX}/types", summary="What all licences have in common 证照共同元数据")
async def common_type() -> JSONResponse:
    """Type metadata (SD-JWT VC) that the metadata of every type extends."""
    return JSONResponse(base_metadata(), headers=_PUBLIC)


@router.get(f"{PREFIX}/types/{{slug}}", summary="What the `vct` of a licence means 证照类型元数据")
async def type_of(slug: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,64}$")], hub: HubDep) -> JSONResponse:
    """Type metadata (SD-JWT VC) of a type that wallets can hold."""
    kind = next((item.type for item in hub.types.current().values() if item.type.slug == slug), None)
    if kind is None or kind.custody is not Custody.LIBRARY:
        raise MissingError("certificate type")
    return JSONResponse(type_metadata(kind), headers=_PUBLIC)


@router.post(f"{PREFIX}/nonce", summary="A nonce for proofs 随机数")
async def nonce(request: Request, hub: HubDep) -> JSONResponse:
    """Good for five minutes, once (OpenID4VCI 1.0 §7)."""
    await limited(request, hub)
    return JSONResponse({"c_nonce": new_nonce(hub.vault, hub.clock())})


@router.get(f"{PREFIX}/offers/{{reference}}", summary="The offer behind a holder's QR 钱包邀约")
async def offer(
    request: Request, reference: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")], hub: HubDep
) -> Response:
    """By reference (OpenID4VCI 1.0 §4.1.3); 404 once it was taken or is over."""
    await limited(request, hub)
    return Response(await hub.wallets.offers.document(reference), media_type=JSON_TYPE)


@router.post(f"{PREFIX}/par", summary="Push an authorization request (RFC 9126)")
@refusing()
async def push(request: Request, hub: HubDep) -> Response:
    """Of a wallet that the operator named, with PKCE S256."""
    await limited(request, hub)
    form = await _form(request)
    dpop = _dpop(request, hub, f"{PREFIX}/par") if "dpop" in request.headers else None
    request_uri = await hub.wallets.pushing.push(form, dpop)
    return JSONResponse({"request_uri": request_uri, "expires_in": int(PUSHED_LIFE.total_seconds())}, status_code=201)


@router.get(f"{PREFIX}/authorize", summary="The holder's browser arrives from a wallet")
async def authorize(
    request: Request,
    hub: HubDep,
    client_id: Annotated[str, Query(max_length=300)],
    request_uri: Annotated[str, Query(max_length=200)],
) -> Response:
    """On to the page where the holder answers; signing in is on the way."""
    await limited(request, hub)
    reference = await hub.wallets.authorizing.known(client_id, request_uri)
    response = RedirectResponse(ANSWER, status_code=303)
    give(response, hub, WALLET, reference)
    return response


@router.post(f"{PREFIX}/token", summary="A token for an offer or a code 钱包令牌")
@refusing()
async def token(request: Request, hub: HubDep) -> Response:
    """Bound to the wallet's key by DPoP (RFC 9449)."""
    await limited(request, hub)
    form = await _form(request)
    return JSONResponse(await hub.wallets.exchanging.exchange(form, _dpop(request, hub, f"{PREFIX}/token")))


@router.post(f"{PREFIX}/credential", summary="Licences bound to a wallet's keys 领取证照")
@refusing("invalid_credential_request")
async def credential(request: Request, hub: HubDep) -> Response:
    """One copy for each key (OpenID4VCI 1.0 §8); request and answer may be encrypted (§10), refusals never are."""
    await limited(request, hub)
    value, dpop = _bearing(request, hub, f"{PREFIX}/credential")
    wanted = await _wanted(request, hub)
    given = await hub.wallets.issuing.give(value, dpop, wanted)
    body = {"credentials": [{"credential": copy} for copy in given.copies], "notification_id": given.notification_id}
    if wanted.receiver is None:
        return JSONResponse(body)
    sealed = await asyncio.to_thread(wanted.receiver.seal, body)
    return Response(sealed, media_type=SEALED_TYPE)


@router.post(f"{PREFIX}/notification", status_code=204, summary="What a wallet did with what it got 钱包回告")
@refusing("invalid_notification_request")
async def notification(request: Request, hub: HubDep) -> Response:
    """Kept, deleted or failed (OpenID4VCI 1.0 §11); what it has not is refused from then on."""
    await limited(request, hub)
    value, dpop = _bearing(request, hub, f"{PREFIX}/notification")
    require_media_type(request, JSON_TYPE)
    match _read(await read_bytes(request, max_bytes=_MAX_FORM_BYTES), "invalid_notification_request"):
        case {"notification_id": str() as notification_id, "event": str() as event}:
            pass
        case _:
            raise WalletError("invalid_notification_request", "notification_id and event are needed")
    if not _UUID.fullmatch(notification_id):
        raise WalletError("invalid_notification_id", "none of this wallet's")
    await hub.wallets.notices.take(value, dpop, notification_id, event)
    return Response(status_code=204)


def _bearing(request: Request, hub: Hub, path: str) -> tuple[str, Dpop]:
    """An access token and the proof that goes with it. Raises: WalletError (401)."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "dpop" or not value:
        raise WalletError("invalid_token", "Authorization: DPoP and the token", status=401)
    try:
        return value, _dpop(request, hub, path, token=value)
    except WalletError as error:
        raise WalletError(error.error, error.description, status=401) from None


def _read(raw: bytes, error: str) -> Any:
    try:
        return strict_loads(raw, max_bytes=_MAX_REQUEST_BYTES, max_depth=8)
    except MalformedError as malformed:
        raise WalletError(error, malformed.reason) from None


async def _wanted(request: Request, hub: Hub) -> Wanted:
    sealed = request.headers.get("content-type", "").partition(";")[0].strip().lower() == SEALED_TYPE
    require_media_type(request, SEALED_TYPE if sealed else JSON_TYPE)
    raw = await read_bytes(request, max_bytes=_MAX_REQUEST_BYTES)
    if sealed:
        text = raw.decode("ascii", "replace")
        raw = await asyncio.to_thread(opened_request, hub.vault, text, hub.clock())
    body = _read(raw, "invalid_credential_request")
    receiver = None
    if isinstance(body, dict) and "credential_response_encryption" in body:
        if not sealed:  # in a readable request somebody on the way could have put his own key (§8.2)
            raise WalletError("invalid_encryption_parameters", "the request must be encrypted, too")
        receiver = receiver_of(body["credential_response_encryption"])
    match body:
        case {"proofs": {"jwt": [*proofs]} as kinds} if len(kinds) == 1 and all(isinstance(p, str) for p in proofs):
            pass
        case _:
            raise WalletError("invalid_proof", "proofs of type jwt are needed")
    match body.get("credential_configuration_id"), body.get("credential_identifier"):
        case ((str(), None) | (None, str())) as names:
            configuration, identifier = names
            return Wanted(configuration, identifier, proofs, receiver)
        case _:
            wrong = "name one credential_configuration_id or credential_identifier"
            raise WalletError("invalid_credential_request", wrong)


def _dpop(request: Request, hub: Hub, path: str, *, token: str | None = None) -> Dpop:
    given = request.headers.getlist("dpop")
    if len(given) > 1:
        raise WalletError("invalid_dpop_proof", "one DPoP header")
    url = hub.settings.public_url + path
    return read_dpop(given[0] if given else None, method="POST", url=url, now=hub.clock(), token=token)


async def _form(request: Request) -> dict[str, str]:
    require_media_type(request, FORM_TYPE)
    return read_form(await read_bytes(request, max_bytes=_MAX_FORM_BYTES))


async def limited(request: Request, hub: Hub) -> None:
    """Count one call of this address. Raises RateLimitedError."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"wallet:{peer}", hub.settings.token_requests_per_minute)
