"""One act for many licences 批量操作: a list of identifiers, its check, how far it is, why rows were refused."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.errors import ActError
from certificates.lifecycle.rules import REASON_WORDS
from certificates.lifecycle.states import MAKING, Operation
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.lists import ActList
from hub.registry.requests.errors import NoSecondPersonError, SameHandError, SamePersonError
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.forms import NO_SECOND, reasons_of
from hub.web.console.library.listing import LIST
from hub.web.console.library.one import names_of
from hub.web.console.library.words import EFFECTS, FINAL, OPERATIONS, REFUSALS, STATUSES, act_fault
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LISTS: Final = LIST + "/lists"
MOST: Final = 5_000
_MAX_BYTES: Final = 131 * MOST * 3
_STATES: Final = {
    "unconfirmed": ("待复核", "waits for a second person", "wait"),
    "queued": ("排队中", "queued", "info"),
    "running": ("办理中", "running", "wait"),
    "finished": ("已完成", "finished", "good"),
}
_FOR_LISTS: Final = tuple(operation for operation in EFFECTS if operation not in MAKING)
_OTHER: Final = FieldError("", "须由另一人复核，不能自己复核自己的", "Somebody else confirms it, not the one who asked")


@router.get(LISTS, response_class=HTMLResponse)
async def lists(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The newest fifty, and the form of the next."""
    return await _list_page(request, hub, actor, Form({}))


@router.post(LISTS, response_class=HTMLResponse)
async def put(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take a list; it begins at once, or when a second person has confirmed it."""
    given = await form(request, max_bytes=_MAX_BYTES)
    rows = given.raw("identifiers").split()
    errors = []
    if not 0 < len(rows) <= MOST:
        wrong = (f"每行一个证照标识，1 至 {MOST} 个", f"One identifier a line, 1 to {MOST} of them")
        errors.append(FieldError("identifiers", *wrong))
    errors += [
        act_fault(ActError(name, "required"))
        for name in ("operation", "reason_code", "reason", "legal_basis")
        if not 0 < len(given.text(name)) <= 500
    ]
    if errors:
        return await _list_page(request, hub, actor, given, errors)
    said = {name: given.text(name) for name in ("operation", "reason_code", "reason", "legal_basis")}
    try:
        made = await hub.transitions.lists.put(actor, Act.read(said), rows)
    except ActError as error:
        return await _list_page(request, hub, actor, given, [act_fault(error)])
    except NoSecondPersonError:
        return await _list_page(request, hub, actor, given, [NO_SECOND])
    return redirect(f"{LISTS}/{made.id}", ("名单已接收", "The list is taken"))


@router.get(LISTS + "/{list_id}", response_class=HTMLResponse)
async def one(request: Request, list_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """How far it is, and which rows were refused."""
    return await _page(request, hub, actor, list_id, "console/library_bulk_one.html")


@router.get(LISTS + "/{list_id}/progress", response_class=HTMLResponse)
async def progress(request: Request, list_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What changes of its page while it runs."""
    return await _page(request, hub, actor, list_id, "console/library_bulk_progress.html")


@router.post(LISTS + "/{list_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, list_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Have it worked off, as the second person."""
    await form(request)
    try:
        await hub.transitions.lists.confirm(actor, list_id)
    except (SamePersonError, SameHandError):
        return await _page(request, hub, actor, list_id, "console/library_bulk_one.html", [_OTHER])
    return redirect(f"{LISTS}/{list_id}", ("已复核，开始办理", "Confirmed; it begins"))


async def _list_page(
    request: Request, hub: Hub, actor: Actor, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    found = await hub.transitions.lists.newest(actor)
    reasons = {code: words for operation in _FOR_LISTS for code, words in reasons_of(operation)}
    return render(
        request, "console/library_bulk.html", actor, status=422 if errors else 200, errors=errors, found=found,
        given=given, states=_STATES, offered=[(item, OPERATIONS[item]) for item in _FOR_LISTS], effects=EFFECTS,
        operations={item.value: words for item, words in OPERATIONS.items()}, reasons=list(reasons.items()),
        names=await names_of(hub, actor), may_ask=bool(actor.roles & {Role.OWNER_APPROVER, Role.OPERATOR}),
        path_of=LISTS, list_path=LIST, most=MOST,
    )  # fmt: skip


async def _page(
    request: Request, hub: Hub, actor: Actor, list_id: str, template: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    found = await hub.transitions.lists.view(actor, list_id)
    operation = Operation(found.operation)
    own = dict(found.asked_by) == actor.as_json()
    page = render(
        request, template, actor, status=422 if errors else 200, errors=errors, found=found, operation=operation,
        said=OPERATIONS[operation], effects=EFFECTS, states=_STATES, own=own, danger=operation in FINAL,
        names=await names_of(hub, actor), list_path=LIST, back=LISTS, path_of=f"{LISTS}/{list_id}",
        may_decide=Role.OWNER_APPROVER in actor.roles and not own, runs=found.state in {"queued", "running"},
        refused=await _refused(hub, actor, found), why=_why, per_cent=found.as_json()["progress"]["per_cent"],
        reasons=REASON_WORDS,
    )  # fmt: skip
    if found.state == "finished":
        page.headers["X-Done"] = "1"
    return page


async def _refused(hub: Hub, actor: Actor, found: ActList) -> list[dict[str, Any]]:
    """Up to a hundred refused rows, out of the first thousands; the API gives all."""
    refused: list[dict[str, Any]] = []
    after = 0
    while found.counts.get("refused") and len(refused) < 100:
        rows = await hub.transitions.lists.report(actor, found.id, after=after)
        if not rows:
            break
        refused += [row for row in rows if row["state"] == "refused"]
        after = int(rows[-1]["number"])
    return refused[:100]


def _why(code: str) -> tuple[str, str]:
    """Why a row was refused, in words."""
    status = code.removeprefix("state_")
    if status in STATUSES and code != status:
        return f"现为{STATUSES[status][0]}", f"it is {STATUSES[status][1]}"
    return REFUSALS.get(code, (code, code))
