"""The public pages: start, verify, and one page a problem."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.problems import problem_types
from hub.storage.errors import MissingError
from hub.web.templating import TEMPLATES
from hub.web.walk import recorded_walk

router = APIRouter(include_in_schema=False)
MAX_PASTE_BYTES: Final = 262_144
Lang = Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")]


def mount_static(app: FastAPI) -> None:
    """Serve the style sheet and the small script from the package."""
    app.mount("/static", StaticFiles(directory=str(Path(str(resources.files("hub.web") / "static")))), name="static")


@router.get("/", response_class=HTMLResponse)
async def start(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """What this is, the walk of the demo if one was made, and where to go."""
    walk = recorded_walk(hub.settings.home)
    checkpoint = await hub.ledger.checkpoint()
    return _page(
        "start.html", request, lang, walk=walk, public_url=hub.settings.public_url, checkpoint=checkpoint or ""
    )


@router.get("/verify", response_class=HTMLResponse)
async def verify_form(request: Request, lang: Lang = None) -> HTMLResponse:
    """The empty form."""
    return _page("verify.html", request, lang, verdict=None, token="", audience="", error=None)


@router.post("/verify", response_class=HTMLResponse)
async def verify_pasted(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """The verdict, by the same procedure as the API and the command line."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    require_media_type(request, FORM_TYPE)
    form = read_form(await read_bytes(request, max_bytes=MAX_PASTE_BYTES))
    token = "".join(form.get("token", "").split())
    audience = form.get("audience", "").strip()
    if not token:
        return _page("verify.html", request, lang, verdict=None, token="", audience=audience, error="empty")
    verdict = await hub.verification.verify(token.encode(), audience=audience or None)
    return _page("verify.html", request, lang, verdict=verdict.to_json(), token=token, audience=audience, error=None)


@router.get("/problems/{slug}", response_class=HTMLResponse)
async def problem(slug: str, request: Request, lang: Lang = None) -> HTMLResponse:
    """What a problem type means and who must act."""
    kind = next((item for item in problem_types() if item.slug == slug), None)
    if kind is None:
        raise MissingError("problem")
    return _page("problem.html", request, lang, kind=kind)


def _page(name: str, request: Request, lang: str | None, **values: Any) -> HTMLResponse:
    language = lang or ("en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh-CN")
    english = language == "en"
    html = TEMPLATES.get_template(name).render(
        lang=language, t=lambda zh, en: en if english else zh, path=request.scope["path"], **values
    )
    return HTMLResponse(html, headers={"Content-Language": language})
