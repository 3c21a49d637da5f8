"""A terminal's pages: the card, the licences, one on paper, who looked, a rating; and back to the start.

What belongs to a person is in no address: a browser's history says where somebody was, and never what he read.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.kiosk.errors import KioskRefusedError, KioskUnknownError
from hub.deps import HubDep, limit
from hub.web.console.forms import FieldError, form
from hub.web.console.library.words import STATUSES
from hub.web.console.view import LANGUAGE_COOKIE, remember
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import PERSON, TERMINAL, KioskDep, VisitDep, cookie, give, take_back, visit_form
from hub.web.objection_words import KINDS, STATES

router = APIRouter(include_in_schema=False)
MINE: Final = START + "/mine"
_SET_UPS_PER_MINUTE: Final = 10
_REFUSED: Final = FieldError(
    "card",
    "没有认出您。请重新放一次证件；还不行，请到窗口",
    "You were not recognised. Place your card once more; if that does not help, go to a counter",
)
_NO_CODE: Final = FieldError("code", "设置码不对、已用过或已过期", "The code is wrong, used, or too old")


@router.get(START, response_class=HTMLResponse)
async def start(request: Request, hub: HubDep) -> HTMLResponse:
    """Place your card. Whoever stood there before is gone, with the language that he chose."""
    try:
        kiosk = await hub.kiosk.devices.find(cookie(request, hub, TERMINAL))
    except KioskUnknownError:
        return render(request, "kiosk/set_up.html", None)
    await hub.kiosk.visits.end(kiosk)
    page = render(request, "kiosk/start.html", kiosk)
    if cookie(request, hub, PERSON):
        take_back(page, hub, PERSON)
        page.delete_cookie(LANGUAGE_COOKIE, path="/")
    return page


@router.post(START + "/set-up", response_class=HTMLResponse)
async def set_up(request: Request, hub: HubDep) -> Response:
    """A browser becomes a terminal, by the code that the operator was given."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"kiosk-set-up:{peer}", _SET_UPS_PER_MINUTE)
    given = await form(request, anonymous=True)
    try:
        secret = await hub.kiosk.devices.set_up(given.raw("code")[:60])
    except KioskUnknownError:
        return render(request, "kiosk/set_up.html", None, status=422, errors=[_NO_CODE])
    response = redirect(START)
    give(response, hub, TERMINAL, secret)
    return response


@router.get(START + "/language/{lang}")
async def language(request: Request, hub: HubDep, lang: Annotated[str, Path(pattern=r"^(zh-CN|en)$")]) -> Response:
    """The pages in the other language; of a visit, from its first page on."""
    response = redirect(MINE if cookie(request, hub, PERSON) else START)
    remember(response, hub, lang=lang)
    return response


@router.post(START + "/card", response_class=HTMLResponse)
async def card(request: Request, hub: HubDep, kiosk: KioskDep) -> Response:
    """What the reader wrote: a visit of whoever it names."""
    given = await form(request, anonymous=True)
    try:
        secret = await hub.kiosk.visits.begin(kiosk, given.raw("card"))
    except KioskRefusedError:
        return render(request, "kiosk/start.html", kiosk, status=422, errors=[_REFUSED])
    response = redirect(MINE)
    give(response, hub, PERSON, secret)
    return response


@router.post(START + "/end")
async def end(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """It ends here and now, whether or not the browser goes back to the start."""
    await visit_form(request, visit)
    await hub.kiosk.visits.end(visit.kiosk)
    return redirect(START)


@router.post(START + "/stay")
async def stay(request: Request, visit: VisitDep) -> Response:
    """Somebody still touches the page."""
    await visit_form(request, visit)
    return Response(status_code=204)


@router.get(MINE, response_class=HTMLResponse)
async def mine(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """The licences, and whatever else he can do here."""
    licences, more = await hub.citizens.licences.listed(visit.holder)
    return render(
        request,
        "kiosk/mine.html",
        visit.kiosk,
        visit=visit,
        licences=licences,
        more=more is not None,
        statuses=STATUSES,
    )


@router.get(START + "/looks", response_class=HTMLResponse)
async def looks(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Who looked, to read and to print."""
    counted, newest = await hub.kiosk.prints.looks(visit)
    printed = hub.clock()
    return render(
        request, "kiosk/looks.html", visit.kiosk, visit=visit, counted=counted, newest=newest, printed=printed
    )


@router.get(START + "/objections", response_class=HTMLResponse)
async def objections(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """What became of the newest thirty; with buttons to have one reviewed, or to take it back."""
    found = await hub.citizens.objections.listed(visit.holder)
    offers = await hub.citizens.reviewing.offers(found.items)
    return render(
        request, "kiosk/objections.html", visit.kiosk, visit=visit, found=found.items, offers=offers, kinds=KINDS,
        states=STATES,
    )  # fmt: skip
