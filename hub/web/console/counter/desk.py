"""A department gets its counter: its engineer makes one, or proposes a system that has grants already."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Role
from hub.deps import HubDep
from hub.registry.desks import SYSTEM_DESK
from hub.web.console.forms import form
from hub.web.console.frame import redirect
from hub.web.console.visit import ConsoleDep

router = APIRouter()
SYSTEMS: Final = "/console/consumer/systems"
_THERE_IS_ONE: Final = ("本部门已有受理台，请先取消", "Your department has a counter: end that one first")
_PROPOSED: Final = (
    "已提出，须由本部门审批人员或平台运行人员确认",
    "Proposed: an approver of your department or an operator confirms it",
)


@router.post(SYSTEMS + "/counter", response_class=HTMLResponse)
async def make(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A new one, which has no grants yet: they are asked for as for any system."""
    await form(request)
    actor.require(Role.CONSUMER_ENGINEER)
    try:
        client_id = await hub.systems.make_counter(actor, "受理台", "Counter")
    except DefinitionError:
        return redirect(SYSTEMS, _THERE_IS_ONE)
    return redirect(f"{SYSTEMS}/{client_id}", ("受理台已建立，请申请授权", "The counter is made: ask for its grants"))


@router.post(SYSTEMS + "/{client_id}/desk")
async def propose(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """A system that has grants becomes the counter by two persons: more people act under them than before."""
    given = await form(request)
    await hub.systems.get(actor, client_id)
    counter = given.text("to") == "counter"
    reason = "设为本部门受理台" if counter else "不再作为受理台"
    await hub.sharing.proposals.propose(actor, SYSTEM_DESK, {"client_id": client_id, "counter": counter}, reason)
    return redirect(f"{SYSTEMS}/{client_id}", _PROPOSED)
