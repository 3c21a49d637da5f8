"""Signing in and out: through the city's provider, or, for trying out, by number, name and the code of a notice."""

from collections.abc import Sequence
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, ID_TYPES
from hub.access.errors import LockedOutError, SignInRefusedError
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.values import BODIES
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.web.citizen.frame import HOME, SIGN_IN, redirect, render, safe_path
from hub.web.citizen.samples import sample_people
from hub.web.citizen.visit import PLACE, SESSION, STEP, WALLET, HolderDep, cookie, give, holder_form, take_back
from hub.web.console.counter.words import REASONS, WRONG_ID
from hub.web.console.forms import FieldError, form
from hub.web.console.sign_in import locked
from hub.web.console.view import remember, view_of
from hub.web.console.visit import peer_of

router = APIRouter()
CODE: Final = "/me/sign-in/code"
_NAME_MOST: Final = 100
_WRONG: Final = FieldError(
    "code",
    "登录未成功：号码、姓名或验证码不正确，或验证码已过期",
    "Not signed in: number, name or code is wrong, or the code has expired",
)
_log = structlog.get_logger(__name__)


@router.get(SIGN_IN, response_class=HTMLResponse)
async def sign_in_form(request: Request, hub: HubDep, ended: Annotated[str, Query(max_length=1)] = "") -> Response:
    """The ways there are; somebody who is signed in goes on. `ended`: he has sent a form and was signed out by then."""
    try:
        await hub.citizens.sessions.find(cookie(request, hub, SESSION))
    except HolderSignInNeededError:
        return sign_in_page(request, hub, ended=bool(ended))
    return redirect(HOME)


@router.post(SIGN_IN, response_class=HTMLResponse)
async def ask_code(request: Request, hub: HubDep) -> Response:
    """Number and name. What follows is the same whether or not there is such a person."""
    await limited(request, hub)
    given = await form(request, anonymous=True)
    id_type = given.text("id_type") or CITIZEN_ID
    name, number = given.text("name")[:_NAME_MOST], given.raw("id_number")[:_NAME_MOST]
    values = {"id_number": number, "name": name, "id_type": id_type}
    errors = [] if name else [FieldError("name", "请输入姓名", "Enter your name")]
    if not number.strip():
        errors.insert(0, FieldError("id_number", "请输入证件号码", "Enter the number of your document"))
    if id_type not in ID_TYPES or id_type in BODIES:
        errors.append(FieldError("id_type", "请选择证件类型", "Choose a kind of document"))
    if errors:
        return sign_in_page(request, hub, values, errors)
    try:
        step = await hub.citizens.trial.begin(id_type, number, name, peer=peer_of(request).address)
    except IdentifierError as error:
        wrong = FieldError("id_number", *REASONS.get(error.reason, WRONG_ID))
        return sign_in_page(request, hub, values, [wrong])
    except LockedOutError as error:
        words = locked(error)
        page = sign_in_page(request, hub, values, [FieldError("id_number", words.zh, words.en)], status=429)
        page.headers["Retry-After"] = str(error.retry_after_seconds)
        return page
    response = redirect(CODE)
    give(response, hub, STEP, step)
    return response


@router.get(CODE, response_class=HTMLResponse)
async def code_form(request: Request, hub: HubDep) -> Response:
    """The second step, for a browser that took the first."""
    step = cookie(request, hub, STEP)
    return await _code_page(request, hub, step) if step else redirect(SIGN_IN)


@router.post(CODE, response_class=HTMLResponse)
async def enter_code(request: Request, hub: HubDep) -> Response:
    """A new session, under a new id; whatever session the browser brought ends (session fixation)."""
    await limited(request, hub)
    given = await form(request, anonymous=True)
    step = cookie(request, hub, STEP)
    if not step:
        return redirect(SIGN_IN)
    try:
        secret = await hub.citizens.trial.finish(step, given.text("code")[:20], peer=peer_of(request).address)
    except SignInRefusedError as error:
        _log.warning("holder_sign_in_refused", reason=error.reason)
        return await _code_page(request, hub, step, [_WRONG])
    return await begun(request, hub, secret)


@router.post("/me/sign-out")
async def sign_out(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """End this session, or with `everywhere` all of them."""
    given = await holder_form(request, holder)
    if given.checked("everywhere"):
        await hub.citizens.sessions.end_all(holder)
    await hub.citizens.sessions.end(cookie(request, hub, SESSION))
    response = redirect(SIGN_IN)
    take_back(response, hub, SESSION)
    return response


@router.get("/me/view")
async def view(
    hub: HubDep,
    lang: Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")] = None,
    elder: Annotated[str | None, Query(pattern=r"^[01]$")] = None,
    back: Annotated[str, Query(max_length=100)] = HOME,
) -> Response:
    """Remember language and 长辈版, and show the same page again."""
    response = redirect(safe_path(back))
    remember(response, hub, lang=lang, elder=elder)
    return response


async def begun(request: Request, hub: Hub, secret: str) -> Response:
    """The browser gets its new session, once its holder is told of a browser that he has not used before."""
    place = await hub.citizens.places.arrived(secret, cookie(request, hub, PLACE))
    await hub.citizens.sessions.end(cookie(request, hub, SESSION))
    response = redirect(f"{HOME}/wallets/answer" if cookie(request, hub, WALLET) else HOME)
    give(response, hub, SESSION, secret)
    give(response, hub, PLACE, place)
    take_back(response, hub, STEP)
    return response


def sign_in_page(
    request: Request,
    hub: Hub,
    values: dict[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    *,
    status: int | None = None,
    ended: bool = False,
) -> HTMLResponse:
    """The ways there are, with what was entered and what is wrong; `ended`: he was signed out when he sent a form."""
    view = view_of(request)
    kinds = [
        (code, view.t(item.zh, item.en))
        for code, item in sorted(ID_TYPES.items(), key=lambda pair: pair[0] != CITIZEN_ID)
        if code not in BODIES
    ]
    return render(
        request,
        "me/sign_in.html",
        None,
        status=status or (422 if errors else 200),
        errors=errors,
        trial=hub.citizens.trial.on,
        provider=hub.citizens.provider is not None,
        network_id=hub.citizens.identities is not None,
        people=sample_people(hub.settings.home) if hub.citizens.trial.on else (),
        given=values or {"id_number": "", "name": "", "id_type": CITIZEN_ID},
        kinds=kinds,
        ended=ended,
    )


async def _code_page(request: Request, hub: Hub, step: str, errors: Sequence[FieldError] = ()) -> HTMLResponse:
    notice = await hub.citizens.trial.notice(step)
    return render(request, "me/code.html", None, status=401 if errors else 200, errors=errors, notice=notice)


async def limited(request: Request, hub: Hub) -> None:
    """Count an attempt from this address. Raises: RateLimitedError."""
    await limit(request, f"holder-sign-in:{peer_of(request).address}", hub.settings.token_requests_per_minute)
