"""The public page of whoever is shown a licence 查看亮证: a code in, the verdict and the claims out, once.

Without a script and a sign-in. Nothing is kept, and reloading shows nothing again: the code is used up.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hub.citizens.errors import PresentationRefusedError
from hub.citizens.showing.values import MOST_WORDS, Receiver
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.web.console.forms import FieldError
from hub.web.pages import public_page
from hub.web.received import MOST_CODE, WORDS, offline_seen, refused, scanned

router = APIRouter(include_in_schema=False)
Lang = Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")]
_BY: Final = {"kind": "public", "id": "receive"}
_MAX_FORM: Final = 16_384


@router.get("/receive", response_class=HTMLResponse)
async def receive_form(request: Request, lang: Lang = None) -> HTMLResponse:
    """The empty form."""
    return _page(request, lang)


@router.post("/receive", response_class=HTMLResponse)
async def receive(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """What the code opens. Tries are limited by address, like verifications."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"receive:{peer}", hub.settings.verify_requests_per_minute)
    require_media_type(request, FORM_TYPE)
    given = read_form(await read_bytes(request, max_bytes=_MAX_FORM))
    called = " ".join(given.get("called", "").split())[:MOST_WORDS]
    seen = await offline_seen(hub, given.get("code", "")[:MOST_CODE])
    if seen is not None:
        return _page(request, lang, seen=seen)
    try:
        taken = await hub.showing.receiving.take(
            Receiver("public", _BY, called=called), given.get("code", "")[:MOST_CODE]
        )
    except PresentationRefusedError:
        return _page(request, lang, error=refused(given.get("code", "")), called=called)
    return _page(request, lang, taken=taken)


def _page(request: Request, lang: str | None, *, error: FieldError | None = None, **shown: Any) -> HTMLResponse:
    values = {"taken": None, "seen": None, "called": "", **WORDS, **scanned(), **shown}
    page = public_page("receive.html", request, lang, error=error, errors=[error] if error else (), **values)
    if error is not None:
        page.status_code = 422
    return page
