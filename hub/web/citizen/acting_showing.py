"""Showing a principal's licences 代为亮证: to whoever scans, and in answer to a request. What was made is looked at and
stopped like what one shows oneself.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.api.showing_requests import peer_of
from hub.citizens.acting.values import Acting, Scope
from hub.citizens.errors import PresentationRefusedError, RequestOverError
from hub.citizens.showing.values import ChoiceError
from hub.citizens.values import Holder
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.citizen.acting import ACTING, ActingKey, Cursor, acting_values
from hub.web.citizen.asked import code_of, given_of, no_page, picked, what_page, wrong_of
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.licence_showing import choose_page, make_of
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.view import view_of
from hub.web.matter_names import titles_in
from hub.web.scanning import REQUESTED, scanning

router = APIRouter()
SHOWINGS: Final = ACTING + "/{key}/showings"
ASKED: Final = ACTING + "/{key}/asked"


@router.get(SHOWINGS, response_class=HTMLResponse)
async def choose(
    request: Request,
    key: ActingKey,
    hub: HubDep,
    holder: HolderDep,
    licence: Annotated[str, Query(max_length=200)] = "",
    cursor: Cursor = "",
) -> HTMLResponse:
    """What is shown, to whom, for what; the look at what there is goes on the ledger."""
    whose = await hub.showing.for_others.licences(holder, key)
    return await choose_page(request, hub, holder, whose=whose, unfolded=licence, cursor=cursor)


@router.post(SHOWINGS, response_class=HTMLResponse)
async def make(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """A new one; the one before it ends, whoever that was for."""
    given = await holder_form(request, holder)
    return await make_of(request, hub, holder, given, await _acting(hub, holder, key))


@router.get(ASKED, response_class=HTMLResponse)
async def begin(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Where the code of a request is scanned or typed."""
    whose, matters = await _within(request, hub, holder, key)
    values = {**acting_values(whose), **scanning(REQUESTED)}
    return render(request, "me/acting_asked.html", holder, matters=matters, **values)


@router.post(ASKED, response_class=HTMLResponse)
async def look(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Who asks for what, and which of the principal's licences would do."""
    given = await given_of(request, holder)
    try:
        whose, found = await hub.showing.for_others.look(holder, key, code_of(given), peer=peer_of(request))
    except (PresentationRefusedError, RequestOverError) as error:
        return await _again(request, hub, holder, key, error)
    return what_page(request, holder, found, whose=whose)


@router.post(ASKED + "/answer", response_class=HTMLResponse)
async def answer(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """A yes or a no in the principal's name."""
    given, peer = await given_of(request, holder), peer_of(request)
    others, code = hub.showing.for_others, code_of(given)
    try:
        if given.text("decision") != "give":
            await others.decline(holder, key, code, peer=peer)
            return render(request, "me/asked_declined.html", holder)
        made = await others.give(holder, key, code, picked(given), peer=peer)
    except (PresentationRefusedError, RequestOverError) as error:
        return await _again(request, hub, holder, key, error)
    except ChoiceError as error:
        whose, found = await others.look(holder, key, code, peer=peer)
        return what_page(request, holder, found, given, wrong_of(error), whose=whose)
    return redirect(f"/me/showings/{made}")


async def _again(request: Request, hub: Hub, holder: Holder, key: str, error: Exception) -> HTMLResponse:
    whose, matters = await _within(request, hub, holder, key)
    return no_page(request, holder, error, whose=whose, matters=matters)


async def _within(request: Request, hub: Hub, holder: Holder, key: str) -> tuple[Acting, Sequence[str]]:
    whose = await _acting(hub, holder, key)
    return whose, await titles_in(hub, whose.principal.matters, view_of(request).language)


async def _acting(hub: Hub, holder: Holder, key: str) -> Acting:
    return await hub.citizens.others.acting.look(holder, key, Scope.SHOW)
