"""Asked to show 对方请求我出示: a code scanned or typed, what is asked for to be read, then a yes or a no.

The code never stands in an address: it is posted, and behind a QR it stands where no server sees it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.api.showing_requests import LOOKS_PER_MINUTE, peer_of
from hub.citizens.acting.values import Acting, Principal, Scope
from hub.citizens.asked.values import Asked
from hub.citizens.errors import PresentationRefusedError, RequestOverError
from hub.citizens.showing.values import ChoiceError, Pick
from hub.citizens.values import Holder
from hub.deps import HubDep, limit
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.web.citizen.acting import acting_values
from hub.web.citizen.acting_words import whom
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.scanning import REQUESTED, scanning

router = APIRouter()
ASKED: Final = "/me/asked"
_MOST_CODE: Final = 200
_UNKNOWN: Final = FieldError(
    "code",
    "没有这个请求码，或没有扫全。请对方再显示一次。",
    "There is no such request, or it was not read in full. Ask them to show it again.",
)
_OVER: Final[Mapping[str, Words]] = {
    "given": ("这个请求已有人答复，您没有出示任何内容", "Somebody has answered this request; you have shown nothing"),
    "taken": ("这个请求已有人答复，您没有出示任何内容", "Somebody has answered this request; you have shown nothing"),
    "declined": ("这个请求已被拒绝，您没有出示任何内容", "This request was declined; you have shown nothing"),
    "cancelled": (
        "对方已取消这个请求，您没有出示任何内容",
        "They have taken this request back; you have shown nothing",
    ),
    "over": ("这个请求已过期，请对方重新生成", "This request is over: ask them for a new one"),
}
_WRONG: Final[Mapping[str, Words]] = {
    "none": ("请至少勾选一份证照，或选“不出示”", "Tick at least one licence, or decline"),
    "needed": (
        "少了对方必需的内容。不想出示，请选“不出示”",
        "What they need is missing: tick it, or decline",
    ),
    "state": ("有一份证照现在不是有效状态，不能出示", "One of the licences is not in force now and cannot be shown"),
    "halted": ("有一类证照暂停使用，请稍后再试", "One kind of licence is stopped for now: try later"),
}
_CHANGED: Final = ("证照有变动，请重新勾选", "Your licences have changed: tick again")


@router.get(ASKED, response_class=HTMLResponse)
async def begin(request: Request, holder: HolderDep) -> HTMLResponse:
    """Where the code is scanned or typed; a telephone that scanned it comes here with it behind the `#`."""
    return render(request, "me/asked.html", holder, **scanning(REQUESTED))


@router.post(ASKED, response_class=HTMLResponse)
async def look(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Who asks for what. Nothing is answered by looking. Whoever acts for others may look again for one of them."""
    given = await given_of(request, holder)
    try:
        found = await hub.showing.answering.look(holder, code_of(given), peer=peer_of(request))
    except (PresentationRefusedError, RequestOverError) as error:
        return no_page(request, holder, error)
    return what_page(request, holder, found, others=await _others(hub, holder))


@router.post(ASKED + "/answer", response_class=HTMLResponse)
async def answer(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """His yes goes to whoever asked; his no as well, without his name."""
    given, peer = await given_of(request, holder), peer_of(request)
    answering, code = hub.showing.answering, code_of(given)
    try:
        if given.text("decision") != "give":
            await answering.decline(holder, code, peer=peer)
            return render(request, "me/asked_declined.html", holder)
        made = await answering.give(holder, code, picked(given), peer=peer)
    except (PresentationRefusedError, RequestOverError) as error:
        return no_page(request, holder, error)
    except ChoiceError as error:
        return what_page(request, holder, await answering.look(holder, code, peer=peer), given, wrong_of(error))
    return redirect(f"/me/showings/{made}")


def wrong_of(error: ChoiceError) -> FieldError:
    """What is wrong with what was ticked."""
    return FieldError("licences", *_WRONG.get(error.why, _CHANGED))


def picked(given: Form) -> Sequence[Pick]:
    """One licence of each kind, with what is ticked of its kind; a kind of which nothing is ticked is not shown."""
    claims: dict[str, list[str]] = {kind: [] for kind in given.all("whole")}
    for text in given.all("claim"):
        kind, _, name = text.partition("/")
        claims.setdefault(kind, []).append(name)
    chosen = {kind: given.text(f"licence-{kind}") for kind in claims}
    return [Pick(chosen[kind], tuple(names)) for kind, names in claims.items() if chosen[kind]]


def what_page(
    request: Request,
    holder: Holder,
    found: Asked,
    given: Form | None = None,
    error: FieldError | None = None,
    *,
    whose: Acting | None = None,
    others: Sequence[Principal] = (),
) -> HTMLResponse:
    """What is asked for, to be ticked. `others`: for whom he might answer instead."""
    ticked = {*given.all("claim"), *given.all("whole")} if given else None
    values: dict[str, Any] = {"asked": found, "ticked": ticked, "others": others, "whom": whom}
    kinds = [item.type_code for item in found.items]
    values["chosen"] = {kind: given.text(f"licence-{kind}") if given else "" for kind in kinds}
    values["can"] = all(item.licences or not item.wanted for item in found.items)
    values |= acting_values(whose) if whose else {"principal": None, "base": "/me"}
    errors = [error] if error else []
    return render(request, "me/asked_what.html", holder, status=422 if error else 200, errors=errors, **values)


def no_page(
    request: Request, holder: Holder, error: Exception, *, whose: Acting | None = None, matters: Sequence[str] = ()
) -> HTMLResponse:
    """There is no such request, or it was answered. `matters`: names of those that the acting is limited to."""
    wrong, status = _UNKNOWN, 422
    if isinstance(error, RequestOverError):
        wrong, status = FieldError("code", *_OVER.get(error.state, _OVER["over"])), 409
    if whose is not None:
        values = {**acting_values(whose), **scanning(REQUESTED), "matters": matters}
        return render(request, "me/acting_asked.html", holder, status=status, errors=[wrong], **values)
    return render(request, "me/asked.html", holder, status=status, errors=[wrong], **scanning(REQUESTED))


async def given_of(request: Request, holder: Holder) -> Form:
    """The form. Looks are limited by holder."""
    given = await holder_form(request, holder)
    await limit(request, f"asked:{holder.id}", LOOKS_PER_MINUTE)
    return given


def code_of(given: Form) -> str:
    """As it was scanned or typed."""
    return given.raw("code")[:_MOST_CODE]


async def _others(hub: Hub, holder: Holder) -> list[Principal]:
    listed = await hub.citizens.others.acting.listed(holder)
    return [item.principal for item in listed if item.begun and Scope.SHOW in item.principal.scope]
