"""A clerk is shown a licence 接收亮证: its verdict, and what its holder picked for this department, or for anybody.

Nothing of it goes into a case: what a case needs is asked in the case, under its grants.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.access.actors import Actor, Role
from hub.api.showings import TAKES_PER_MINUTE
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.showing.values import Receiver
from hub.deps import HubDep, limit
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep
from hub.web.received import MOST_CODE, WORDS, offline_seen, refused, scanned

router = APIRouter()
RECEIVE: Final = COUNTER + "/receive"


@router.get(RECEIVE, response_class=HTMLResponse)
async def receive_form(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """Where a scanner writes."""
    actor.require(Role.CLERK)
    return _page(request, actor)


@router.post(RECEIVE, response_class=HTMLResponse)
async def receive(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What the code opens for this department, shown once. Each try that fails is an entry of the ledger: limited."""
    given = await form(request)
    actor.require(Role.CLERK)
    await limit(request, f"receive:{actor.id}", TAKES_PER_MINUTE)
    seen = await offline_seen(hub, given.raw("code")[:MOST_CODE])
    if seen is not None:
        return _page(request, actor, seen=seen)
    receiver = Receiver("staff", actor.as_json(), actor.department_id)
    try:
        taken = await hub.showing.receiving.take(receiver, given.raw("code")[:MOST_CODE])
    except PresentationRefusedError:
        return _page(request, actor, error=refused(given.raw("code")))
    return _page(request, actor, taken=taken)


def _page(request: Request, actor: Actor, *, error: FieldError | None = None, **shown: Any) -> HTMLResponse:
    status, errors = (422, [error]) if error else (200, [])
    values = {"taken": None, "seen": None, **WORDS, **scanned(), **shown}
    return render(request, "console/counter/receive.html", actor, status=status, errors=errors, **values)
