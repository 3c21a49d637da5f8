"""The public pages: start, and one page a problem; `verify_page` has the third."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hub.closure.errors import PlannedClosureError
from hub.deps import HubDep
from hub.problems import ProblemType, problem_types
from hub.storage.errors import MissingError
from hub.web.console.view import remember, view_of
from hub.web.framing import framed
from hub.web.static_files import ROOT, StaticFiles
from hub.web.walk import recorded_walk

router = APIRouter(include_in_schema=False)
Lang = Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")]
_OF_PROGRAMS: Final = (
    "/api/",
    "/oauth/",
    "/.well-known/",
    "/ledger/tile/",
    "/ledger/checkpoint",
    "/status-lists/",
    "/health/",
    "/static",
)
_PUBLIC: Final = re.compile(r"/(?!/)[0-9A-Za-z_./-]{0,80}\?lang=(?:zh-CN|en)", re.ASCII)


def mount_static(app: FastAPI) -> None:
    """Serve the style sheet and the small script from the package."""
    app.mount(ROOT, StaticFiles(), name="static")


@router.get("/", response_class=HTMLResponse)
async def start(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """For citizens first: what one needs, signing in, verifying; then the walk of the demo if one was made."""
    walk = recorded_walk(hub.settings.home)
    checkpoint = await hub.ledger.checkpoint()
    return public_page(
        "start.html",
        request,
        lang,
        walk=walk,
        checkpoint=checkpoint or "",
        events=[(item.code, item.title_zh, item.title_en) for item in await hub.life_events.listed()],
        matters=[item for item in await hub.registry.matters.public() if item["version"] is not None],
    )


@router.get("/problems/{slug}", response_class=HTMLResponse)
async def problem(slug: str, request: Request, lang: Lang = None) -> HTMLResponse:
    """What a problem type means and who must act."""
    kind = next((item for item in problem_types() if item.slug == slug), None)
    if kind is None:
        raise MissingError("problem")
    return public_page("problem.html", request, lang, kind=kind)


@router.get("/view")
async def view(
    hub: HubDep,
    lang: Lang = None,
    elder: Annotated[str | None, Query(pattern=r"^[01]$")] = None,
    back: Annotated[str, Query(max_length=100)] = "/",
) -> Response:
    """Remember language and 长辈版, for every page there is, and show the same page again. Preferences, so a plain link
    may set them.
    """
    response = RedirectResponse(_public(back), status_code=303)
    remember(response, hub, lang=lang, elder=elder)
    return response


def wants_page(request: Request) -> bool:
    """Whether people read the answer: a browser asks, and for no path that programs call."""
    path: str = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_OF_PROGRAMS)


def problem_page(request: Request, kind: ProblemType, error: Exception | None, request_id: str) -> Response:
    """A problem as people read it who are on nobody's pages."""
    wait = getattr(error, "retry_after_seconds", None) or kind.retry_after_seconds
    changed = request.method != "GET"
    values = {"kind": kind, "request_id": request_id, "wait": wait, "changed": changed, "again": ""}
    page = public_page("error.html", request, None, **values)
    page.status_code = kind.status
    if wait:
        page.headers["Retry-After"] = str(wait)
    return page


def told_of_closure(request: Request, error: PlannedClosureError, request_id: str) -> dict[str, Any]:
    """What a page says while the hub is closed for planned work."""
    found = request.app.state.hub.closures.known()
    note = view_of(request).t(found.zh or found.en, found.en or found.zh) if found else ""
    return {"ends": error.ends, "note": note, "changed": request.method != "GET", "request_id": request_id}


def closed_page(request: Request, told: Mapping[str, Any]) -> Response:
    """What there is to read then, wherever one came."""
    page = public_page("closed.html", request, None, **told)
    page.status_code = 503
    return page


def public_page(name: str, request: Request, lang: str | None, **values: Any) -> HTMLResponse:
    """A page in the language of its address, else as the visitor chose or the browser asks, and in the print chosen."""
    chosen = view_of(request)
    shown = replace(chosen, language=lang or chosen.language)
    other = shown.t("en", "zh-CN")
    return framed(
        request,
        name,
        shown,
        elder_href=f"/view?elder={0 if shown.elder else 1}&back={_back(request, shown.language)}",
        language_href=f"/view?lang={other}&back={_back(request, other)}",
        **values,
    )


def _public(back: str) -> str:
    """`back` if it is the address of a public page that a plain link may lead back to."""
    return back if _PUBLIC.fullmatch(back) else "/"


def _back(request: Request, language: str) -> str:
    """The page itself. One that takes no language (a problem or a closure on somebody's page) is left for the start."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    takes = dependant is not None and any(field.alias == "lang" for field in dependant.query_params)
    path: str = request.scope["path"] if takes else "/"
    return quote(_public(f"{path}?lang={language}"), safe="")
