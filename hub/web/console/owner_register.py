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

from adapters.registry import connection_schema
from catalog.errors import DefinitionError
from catalog.sources import Limits
from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry.connections import leads_to
from hub.registry.drafts import FormDraft
from hub.registry.meanings import failure
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from hub.web.console import owner_words as words
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner_auth import WAYS, chosen, has_ways, narrowed, way_of
from hub.web.console.owner_schema_form import Input, inputs_of, read_form, shown
from hub.web.console.owner_sources import LIST
from hub.web.console.visit import ConsoleDep

router = APIRouter()
BASE: Final = "/console/owner/register"
_KIND: Final = ("类型", "Kind")
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("名称", "Name"), "auth": ("认证", "Authentication"), "connection": ("连接", "Connection"),
    "limits": ("地址与限额", "Targets and limits"), "test": ("连接测试", "Live test"), "check": ("核对", "Check"),
}  # fmt: skip
LIMITS: Final = (
    ("total_seconds", "一次询问最长秒数", "Seconds for a whole answer"),
    ("connect_seconds", "建立连接最长秒数", "Seconds to connect"),
    ("concurrency", "同时询问数", "Questions at once"),
    ("per_minute", "每分钟询问上限", "Questions a minute"),
    ("max_rows", "一次最多行数", "Rows of an answer"),
)
_LIMITED: Final[dict[str, tuple[str, str]]] = {
    "targets": ("允许连接的地址", "Targets"),
    "windows": ("服务时段", "Hours"),
}


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
    changes, errors = _taken(step, draft, given)
    # Kept first, also when something is wrong with it: nothing that was typed is lost.
    draft = await hub.drafts.save(actor, draft_id, changes | {"tested": None})
    if not errors and step in {"connection", "limits"}:
        errors = await _refused(hub, actor, draft, step)
    if errors:
        return _step_page(request, actor, draft, step, errors)
    return redirect(f"{BASE}/{draft_id}/{_after(draft, step)}")


def _after(draft: FormDraft, step: str) -> str:
    # Whoever came back from the last page by "change" returns there, by way of the test. Another way of authentication
    # has other members, which the page of the connection asks for.
    steps = _steps(draft)
    following = steps[steps.index(step) + 1]
    return "test" if draft.content.get("reached") and following not in {"check", "connection"} else following


def _taken(step: str, draft: FormDraft, given: Form) -> tuple[dict[str, Any], list[FieldError]]:
    definition = dict(draft.content["definition"])
    if step == "name":
        code = draft.content.get("changing") or given.text("code")
        definition |= {"code": code, "name": {"zh": given.text("zh"), "en": given.text("en")}}
        definition["contact"] = given.text("contact")
        lacking = (("zh", "请填写中文名称", "Enter a Chinese name"), ("en", "请填写英文名称", "Enter an English name"))
        errors = [FieldError(*item) for item in lacking if not given.text(item[0])]
        valid = 3 <= len(code) <= 64 and set(code) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        if not valid:
            errors.append(
                FieldError("code", "编码为 3 至 64 位小写字母、数字、_ 和 -", "A code takes 3 to 64 of a-z 0-9 _ -")
            )
        return {"definition": definition}, errors
    if step == "auth":
        return _way_taken(draft, given)
    if step == "connection":
        read = read_form(_inputs(draft), given, definition.get("connection", {}))
        before = leads_to(definition.get("connection", {}))
        way = way_of(definition.get("connection", {}))
        definition["connection"] = chosen({}, way) | read.declared
        if "auth" in read.declared:
            definition["connection"]["auth"] = {"type": way} | read.declared["auth"]
        if definition.get("targets", []) in ([], before):  # proposed, and not edited since
            definition["targets"] = leads_to(read.declared)
        return {
            "definition": definition,
            "secrets": {**draft.content.get("secrets", {}), **read.secrets},
        }, list(read.errors)
    definition["targets"] = given.text("targets").split()
    definition["windows"] = given.text("windows").split()
    limits, errors = {}, []
    for name, zh, en in LIMITS:
        if text := given.text(name):
            try:
                limits[name] = float(text) if name.endswith("seconds") else int(text)
            except ValueError:
                errors.append(FieldError(name, f"{zh}须为数字", f"{en}: a number"))
    definition["limits"] = limits
    return {"definition": definition}, errors


def _way_taken(draft: FormDraft, given: Form) -> tuple[dict[str, Any], list[FieldError]]:
    way = given.text("way")
    if way not in {code for code, *_ in WAYS}:
        return {}, [FieldError("way", "请选择一种", "Choose one")]
    definition = dict(draft.content["definition"])
    before = definition.get("connection", {})
    definition["connection"] = chosen(before, way)
    if way == way_of(before):
        return {"definition": definition}, []
    # A password typed for another way is not kept: nothing would refer to it.
    secrets = draft.content.get("secrets", {})
    kept = {name: value for name, value in secrets.items() if not name.startswith("auth_")}
    return {"definition": definition, "secrets": kept}, []


async def _refused(hub: Hub, actor: Actor, draft: FormDraft, step: str) -> list[FieldError]:
    try:
        await hub.sources.check(actor, draft.content["definition"])
    except DefinitionError as error:
        inputs = {item.name: (item.zh, item.en) for item in _inputs(draft)}
        fault = words.told(error, inputs | _LIMITED | {name: (zh, en) for name, zh, en in LIMITS})
        its_own = fault.field in inputs
        if step == "connection":
            # What is asked for on later pages is not missing yet.
            return [fault] if its_own else []
        return [FieldError("", fault.zh, fault.en) if its_own else fault]
    return []


async def _test(request: Request, hub: Hub, actor: Actor, draft: FormDraft) -> Response:
    try:
        found = await hub.sources.test(actor, draft.content["definition"], _secrets(draft))
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
    for name, value in _secrets(draft).items():
        await hub.sources.put_secret(actor, code, name, value)
    await hub.drafts.remove(actor, draft.id)
    await hub.sources.probe(actor, code)
    return redirect(f"{LIST}/{code}", ("数据源已保存", "The source is registered"))


def _secrets(draft: FormDraft) -> dict[str, str]:
    """Typed secrets by the name that the connection refers to."""
    return {
        name.removeprefix("connection.").replace(".", "_"): value
        for name, value in draft.content.get("secrets", {}).items()
    }


def _inputs(draft: FormDraft) -> list[Input]:
    definition = draft.content["definition"]
    schema = connection_schema(definition["kind"])
    return inputs_of(narrowed(schema, way_of(definition.get("connection", {}))), "connection")


def _steps(draft: FormDraft) -> list[str]:
    with_ways = has_ways(connection_schema(draft.content["definition"]["kind"]))
    return [step for step in _TITLES if step != "auth" or with_ways]


async def _draft(hub: Hub, actor: Actor, draft_id: str, step: str) -> FormDraft:
    draft = await hub.drafts.get(actor, draft_id)
    if draft.kind != "source" or step not in _steps(draft):
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
    steps = _steps(draft)
    values |= {
        "titles": [_KIND, *(_TITLES[name] for name in steps)],
        "now": steps.index(step) + 2,
        "with_ways": "auth" in steps,
    }
    values |= {"ways": WAYS, "way": way_of(definition.get("connection", {}))}
    if step in {"connection", "check"}:
        inputs = _inputs(draft)
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
        **({"titles": [_KIND, *(_TITLES[step] for step in _TITLES if step != "auth")], "now": 1} | dict(values)),
    )
