"""Finding data: search over the catalogue with facets; one interface or certificate type with its terms; demands."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.interface_store import answering_interface
from catalog.store import list_departments, list_matters
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.exchange.sandbox.answers import sample_answer
from hub.registry.requests.errors import IncompleteError
from hub.registry.search.service import Ask
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.web.console.consumer import words
from hub.web.console.consumer.names import owner_words
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
SEARCH: Final = "/console/consumer/search"
DEMANDS: Final = "/console/consumer/demands"
_WORDS = Annotated[str, Query(max_length=200)]
_VALUE = Annotated[str, Query(max_length=200)]
_PAGE: Final = 20
_DEMAND: Final = ("what", "legal_basis", "contact", "matter", "note")


@router.get(SEARCH, response_class=HTMLResponse)
async def search(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    q: _WORDS = "",
    kind: _VALUE = "",
    department: _VALUE = "",
    theme: _VALUE = "",
    sharing: _VALUE = "",
    update_cycle: _VALUE = "",
    state: _VALUE = "",
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> HTMLResponse:
    """The catalogue, best first, with counts for every other choice."""
    given = {
        "kind": kind, "department": department, "theme": theme, "sharing": sharing, "update_cycle": update_cycle,
        "state": state,
    }  # fmt: skip
    chosen = {name: value for name, value in given.items() if value}
    ask = Ask(q.strip(), {name: (value,) for name, value in chosen.items()}, _PAGE, cursor)
    found = await hub.catalogue.search.search(Viewer.of(actor), ask)
    names = await _department_names(hub)
    following = _link({"q": q.strip(), **chosen, "cursor": found.cursor}) if found.cursor else ""
    return render(
        request,
        "console/consumer/search.html",
        actor,
        q=q.strip(),
        found=found,
        facets=_facets(found.facets, chosen, q.strip(), names),
        chosen=chosen,
        granted=await _granted(hub, actor),
        following=following,
        may_ask=Role.CONSUMER_ENGINEER in actor.roles,
        **words.SHARED,
    )


@router.get("/console/consumer/interfaces/{code}", response_class=HTMLResponse)
async def interface(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One interface: what it answers, on which terms, and what an answer looks like."""
    shown = await hub.catalogue.reader.interface(Viewer.of(actor), code)
    now = hub.clock()
    stored = await hub.database.read(lambda tx: answering_interface(tx, code, now=now))
    sample = sample_answer(stored.interface, today=now.date()) if stored else None
    return await _resource(request, hub, actor, shown, sample=sample, samples=bool(stored and stored.interface.samples))


@router.get("/console/consumer/types/{code}", response_class=HTMLResponse)
async def certificate_type(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One certificate type; its claims are asked for like the fields of an interface."""
    shown = await hub.catalogue.reader.certificate_type(Viewer.of(actor), code)
    return await _resource(request, hub, actor, shown, sample=None, samples=False)


@router.get(DEMANDS, response_class=HTMLResponse)
async def demands(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What my department asked for and nobody publishes yet."""
    found = await hub.catalogue.demands.list(actor)
    names = await _department_names(hub)
    return render(request, "console/consumer/demands.html", actor, found=found, names=names, **words.SHARED)


@router.get(DEMANDS + "/new", response_class=HTMLResponse)
async def new_demand(request: Request, hub: HubDep, actor: ConsoleDep, what: _WORDS = "") -> HTMLResponse:
    """Say what is wanted."""
    actor.require(Role.CONSUMER_ENGINEER)
    return await _demand_page(request, hub, actor, {"what": what})


@router.post(DEMANDS + "/new", response_class=HTMLResponse)
async def file_demand(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """It reaches the likely owner, with a clock."""
    given = await form(request)
    values = {name: given.text(name) for name in _DEMAND}
    fields = [line.strip() for line in given.text("fields").splitlines() if line.strip()]
    definition = {name: value for name, value in values.items() if value} | {"fields": fields}
    try:
        await hub.catalogue.demands.file(actor, definition)
    except IncompleteError as error:
        errors = [FieldError(fault.pointer.strip("/").partition("/")[0], fault.zh, fault.en) for fault in error.faults]
        return await _demand_page(request, hub, actor, values | {"fields": given.text("fields")}, errors)
    except DefinitionError:
        errors = [FieldError("matter", "没有该事项", "No such matter")]
        return await _demand_page(request, hub, actor, values | {"fields": given.text("fields")}, errors)
    return redirect(DEMANDS, ("需求已提交，最可能的数源部门会按期答复", "Filed: the likely owner answers in time"))


@router.post(DEMANDS + "/{demand_id}/withdraw")
async def withdraw_demand(request: Request, demand_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """No more need of it."""
    await form(request)
    await hub.catalogue.demands.withdraw(actor, demand_id)
    return redirect(DEMANDS, ("需求已撤回", "The demand is withdrawn"))


async def _resource(
    request: Request, hub: Hub, actor: Actor, shown: dict[str, Any], *, sample: dict[str, Any] | None, samples: bool
) -> HTMLResponse:
    held = [item for item in await hub.registry.grants.list(actor) if item.grant.resource == shown["code"]]
    mine = [item for item in held if actor.department_id != item.grant.owner_department_id]
    return render(
        request,
        "console/consumer/resource.html",
        actor,
        shown=shown,
        owner=await hub.database.read(lambda tx: owner_words(tx, shown["provider"])),
        sample=sample,
        from_samples=samples,
        held=mine,
        may_ask=Role.CONSUMER_ENGINEER in actor.roles and shown["state"] in {"live", "deprecated"},
        **words.SHARED,
    )


async def _demand_page(
    request: Request, hub: Hub, actor: Actor, values: Mapping[str, str], errors: list[FieldError] | None = None
) -> HTMLResponse:
    matters = await hub.database.read(list_matters)
    return render(
        request,
        "console/consumer/demand_new.html",
        actor,
        status=422 if errors else 200,
        errors=errors or (),
        given={name: values.get(name, "") for name in (*_DEMAND, "fields")},
        matters=matters,
    )


async def _granted(hub: Hub, actor: Actor) -> set[str]:
    """Codes of what a system of his department may use now."""
    grants = await hub.registry.grants.list(actor) if actor.department_id else []
    return {item.grant.resource for item in grants if item.in_force}


async def _department_names(hub: Hub) -> dict[str, tuple[str, str]]:
    departments = await hub.database.read(list_departments)
    return {item.code: (item.name_zh, item.name_en) for item in departments}


def _facets(
    counts: Mapping[str, Mapping[str, int]], chosen: Mapping[str, str], q: str, names: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    """Each facet with its values as links: to choose one, or to take the chosen one away."""
    shown = []
    for name, zh, en in words.FACETS:
        rest = {key: value for key, value in chosen.items() if key != name}
        known = names if name == "department" else words.VALUES.get(name, {})
        values = [
            {
                "words": known.get(value, (value, value)),
                "count": count,
                "chosen": chosen.get(name) == value,
                "href": _link({"q": q, **rest} if chosen.get(name) == value else {"q": q, **rest, name: value}),
            }
            for value, count in counts.get(name, {}).items()
        ]
        if len(values) > 1 or name in chosen:
            shown.append({"name": name, "words": (zh, en), "values": values[:12]})
    return shown


def _link(parts: Mapping[str, str | None]) -> str:
    return SEARCH + "?" + urlencode({name: value for name, value in parts.items() if value})
