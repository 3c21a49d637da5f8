"""Network IDs 网号网证: signing in by one, and what a holder has bound."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.errors import ProviderError, SignInRefusedError
from hub.assembly.identities import Identities
from hub.citizens.identities.errors import BindingError
from hub.citizens.identities.vouching import read_voucher
from hub.citizens.values import SHOWS, Holder
from hub.deps import HubDep, UuidText, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.frame import SIGN_IN, redirect, render
from hub.web.citizen.sign_in import begun, limited, sign_in_page
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, form
from hub.web.identity_words import FIELD, NO_VOUCHER, WHY

router = APIRouter()
IDENTITIES: Final = "/me/identities"
BindingId = Annotated[UuidText, Path()]
_AWAY_SECONDS: Final = "30"
_BINDS_PER_MINUTE: Final = 10
_AWAY: Final = FieldError(
    FIELD,
    "国家网络身份认证服务暂时没有应答，请过一会儿再试，或用其他方式",
    "The network-ID service does not answer: try again soon, or use another way",
)
_log = structlog.get_logger(__name__)


@router.post("/me/sign-in/network-id", response_class=HTMLResponse)
async def enter(request: Request, hub: HubDep) -> Response:
    """A session for whom the voucher leads to; every refusal looks alike, but that the service is away is said."""
    await limited(request, hub)
    offered = _offered(hub)
    given = await form(request, anonymous=True)
    voucher = read_voucher(given.raw(FIELD))
    if voucher is None:
        return sign_in_page(request, hub, errors=[NO_VOUCHER])
    try:
        return await begun(request, hub, await offered.sign_in.enter(voucher))
    except SignInRefusedError as error:
        _log.warning("holder_sign_in_refused", reason=error.reason)
        return render(request, "me/refused.html", None, status=401, network_id=True)
    except ProviderError as error:
        _log.warning("network_id_away", reason=str(error))
        return _away(sign_in_page(request, hub, errors=[_AWAY], status=503))


@router.get("/me/sign-in/network-id")
async def asked_again() -> Response:
    """Where the language of a refusal is changed, the form is shown anew."""
    return redirect(SIGN_IN)


@router.get(IDENTITIES, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What is bound, and a field for another."""
    return await _page(request, hub, holder)


@router.post(IDENTITIES, response_class=HTMLResponse)
async def bind(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Bind what a voucher leads to."""
    given = await holder_form(request, holder)
    await limit(request, f"identities:{holder.id}", _BINDS_PER_MINUTE)
    offered = _offered(hub)
    voucher = read_voucher(given.raw(FIELD))
    if voucher is None:
        return await _page(request, hub, holder, NO_VOUCHER)
    try:
        await offered.bindings.bind(holder, voucher)
    except BindingError as error:
        return await _page(request, hub, holder, WHY[error.reason])
    except ProviderError as error:
        _log.warning("network_id_away", reason=str(error))
        return _away(await _page(request, hub, holder, _AWAY, status=503))
    return redirect(IDENTITIES)


@router.post(IDENTITIES + "/{binding_id}/release")
async def release(request: Request, binding_id: BindingId, hub: HubDep, holder: HolderDep) -> Response:
    """End one."""
    await holder_form(request, holder)
    await _offered(hub).bindings.release(holder, binding_id)
    return redirect(IDENTITIES)


async def _page(
    request: Request, hub: Hub, holder: Holder, error: FieldError | None = None, *, status: int | None = None
) -> HTMLResponse:
    holder.require(SHOWS)
    offered = hub.citizens.identities
    bound = await offered.bindings.listed(holder) if offered is not None else []
    return render(
        request,
        "me/identities.html",
        holder,
        status=status or (422 if error else 200),
        errors=[error] if error else [],
        offered=offered is not None,
        bound=bound,
    )


def _offered(hub: Hub) -> Identities:
    if hub.citizens.identities is None:
        raise MissingError("identities")
    return hub.citizens.identities


def _away(page: HTMLResponse) -> HTMLResponse:
    page.headers["Retry-After"] = _AWAY_SECONDS
    return page
