"""The counter's first page: one field for a matter in words or code, or for a case's number; the last ten cases."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.life_events.values import LifeEvent
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.intake.counter.presented import PresentedError, read_presented
from hub.intake.errors import NoCounterError
from hub.registry.search.service import Ask, Hit
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.web.console.counter.events import called, meant
from hub.web.console.counter.words import STATES
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
COUNTER: Final = "/console/counter"
EVENT: Final = COUNTER + "/event"
_CASE_NO: Final = re.compile(r"YZ[0-9A-Z]{20}", re.ASCII)
_FAMILY_NO: Final = re.compile(r"YZF[0-9A-Z]{20}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{15,}")
_MOST_WORDS: Final = 200
_LISTED: Final = 20
_NOT_A_MATTER: Final = FieldError(
    "q",
    "这是证件号码：请先选事项，再读证件",
    "The number of an ID: first choose the matter, then read the card",
)


@router.get(COUNTER, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """A new case begins with its matter."""
    return await _page(request, hub, actor)


@router.post(COUNTER, response_class=HTMLResponse)
async def search(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Matters that answer the words; a single one, or one named by its code or its whole name, is taken at once.
    Posted: a card that is read too early must not get into an address.
    """
    given = await form(request)
    words = given.text("q")[:_MOST_WORDS]
    await hub.counter.caller(actor)
    number = words.upper()
    if _CASE_NO.fullmatch(number):
        return redirect(f"{COUNTER}/{number}")
    if _FAMILY_NO.fullmatch(number):
        return redirect(f"{COUNTER}/family/{number}")
    if _is_number(words):
        return await _page(request, hub, actor, errors=[_NOT_A_MATTER])
    found = await hub.catalogue.search.search(Viewer.of(actor), Ask(words, {"kind": ("matter",)}, _LISTED))
    exact = [hit for hit in found.hits if hit.document.code == words]
    events = [] if exact else meant(await hub.life_events.listed(), words)
    whole = [f"{EVENT}/{quote(event.code, safe='')}" for event in events if called(event.title_zh, words)]
    whole += [f"{COUNTER}/new/{hit.document.code}" for hit in found.hits if called(hit.document.title["zh"], words)]
    if len(whole) == 1 and not exact:
        return redirect(whole[0])
    if len(events) == 1 and (not found.hits or found.near or events[0].code == words):
        return redirect(f"{EVENT}/{quote(events[0].code, safe='')}")
    if (len(found.hits) == 1 and not found.near and not events) or exact:
        return redirect(f"{COUNTER}/new/{(exact or found.hits)[0].document.code}")
    near = found.near and not events
    hits = [] if events and found.near else list(found.hits)
    return await _page(request, hub, actor, words=words, hits=hits, near=near, searched=True, events=events)


def _is_number(words: str) -> bool:
    """Whether a card was read, or its number typed, before there is a case that it belongs to."""
    try:
        read_presented(words)
    except PresentedError:
        return bool(_NUMBER.search(unicodedata.normalize("NFKC", "".join(words.split()))))
    return True


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    *,
    words: str = "",
    hits: list[Hit] | None = None,
    near: bool = False,
    searched: bool = False,
    errors: list[FieldError] | None = None,
    events: Sequence[LifeEvent] = (),
) -> HTMLResponse:
    actor.require(Role.CLERK)
    try:
        recent = await hub.counter.recent(actor)
        families = await hub.family_counter.recent(actor)
    except NoCounterError:
        return render(request, "console/counter/none.html", actor)
    titles = {item.code: (item.title_zh, item.title_en) for item in await hub.life_events.listed()} if families else {}
    under_way = [(number, titles.get(code, (code, code))) for number, code in families]
    return render(
        request, "console/counter/search.html", actor, status=422 if errors else 200, errors=errors or (), q=words,
        hits=hits or (), near=near, searched=searched, recent=recent, states=STATES, begin=COUNTER,
        events=events, event_path=EVENT, families=under_way,
    )  # fmt: skip
