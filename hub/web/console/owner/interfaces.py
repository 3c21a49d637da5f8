"""Interfaces of the department: versions with their states, and each step of their lives. Export and import as YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from adapters.port import Value
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.clock import BEIJING
from hub.deps import HubDep
from hub.registry import meanings
from hub.registry.errors import NoticeError, NotReadyError, StateError, TwoPersonsError
from hub.registry.interface_views import InterfaceView
from hub.registry.trial import TrialResult
from hub.runtime import Hub
from hub.storage.errors import ConflictError
from hub.web.console.forms import FieldError, Form, form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.owner.publish import LIST
from hub.web.console.visit import ConsoleDep

router = APIRouter()
MAX_DOCUMENT: Final = 262_144
_WRITERS: Final = frozenset({Role.OWNER_ENGINEER})
_ANOTHER: Final = (
    "编制人不能审批，须由本部门其他审批人员办理",
    "Whoever wrote it cannot approve it: another approver of your department must",
)
_SAID: Final = {
    "live": ("已上线", "It is live"),
    "deprecate": ("已公告停用", "Its end is announced"),
    "reinstate": ("已恢复", "It stays live"),
    "withdraw": ("已下线", "It is withdrawn"),
    "test": ("已提交审批", "It is offered for approval"),
    "lift": ("隔离已解除", "The quarantine is lifted"),
}


@dataclass(frozen=True, slots=True)
class Extra:
    """What a page shows beside the version itself."""

    errors: Sequence[FieldError] = ()
    given: Form | None = None
    result: TrialResult | None = None


@router.get(LIST, response_class=HTMLResponse)
async def interfaces(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Every version, alarms first; forms that were not finished."""
    views = await hub.interfaces.list(actor)
    drafts = await hub.drafts.list(actor, "interface")
    views.sort(key=lambda view: (view.quarantine is None, view.code, -view.version))
    return render(
        request, "console/owner/interfaces.html", actor, views=views, drafts=drafts, states=words.STATES,
        rule_words=words.rule_words, may_write=_may(actor, _WRITERS),
    )  # fmt: skip


@router.get(LIST + "/import", response_class=HTMLResponse)
async def import_form(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """The form for a YAML document."""
    actor.require(Role.OWNER_ENGINEER)
    return render(request, "console/owner/import.html", actor, text="")


@router.post(LIST + "/import", response_class=HTMLResponse)
async def take_document(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Write a draft version as a document says: a file, or pasted text."""
    given = await upload(request, max_bytes=MAX_DOCUMENT)
    file = given.files.get("file")
    text = given.raw("text")
    errors: list[FieldError] = []
    try:
        text = file.content.decode("utf-8-sig") if file else text
        definition = yaml.safe_load(text)
        written = await hub.interfaces.draft(actor, definition)
    except (yaml.YAMLError, UnicodeDecodeError):
        errors = [FieldError("text", "不是有效的 YAML（UTF-8）", "This is no valid YAML in UTF-8")]
    except DefinitionError as error:
        fault = words.told(error)
        errors = [FieldError("text", fault.zh, fault.en)]
    except ConflictError:
        errors = [FieldError("text", "编码已被其他部门使用", "The code is another department's")]
    else:
        return redirect(f"{LIST}/{written.code}/{written.version}", ("已导入为草稿", "Imported as a draft"))
    return render(request, "console/owner/import.html", actor, status=422, errors=errors, text=text)


@router.get(LIST + "/{code}/{version}", response_class=HTMLResponse)
async def version_page(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One version."""
    return await _page(request, hub, actor, code, version)


@router.get(LIST + "/{code}/{version}/export")
async def export(code: str, version: int, hub: HubDep, actor: ConsoleDep) -> Response:
    """The version as YAML."""
    text = await hub.interfaces.export(actor, code, version)
    name = f'attachment; filename="{code}-v{version}.yaml"'
    return Response(text, media_type="application/yaml", headers={"Content-Disposition": name})


@router.post(LIST + "/{code}/{version}/try", response_class=HTMLResponse)
async def try_out(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One question to the source; values come masked, and neither question nor answer is kept."""
    given = await form(request)
    view = await hub.interfaces.show(actor, code, version)
    try:
        result = await hub.trials.try_out(actor, code, version, params=params_of(view, given))
    except NotReadyError as error:
        return await _page(request, hub, actor, code, version, Extra(errors=lacking(error, "value")))
    return await _page(request, hub, actor, code, version, Extra(result=result))


@router.post(LIST + "/{code}/{version}/{step}", response_class=HTMLResponse)
async def take_step(request: Request, code: str, version: int, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """A step in its life."""
    given = await form(request)
    try:
        await _step(hub, actor, code, version, step, given)
    except NotReadyError as error:
        errors = lacking(error, "")
    except TwoPersonsError:
        errors = [FieldError("", *_ANOTHER)]
    except NoticeError as error:
        day = error.earliest.astimezone(BEIJING).date().isoformat()  # a last day ends with it
        zh, en = f"通知期不足，最早为 {day}", f"More notice is needed: {day} at the earliest"
        errors = [FieldError("ends_on", zh, en)]
    except DefinitionError as error:
        errors = [_reason_missing(step) if "reason" in str(error) else words.told(error)]
    except StateError as error:
        errors = [FieldError("", f"当前状态（{error.state}）不能办理", f"Not possible while it is {error.state}")]
    else:
        to = f"{LIST}/{code}/{version}" if step != "copy" else LIST
        return redirect(to, _SAID.get(step, ("已办理", "Done")))
    return await _page(request, hub, actor, code, version, Extra(errors=errors, given=given))


async def _step(hub: Hub, actor: Actor, code: str, version: int, step: str, given: Form) -> None:
    reason = given.text(f"{step}_reason")
    match step:
        case "test":
            await hub.interfaces.to_test(actor, code, version)
        case "live":
            await hub.interfaces.take_live(actor, code, version, confirmed=reason or None)
        case "deprecate":
            if not reason:
                raise DefinitionError("reason is missing")
            await hub.interfaces.deprecate(actor, code, version, ends_at=_day(given.text("ends_on")), reason=reason)
        case "reinstate":
            await hub.interfaces.reinstate(actor, code, version)
        case "withdraw":
            await hub.interfaces.withdraw(actor, code, version, reason=reason)
        case "lift":
            await hub.trials.lift(actor, code, version)
        case _:
            raise StateError(step, "step")


def params_of(view: InterfaceView, given: Form) -> dict[str, Value]:
    """Parameters of a trial, as their schemas want them."""
    found: dict[str, Value] = {}
    for name, param in view.declared.get("params", {}).items():
        text = given.text(f"value.{name}")
        kind = param.get("schema", {}).get("type", "string")
        found[name] = int(text) if kind == "integer" and text.lstrip("-").isdigit() else text
    return found


def lacking(error: NotReadyError, prefix: str) -> list[FieldError]:
    """Everything that is missing, beside its input where there is one."""
    found = []
    for lack in error.lacks:
        zh, en = words.rule_words(lack.pointer, lack.rule)
        name = lack.pointer.removeprefix("/params/")
        beside = bool(prefix) and lack.pointer.startswith("/params/")
        found.append(FieldError(f"{prefix}.{name}" if beside else "", zh, en))
    return found


def _reason_missing(step: str) -> FieldError:
    return FieldError(f"{step}_reason", "请写明理由", "Give the reason")


def _day(text: str) -> datetime:
    """The end of a day in Beijing. Raises: DefinitionError."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a civil day; its zone is added below
    except ValueError:
        raise DefinitionError("ends_on: date") from None
    return datetime.combine(day, time(23, 59, 59), BEIJING)


async def _page(
    request: Request, hub: Hub, actor: Actor, code: str, version: int, extra: Extra | None = None
) -> HTMLResponse:
    shown = extra or Extra()
    view = await hub.interfaces.show(actor, code, version)
    roles = {Role.OWNER_ENGINEER, Role.OWNER_APPROVER}
    lacks = []
    if view.state in {"draft", "test"} and actor.department_id is not None and actor.roles & roles:
        lacks = [words.rule_words(lack.pointer, lack.rule) for lack in await hub.interfaces.check(actor, code, version)]
    return render(
        request, "console/owner/interface.html", actor, status=422 if shown.errors else 200, errors=shown.errors,
        view=view, lacks=lacks, given=shown.given or Form({}), result=shown.result, path_of=f"{LIST}/{code}/{version}",
        question_text=_question(view), **_words(actor),
    )  # fmt: skip


def _question(view: InterfaceView) -> str:
    """What whoever approves it answers for beside the fields: what is asked, about whom, how it is read and known."""
    wanted = ("operation", "params", "mapping", "echoes", "identity_name", "many", "complete")
    found = {name: view.declared[name] for name in wanted if name in view.declared}
    return yaml.safe_dump(found, allow_unicode=True, sort_keys=False, width=120)


def _words(actor: Actor) -> dict[str, Any]:
    return {
        "words": words,
        "meanings": meanings,
        "states": words.STATES,
        "rule_words": words.rule_words,
        "list_path": LIST,
        "may_write": _may(actor, _WRITERS),
        "may_approve": _may(actor, frozenset({Role.OWNER_APPROVER})),
    }


def _may(actor: Actor, roles: frozenset[Role]) -> bool:
    return bool(actor.roles & roles) and actor.department_id is not None
