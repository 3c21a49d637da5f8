"""Every page of holders goes out through here: rendering, and problems as pages."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.citizens.errors import HolderSignInNeededError, LevelError
from hub.citizens.values import Holder
from hub.intake.counter.lines import masked_name
from hub.issuing.shelf import masked_number
from hub.problems import ProblemType
from hub.web.citizen.menu import TABS, tab_of
from hub.web.console.forms import FieldError
from hub.web.console.view import came_from, view_of
from hub.web.framing import framed

HOME: Final = "/me"
SIGN_IN: Final = "/me/sign-in"
_PART: Final = "/[0-9A-Za-z-][0-9A-Za-z.*-]{0,127}"
_PATH: Final = re.compile(rf"/me(?!/(?:view|oidc|sign-out)\b)(?:{_PART}){{0,4}}", re.ASCII)
# Under the guard's `no-referrer` a browser sends `Origin: null` with a form, and the origin could not be checked.
_REFERRER: Final = "same-origin"


def render(
    request: Request,
    template: str,
    holder: Holder | None,
    *,
    status: int = 200,
    errors: Sequence[FieldError] = (),
    **values: Any,
) -> HTMLResponse:
    """A page for this visitor. `holder` is None before sign-in. Unread notices are counted by whoever knows them, in
    `request.state.unread`.
    """
    view = view_of(request)
    path: str = request.scope["path"]
    back = quote(safe_path(path), safe="")
    response = framed(
        request,
        template,
        view,
        status=status,
        elder_href=f"{HOME}/view?elder={0 if view.elder else 1}&back={back}",
        language_href=f"{HOME}/view?lang={view.t('en', 'zh-CN')}&back={back}",
        holder=holder,
        name=masked_name(holder.identity.name) if holder else "",
        number=masked_number(holder.identity.id_type, holder.identity.id_number) if holder else "",
        csrf=holder.csrf if holder else "",
        tabs=TABS,
        here=tab_of(path),
        unread=getattr(request.state, "unread", None),
        errors=list(errors),
        **values,
    )
    response.headers["Referrer-Policy"] = _REFERRER
    return response


def safe_path(path: str) -> str:
    """`path` if it is a page of holders that a plain link may lead back to."""
    return path if _PATH.fullmatch(path) else HOME


def redirect(path: str) -> Response:
    """See the page at `path` next."""
    return RedirectResponse(path, status_code=303)


def problem_page(request: Request, kind: ProblemType, error: Exception | None, request_id: str) -> Response:
    """A problem as people read it; somebody who is not signed in is sent to sign in."""
    if isinstance(error, HolderSignInNeededError):
        return redirect(f"{SIGN_IN}?ended=1" if request.method != "GET" else SIGN_IN)
    wait = getattr(error, "retry_after_seconds", None) or kind.retry_after_seconds
    page = render(
        request,
        "me/problem.html",
        getattr(request.state, "holder", None),
        status=kind.status,
        kind=kind,
        request_id=request_id,
        wait=wait,
        surer=isinstance(error, LevelError),
        changed=request.method != "GET",
        again=safe_path(came_from(request)),
    )
    if wait:
        page.headers["Retry-After"] = str(wait)
    return page
