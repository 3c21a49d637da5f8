"""Every page of the console goes out through here: rendering, redirects with a message, problems as pages."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.access.actors import Actor
from hub.access.errors import ForbiddenError, SignInNeededError
from hub.problems import ProblemType
from hub.web.console.forms import FieldError
from hub.web.console.menu import menu_for
from hub.web.console.view import came_from, here, safe_path, view_of
from hub.web.console.words import ROLES
from hub.web.framing import framed

_FLASH: Final = "yz_flash"
_FLASH_SECONDS: Final = 60
_ENDED: Final = (
    "登录已结束，刚才提交的内容没有保存。登录后会回到那一页，请再做一次。",
    "You were signed out, and what you sent was not saved. Sign in: you come back to that page, and do it again.",
)
# Under the guard's `no-referrer` a browser sends `Origin: null` with a form, and the origin could not be checked.
_REFERRER: Final = "same-origin"


def render(
    request: Request,
    template: str,
    actor: Actor | None,
    *,
    status: int = 200,
    errors: Sequence[FieldError] = (),
    **values: Any,
) -> HTMLResponse:
    """A page for this visitor. `actor` is None before sign-in."""
    view = view_of(request)
    signed_in = getattr(request.state, "signed_in", None)
    flash = _flash(request)
    path: str = request.scope["path"]
    back = quote(here(request), safe="")
    response = framed(
        request,
        template,
        view,
        status=status,
        elder_href=f"/console/view?elder={0 if view.elder else 1}&back={back}",
        language_href=f"/console/view?lang={view.t('en', 'zh-CN')}&back={back}",
        actor=actor,
        staff=signed_in.staff if signed_in else None,
        csrf=signed_in.csrf if signed_in else "",
        menu=menu_for(actor, path) if actor else None,
        flash=view.t(*flash[:2]) if flash else "",
        flash_refused=bool(flash and flash[2]),
        errors=list(errors),
        **values,
    )
    response.headers["Referrer-Policy"] = _REFERRER
    if flash:
        response.delete_cookie(_FLASH, path="/console")
    return response


def redirect(path: str, flash: tuple[str, str] | None = None, *, refused: bool = False) -> Response:
    """See the page at `path` next (303), with a message in Chinese and English shown once; `refused`: that it was not
    done, which must not look like a success.
    """
    response = RedirectResponse(path, status_code=303)
    if flash:
        value = base64.urlsafe_b64encode(json.dumps((*flash, refused), ensure_ascii=False).encode()).decode()
        response.set_cookie(
            _FLASH, value, max_age=_FLASH_SECONDS, path="/console", httponly=True, samesite="lax", secure=False
        )
    return response


def problem_page(request: Request, kind: ProblemType, error: Exception | None, request_id: str) -> Response:
    """A problem as people read it; somebody who is not signed in is sent to sign in and comes back."""
    if isinstance(error, SignInNeededError):
        changed = request.method != "GET"
        back = safe_path(came_from(request)) if changed else here(request)
        return redirect("/console/sign-in?" + urlencode({"back": back}), _ENDED if changed else None, refused=True)
    signed_in = getattr(request.state, "signed_in", None)
    actor = signed_in.actor if signed_in else None
    wait = getattr(error, "retry_after_seconds", None) or kind.retry_after_seconds
    page = render(
        request,
        "console/problem.html",
        actor,
        status=kind.status,
        kind=kind,
        request_id=request_id,
        wait=wait,
        changed=request.method != "GET",
        again=safe_path(came_from(request)),
        roles=_roles(request, error),
    )
    if wait:
        page.headers["Retry-After"] = str(wait)
    return page


def _roles(request: Request, error: Exception | None) -> list[str]:
    """Who may do what this visitor may not."""
    view = view_of(request)
    needed = error.roles if isinstance(error, ForbiddenError) else ()
    return [view.t(zh, en) for role, zh, en, *_ in ROLES if role.value in needed]


def _flash(request: Request) -> tuple[str, str, bool] | None:
    """The message left by the page before. The visitor could have written it himself: it is only ever text."""
    try:
        zh, en, refused = json.loads(base64.urlsafe_b64decode(request.cookies.get(_FLASH, "").encode()))
        return str(zh)[:300], str(en)[:300], refused is True
    except ValueError:
        return None
