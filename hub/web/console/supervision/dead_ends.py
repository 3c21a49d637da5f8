"""The desk for dead ends 办不成事: what waits, one with its course, and what is done with it."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.intake.handling.dead_end_rows import OUTCOMES
from hub.intake.handling.desk import WORKERS
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.supervision.names import names_for
from hub.web.console.visit import ConsoleDep

router = APIRouter()
DESK: Final = "/console/dead-ends"
COURSE: Final = {
    "taken": ("接手", "taken in hand"),
    "handed_on": ("转有关部门", "handed on"),
    "given_back": ("退回", "given back"),
}
_ENDS: Final = ("solved", "way_shown", "not_possible")
"""How it ends on these pages: handing it on does not end it."""
_MOST: Final = 2000
_CHOOSE: Final = FieldError("outcome", "请选择处理结果", "Choose what became of it")
_NOTHING_SAID: Final = ("请写明，最多 2000 字", "Say it in words, in at most 2000 characters")
_NO_DEPARTMENT: Final = FieldError("department", "请选择部门", "Choose a department")
_TAKEN_ALREADY: Final = ("刚刚已有人接手，请核对", "Somebody has just taken it: look again")


@router.get(DESK, response_class=HTMLResponse)
async def queue(
    request: Request, hub: HubDep, actor: ConsoleDep, *, everything: Annotated[bool, Query(alias="all")] = False
) -> HTMLResponse:
    """What waits, the most urgent first; for operator and auditor with the figures."""
    found = await hub.handling.desk.queue(actor, everything=everything)
    whole = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
    figures = await hub.handling.desk.statistics(actor) if whole else None
    return render(
        request, "console/supervision/dead_ends.html", actor, found=found, figures=figures, everything=everything,
        names=await names_for(hub, actor, [item["matter"] for item in found]), outcomes=OUTCOMES, path_of=DESK,
    )  # fmt: skip


@router.get(DESK + "/{end_id}", response_class=HTMLResponse)
async def one(request: Request, end_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them."""
    return await _page(request, hub, actor, end_id)


@router.post(DESK + "/{end_id}/take")
async def take(request: Request, end_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Have it in hand."""
    given = await form(request)
    if await hub.handling.desk.take(actor, end_id, instead_of=given.text("instead_of") or None):
        return redirect(f"{DESK}/{end_id}", ("已由您接手", "It is in your hands"))
    return redirect(f"{DESK}/{end_id}", _TAKEN_ALREADY, refused=True)


@router.post(DESK + "/{end_id}/hand-on", response_class=HTMLResponse)
async def hand_on(request: Request, end_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Have a department solve it."""
    given = await form(request)
    errors = [] if given.text("department") else [_NO_DEPARTMENT]
    errors += _unsaid(given, "words")
    if not errors:
        try:
            await hub.handling.desk.hand_on(actor, end_id, given.text("department"), given.text("words"))
        except DefinitionError:
            errors = [_NO_DEPARTMENT]
        else:
            return redirect(DESK, ("已转办，期限不变", "Handed on; its time goes on"))
    return await _page(request, hub, actor, end_id, given, errors)


@router.post(DESK + "/{end_id}/give-back", response_class=HTMLResponse)
async def give_back(request: Request, end_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Let the operator find somebody else."""
    given = await form(request)
    errors = _unsaid(given, "words")
    if not errors:
        await hub.handling.desk.give_back(actor, end_id, given.text("words"))
        return redirect(DESK, ("已退回平台运行单位", "Given back to the operator"))
    return await _page(request, hub, actor, end_id, given, errors)


@router.post(DESK + "/{end_id}/answer", response_class=HTMLResponse)
async def answer(request: Request, end_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Say what became of it."""
    given = await form(request)
    errors = [] if given.text("outcome") in _ENDS else [_CHOOSE]
    errors += _unsaid(given, "text")
    if not errors:
        await hub.handling.desk.answer(actor, end_id, given.text("outcome"), given.text("text"))
        return redirect(DESK, ("已答复，并已告知转来部门", "Answered; who sent it is told"))
    return await _page(request, hub, actor, end_id, given, errors)


def _unsaid(given: Form, name: str) -> list[FieldError]:
    return [] if 0 < len(given.text(name)) <= _MOST else [FieldError(name, *_NOTHING_SAID)]


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    end_id: str,
    given: Form | None = None,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    item = await hub.handling.desk.one(actor, end_id)
    return render(
        request, "console/supervision/dead_end.html", actor, status=422 if errors else 200, errors=errors, item=item,
        given=given or Form({}), names=await names_for(hub, actor, [item["matter"]]), outcomes=OUTCOMES, ends=_ENDS,
        course=COURSE, operator=Role.OPERATOR in actor.roles, counter=Role.CLERK in actor.roles, path_of=DESK,
        gives_back=bool(item["with"]) and bool(actor.roles & set(WORKERS)) and Role.OPERATOR not in actor.roles,
    )  # fmt: skip
