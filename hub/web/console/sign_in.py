"""Signing in and out, and the one-time link by which a password is set."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.errors import LockedOutError, PasswordRuleError, SignInNeededError, SignInRefusedError
from hub.access.sessions import Begun
from hub.access.staff_store import Staff
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import safe_path
from hub.web.console.visit import begin_session, end_session, peer_of, session_secret

router = APIRouter()
Back = Annotated[str, Query(max_length=500)]
Secret = Annotated[str, Query(max_length=100)]
_log = structlog.get_logger(__name__)
RULES: Final = {
    "too_short": ("密码至少 12 个字符", "Use at least 12 characters"),
    "too_long": ("密码最多 256 个字符", "Use at most 256 characters"),
    "common": ("这样的密码容易被猜到；可以用几个不相关的词", "This is easy to guess; try several unrelated words"),
    "contains_name": ("密码不能包含用户名", "Leave your user name out of the password"),
}


@router.get("/console/sign-in", response_class=HTMLResponse)
async def sign_in_form(request: Request, hub: HubDep, back: Back = "") -> Response:
    """The form; somebody who is signed in goes on to where he wanted to go."""
    target = safe_path(back)
    try:
        await hub.sessions.find(session_secret(request, hub), "browser")
    except SignInNeededError:
        return _sign_in_page(request, hub, back=target)
    return redirect(target)


@router.post("/console/sign-in", response_class=HTMLResponse)
async def sign_in(request: Request, hub: HubDep, back: Back = "") -> Response:
    """A new session, under a new id, for the right password."""
    await _limited(request, hub)
    given = await form(request, anonymous=True)
    user_name, target = given.text("user_name"), safe_path(given.text("back") or back)
    if not user_name or not given.raw("password"):
        errors = [FieldError("user_name", "请输入用户名", "Enter your user name")] if not user_name else []
        if not given.raw("password"):
            errors.append(FieldError("password", "请输入密码", "Enter your password"))
        return _sign_in_page(request, hub, back=target, user_name=user_name, errors=errors)
    try:
        begun = await hub.staff_sign_in.sign_in(user_name, given.raw("password"), peer_of(request))
    except SignInRefusedError as error:
        _log.warning("staff_sign_in_refused", reason=error.reason)
        wrong = FieldError("user_name", "用户名或密码不正确", "The user name or the password is wrong")
        return _sign_in_page(request, hub, back=target, user_name=user_name, errors=[wrong], status=401)
    except LockedOutError as error:
        return _sign_in_page(
            request, hub, back=target, user_name=user_name, errors=[locked(error)], status=429, wait=error
        )
    return await _begun(request, hub, begun, target)


@router.post("/console/sign-out")
async def sign_out(request: Request, hub: HubDep) -> Response:
    """End the session here and in the database. Also for a session that has ended already."""
    secret = session_secret(request, hub)
    try:
        request.state.signed_in = await hub.sessions.find(secret, "browser")
        await form(request)
        await hub.sessions.end(secret)
    except SignInNeededError:
        await form(request, anonymous=True)
    response = redirect("/console/sign-in", ("您已退出", "You have signed out"))
    end_session(response, hub)
    return response


@router.get("/console/link", response_class=HTMLResponse)
async def link_form(request: Request, hub: HubDep, t: Secret = "") -> Response:
    """Looking at the link does not use it up: mail programs and previews look too."""
    await _limited(request, hub)
    try:
        owner = await hub.staff_sign_in.link_owner(t)
    except SignInRefusedError:
        return render(request, "console/link_dead.html", None, status=404)
    return _link_page(request, owner, t)


@router.post("/console/link", response_class=HTMLResponse)
async def link(request: Request, hub: HubDep, t: Secret = "") -> Response:
    """Set the password, use the link up, begin a session."""
    await _limited(request, hub)
    given = await form(request, anonymous=True)
    try:
        owner = await hub.staff_sign_in.link_owner(t)
        errors = [] if owner else _first_errors(given)
        errors += new_password_errors(given)
        if errors:
            return _link_page(request, owner, t, given, errors)
        first = {"user_name": given.text("user_name"), "display_name": given.text("display_name")}
        begun = await hub.staff_sign_in.accept(t, given.raw("password"), peer_of(request), first=first)
    except SignInRefusedError:
        return render(request, "console/link_dead.html", None, status=404)
    except PasswordRuleError as error:
        return _link_page(request, owner, t, given, rule_errors(error))
    except DefinitionError:
        wrong = FieldError("user_name", "用户名为 3 至 64 位小写字母、数字和 . _ -", "Use 3 to 64 of a-z 0-9 . _ -")
        return _link_page(request, owner, t, given, [wrong])
    return await _begun(request, hub, begun, "/console")


def new_password_errors(given: Form) -> list[FieldError]:
    """What is wrong with `password` and `again` before the rules are asked."""
    if not given.raw("password"):
        return [FieldError("password", "请输入新密码", "Enter a new password")]
    if given.raw("password") != given.raw("again"):
        return [FieldError("again", "两次输入的密码不一致", "The two passwords differ")]
    return []


def rule_errors(error: PasswordRuleError) -> list[FieldError]:
    """The broken rules in words."""
    return [FieldError("password", *RULES[rule]) for rule in error.rules]


def locked(error: LockedOutError) -> FieldError:
    """Too many failures, in words."""
    minutes = -(-error.retry_after_seconds // 60)
    return FieldError(
        "user_name",
        f"尝试次数过多，请 {minutes} 分钟后再试",
        f"Too many attempts; try again in {minutes} minute{'s' if minutes > 1 else ''}",
    )


def _first_errors(given: Form) -> list[FieldError]:
    wanted = {"user_name": ("请输入用户名", "Enter a user name"), "display_name": ("请输入姓名", "Enter your name")}
    return [FieldError(name, *words) for name, words in wanted.items() if not given.text(name)]


def _sign_in_page(
    request: Request,
    hub: Hub,
    *,
    back: str,
    user_name: str = "",
    errors: list[FieldError] | None = None,
    status: int | None = None,
    wait: LockedOutError | None = None,
) -> Response:
    response = render(
        request,
        "console/sign_in.html",
        None,
        status=status or (422 if errors else 200),
        errors=errors or (),
        back=back,
        user_name=user_name,
        provider=hub.settings.oidc_issuer is not None,
    )
    if wait:
        response.headers["Retry-After"] = str(wait.retry_after_seconds)
    return response


def _link_page(
    request: Request,
    owner: Staff | None,
    secret: str,
    given: Form | None = None,
    errors: list[FieldError] | None = None,
) -> Response:
    values = {name: given.text(name) if given else "" for name in ("user_name", "display_name")}
    return render(
        request,
        "console/link.html",
        None,
        status=422 if errors else 200,
        errors=errors or (),
        owner=owner,
        secret=secret,
        given=values,
    )


async def _begun(request: Request, hub: Hub, begun: Begun, target: str) -> Response:
    """The browser gets the new id; whatever session it brought ends (session fixation)."""
    await hub.sessions.end(session_secret(request, hub))
    response = redirect(target)
    begin_session(response, hub, begun.secret)
    return response


async def _limited(request: Request, hub: Hub) -> None:
    await limit(request, f"sign-in:{peer_of(request).address}", hub.settings.token_requests_per_minute)
