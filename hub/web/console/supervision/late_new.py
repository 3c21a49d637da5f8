"""The form of a new order to show late 延后告知. Whom it is about is posted, read, and stands in no address or page."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import ForbiddenError
from hub.citizens.late.ordering import Wanted
from hub.citizens.late.values import LEADERS, REASONS, OrderError
from hub.clock import BEIJING
from hub.deps import HubDep
from hub.intake.counter.presented import PresentedError, read_presented
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.supervision import late_words as words
from hub.web.console.supervision.late_orders import ORDERS
from hub.web.console.supervision.names import Names, names_for
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_USUAL: Final = timedelta(days=30)


@router.get(ORDERS + "/new", response_class=HTMLResponse)
async def new(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form."""
    return await _form(request, hub, actor)


@router.post(ORDERS + "/new", response_class=HTMLResponse)
async def propose(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """The first signature."""
    given = await form(request)
    department_id = _department(actor)
    names = await names_for(hub, actor)
    errors, who, until = [], None, None
    try:
        who = read_presented(given.raw("id"))
    except PresentedError as error:
        errors.append(words.wrong_id(error.reason))
    if given.text("matter") not in await _matters(hub, names, department_id):
        errors.append(words.fault_of(OrderError("length", "/matter")))
    try:
        until = date.fromisoformat(given.text("until"))
    except ValueError:
        errors.append(words.DAY)
    if errors or who is None or until is None:
        return await _form(request, hub, actor, given, errors)
    wanted = Wanted(
        given.text("reason"), given.text("legal_basis"), until,
        matter=given.text("matter"), id_type=who.id_type, id_number=who.id_number,
    )  # fmt: skip
    try:
        made = await hub.late.ordering.propose(actor, wanted)
    except OrderError as error:
        return await _form(request, hub, actor, given, [words.fault_of(error)])
    return redirect(f"{ORDERS}/{made.id}", words.PROPOSED)


def _department(actor: Actor) -> str:
    actor.require(*sorted(LEADERS))
    if actor.department_id is None:
        raise ForbiddenError(tuple(sorted(LEADERS)))
    return actor.department_id


async def _matters(hub: Hub, names: Names, department_id: str) -> list[str]:
    """Those in which the department may look ex officio, and those that it decides itself."""
    own = next((item.code for item in names.departments.values() if item.id == department_id), None)
    granted = await hub.late.desk.granted(department_id)
    return [code for code, item in names.matters.items() if code in granted or item.department_code == own]


async def _form(
    request: Request, hub: Hub, actor: Actor, given: Form | None = None, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    department_id = _department(actor)
    names = await names_for(hub, actor)
    usual = (hub.clock().astimezone(BEIJING) + _USUAL).date()
    return render(
        request, "console/supervision/late_new.html", actor, status=422 if errors else 200, errors=errors,
        given=given or Form({"until": [usual.isoformat()]}), names=names, reasons=REASONS, path_of=ORDERS,
        matters=await _matters(hub, names, department_id), longest=hub.settings.late_order_days,
    )  # fmt: skip
