"""Questions to the department's officers 协查: the queue, and one question with its form. The question and no more."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.expressions.values import Kind
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.intake.lower.errors import AnswerError, TaskOverError
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/tasks"


@router.get(LIST, response_class=HTMLResponse)
async def tasks(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Those that wait for the department, by when they are due."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    found = await hub.lower.tasks.list(actor)
    return render(request, "console/owner/tasks.html", actor, found=[_timed(item) for item in found], list_path=LIST)


@router.get(LIST + "/{task_id}", response_class=HTMLResponse)
async def task(request: Request, task_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One question."""
    return await _page(request, hub, actor, task_id)


@router.post(LIST + "/{task_id}/answer", response_class=HTMLResponse)
async def answer(request: Request, task_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Answer it, once."""
    given = await form(request)
    shown = await hub.lower.tasks.show(actor, task_id)
    result = given.text("result")
    fields = shown.get("form", []) if result == "confirmed" else []
    values = {item["field"]: _value(item, given.text(f"f_{item['field']}")) for item in fields}
    try:
        await hub.lower.tasks.answer(actor, task_id, result=result, values=values, reason=given.text("reason"))
    except AnswerError as error:
        name = error.pointer.rpartition("/")[2]
        where = f"f_{name}" if error.pointer.startswith("/values/") else name
        said = FieldError(where, "请按要求填写", "Fill this in as it is asked")
        return await _page(request, hub, actor, task_id, [said], given)
    except TaskOverError:
        over = ("这项协查已经答复，或不再需要", "It was answered, or nobody wants the answer any more")
        return redirect(LIST, over)
    return redirect(LIST, ("已答复并签名", "Answered and signed"))


def _timed(told: dict[str, Any]) -> dict[str, Any]:
    """With instants as the page shows them."""
    instants = {name: told[name] for name in ("opened_at", "due_at", "answered_at")}
    return told | {name: datetime.fromisoformat(value) if value else None for name, value in instants.items()}


def _value(item: dict[str, Any], text: str) -> Any:
    """A field as the form's kind has it; what is none stays a text, and is refused by the service."""
    match Kind(item["kind"]):
        case Kind.BOOLEAN:
            return {"yes": True, "no": False}.get(text)
        case Kind.INTEGER:
            return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 16 else text
        case Kind.DECIMAL:
            try:
                return str(Decimal(text))
            except InvalidOperation:
                return text
        case Kind.TEXTS:
            return [line.strip() for line in text.splitlines() if line.strip()]
    return text


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    task_id: str,
    errors: list[FieldError] | None = None,
    given: Form | None = None,
) -> HTMLResponse:
    shown = await hub.lower.tasks.show(actor, task_id)
    return render(
        request, "console/owner/task.html", actor, status=422 if errors else 200, errors=errors or (),
        task=_timed(shown), given=given or Form({}), list_path=LIST,
    )  # fmt: skip
