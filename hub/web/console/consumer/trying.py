"""The sandbox in the browser: sample persons, one real call made by the server, and the same call as code to copy."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from catalog.interface_store import StoredInterface, answering_interface, list_interfaces
from catalog.interfaces import InterfaceState
from catalog.matters.values import Matter
from catalog.store import list_matters
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.exchange.sandbox.people import by_number, sample_people
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.consumer import words
from hub.web.console.consumer.sandbox_call import Choice, ask_sandbox, extra_params, snippets_for
from hub.web.console.forms import form
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()


@router.get("/console/consumer/sandbox", response_class=HTMLResponse)
async def sandbox(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What it is, my credentials, and everybody who lives in it."""
    people = sample_people()
    states = (InterfaceState.LIVE.value, InterfaceState.DEPRECATED.value)
    found = await hub.database.read(lambda tx: list_interfaces(tx, states=states))
    return render(
        request,
        "console/consumer/sandbox.html",
        actor,
        systems=[item for item in await hub.systems.list(actor) if item.sandbox],
        pairs=list(zip(people[::2], people[1::2], strict=True)),
        interfaces=sorted({item.interface.code: item.interface.title for item in reversed(found)}.items()),
        may_write=Role.CONSUMER_ENGINEER in actor.roles,
        **words.SHARED,
    )


@router.get("/console/consumer/try/{code}", response_class=HTMLResponse)
async def try_page(
    request: Request, code: str, hub: HubDep, actor: ConsoleDep, system: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Choose, and copy the code."""
    return await _page(request, hub, actor, code, system=system)


@router.post("/console/consumer/try/{code}", response_class=HTMLResponse)
async def run(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Open a case and ask, with the sandbox credential, through the services that the API uses."""
    given = await form(request)
    return await _page(
        request,
        hub,
        actor,
        code,
        system=given.text("system"),
        person=given.text("person"),
        matter=given.text("matter"),
        runs=True,
    )


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    *,
    system: str = "",
    person: str = "",
    matter: str = "",
    runs: bool = False,
) -> HTMLResponse:
    actor.require(Role.CONSUMER_ENGINEER)
    shown = await hub.catalogue.reader.interface(Viewer.of(actor), code)
    now = hub.clock()

    def unit(tx: Connection) -> tuple[StoredInterface | None, list[Matter]]:
        return answering_interface(tx, code, now=now), list_matters(tx)

    stored, matters = await hub.database.read(unit)
    if stored is None:
        raise MissingError("interface")
    systems = [item for item in await hub.systems.list(actor) if item.sandbox and item.active]
    wanted = {param.id_type for param in stored.interface.params.values() if param.id_type}
    persons = [item for item in sample_people() if not wanted or item.id_type in wanted] or list(sample_people())
    chosen = Choice(
        next((item for item in systems if item.client_id == system), systems[0]),
        by_number().get(person, persons[0]),
        next((item for item in matters if item.code == matter), matters[0]),
    ) if systems and matters else None  # fmt: skip
    language = view_of(request).language
    ran = await ask_sandbox(hub, actor, stored, chosen, language) if chosen and runs else None
    return render(
        request,
        "console/consumer/try.html",
        actor,
        shown=shown,
        systems=systems,
        persons=persons,
        matters=matters,
        chosen={
            "system": chosen.system.client_id if chosen else "",
            "person": chosen.person.id_number if chosen else "",
            "matter": chosen.matter.code if chosen else "",
        },
        ran=ran,
        snippets=snippets_for(hub, code, chosen) if chosen else [],
        wants_more=json.dumps(extra_params(stored), ensure_ascii=False) if extra_params(stored) else "",
        **words.SHARED,
    )
