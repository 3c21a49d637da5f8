"""Acts that wait for a second person 待复核: what was asked for, confirming and rejecting it."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.lifecycle.rules import REASON_WORDS
from certificates.lifecycle.states import Operation
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.issuing.transitions.waiting import WaitingAct
from hub.registry.requests.errors import SameHandError, SamePersonError
from hub.runtime import Hub
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.forms import REFUSED, refusal
from hub.web.console.library.listing import LIST
from hub.web.console.library.one import names_of
from hub.web.console.library.words import EFFECTS, FINAL, OPERATIONS, ORIGIN_WORDS, STATUSES
from hub.web.console.visit import ConsoleDep

router = APIRouter()
WAITING: Final = LIST + "/waiting"
_STATES: Final = {
    "waiting": ("待复核", "waits", "wait"),
    "confirmed": ("已复核", "confirmed", "good"),
    "rejected": ("未通过", "rejected", "bad"),
    "expired": ("已过期", "expired", "off"),
}
_OTHER: Final = FieldError("", "须由另一人复核，不能自己复核自己的", "Somebody else confirms it, not the one who asked")
_HAND: Final = FieldError(
    "", "两个账号出自同一人之手，须由另一人复核", "Both accounts came from one hand: somebody else confirms it"
)


@router.get(WAITING, response_class=HTMLResponse)
async def waiting(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What waits in his department, the newest first."""
    found = await hub.transitions.waiting.waiting(actor)
    return render(
        request, "console/library_waiting.html", actor, found=found, kinds=_named(hub, found), path_of=WAITING,
        operations={item.value: words for item, words in OPERATIONS.items()}, names=await names_of(hub, actor),
        list_path=LIST,
    )  # fmt: skip


@router.get(WAITING + "/{act_id}", response_class=HTMLResponse)
async def one(request: Request, act_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them, with what it says."""
    return await _page(request, hub, actor, act_id)


@router.post(WAITING + "/{act_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, act_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Have it done, as the second person."""
    await form(request)
    try:
        version = await hub.transitions.waiting.confirm(actor, act_id)
    except SamePersonError:
        return await _page(request, hub, actor, act_id, [_OTHER])
    except SameHandError:
        return await _page(request, hub, actor, act_id, [_HAND])
    except REFUSED as error:
        shown = await hub.transitions.waiting.view(actor, act_id)
        kind = hub.types.find(shown.type_code)
        faults = refusal(error, kind.type) if kind else [FieldError("", "类型已停止颁发", "The type is issued no more")]
        # Their fields are on the form of whoever asked, not on this page.
        return await _page(request, hub, actor, act_id, [FieldError("", item.zh, item.en) for item in faults])
    return redirect(f"{LIST}/id/{version.identifier}", ("已复核并办理", "Confirmed and done"))


@router.post(WAITING + "/{act_id}/reject", response_class=HTMLResponse)
async def reject(request: Request, act_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Let it not be done, or take back one's own."""
    given = await form(request)
    reason = given.text("reason")
    if not 0 < len(reason) <= 500:
        wrong = FieldError("reason", "请写明理由，最多 500 字", "Say why, in at most 500 characters")
        return await _page(request, hub, actor, act_id, [wrong])
    await hub.transitions.waiting.reject(actor, act_id, reason)
    return redirect(WAITING, ("已退回，没有办理", "It is not done"))


async def _page(
    request: Request, hub: Hub, actor: Actor, act_id: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    item = await hub.transitions.waiting.view(actor, act_id)
    operation = Operation(item.operation)
    own = dict(item.asked_by) == actor.as_json()
    return render(
        request, "console/library_waiting_one.html", actor, status=422 if errors else 200, errors=errors, item=item,
        operation=operation, operations=OPERATIONS, effects=EFFECTS, states=_STATES, reasons=REASON_WORDS, own=own,
        origin_words=ORIGIN_WORDS, statuses=STATUSES,
        names=await names_of(hub, actor), kinds=_named(hub, [item]), danger=operation in FINAL, list_path=LIST,
        may_decide=Role.OWNER_APPROVER in actor.roles and not own, path_of=f"{WAITING}/{act_id}", back=WAITING,
        kind=known.type if (known := hub.types.find(item.type_code)) else None,
    )  # fmt: skip


def _named(hub: Hub, found: Sequence[WaitingAct]) -> dict[str, tuple[str, str]]:
    names = {}
    for item in found:
        known = hub.types.find(item.type_code)
        names[item.type_code] = (known.type.name.zh, known.type.name.en) if known else (item.type_code, item.type_code)
    return names
