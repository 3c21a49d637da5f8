"""My bulk runs: how far they are, what was decided, and where the system that asked fetches its file.

The file itself is for that system alone: no page gives it out.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.exchange.bulk.store import RunState
from hub.exchange.bulk.views import RunView
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.bulk_names import BulkNames, bulk_names
from hub.web.console.bulk_words import WORDS
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/consumer/bulk"


@router.get(LIST, response_class=HTMLResponse)
async def runs(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Runs of my department's systems, newest first."""
    actor.require(Role.CONSUMER_ENGINEER)
    found = await hub.bulk.releases.list(actor, side="asker")
    names = await hub.database.read(lambda tx: bulk_names(tx, hub.types, [view.run for view in found]))
    return render(request, "console/consumer/bulk.html", actor, found=found, list_path=LIST, names=names, **WORDS)


@router.get(LIST + "/{run_id}/progress", response_class=HTMLResponse)
async def progress(request: Request, run_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What changes of its page while it runs."""
    view, names = await _mine(hub, actor, run_id)
    page = render(
        request, "console/consumer/bulk_progress.html", actor, view=view, run=view.run, shown=view.as_json(),
        names=names, **WORDS,
    )  # fmt: skip
    if view.run.state is not RunState.RUNNING:
        page.headers["X-Done"] = "1"
    return page


@router.get(LIST + "/{run_id}", response_class=HTMLResponse)
async def one(request: Request, run_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them, looked at again while it runs."""
    view, names = await _mine(hub, actor, run_id)
    return render(
        request, "console/consumer/bulk_run.html", actor, view=view, run=view.run, shown=view.as_json(), list_path=LIST,
        running=view.run.state is RunState.RUNNING, released=view.run.state is RunState.RELEASED,
        address=f"{hub.settings.public_url}/api/v1/bulk/{run_id}", names=names, **WORDS,
    )  # fmt: skip


async def _mine(hub: Hub, actor: Actor, run_id: str) -> tuple[RunView, BulkNames]:
    actor.require(Role.CONSUMER_ENGINEER)
    view = await hub.bulk.releases.get(actor, run_id)
    if view.run.asking_department_id != actor.department_id:
        raise MissingError("bulk run")
    return view, await hub.database.read(lambda tx: bulk_names(tx, hub.types, [view.run]))
