"""Help for everybody, how far the pages can be used by everybody, and a map of the site."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.web.pages import Lang, public_page

router = APIRouter(include_in_schema=False)
HELP: Final = "/help"
ACCESSIBILITY: Final = "/accessibility"


@router.get(HELP, response_class=HTMLResponse)
async def helping(request: Request, lang: Lang = None) -> HTMLResponse:
    """What to bring, how to show it, what to do without a phone, whom to call; and every public page."""
    return public_page("help.html", request, lang)


@router.get(ACCESSIBILITY, response_class=HTMLResponse)
async def accessibility(request: Request, lang: Lang = None) -> HTMLResponse:
    """What the pages keep to, what they do not, and whom to tell."""
    return public_page("accessibility.html", request, lang)
