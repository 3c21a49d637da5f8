"""The approver's queue: accepted cases that wait for a decision of his department, with their clocks. Nobody's name."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.store import list_departments, list_matters
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.intake.handling import store
from hub.intake.handling.steps import by_staff
from hub.intake.handling.whose import concerns
from hub.intake.store import case_by_id
from hub.storage.errors import MissingError
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
QUEUE: Final = "/console/approve"


def cases_to_decide(tx: Connection, actor: Actor) -> int:
    """Accepted cases that wait for a decision of the actor's department."""
    return store.count_waiting(tx, actor.department_id)


@router.get(QUEUE, response_class=HTMLResponse)
async def queue(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The oldest first."""
    found = await hub.handling.files.queue(by_staff(actor))
    matters, departments = await hub.database.read(
        lambda tx: (
            {item.code: (item.name_zh, item.name_en) for item in list_matters(tx)},
            {item.code: (item.name_zh, item.name_en) for item in list_departments(tx)},
        )
    )
    return render(
        request, "console/approve/queue.html", actor, found=found, matters=matters, departments=departments, begin=QUEUE
    )


@router.get(QUEUE + "/id/{case_id}")
async def by_id(case_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """The page of a case that a notice is about."""
    actor.require(Role.DECIDER)
    case = await hub.database.read(lambda tx: case_by_id(tx, case_id))
    if case is None or not concerns(by_staff(actor), case):
        raise MissingError("case")
    return redirect(f"{QUEUE}/{case.case_no}")
