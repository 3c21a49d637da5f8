"""Issuing one licence by form: which type, what it says, check, send."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from certificates.lifecycle.states import Operation
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.issuing.shelf import STAFF
from hub.issuing.types.registry import TypeInForce
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import form
from hub.web.console.frame import render
from hub.web.console.library.listing import LIST
from hub.web.console.library.make import Target, form_page, taken
from hub.web.console.library.words import KINDS
from hub.web.console.visit import ConsoleDep

router = APIRouter()
NEW: Final = LIST + "/new"
TypePath = Annotated[str, Path(pattern=r"^[0-9A-Za-z_]{1,64}$")]


@router.get(NEW, response_class=HTMLResponse)
async def types(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Which of the types that his department issues."""
    found = await issued_types(hub, actor)
    return render(request, "console/library_new.html", actor, found=found, kinds=KINDS, list_path=LIST, new=NEW)


@router.get(NEW + "/{code}", response_class=HTMLResponse)
async def first_form(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The empty form of a type."""
    return form_page(request, actor, await issued_target(hub, actor, code), {})


@router.post(NEW + "/{code}", response_class=HTMLResponse)
async def go_on(request: Request, code: TypePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or issue it."""
    target = await issued_target(hub, actor, code)
    return await taken(request, hub, actor, target, await form(request))


async def issued_types(hub: Hub, actor: Actor) -> list[TypeInForce]:
    """Types in force that the actor's department issues, by name. Raises: ForbiddenError."""
    actor.require(*STAFF)
    departments = await hub.database.read(list_departments)
    mine = next((item for item in departments if item.id == actor.department_id), None)
    codes = set(mine.issues) if mine is not None else set()
    found = [item for code, item in hub.types.current().items() if code in codes]
    return sorted(found, key=lambda item: item.type.name.zh)


async def issued_target(hub: Hub, actor: Actor, code: str) -> Target:
    """A type of his department by code or short name. Raises: MissingError, ForbiddenError."""
    for item in await issued_types(hub, actor):
        if code in {item.type.code, item.type.slug}:
            return Target(item.type, Operation.ISSUE, f"{NEW}/{item.type.slug}", NEW)
    raise MissingError("certificate type")
