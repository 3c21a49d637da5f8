"""Results of bulk runs that wait for a second person: what was asked, how it ended, release or refuse."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.exchange.bulk.store import RunState
from hub.intake.errors import CaseClosedError, GrantEndedError
from hub.registry.errors import StateError, TwoPersonsError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.bulk_names import bulk_names
from hub.web.console.bulk_words import WORDS
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/bulk"
_WHY: Final[dict[type[Exception], tuple[str, str]]] = {
    DefinitionError: ("请写明理由（最多 500 字）", "Give the reason, of at most 500 characters"),
    TwoPersonsError: ("申请人不得复核本人的批量查询", "Whoever asked may not release: somebody else must"),
    StateError: ("已由他人办理，或已过期", "Somebody was faster, or it has expired"),
    CaseClosedError: ("专项办件已办结，结果不能再发放", "The campaign case is closed: the result cannot be released"),
    GrantEndedError: ("所依据的授权已失效，结果不能再发放", "The grant has ended: the result cannot be released"),
}
_SAID: Final = {
    "release": ("已发放给申请系统", "Released to the system that asked"),
    "agree": (
        "已记录本部门意见，待其他提供部门复核",
        "Recorded for your department; other departments that own it decide, too",
    ),
    "refuse": ("已作出不予发放决定", "Not released"),
}


@router.get(LIST, response_class=HTMLResponse)
async def runs(
    request: Request, hub: HubDep, actor: ConsoleDep, show: Annotated[str, Query(pattern="^(open|all)$")] = "open"
) -> HTMLResponse:
    """What waits; with `show=all` what is over as well."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    found = await hub.bulk.releases.list(actor, side="owner", waiting=show == "open")
    names = await hub.database.read(lambda tx: bulk_names(tx, hub.types, [view.run for view in found]))
    return render(
        request, "console/owner/bulk.html", actor, found=found, everything=show == "all", list_path=LIST, names=names,
        **WORDS,
    )  # fmt: skip


@router.get(LIST + "/{run_id}", response_class=HTMLResponse)
async def one(request: Request, run_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One run."""
    return await _page(request, hub, actor, run_id)


@router.post(LIST + "/{run_id}/{step}", response_class=HTMLResponse)
async def decide(request: Request, run_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Release or refuse it."""
    given = await form(request)
    if step not in {"release", "refuse"}:
        raise MissingError("page")
    decide_it = hub.bulk.releases.release if step == "release" else hub.bulk.releases.refuse
    try:
        await decide_it(actor, run_id, given.text("reason"))
    except tuple(_WHY) as error:
        field = "reason" if isinstance(error, DefinitionError) else ""
        return await _page(request, hub, actor, run_id, [FieldError(field, *_WHY[type(error)])])
    left = (await hub.bulk.releases.get(actor, run_id)).run.state is RunState.FINISHED
    return redirect(f"{LIST}/{run_id}", _SAID["agree" if left else step])


async def _page(
    request: Request, hub: Hub, actor: Actor, run_id: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    view = await hub.bulk.releases.get(actor, run_id)
    owns = Role.OWNER_APPROVER in actor.roles and actor.department_id in view.run.owners
    waits = view.run.state is RunState.FINISHED
    said = waits and actor.department_id in view.run.decision.get("agreed", {})
    names = await hub.database.read(lambda tx: bulk_names(tx, hub.types, [view.run]))
    seen = {item.id for item in await hub.registry.grants.list(actor)}  # of a campaign, some are other departments'
    return render(
        request, "console/owner/bulk_run.html", actor, status=422 if errors else 200, errors=errors or (), view=view,
        run=view.run, shown=view.as_json(), may=owns and waits, list_path=LIST, had_its_say=said,
        names=names, grants=[item for item in view.run.grants if item in seen], **WORDS,
    )  # fmt: skip
