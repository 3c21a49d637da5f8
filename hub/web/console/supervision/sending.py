"""Sending a case that is stuck to the desk for dead ends: from the counter, or from whoever decides it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.intake.errors import CaseNotFoundError
from hub.intake.handling.dead_end_rows import REASONS
from hub.intake.handling.dead_ends import Sendable, Stuck
from hub.intake.handling.errors import DeadEndError
from hub.intake.handling.steps import Hand, by_staff, by_system
from hub.runtime import Hub
from hub.web.console.approve.queue import QUEUE
from hub.web.console.counter.case import CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.supervision.dead_ends import DESK
from hub.web.console.visit import ConsoleDep

router = APIRouter()
NEW: Final = DESK + "/new/{case_no}"
_MOST: Final = 500
_CHOOSE: Final = FieldError("reason", "请选择原因", "Choose a reason")
_TOO_LONG: Final = FieldError("note", "最多 500 字", "At most 500 characters")
_NO_PLACE: Final = FieldError("place", "请从列表中选择材料", "Choose a paper of the list")
_SENT: Final = ("已转“办不成事”窗口，答复期限从现在起算", "Sent to the desk, which answers within its time")
_THERE: Final = ("该办件已在窗口处理中", "The case is on the desk already")


@router.get(NEW, response_class=HTMLResponse)
async def new(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The form; a case that is there already is shown."""
    _, found = await _mine(hub, actor, case_no)
    if found.at_desk is not None:
        return redirect(f"{DESK}/{found.at_desk}", _THERE)
    return _page(request, actor, found)


@router.post(NEW, response_class=HTMLResponse)
async def send(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Send it."""
    given = await form(request)
    hand, found = await _mine(hub, actor, case_no)
    errors = [] if given.text("reason") in REASONS else [_CHOOSE]
    if given.text("place") not in {"", *(f"{code}|{party}" for code, party, *_ in found.places)}:
        errors.append(_NO_PLACE)
    if len(given.text("note")) > _MOST:
        errors.append(_TOO_LONG)
    if errors:
        return _page(request, actor, found, given, errors)
    code, _, party = given.text("place").partition("|")
    stuck = Stuck(given.text("reason"), code or None, party or None, given.text("note") or None)
    try:
        sent = await hub.handling.dead_ends.send(hand, case_no, stuck)
    except DeadEndError as error:
        return redirect(f"{DESK}/{error.dead_end}", _THERE)
    return redirect(f"{DESK}/{sent['id']}", _SENT)


async def _mine(hub: Hub, actor: Actor, case_no: str) -> tuple[Hand, Sendable]:
    """The case, and by whose hand: of whoever decides it, or of the counter, whose clerk he is.

    Raises: ForbiddenError, CaseNotFoundError, NoCounterError.
    """
    actor.require(Role.CLERK, Role.DECIDER)
    if Role.DECIDER in actor.roles:
        with suppress(CaseNotFoundError):
            return by_staff(actor), await hub.handling.dead_ends.sendable(by_staff(actor), case_no)
    if Role.CLERK not in actor.roles:
        raise CaseNotFoundError
    counter = by_system(await hub.counter.caller(actor), {"id": actor.id, "name": actor.name})
    return counter, await hub.handling.dead_ends.sendable(counter, case_no)


def _page(
    request: Request, actor: Actor, found: Sendable, given: Form | None = None, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    back = COUNTER if Role.CLERK in actor.roles else QUEUE
    return render(
        request, "console/supervision/send.html", actor, status=422 if errors else 200, errors=errors, found=found,
        given=given or Form({}), reasons=REASONS, back=f"{back}/{found.case_no}", here=f"{DESK}/new/{found.case_no}",
    )  # fmt: skip
