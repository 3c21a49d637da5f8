"""Publishing an interface, one question a page: source → name → operation → parameters → sample → fields → yes/no
questions → sharing terms → mapping → how an answer is known → dry run → catalogue → check answers → in test.

A draft of the form is kept after every page; the catalogue gets its draft version at the dry run and at the end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from adapters.registry import operation_schema
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.registry import meanings
from hub.registry.drafts import FormDraft
from hub.registry.errors import Lack, NotReadyError
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import publish_forms as forms
from hub.web.console.owner import words
from hub.web.console.owner.register import department_of
from hub.web.console.owner.schema_form import inputs_of, read_form, shown
from hub.web.console.owner.shape import kind_of, rows_of, with_params
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/interfaces"
BASE: Final = "/console/owner/publish"
STEPS: Final = (
    "title", "operation", "params", "sample", "fields", "predicates", "sharing", "mapping", "rules", "quality",
    "catalogue", "check",
)  # fmt: skip
TITLES: Final = (
    ("数据源", "Source"), ("名称", "Name"), ("查询", "Question"), ("参数", "Parameters"), ("样例", "Sample"),
    ("字段", "Fields"),
    ("是非判断", "Yes or no"), ("共享属性", "Sharing"), ("映射", "Mapping"), ("认定", "Certainty"), ("试算", "Dry run"),
    ("编目", "Catalogue"), ("核对", "Check"),
)  # fmt: skip
_PLACES: Final = {
    "operation": "operation", "params": "params", "mapping": "mapping", "echoes": "rules", "identity_name": "rules",
    "labels": "rules",
    "catalogue": "catalogue", "fields": "fields", "samples": "sample", "title": "title", "code": "title",
    "terms": "sharing",
}  # fmt: skip
"""Member of a definition → the page where it is written."""
_PLAIN: Final[Mapping[str, Callable[[dict[str, Any], Form], forms.Taken]]] = {
    "title": forms.title,
    "params": forms.params,
    "predicates": forms.predicates,
    "sharing": forms.sharing,
    "mapping": forms.mapping,
    "rules": forms.rules,
    "catalogue": forms.catalogue,
}


@router.get(BASE, response_class=HTMLResponse)
async def source_form(
    request: Request, hub: HubDep, actor: ConsoleDep, source: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """From which source."""
    actor.require(Role.OWNER_ENGINEER)
    return await _source_page(request, hub, actor, source)


@router.post(BASE, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A draft over that source."""
    given = await form(request)
    known = {view.code for view in await hub.sources.list(actor)}
    if given.text("source") not in known:
        return await _source_page(request, hub, actor, "", [FieldError("source", "请选择数据源", "Choose a source")])
    definition = {"department": await department_of(hub, actor), "source": given.text("source")}
    draft_id = await hub.drafts.begin(actor, "interface", {"definition": definition})
    return redirect(f"{BASE}/{draft_id}/title")


@router.post(LIST + "/{code}/{version}/edit")
async def edit(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> Response:
    """A form that begins with what a version says: of a draft itself, of a published one the next version."""
    await form(request)
    view = await hub.interfaces.show(actor, code, version)
    content = {"definition": view.declared, "changing": True, "reached": True}
    draft_id = await hub.drafts.begin(actor, "interface", content)
    return redirect(f"{BASE}/{draft_id}/check")


@router.post(BASE + "/{draft_id}/drop")
async def drop(request: Request, draft_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Forget the form."""
    await form(request)
    await hub.drafts.remove(actor, draft_id)
    return redirect(LIST, ("草稿已删除", "The draft is deleted"))


@router.get(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def page(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One page, with what was typed before."""
    return await step_page(request, hub, actor, await draft_of(hub, actor, draft_id, step), step)


@router.post(BASE + "/{draft_id}/{step}", response_class=HTMLResponse)
async def take(request: Request, draft_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Keep what was typed; go on when it holds."""
    given = await form(request)
    draft = await draft_of(hub, actor, draft_id, step)
    if step == "check":
        return await _finish(request, hub, actor, draft)
    if step == "sample":
        return await _sample(request, hub, actor, draft, given)
    if step == "operation":
        return await _operation(request, hub, actor, draft, given)
    if step == "quality":
        return redirect(f"{BASE}/{draft.id}/{following(draft, step)}")
    definition = dict(draft.content["definition"])
    made, errors = forms.fields(draft.content, given) if step == "fields" else _PLAIN[step](definition, given)
    draft = await hub.drafts.save(actor, draft.id, {"definition": made})
    if errors:
        return await step_page(request, hub, actor, draft, step, errors)
    return redirect(f"{BASE}/{draft.id}/{following(draft, step)}")


def following(draft: FormDraft, step: str) -> str:
    """The next page; whoever came back from the last one returns to it."""
    return "check" if draft.content.get("reached") else STEPS[STEPS.index(step) + 1]


async def _operation(request: Request, hub: Hub, actor: Actor, draft: FormDraft, given: Form) -> Response:
    definition = dict(draft.content["definition"])
    inputs = inputs_of(operation_schema(await _kind(hub, actor, draft)), "operation")
    read = read_form(inputs, given, definition.get("operation", {}))
    definition["operation"] = read.declared
    draft = await hub.drafts.save(actor, draft.id, {"definition": definition})
    errors = list(read.errors)
    if not errors:
        try:
            names = await hub.sampling.params(actor, definition["source"], read.declared)
        except DefinitionError as error:
            errors = [words.told(error, {item.name: (item.zh, item.en) for item in inputs})]
    if errors:
        return await step_page(request, hub, actor, draft, "operation", errors)
    changed = with_params(definition, names)
    unseen = changed["params"] != definition.get("params")
    draft = await hub.drafts.save(actor, draft.id, {"definition": changed})
    return redirect(f"{BASE}/{draft.id}/{'params' if unseen else following(draft, 'operation')}")


async def _sample(request: Request, hub: Hub, actor: Actor, draft: FormDraft, given: Form) -> Response:
    definition = draft.content["definition"]
    if given.text("how") == "columns":
        listed = [{"name": name.strip(), "kind": "text"} for name in given.raw("columns").splitlines() if name.strip()]
        if not listed and not definition.get("fields"):
            wrong = FieldError("columns", "请写出列名，每行一个", "Write the columns, one a line")
            return await step_page(request, hub, actor, draft, "sample", [wrong])
        draft = await hub.drafts.save(actor, draft.id, {"columns": listed[: forms.MOST_ROWS]} if listed else {})
        return redirect(f"{BASE}/{draft.id}/{following(draft, 'sample')}")
    lacking = [
        FieldError(f"value.{name}", "请填写测试用的值", "Enter a value to test with")
        for name in definition.get("params", {})
        if not given.text(f"value.{name}")
    ]
    if lacking:
        return await step_page(request, hub, actor, draft, "sample", lacking)
    values = {name: given.text(f"value.{name}") for name in definition.get("params", {})}
    try:
        found = await hub.sampling.sample(actor, definition["source"], definition["operation"], values)
    except DefinitionError as error:
        return await step_page(request, hub, actor, draft, "sample", [words.told(error)])
    columns = [
        {"name": item.name, "kind": item.kind, "shown": item.shown, "longest": item.longest} for item in found.columns
    ]
    if columns:
        draft = await hub.drafts.save(actor, draft.id, {"columns": columns[: forms.MOST_ROWS]})
    return await step_page(request, hub, actor, draft, "sample", extra={"sampled": found})


async def _finish(request: Request, hub: Hub, actor: Actor, draft: FormDraft) -> Response:
    """Write the draft version and offer it for approval."""
    try:
        written = await hub.interfaces.draft(actor, draft.content["definition"])
        await hub.interfaces.to_test(actor, written.code, written.version)
    except DefinitionError as error:
        return await step_page(request, hub, actor, draft, "check", [words.told(error)])
    except ConflictError:
        taken = FieldError(
            "", "编码已被其他部门使用，请修改名称页上的编码", "The code is taken; change it on the page of the name"
        )
        return await step_page(request, hub, actor, draft, "check", [taken])
    except NotReadyError as error:
        lacking = [FieldError("", *words.rule_words(lack.pointer, lack.rule)) for lack in error.lacks]
        extra = {"lacks": [(lack, page_of(lack)) for lack in error.lacks]}
        return await step_page(request, hub, actor, draft, "check", lacking, extra)
    await hub.drafts.remove(actor, draft.id)
    said = ("已提交，待审批人员上线；请先调试", "Offered for approval; try it out first")
    return redirect(f"{LIST}/{written.code}/{written.version}", said)


def page_of(lack: Lack) -> str:
    """The page where something that is missing is written."""
    return _PLACES.get(lack.pointer.strip("/").partition("/")[0], "")


async def draft_of(hub: Hub, actor: Actor, draft_id: str, step: str) -> FormDraft:
    """The draft, for a page that there is."""
    draft = await hub.drafts.get(actor, draft_id)
    if step not in STEPS or draft.kind != "interface":
        raise MissingError("page")
    if step == "check" and not draft.content.get("reached"):
        return await hub.drafts.save(actor, draft_id, {"reached": True})
    return draft


async def _kind(hub: Hub, actor: Actor, draft: FormDraft) -> str:
    return str((await hub.sources.show(actor, draft.content["definition"]["source"])).declared["kind"])


async def step_page(
    request: Request,
    hub: Hub,
    actor: Actor,
    draft: FormDraft,
    step: str,
    errors: Sequence[FieldError] = (),
    extra: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """A page of the form."""
    definition = draft.content["definition"]
    values: dict[str, Any] = {"draft": draft, "definition": definition, "sampled": None, "lacks": []}
    if step == "operation":
        values["kind"] = await _kind(hub, actor, draft)
        values["inputs"] = inputs_of(operation_schema(values["kind"]), "operation")
        values["values"] = shown(values["inputs"], definition.get("operation", {}))
    if step == "fields":
        values["rows"] = rows_of(draft.content)
    if step == "mapping":
        rules = definition.get("mapping", {}).get("fields", {})
        values["rules"] = {
            name: forms.rule_shown(rules.get(name, "")) | {"as": kind_of(field, rules.get(name, ""))}
            for name, field in definition.get("fields", {}).items()
        }
    if step == "rules":
        values["echoes"] = forms.rules_proposed(definition)
    if step == "quality":
        statement = definition.get("operation", {}).get("statement")
        values |= {"result": None, "report": None, "listing": "", "kind": "sql" if statement else ""}
    if step == "check":
        values["operation_text"] = yaml.safe_dump(definition.get("operation", {}), allow_unicode=True, sort_keys=False)
    status = 422 if errors else 200
    return render(
        request, f"console/owner/publish_{step}.html", actor, status=status, errors=errors,
        base=f"{BASE}/{draft.id}", titles=TITLES, now=STEPS.index(step) + 2, list_path=LIST, words=words,
        meanings=meanings, **(values | dict(extra or {})),
    )  # fmt: skip


async def _source_page(
    request: Request, hub: Hub, actor: Actor, chosen: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    views = [view for view in await hub.sources.list(actor) if view.state == "active"]
    return render(
        request, "console/owner/publish_source.html", actor, status=422 if errors else 200, errors=errors,
        sources=views, chosen=chosen, titles=TITLES, now=1, list_path=LIST, words=words,
    )  # fmt: skip
