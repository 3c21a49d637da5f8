"""The dossier 人生档案: licences by stage of life, and having missing ones collected."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.dossier.cards import Wanted, wanted_by
from hub.citizens.dossier.fetching import BETWEEN, is_stuck, unanswered
from hub.citizens.dossier.stages import STAGES
from hub.citizens.dossier.ways import Way
from hub.citizens.paging import Pages
from hub.citizens.values import SEES_OWN, Holder
from hub.deps import HubDep
from hub.edge.errors import RateLimitedError
from hub.runtime import Hub
from hub.web.citizen.acting import acting_values
from hub.web.citizen.dossier_words import OUTCOMES, STANDINGS, WRONG
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError
from hub.web.console.library.words import STATUSES

router = APIRouter()
LICENCES: Final = "/me/licences"
COLLECT: Final = LICENCES + "/collect"
FIND: Final = LICENCES + "/find"
SEARCHABLE: Final = 8
"""Of fewer licences nobody needs to look for one."""


@router.get(LICENCES, response_class=HTMLResponse)
async def licences(
    request: Request,
    hub: HubDep,
    holder: HolderDep,
    stage: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> HTMLResponse:
    """The cards, of all stages or of one. Signed in less surely than that wants: what to do about it."""
    if holder.level < SEES_OWN:
        return render(request, "me/licences.html", holder, shelf=None)
    pages = Pages(hub.catalogue.cursors, holder, f"dossier.{stage}")
    return await _shelf(request, hub, holder, wanted_by(stage=stage), pages, cursor)


@router.get(FIND)
async def found(holder: HolderDep) -> Response:
    """Nothing is looked for by an address: whoever comes back to it sees them all."""
    del holder
    return redirect(LICENCES)


@router.post(FIND, response_class=HTMLResponse)
async def find(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Those whose kind's name has the words, or that stand so. What is looked for stands in no address and no log."""
    given = await holder_form(request, holder)
    holder.require(SEES_OWN)
    wanted = wanted_by(words=given.text("words"), standing=given.text("standing"))
    pages = Pages(hub.catalogue.cursors, holder, "dossier.find")
    return await _shelf(request, hub, holder, wanted, pages, given.text("cursor")[:1024])


@router.get(COLLECT, response_class=HTMLResponse)
async def collecting(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What is missing and could be collected, and how far the last collection has come."""
    return await collecting_page(request, hub, holder, hub.dossier.own(holder))


@router.post(COLLECT, response_class=HTMLResponse)
async def collect(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Every source that can be asked about one person is, once an hour."""
    await holder_form(request, holder)
    return await collected(request, hub, holder, hub.dossier.own(holder))


async def collected(request: Request, hub: Hub, holder: Holder, way: Way) -> Response:
    """Ask them; within the hour it is said from when on he may again."""
    try:
        await way.collect()
    except RateLimitedError:
        return await collecting_page(request, hub, holder, way, WRONG["hour"])
    return redirect(f"{place_of(way)['base']}/licences/collect")


def place_of(way: Way) -> dict[str, Any]:
    """For the pages of a dossier: whose it is, and where its pages are. `principal` None: the holder's own."""
    return acting_values(way.acting) if way.acting else {"principal": None, "base": "/me"}


async def _shelf(request: Request, hub: Hub, holder: Holder, wanted: Wanted, pages: Pages, cursor: str) -> HTMLResponse:
    shelf = await hub.dossier.cards.page(holder.id, wanted=wanted, after=pages.after(cursor))
    values: dict[str, Any] = {
        "shelf": shelf,
        "stages": STAGES,
        "stage": wanted.stage,
        "wanted": wanted,
        "looking": bool(wanted.words or wanted.standing),
        "searchable": SEARCHABLE,
        "standings": STANDINGS,
        "more": pages.next(shelf.behind),
    }
    return render(request, "me/licences.html", holder, statuses=STATUSES, **values)


async def collecting_page(
    request: Request, hub: Hub, holder: Holder, way: Way, fault: FieldError | None = None
) -> HTMLResponse:
    """What could be collected, and how far the last collection has come."""
    found = await way.lacks()
    last = found.last
    values: dict[str, Any] = {
        "last": last,
        "waiting": len(unanswered(last)) if last else 0,
        "stuck": last is not None and is_stuck(last, hub.clock()),
        "missing": found.missing,
        "outcomes": OUTCOMES,
        "free": last is None or hub.clock() >= last.asked_at + BETWEEN,
        "askable": found.askable,
        "free_at": last.asked_at + BETWEEN if last else None,
        "names": {item.type_code: hub.types.newest(item.type_code) for item in last.feeds} if last else {},
        **place_of(way),
    }
    status = 429 if fault else 200
    return render(request, "me/collect.html", holder, status=status, errors=[fault] if fault else [], **values)
