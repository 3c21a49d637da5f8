"""What is published of ratings 好差评公示: by matter, for everybody."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.deps import HubDep, limit
from hub.web.console.visit import peer_of
from hub.web.pages import Lang, public_page

router = APIRouter(include_in_schema=False)


@router.get("/ratings", response_class=HTMLResponse)
async def ratings(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """A table; no sign-in."""
    await limit(request, f"ratings:{peer_of(request).address}", hub.settings.verify_requests_per_minute)
    return public_page("ratings.html", request, lang, found=await hub.citizens.ratings.published())
