"""Mandates 委托受理: one department lets another accept its cases. Proposed by the one, confirmed by the other."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.store import Department
from hub.access.actors import Actor, Role
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText
from hub.intake.handling.mandates import MANDATE
from hub.registry.proposal import Proposal
from hub.registry.requests.errors import SameHandError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.supervision.names import Names, names_for
from hub.web.console.visit import ConsoleDep

router = APIRouter()
MANDATES: Final = "/console/mandates"
WRITERS: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
_MOST: Final = 500
_YEAR: Final = timedelta(days=365)
_WHY: Final = FieldError("reason", "请写明事由，最多 500 字", "Say why, in at most 500 characters")
_SENT: Final = (
    "已提出。由受理部门的审批人员在三天内确认后生效",
    "Proposed: it holds when an approver of the accepting department confirms it, within three days",
)
_NOT_OWN: Final = FieldError("", "须由受理部门的另一人确认", "Somebody else confirms it, in the accepting department")
_NO_LONGER: Final = FieldError("", "现在无法生效，内容已不适用", "It cannot be made now: what it says no longer fits")


@router.get(MANDATES, response_class=HTMLResponse)
async def mandates(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Those of his department, given and taken, and those that wait; operator and auditor see all."""
    return await _list(request, hub, actor)


@router.get(MANDATES + "/new", response_class=HTMLResponse)
async def new(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form."""
    return await _form(request, hub, actor)


@router.post(MANDATES + "/new", response_class=HTMLResponse)
async def propose(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Propose it, for the department that decides the matters."""
    given = await form(request)
    actor.require(*WRITERS)
    names = await names_for(hub, actor)
    errors = _faults(given, _own(names, actor), [item.code for item in _others(names, actor)])
    if errors:
        return await _form(request, hub, actor, given, errors)
    payload = {
        "from": names.of(actor) or "",
        "to": given.text("to"),
        "matters": given.all("matters"),
        "legal_basis": given.text("legal_basis"),
        "valid_from": given.text("valid_from"),
        "valid_until": given.text("valid_until"),
    }
    try:
        await hub.sharing.proposals.propose(actor, MANDATE, payload, given.text("reason"))
    except DefinitionError as error:
        wrong = FieldError("to", f"内容有误：{error}", f"Something is wrong: {error}")
        return await _form(request, hub, actor, given, [wrong])
    return redirect(MANDATES, _SENT)


@router.post(MANDATES + "/proposals/{proposal_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Sign for the department that accepts."""
    await form(request)
    await _found(hub, actor, proposal_id)
    try:
        await hub.sharing.proposals.confirm(actor, proposal_id)
    except (SamePersonError, SameHandError):
        return await _list(request, hub, actor, [_NOT_OWN])
    except DefinitionError:
        return await _list(request, hub, actor, [_NO_LONGER])
    return redirect(MANDATES, ("已确认，委托生效", "Confirmed: the mandate holds"))


@router.post(MANDATES + "/proposals/{proposal_id}/reject", response_class=HTMLResponse)
async def reject(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Refuse it, or take it back."""
    given = await form(request)
    await _found(hub, actor, proposal_id)
    reason = given.text(field := f"reason-{proposal_id}")
    if not 0 < len(reason) <= _MOST:
        return await _list(request, hub, actor, [FieldError(field, _WHY.zh, _WHY.en)])
    await hub.sharing.proposals.reject(actor, proposal_id, reason)
    return redirect(MANDATES, ("已否决", "Rejected"))


@router.post(MANDATES + "/{mandate_id}/end", response_class=HTMLResponse)
async def end(request: Request, mandate_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """End it, as either department may; what was accepted under it stays accepted."""
    given = await form(request)
    reason = given.text(field := f"reason-{mandate_id}")
    if not 0 < len(reason) <= _MOST:
        return await _list(request, hub, actor, [FieldError(field, _WHY.zh, _WHY.en)])
    await hub.handling.mandates.end(actor, mandate_id, reason)
    return redirect(MANDATES, ("委托已终止，已受理的办件不受影响", "Ended; what was accepted under it stays accepted"))


def _faults(given: Form, own: Sequence[str], others: Sequence[str]) -> list[FieldError]:
    errors = []
    if given.text("to") not in others:
        errors.append(FieldError("to", "请选择受理部门", "Choose the accepting department"))
    if not given.all("matters") or not set(given.all("matters")) <= set(own):
        errors.append(FieldError("matters", "请选择本部门的事项", "Choose matters of your department"))
    if not 0 < len(given.text("legal_basis")) <= _MOST:
        errors.append(FieldError("legal_basis", "请写明依据，最多 500 字", "Name the law, in at most 500 characters"))
    days = [_day(given.text(name)) for name in ("valid_from", "valid_until")]
    wrong = ("日期写作 2026-11-22，截止日不早于起始日", "A day is written 2026-11-22, the last not before the first")
    if days[0] is None:
        errors.append(FieldError("valid_from", *wrong))
    if days[1] is None or (days[0] is not None and days[1] < days[0]):
        errors.append(FieldError("valid_until", *wrong))
    if not 0 < len(given.text("reason")) <= _MOST:
        errors.append(_WHY)
    return errors


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _others(names: Names, actor: Actor) -> list[Department]:
    return [item for item in names.departments.values() if not item.closed and item.id != actor.department_id]


def _own(names: Names, actor: Actor) -> list[str]:
    mine = names.of(actor)
    return [item.code for item in names.matters.values() if item.department_code == mine]


async def _waiting(hub: Hub, actor: Actor) -> list[Proposal]:
    if actor.roles & {Role.OPERATOR, Role.AUDITOR}:
        listed = await hub.sharing.proposals.list(actor, only_open=True)
    else:
        listed = list(await hub.sharing.proposals.waiting_on(actor))
    return [item for item in listed if item.action == MANDATE]


async def _found(hub: Hub, actor: Actor, proposal_id: str) -> None:
    if all(item.id != proposal_id for item in await _waiting(hub, actor)):
        raise MissingError("proposal")


async def _list(request: Request, hub: Hub, actor: Actor, errors: Sequence[FieldError] = ()) -> HTMLResponse:
    actor.require(*WRITERS, Role.OPERATOR, Role.AUDITOR)
    found, waiting = await hub.handling.mandates.list(actor), await _waiting(hub, actor)
    told = [*(item["matters"] for item in found), *(item.payload["matters"] for item in waiting)]
    names = await names_for(hub, actor, list(chain.from_iterable(told)))
    today = hub.clock().astimezone(BEIJING).date().isoformat()
    return render(
        request, "console/supervision/mandates.html", actor, status=422 if errors else 200, errors=errors,
        found=found, waiting=waiting, names=names, today=today,
        mine=names.of(actor), may_write=bool(actor.roles & set(WRITERS)), path_of=MANDATES,
        may_sign=Role.OWNER_APPROVER in actor.roles and actor.department_id is not None,
    )  # fmt: skip


async def _form(
    request: Request, hub: Hub, actor: Actor, given: Form | None = None, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    actor.require(*WRITERS)
    names = await names_for(hub, actor)
    today = hub.clock().astimezone(BEIJING).date()
    return render(
        request, "console/supervision/mandate_new.html", actor, status=422 if errors else 200, errors=errors,
        given=given or Form({"valid_from": [today.isoformat()], "valid_until": [(today + _YEAR).isoformat()]}),
        others=_others(names, actor), own=_own(names, actor), names=names, path_of=MANDATES,
    )  # fmt: skip
