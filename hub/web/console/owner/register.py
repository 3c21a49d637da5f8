"""Registering a source, one question a page: kind → name → authentication, where the kind has several ways of it →
connection → targets and limits → live test → check answers.

What was typed is a draft after every page; the source exists only when the last page is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.sources import Limits
from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.drafts import FormDraft
from hub.registry.meanings import failure
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.owner.auth import WAYS, way_of
from hub.web.console.owner.register_steps import (
    KIND,
    LIMITED,
    LIMITS,
    TITLES,
    after,
    inputs_in,
    secrets_of,
    steps_of,
    taken,
)
from hub.web.console.owner.schema_form import shown
from hub.web.console.owner.sources import LIST
from hub.web.console.visit import ConsoleDep

router = APIRouter()
BASE: Final = "/console/owner/register"


@router.get(BASE, response_class=HTMLResponse)
async def kind_form(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """Which kind of system it is."""
    actor.require(Role.OWNER_ENGINEER)
    return _render(request, actor, "kind", {})


@router.post(BASE, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A draft of that kind."""
    given = await form(request)
    kind = given.text("kind")
    if kind not in words.KINDS:
        wrong = FieldError("kind", "请选择一种", "Choose one")
        return _render(request, actor, "kind", {}, errors=[wrong])
    definition = {"department": await department_of(hub, actor), "kind": kind}
    draft_id = await hub.drafts.begin(actor, "source", {"definition": definition})
    return redirect(f"{BASE}/{draft_id}/name")


@router.post(LIST + "/{code}/change")
async def change(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """A draft that begins with what is registered."""
    await form(request)
    view = await hub.sources.show(actor, code)
    content = {"definition": view.declared, "changing": code, "row_version": view.row_version}
    draft_id = await hub.drafts.begin(actor, "source", content)
    return redirect(f"{BASE}/{draft_id}/check")


@router.get(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def page(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One page of the form, with what was typed before."""
    return _step_page(request, actor, await _draft(hub, actor, draft_id, step), step)


@router.post(BASE + "/{draft_id}/drop")
async def drop(request: Request, draft_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Forget the draft."""
    await form(request)
    await hub.drafts.remove(actor, draft_id)
    return redirect(LIST, ("草稿已删除", "The draft is deleted"))


@router.post(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def take(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Keep what was typed; go on when it holds."""
    given = await form(request)
    draft = await _draft(hub, actor, draft_id, step)
    if step == "check":
        return await _register(request, hub, actor, draft)
    if step == "test":
        return await _test(request, hub, actor, draft)
    changes, errors = taken(step, draft, given)
    # Kept first, also when something is wrong with it: nothing that was typed is lost.
    draft = await hub.drafts.save(actor, draft_id, changes | {"tested": None})
    if not errors and step in {"connection", "limits"}:
        errors = await _refused(hub, actor, draft, step)
    if errors:
        return _step_page(request, actor, draft, step, errors)
    return redirect(f"{BASE}/{draft_id}/{after(draft, step)}")


async def _refused(hub: Hub, actor: Actor, draft: FormDraft, step: str) -> list[FieldError]:
    try:
        await hub.sources.check(actor, draft.content["definition"])
    except DefinitionError as error:
        inputs = {item.name: (item.zh, item.en) for item in inputs_in(draft)}
        fault = words.told(error, inputs | LIMITED | {name: (zh, en) for name, zh, en in LIMITS})
        its_own = fault.field in inputs
        if step == "connection":
            # What is asked for on later pages is not missing yet.
            return [fault] if its_own else []
        return [FieldError("", fault.zh, fault.en) if its_own else fault]
    return []


async def _test(request: Request, hub: Hub, actor: Actor, draft: FormDraft) -> Response:
    try:
        found = await hub.sources.test(actor, draft.content["definition"], secrets_of(draft))
    except DefinitionError as error:
        fault = words.told(error)
        return _step_page(request, actor, draft, "test", [FieldError("", fault.zh, fault.en)])
    await hub.drafts.save(actor, draft.id, {"tested": found.as_json()})
    return redirect(f"{BASE}/{draft.id}/test")


async def _register(request: Request, hub: Hub, actor: Actor, draft: FormDraft) -> Response:
    definition, changing = draft.content["definition"], draft.content.get("changing")
    try:
        if changing:
            await hub.sources.change(actor, definition, row_version=draft.content["row_version"])
        else:
            await hub.sources.add(actor, definition)
    except DefinitionError as error:
        fault = words.told(error)
        return _step_page(request, actor, draft, "check", [FieldError("", fault.zh, fault.en)])
    except ConflictError:
        zh, en = ("编码已被使用，请修改名称页上的编码", "The code is taken; change it on the page of the name")
        if changing:
            zh, en = ("已被他人修改，请重新打开", "Somebody changed it meanwhile; open it again")
        return _step_page(request, actor, draft, "check", [FieldError("", zh, en)])
    code = definition["code"]
    for name, value in secrets_of(draft).items():
        await hub.sources.put_secret(actor, code, name, value)
    await hub.drafts.remove(actor, draft.id)
    await hub.sources.probe(actor, code)
    return redirect(f"{LIST}/{code}", ("数据源已保存", "The source is registered"))


async def _draft(hub: Hub, actor: Actor, draft_id: str, step: str) -> FormDraft:
    draft = await hub.drafts.get(actor, draft_id)
    if draft.kind != "source" or step not in steps_of(draft):
        raise MissingError("page")
    if step == "check" and not draft.content.get("reached"):
        return await hub.drafts.save(actor, draft_id, {"reached": True})
    return draft


async def department_of(hub: Hub, actor: Actor) -> str:
    """The code of his department."""

    def unit(tx: Connection) -> str:
        return next((item.code for item in list_departments(tx) if item.id == actor.department_id), "")

    return await hub.database.read(unit)


def _step_page(
    request: Request, actor: Actor, draft: FormDraft, step: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    definition = draft.content["definition"]
    values: dict[str, Any] = {"draft": draft, "definition": definition, "base": f"{BASE}/{draft.id}"}
    steps = steps_of(draft)
    values |= {
        "titles": [KIND, *(TITLES[name] for name in steps)],
        "now": steps.index(step) + 2,
        "with_ways": "auth" in steps,
    }
    values |= {"ways": WAYS, "way": way_of(definition.get("connection", {}))}
    if step in {"connection", "check"}:
        inputs = inputs_in(draft)
        values |= {"inputs": inputs, "values": shown(inputs, definition.get("connection", {}))}
    if tested := draft.content.get("tested"):
        values["failed"] = None if tested["ok"] else failure(tested["code"])
    return _render(request, actor, step, values, errors)


def _render(
    request: Request, actor: Actor, step: str, values: Mapping[str, Any], errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    return render(
        request,
        f"console/owner/register_{step}.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        kinds=words.KINDS,
        limits=LIMITS,
        defaults=Limits(),
        list_path=LIST,
        **({"titles": [KIND, *(TITLES[step] for step in TITLES if step != "auth")], "now": 1} | dict(values)),
    )
