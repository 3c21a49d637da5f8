"""Every page of a terminal goes out through here: in large print always, and never kept by the browser."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.errors import KioskOverError, KioskUnknownError
from hub.citizens.kiosk.standing import Visit
from hub.citizens.kiosk.visits import IDLE
from hub.intake.counter.lines import masked_name
from hub.problems import ProblemType
from hub.web.console.forms import FieldError
from hub.web.console.view import View, view_of
from hub.web.framing import framed

START: Final = "/kiosk"
# Under the guard's `no-referrer` a browser sends `Origin: null` with a form, and the origin could not be checked.
_REFERRER: Final = "same-origin"


def render(
    request: Request,
    template: str,
    kiosk: Kiosk | None,
    *,
    visit: Visit | None = None,
    status: int = 200,
    errors: Sequence[FieldError] = (),
    **values: Any,
) -> HTMLResponse:
    """A page for whoever stands there. `kiosk` None: the browser is no terminal yet."""
    view = view_of(request)
    page = framed(
        request,
        template,
        View(view.language, elder=True),
        status=status,
        elder_href=START,
        language_href=f"{START}/language/{view.t('en', 'zh-CN')}",
        kiosk=kiosk,
        visit=visit,
        name=masked_name(visit.holder.identity.name) if visit else "",
        csrf=visit.holder.csrf if visit else "",
        idle=int(IDLE.total_seconds()),
        errors=list(errors),
        **values,
    )
    page.headers["Referrer-Policy"] = _REFERRER
    return page


def redirect(path: str) -> Response:
    """See the page at `path` next."""
    return RedirectResponse(path, status_code=303)


def problem_page(request: Request, kind: ProblemType, error: Exception | None, request_id: str) -> Response:
    """A problem as people read it; a visit that has ended is the start again."""
    if isinstance(error, KioskOverError | KioskUnknownError):
        return redirect(START)
    return render(request, "kiosk/problem.html", None, status=kind.status, kind=kind, request_id=request_id)


def closed_page(request: Request, told: Mapping[str, Any]) -> Response:
    """While the hub is closed for planned work: it looks by itself whether it is over, since nobody else would."""
    return render(request, "kiosk/closed.html", None, status=503, **told)
