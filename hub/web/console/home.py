"""The first page after signing in: what waits. Notices. The switches of the header."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hub.access.actors import Actor, Role
from hub.access.staff_notices import list_notices
from hub.access.staff_store import see_notices
from hub.deps import HubDep, UuidText
from hub.registry.meanings import Words
from hub.registry.notice_words import WORDS
from hub.runtime import Hub
from hub.web.console.forms import form
from hub.web.console.frame import redirect, render
from hub.web.console.queues import CONSUMER_PATHS, OBJECT_PATHS, queues_for
from hub.web.console.view import remember, safe_path
from hub.web.console.visit import ConsoleDep

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first thing to do, for a department that has nothing yet."""

    said: Words
    path: str
    link: Words


_SOURCE: Final = Beginning(
    ("本部门还没有数据源。", "Your department has no source yet."),
    "/console/owner/register",
    ("从登记数据源开始", "Begin by registering one"),
)
_SYSTEM: Final = Beginning(
    (
        "本部门还没有应用系统。先找数据、在沙箱试用，再登记系统、申请使用。",
        "Your department has no system yet. Find data, try it in the sandbox, register a system, ask for access.",
    ),
    "/console/consumer/search",
    ("找数据", "Find data"),
)


@router.get("/console", response_class=HTMLResponse)
async def home(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What waits, by role, and where everything is."""
    queues = await hub.database.read(lambda tx: queues_for(tx, actor))
    return render(
        request, "console/home.html", actor, waiting=[item for item in queues if item[1]],
        idle=[queue for queue, count in queues if not count], begin=await _beginning(hub, actor),
    )  # fmt: skip


async def _beginning(hub: Hub, actor: Actor) -> Beginning | None:
    """Where somebody new begins; None once his department has a source, or a system."""
    if Role.OWNER_ENGINEER in actor.roles and not await hub.sources.list(actor):
        return _SOURCE
    if Role.CONSUMER_ENGINEER in actor.roles and not await hub.systems.list(actor):
        return _SYSTEM
    return None


@router.get("/console/notices", response_class=HTMLResponse)
async def notices(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """About accounts, and about what his department shares; new ones stay marked until somebody has read them."""
    accounts = await hub.database.read(lambda tx: list_notices(tx, actor))
    shared = await hub.sharing.notices.list(actor)
    paths = {role: CONSUMER_PATHS if role is Role.CONSUMER_ENGINEER else OBJECT_PATHS for role in Role}
    return render(request, "console/notices.html", actor, notices=accounts, shared=shared, words=WORDS, paths=paths)


@router.post("/console/notices")
async def seen(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Everything about his account up to now has been read."""
    await form(request)
    now = hub.clock()
    await hub.database.write(lambda tx: see_notices(tx, actor.id, now))
    return redirect("/console/notices", ("已全部标为已读", "All marked as read"))


@router.post("/console/notices/{notice_id}/seen")
async def seen_one(request: Request, notice_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """One of the department's notices has been read, for everybody it is for."""
    await form(request)
    await hub.sharing.notices.see(actor, notice_id)
    return redirect("/console/notices", ("已标为已读", "Marked as read"))


@router.get("/console/view")
async def view(
    hub: HubDep,
    lang: Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")] = None,
    elder: Annotated[str | None, Query(pattern=r"^[01]$")] = None,
    back: Annotated[str, Query(max_length=500)] = "/console",
) -> Response:
    """Remember language or 长辈版 and show the same page again. A preference, so a plain link may set it."""
    path = back if back == "/console/sign-in" else safe_path(back)
    response = RedirectResponse(path, status_code=303)
    remember(response, hub, lang=lang, elder=elder)
    return response
