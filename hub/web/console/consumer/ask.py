"""Asking for access, one question a page: system → fields → use → reason → limits → check answers, all faults at once.

What was typed is a draft after every page. The same pages answer an owner who asked for more, and renew a grant.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.grants import ResourceKind
from catalog.matters.values import Matter
from catalog.store import find_matter, list_matters
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.drafts import FormDraft
from hub.registry.grants import Resource
from hub.registry.meanings import CORROBORATION
from hub.registry.requests.errors import Fault, IncompleteError
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.consumer import words
from hub.web.console.consumer.ask_form import PAGE_OF, STEPS, TITLES, as_error, readable, taken
from hub.web.console.consumer.names import owner_words
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
BASE: Final = "/console/consumer/ask"


@router.post(BASE)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A draft for one interface or certificate type; the system is filled in where there is only one."""
    given = await form(request)
    word = "type" if given.text("kind") == "type" else "interface"
    code = given.text("code")
    if word == "type":
        await hub.catalogue.reader.certificate_type(Viewer.of(actor), code)
    else:
        await hub.catalogue.reader.interface(Viewer.of(actor), code)
    definition: dict[str, Any] = {word: code, "kind": "application"}
    systems = await live_systems(hub, actor)
    if len(systems) == 1:
        definition["system"] = systems[0].client_id
    draft_id = await hub.drafts.begin(actor, "ask", {"definition": definition})
    return redirect(f"{BASE}/{draft_id}/{'fields' if len(systems) == 1 else 'system'}")


@router.get(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def page(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One page of the form, with what was typed before."""
    draft = await _draft(hub, actor, draft_id, step)
    faults = await _faults(hub, actor, draft) if step == "check" else []
    return await _page(request, hub, actor, draft, step, faults=faults)


@router.post(BASE + "/{draft_id}/drop")
async def drop(request: Request, draft_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Forget the draft."""
    await form(request)
    await hub.drafts.remove(actor, draft_id)
    return redirect("/console/consumer/requests", ("草稿已删除", "The draft is deleted"))


@router.post(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def take(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Keep what was typed; whoever came from the last page returns to it."""
    given = await form(request)
    draft = await _draft(hub, actor, draft_id, step)
    if step == "check":
        return await _file(request, hub, actor, draft)
    definition = {**draft.content["definition"], **taken(step, given)}
    # Kept first, also when something is wrong with it: nothing that was typed is lost.
    draft = await hub.drafts.save(actor, draft_id, {"definition": definition})
    errors = [item for item in await _errors(hub, actor, draft) if PAGE_OF.get(item.field) == step]
    if errors:
        return await _page(request, hub, actor, draft, step, errors=errors)
    following = "check" if draft.content.get("reached") else STEPS[STEPS.index(step) + 1]
    return redirect(f"{BASE}/{draft_id}/{following}")


async def _file(request: Request, hub: Hub, actor: Actor, draft: FormDraft) -> Response:
    definition = readable(draft.content["definition"])
    answering = draft.content.get("request")
    try:
        if answering:
            view = await hub.sharing.requests.supply(actor, answering, definition)
        else:
            view = await hub.sharing.requests.file(actor, definition)
    except IncompleteError as error:
        return await _page(request, hub, actor, draft, "check", faults=list(error.faults), posted=True)
    await hub.drafts.remove(actor, draft.id)
    said = ("申请已提交", "The request is filed")
    if view.request.grant_id:
        said = ("无条件共享，已按规则授权，立即生效", "Unconditional terms: granted by rule, live now")
    return redirect(f"/console/consumer/requests/{view.request.id}", said)


async def _faults(hub: Hub, actor: Actor, draft: FormDraft) -> list[Fault]:
    definition = readable(draft.content["definition"])
    lacking: list[Fault] = []
    if not definition.get("system"):
        lacking = [Fault("system_missing", "/system", "请选择应用系统", "choose the system")]
        systems = await live_systems(hub, actor)
        if not systems:
            return lacking
        definition["system"] = systems[0].client_id  # whichever: the other faults do not depend on it
    # The owner's question is answered under the request that is open.
    is_open = bool(draft.content.get("request") or lacking)
    found = await hub.sharing.requests.check(actor, definition)
    return lacking + [item for item in found if not (item.code == "asked_already" and is_open)]


async def _errors(hub: Hub, actor: Actor, draft: FormDraft) -> list[FieldError]:
    try:
        return [as_error(fault) for fault in await _faults(hub, actor, draft)]
    except MissingError:
        return [FieldError("system", "请选择本部门的应用系统", "Choose a system of your department")]


async def live_systems(hub: Hub, actor: Actor) -> list[Any]:
    """Systems of his department that can hold a grant."""
    actor.require(Role.CONSUMER_ENGINEER)
    return [
        item
        for item in await hub.systems.list(actor)
        if not item.sandbox and item.active and item.department_id == actor.department_id
    ]


async def _draft(hub: Hub, actor: Actor, draft_id: str, step: str) -> FormDraft:
    draft = await hub.drafts.get(actor, draft_id)
    if step not in STEPS or draft.kind != "ask":
        raise MissingError("page")
    if step == "check" and not draft.content.get("reached"):
        return await hub.drafts.save(actor, draft_id, {"reached": True})
    return draft


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    draft: FormDraft,
    step: str,
    *,
    errors: Sequence[FieldError] = (),
    faults: Sequence[Fault] = (),
    posted: bool = False,
) -> HTMLResponse:
    definition = draft.content["definition"]
    now = hub.clock()

    def unit(tx: Connection) -> tuple[Resource | None, list[Matter]]:
        kind = ResourceKind.CERTIFICATE_TYPE if "type" in definition else ResourceKind.INTERFACE
        code = definition.get("type") or definition.get("interface", "")
        mine = [
            matter
            for matter in list_matters(tx)
            if (found := find_matter(tx, matter.code)) is not None and found[2] == actor.department_id
        ]
        return hub.registry.grants.resource(tx, kind, code, now), mine

    resource, matters = await hub.database.read(unit)
    if resource is None:
        raise DefinitionError("the interface or type is not published any more")
    reader, viewer = hub.catalogue.reader, Viewer.of(actor)
    shown = await (
        reader.certificate_type(viewer, resource.code)
        if "type" in definition
        else reader.interface(viewer, resource.code)
    )
    told = [*errors, *(as_error(fault) for fault in faults)]
    return render(
        request,
        f"console/consumer/ask_{step}.html",
        actor,
        status=422 if errors or posted else 200,
        errors=told,
        base=f"{BASE}/{draft.id}",
        titles=TITLES,
        now=STEPS.index(step) + 1,
        previous=STEPS[STEPS.index(step) - 1] if STEPS.index(step) else "",
        definition=definition,
        shown=shown,
        owner=await hub.database.read(lambda tx: owner_words(tx, shown["provider"])),
        matters=matters,
        systems=await live_systems(hub, actor),
        answering=draft.content.get("request", ""),
        renewing=draft.content.get("renews", ""),
        page_of=PAGE_OF,
        kinds=words.CASE_KINDS,
        corroboration=CORROBORATION,
        next_year=(now + timedelta(days=365)).date().isoformat(),
        **words.SHARED,
    )
