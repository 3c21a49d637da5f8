"""Objections and questions of holders 异议: the queue, one of them with its scan, and the answer."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, OwnLookError
from hub.citizens.objections.values import OF_DATA, Answer, Kind, State
from hub.deps import HubDep, UuidText
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep
from hub.web.objection_words import KINDS, STATES, fault

router = APIRouter()
LIST: Final = "/console/owner/objections"
_OWN: Final = FieldError(
    "",
    "这是您本人的查询，或者由您本人不予更正的，须由他人答复",
    "It is about what you did or refused yourself: somebody else answers",
)


@router.get(LIST, response_class=HTMLResponse)
async def objections(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Those that wait for the department, by when they are due."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.DECIDER, Role.OPERATOR, Role.AUDITOR)
    found, now = await hub.citizens.desk.list(actor), hub.clock()
    return render(
        request, "console/owner/objections.html", actor,
        found=found, now=now, kinds=KINDS, list_path=LIST,
        whole=not actor.department_id, operator=Role.OPERATOR in actor.roles,
    )  # fmt: skip


@router.get(LIST + "/{objection_id}", response_class=HTMLResponse)
async def objection(request: Request, objection_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What a person says; the look is on the ledger, and shown to him."""
    return await _page(request, hub, actor, objection_id)


@router.get(LIST + "/{objection_id}/scan")
async def scan(objection_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """The paper that came with it, to be saved."""
    content, media_type = await hub.citizens.desk.scan(actor, objection_id)
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.post(LIST + "/{objection_id}/answer", response_class=HTMLResponse)
async def answer(request: Request, objection_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Answer it, once."""
    given = await form(request)
    said = Answer(given.text("result"), given.text("reason"), given.text("next"))
    try:
        await hub.citizens.desk.answer(actor, objection_id, said)
    except ObjectionError as error:
        wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
        return await _page(request, hub, actor, objection_id, [wrong], given)
    except OwnLookError:
        return await _page(request, hub, actor, objection_id, [_OWN], given)
    except ObjectionOverError:
        return redirect(LIST, ("已经答复，或当事人已撤回", "It was answered, or the person has withdrawn it"))
    return redirect(LIST, ("已答复并签名，当事人可以看到", "Answered and signed; the person sees it"))


@router.post(LIST + "/{objection_id}/hand", response_class=HTMLResponse)
async def hand(request: Request, objection_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Hand it to whose it is."""
    given = await form(request)
    try:
        await hub.citizens.handing.hand(
            actor, objection_id, department=given.text("department"), reason=given.text("why")
        )
    except ObjectionError as error:
        name = {"/reason": "why"}.get(error.pointer, error.pointer.removeprefix("/"))
        wrong = FieldError(name, *fault(error.pointer, error.rule))
        return await _page(request, hub, actor, objection_id, [wrong], given)
    except ObjectionOverError:
        return redirect(LIST, ("已经答复，或当事人已撤回", "It was answered, or the person has withdrawn it"))
    return redirect(LIST, ("已转交，期限照旧，当事人可以看到", "Handed on; its time goes on, and the person sees it"))


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    objection_id: str,
    errors: list[FieldError] | None = None,
    given: Form | None = None,
) -> HTMLResponse:
    found = await hub.citizens.desk.show(actor, objection_id)
    here = found.department.get("code")
    named = [(item.code, item.name_zh, item.name_en) for item in await hub.database.read(list_departments)]
    departments = [item for item in named if item[0] != here]
    return render(
        request, "console/owner/objection.html", actor, status=422 if errors else 200, errors=errors or (),
        item=found, given=given or Form({}), kinds=KINDS, states=STATES, list_path=LIST,
        of_data=found.kind in OF_DATA, running=found.state is State.RUNNING, departments=departments,
        handed=await hub.citizens.handing.path(objection_id),
        results=[result.value for result in found.results],
        handable=found.kind is not Kind.RATING and not (found.review or found.ordered),
    )  # fmt: skip
