"""A new life event 一件事: the holder's ID in one field, once for all its matters."""

from operator import attrgetter
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.life_events.joining import party_of
from catalog.life_events.values import LifeEvent
from catalog.matters.values import Matter
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.counter.entered import Entry, Slot, empty, entry_in, slots
from hub.web.console.counter.entering import opened, opening_of, page
from hub.web.console.counter.search import COUNTER, EVENT
from hub.web.console.counter.taking import CodePath
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
NEW: Final = EVENT + "/{code}"
FAMILY: Final = COUNTER + "/family"
_MANY, _AGENT = attrgetter("many"), attrgetter("agent")


@router.get(NEW, response_class=HTMLResponse)
async def new(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Who takes part in all of it."""
    await hub.counter.caller(actor)
    event, matters = await _event(hub, code)
    return _page(request, actor, event, matters, empty(_slots(event, matters, view_of(request).language)))


@router.post(NEW, response_class=HTMLResponse)
async def take(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Open the cases of every matter that applies, and ask at once unless a question comes first."""
    given = await form(request)
    await hub.counter.caller(actor)
    event, matters = await _event(hub, code)
    language = view_of(request).language
    entry = entry_in(given, _slots(event, matters, language))
    if entry.faulty:
        return _page(request, actor, event, matters, entry)
    opening = hub.family_counter.open(actor, opening_of(event.code, entry))
    family_no, errors = await opened(request, actor, entry, opening)
    if errors:
        return _page(request, actor, event, matters, entry, errors)
    found = await hub.family_counter.look(actor, family_no, language)
    if found.open and not found.begun and not found.questions:
        await hub.family_counter.ask(actor, family_no, language)
    return redirect(f"{FAMILY}/{family_no}")


async def _event(hub: Hub, code: str) -> tuple[LifeEvent, dict[str, Matter]]:
    event = await hub.life_events.find(code)
    matters = {}
    for item in event.matters:
        try:
            matters[item.code] = await hub.registry.matters.find(item.code)
        except MissingError:  # its department withdrew it: the other matters are opened without it
            continue
    return event, matters


def _slots(event: LifeEvent, matters: dict[str, Matter], language: str) -> list[Slot]:
    """Of whom a matter takes several, the event does; whoever acts for another in a matter does so in the event."""
    ruled = [
        (party_of(item, event, role), rule)
        for item in event.matters
        if item.code in matters
        for role, rule in matters[item.code].rules.items()
    ]
    several, agents = ({party for party, rule in ruled if party and wanted(rule)} for wanted in (_MANY, _AGENT))
    return slots(event.parties, several, agents, language)


def _page(
    request: Request,
    actor: Actor,
    event: LifeEvent,
    matters: dict[str, Matter],
    entry: Entry,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    language = view_of(request).language
    about = [matter.name(language) for matter in matters.values()]
    action = f"{EVENT}/{quote(event.code, safe='')}"
    return page(request, actor, action, event.title(language), entry, errors, about)
