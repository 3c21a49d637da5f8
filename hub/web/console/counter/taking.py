"""A new case: the holder's ID in one field, and the others who take part.

What is read from a card goes into the case and nowhere else: no address, no log, no page but this one has it.
"""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.matters.values import Matter
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.console.counter.entered import Entry, Slot, empty, entry_in, slots
from hub.web.console.counter.entering import opened, opening_of, page
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
NEW: Final = COUNTER + "/new/{code}"
CodePath = Annotated[str, Path(pattern=r"^[^/\x00-\x1f]{1,64}$")]


@router.get(NEW, response_class=HTMLResponse)
async def new(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Who takes part."""
    await hub.counter.caller(actor)
    matter = await hub.registry.matters.find(code)
    return _page(request, actor, matter, empty(_slots(matter, view_of(request).language)))


@router.post(NEW, response_class=HTMLResponse)
async def take(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Open the case and ask at once, unless a question of the matter comes first. A scanner's or reader's Enter sends
    this; a number without a name asks for the name.
    """
    given = await form(request)
    await hub.counter.caller(actor)
    matter = await hub.registry.matters.find(code)
    language = view_of(request).language
    entry = entry_in(given, _slots(matter, language))
    if entry.faulty:
        return _page(request, actor, matter, entry)
    case_no, errors = await opened(request, actor, entry, hub.counter.open(actor, opening_of(matter.code, entry)))
    if errors:
        return _page(request, actor, matter, entry, errors)
    return await _onward(hub, actor, case_no, language)


async def _onward(hub: Hub, actor: Actor, case_no: str, language: str) -> Response:
    found = await hub.counter.look(actor, case_no, language)
    if found.open and not found.begun and not found.questions and not found.situations:
        await hub.counter.ask(actor, case_no, language)
    return redirect(f"{COUNTER}/{case_no}")


def _slots(matter: Matter, language: str) -> list[Slot]:
    several = {role for role, rule in matter.rules.items() if rule.many}
    return slots(matter.roles, several, {role for role, rule in matter.rules.items() if rule.agent}, language)


def _page(
    request: Request, actor: Actor, matter: Matter, entry: Entry, errors: list[FieldError] | None = None
) -> HTMLResponse:
    action = f"{COUNTER}/new/{quote(matter.code, safe='')}"
    return page(request, actor, action, matter.name(view_of(request).language), entry, errors)
