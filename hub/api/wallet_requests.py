"""Asking a wallet 请钱包出示 (OpenID4VP 1.0): a system's side, and the wallet's."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from hub.api.wallets import limited, refusing
from hub.deps import CallerDep, HubDep, UuidText, limit
from hub.edge.body import FORM_TYPE, Body, read_bytes, read_json, require_media_type
from hub.edge.errors import Fault, InvalidBodyError
from hub.edge.form import read_form
from hub.wallets.errors import WalletError
from hub.wallets.metadata import PREFIX
from hub.wallets.questions import Asker
from hub.wallets.returning import MOST, may_return_to

router = APIRouter(tags=["wallets"])
PER_MINUTE: Final = 120
_MAX_ANSWER_BYTES: Final = 196_608
Reference = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


class WalletRequestBody(Body):
    """What the wallet is asked for, and what for, which its holder can read afterwards."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    claims: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(min_length=1, max_length=50)]
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    return_to: Annotated[str | None, Field(max_length=MOST)] = None
    """Where the wallet leads the browser back, when both are on one device."""


BODIES = (WalletRequestBody,)


@router.post(
    "/api/v1/wallet-requests",
    status_code=201,
    summary="Ask a wallet for a licence 请钱包出示证照",
    openapi_extra={"x-body": "WalletRequestBody"},
)
async def ask(request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """`scan` is for a QR, or a link on the holder's own device; it is answered once, within five minutes. With
    `return_to` the wallet leads the browser there, with a `response_code` in the query.
    """
    await limit(request, f"wallet-request:{caller.system_id}", PER_MINUTE)
    body, _ = await read_json(request, WalletRequestBody, max_bytes=16_384)
    if body.return_to is not None and not may_return_to(body.return_to):
        raise InvalidBodyError(Fault("/return_to", "https_address"))
    asker, back = Asker.system(caller), body.return_to
    try:
        made = await hub.wallets.asking.ask(asker, body.type, body.claims, body.purpose, return_to=back)
    except WalletError:
        raise InvalidBodyError(Fault("/claims", "not_of_type")) from None
    return JSONResponse({"id": made.id, "scan": made.scan, "expires_in": made.seconds}, status_code=201)


@router.get("/api/v1/wallet-requests/{ask_id}", summary="What a wallet answered 钱包出示结果")
async def look(
    ask_id: Annotated[UuidText, Path()],
    caller: CallerDep,
    hub: HubDep,
    response_code: Annotated[str | None, Header(alias="Response-Code", max_length=64)] = None,
) -> JSONResponse:
    """`state` is `waiting`, `answered` or `over`; `result` and `reason` are those of docs/verification.md. `claims` are
    there only if it passed. Asked with `return_to`, the outcome is told with the `Response-Code` that came back by the
    browser, and to nobody without it. It shows that somebody holds a licence, and corroborates no case by itself.
    """
    found = await hub.wallets.asking.look(Asker.system(caller), ask_id, code=response_code)
    if found.result is None:
        return JSONResponse({"state": found.state})
    body = {"state": found.state, "result": found.result, "reason": found.reason, "certificate": found.identifier}
    return JSONResponse(body | {"claims": dict(found.claims)})


@router.get(f"{PREFIX}/requests/{{reference}}", summary="The signed question behind a QR 出示请求")
async def question(request: Request, reference: Reference, hub: HubDep) -> Response:
    """Signed by the hub (RFC 9101); the certificate's digest is the client id."""
    await limited(request, hub)
    return Response(await hub.wallets.answering.request(reference), media_type="application/oauth-authz-req+jwt")


@router.post(f"{PREFIX}/responses/{{reference}}", summary="A wallet's encrypted answer 钱包答复")
@refusing()
async def answer(request: Request, reference: Reference, hub: HubDep) -> Response:
    """`direct_post.jwt`; the verdict is told to the system and to no wallet. A wallet that says no may say so readably
    (OpenID4VP 1.0 §8.2), and the question goes on waiting.
    """
    await limited(request, hub)
    require_media_type(request, FORM_TYPE)
    form = read_form(await read_bytes(request, max_bytes=_MAX_ANSWER_BYTES))
    if "error" in form and "response" not in form:
        await hub.wallets.answering.declined(reference)
        return JSONResponse({})
    if "response" not in form:
        raise WalletError("invalid_request", "an encrypted response is needed")
    back = await hub.wallets.answering.answer(reference, form["response"])
    return JSONResponse({} if back is None else {"redirect_uri": back})
