"""My account: who I am here, my sessions, another password, tokens for programs."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import LockedOutError, PasswordRuleError, SignInRefusedError
from hub.deps import HubDep, UuidText
from hub.runtime import Hub
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.sign_in import locked, new_password_errors, rule_errors
from hub.web.console.visit import ConsoleDep, begin_session, peer_of, signed_in_of

router = APIRouter()
_LIVES: Final = {"1": timedelta(days=1), "30": timedelta(days=30), "90": timedelta(days=90)}


@router.get("/console/account", response_class=HTMLResponse)
async def account(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Name, department, roles, sessions and tokens."""
    return await _page(request, hub, actor)


@router.post("/console/account/sessions/{session_id}/end")
async def end_session(request: Request, session_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """End one of my sessions or tokens."""
    await form(request)
    await hub.sessions.end_one(actor, session_id)
    return redirect("/console/account", ("已终止", "Ended"))


@router.post("/console/account/sessions/end-others")
async def end_others(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """End all but this one."""
    await form(request)
    await hub.sessions.end_others(actor, signed_in_of(request).id)
    return redirect("/console/account", ("其他登录和令牌都已终止", "All others have ended"))


@router.post("/console/account/tokens", response_class=HTMLResponse)
async def make_token(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """A bearer token, shown on this one page."""
    given = await form(request)
    label, life = given.text("label"), _LIVES.get(given.text("life"))
    if not label or life is None:
        wrong = FieldError("label", "请写明用途", "Say what it is for")
        return await _page(request, hub, actor, errors=[wrong], status=422)
    token = await hub.sessions.make_token(actor, label=label, life=life)
    return await _page(request, hub, actor, token=token)


@router.get("/console/account/password", response_class=HTMLResponse)
async def password_form(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """The form for another password."""
    return render(request, "console/password.html", actor)


@router.post("/console/account/password", response_class=HTMLResponse)
async def change_password(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Set it; every other session and token of mine ends."""
    given = await form(request)
    errors = new_password_errors(given)
    if not given.raw("old"):
        errors.insert(0, FieldError("old", "请输入现在的密码", "Enter your present password"))
    if errors:
        return render(request, "console/password.html", actor, errors=errors, status=422)
    try:
        begun = await hub.staff_sign_in.change_password(
            signed_in_of(request), given.raw("old"), given.raw("password"), peer_of(request)
        )
    except SignInRefusedError:
        errors = [FieldError("old", "现在的密码不正确", "The present password is wrong")]
    except PasswordRuleError as error:
        errors = rule_errors(error)
    except LockedOutError as error:
        errors = [FieldError("old", locked(error).zh, locked(error).en)]
    else:
        response = redirect(
            "/console/account", ("密码已修改，其他登录已终止", "Password changed; all other sessions have ended")
        )
        begin_session(response, hub, begun.secret)
        return response
    return render(request, "console/password.html", actor, errors=errors, status=422)


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    *,
    token: str = "",
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HTMLResponse:
    held = await hub.sessions.held_by(actor.id)
    return render(
        request,
        "console/account.html",
        actor,
        status=status,
        errors=errors or (),
        held=held,
        this=signed_in_of(request).id,
        token=token,
        password=signed_in_of(request).staff.password_hash is not None,
    )
