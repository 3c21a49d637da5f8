"""The provincial gateway's dialect 省平台网关兼容, for systems given a key of it. POST only: no number in a URL."""

import hashlib
import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, JSON_TYPE, read_bytes, require_media_type
from hub.edge.errors import BadRequestError, Fault
from hub.edge.form import read_form
from hub.exchange.errors import ExchangeError
from hub.exchange.gateway.keys import GatewaySecrets
from hub.exchange.gateway.service import Additional, Signed, refused
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from signing.canonical import strict_loads
from signing.errors import MalformedError

router = APIRouter(prefix="/gateway", tags=["gateway"])
_NAMES: Final = ("appKey", "requestTime", "sign")
_MAX_BYTES: Final = 65_536
_NOT_PARAMS: Final = frozenset({*_NAMES, "additional", "encryptEntity"})
Region = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
Code = Annotated[str, Path(pattern=r"^[a-z0-9_-]{3,64}$")]


@router.post("/app/refreshTokenByKey.htm", summary="Refresh with the application secret 以应用密钥刷新")
async def refresh_by_key(request: Request, hub: HubDep) -> Response:
    """`sign` is made with appSecret; answers refreshSecret and requestSecret with their ends in milliseconds."""
    return await _refresh(request, hub, by_app_secret=True)


@router.post("/app/refreshTokenBySec.htm", summary="Refresh with the refresh secret 以刷新密钥刷新")
async def refresh_by_secret(request: Request, hub: HubDep) -> Response:
    """`sign` is made with refreshSecret."""
    return await _refresh(request, hub, by_app_secret=False)


@router.post("/api/{region}/dataSharing/{code}.htm", summary="Ask an interface 查询接口")
async def ask(region: Region, code: Code, request: Request, hub: HubDep) -> Response:
    """The question with its `additional` block: a real open case, its matter, a party of it and a demanded material."""
    given = await _given(request)
    signed = _signed(request, given)
    await limit(request, f"gateway-ask:{_peer(request)}", hub.settings.system_requests_per_minute)
    params = {name: value for name, value in given.items() if name not in _NOT_PARAMS}
    digest = hashlib.sha256(f"POST\n/gateway/api/{region}/dataSharing/{code}.htm\n".encode())
    digest.update(json.dumps(given, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    try:
        caller = await hub.exchange.gateway.caller(signed)
        await limit(request, f"system:{caller.client_id}", hub.settings.system_requests_per_minute)
        answer = await hub.exchange.gateway.ask(caller, code, _additional(given), params, digest.hexdigest())
    except (ExchangeError, CaseNotFoundError, CaseClosedError) as error:
        return _json(refused(error))
    return _json(answer)


async def _refresh(request: Request, hub: HubDep, *, by_app_secret: bool) -> Response:
    signed = _signed(request, await _given(request))
    await limit(request, f"gateway-refresh:{_peer(request)}", hub.settings.token_requests_per_minute)
    try:
        key = await hub.exchange.gateway.holder(signed, by_app_secret=by_app_secret)
        await limit(request, f"gateway-key:{key.app_key}", hub.settings.token_requests_per_minute)
        found = await hub.exchange.gateway.refresh(key)
    except ExchangeError as error:
        return _json(refused(error))
    return _json({"code": "00", "msg": "成功", "datas": _shown(found), "dataCount": 1})


def _peer(request: Request) -> str:
    """Who counts until the signature holds: an appKey is no secret, and its holder's calls are nobody else's to use."""
    return request.client.host if request.client else ""


def _shown(found: GatewaySecrets) -> dict[str, Any]:
    return {
        "refreshSecret": found.refresh,
        "refreshSecretEndTime": found.refresh_until,
        "requestSecret": found.request,
        "requestSecretEndTime": found.request_until,
    }


async def _given(request: Request) -> dict[str, Any]:
    """The members of a form or of a JSON object. Raises BadRequestError."""
    raw = await read_bytes(request, max_bytes=_MAX_BYTES)
    if request.headers.get("content-type", "").lower().startswith(JSON_TYPE):
        return _object(raw)
    require_media_type(request, FORM_TYPE)
    return dict(read_form(raw))


def _signed(request: Request, given: dict[str, Any]) -> Signed:
    """From the body or, as some software does, from headers."""
    values = [str(given.get(name) or request.headers.get(name) or "")[:64] for name in _NAMES]
    return Signed(*values)


def _additional(given: dict[str, Any]) -> Additional:
    block = given.get("additional", {})
    found = _object(block.encode()) if isinstance(block, str) else block
    if not isinstance(found, dict):
        raise BadRequestError(Fault("/additional", "object"))

    def text(name: str) -> str:
        return str(found.get(name) or "")[:200]

    return Additional(
        case=text("projectId"),
        matter=text("powerMatters"),
        material=text("materialName"),
        operator=text("accesscardId"),
        sponsor_name=text("sponsorName"),
        sponsor_code=text("sponsorCode"),
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = strict_loads(raw, max_bytes=_MAX_BYTES, max_depth=8)
    except MalformedError as error:
        raise BadRequestError(Fault("", error.reason)) from error
    if not isinstance(value, dict):
        raise BadRequestError(Fault("", "object"))
    return value


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), media_type=JSON_TYPE)
