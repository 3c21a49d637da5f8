"""Showing licences 亮证: the holder ticks what is shown, a code opens exactly that, and he sees who took it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from certificates.errors import NumberingError
from certificates.numbering import parse
from hub.api.showings import found_of
from hub.citizens.acting.values import Acting
from hub.citizens.code_rows import LIVE
from hub.citizens.licences import Licence
from hub.citizens.paging import Pages
from hub.citizens.showing.licences import showable_claims
from hub.citizens.showing.making import LIFE, SHOWS_PER_MINUTE
from hub.citizens.showing.values import (
    MOST_LICENCES,
    MOST_WORDS,
    OFFLINE,
    Choice,
    ChoiceError,
    Live,
    OfflineLive,
    Pick,
    Showing,
)
from hub.citizens.values import Holder
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText, limit
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.acting import acting_values
from hub.web.citizen.acting_words import GROUNDS, whom
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.showing import qr
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.console.view import view_of
from hub.web.templating import TEMPLATES

router = APIRouter()
SHOWINGS: Final = "/me/showings"
ShowingId = Annotated[UuidText, Path()]
_WRONG: Final[Mapping[str, Words]] = {
    "none": ("请至少勾选一份证照", "Tick at least one licence"),
    "too_many": (f"一次最多出示 {MOST_LICENCES} 份证照", f"At most {MOST_LICENCES} licences at a time"),
    "state": ("有一份证照现在不是有效状态，不能出示", "One of the licences is not in force now and cannot be shown"),
    "halted": ("有一类证照暂停使用，请稍后再试", "One kind of licence is stopped for now: try later"),
    "room": ("勾选的内容太多，离线码放不下，请少勾几项", "That is too much for an offline code: tick less"),
    "purpose": (f"用途最多 {MOST_WORDS} 个字", f"A purpose has at most {MOST_WORDS} characters"),
}
_CHANGED: Final = ("证照有变动，请重新勾选", "Your licences have changed: tick again")
_ONE: Final = FieldError(
    "way", "离线码一次出示一份证照，且不能限定部门", "An offline code shows one licence, and to whoever sees it"
)
_WAYS: Final[Sequence[tuple[str, Words, Words]]] = (
    (
        "",
        (
            "当面扫码：60 秒，只能打开一次，您会知道谁看了",
            "Scanned now: 60 seconds, once; you learn who looked",
        ),
        ("对方要能上网。", "They need a network."),
    ),
    (
        "screen",
        ("离线码：10 分钟", "Offline code: ten minutes"),
        (
            "对方没有网络也能查。可以反复看，收不回来，平台不知道谁看过。",
            "Checked without a network, as often as they like. It cannot be called back; nobody learns who saw it.",
        ),
    ),
    (
        "day",
        ("离线码：24 小时，可打印", "Offline code: 24 hours, for print"),
        ("同上；拿到打印件或照片的人都能查，直到过期。", "The same, by whoever has the print or a photograph."),
    ),
)
_NOWHERE: Final = FieldError("department", "没有这个部门，请重新选择", "There is no such department: choose again")


@router.get(SHOWINGS, response_class=HTMLResponse)
async def choose(
    request: Request,
    hub: HubDep,
    holder: HolderDep,
    licence: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> HTMLResponse:
    """What is shown, to whom, for what: nothing is ticked for him. `licence` is the one that lies open."""
    return await choose_page(request, hub, holder, unfolded=licence, cursor=cursor)


@router.post(SHOWINGS, response_class=HTMLResponse)
async def make(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """A new showing; the one before it ends."""
    return await make_of(request, hub, holder, await holder_form(request, holder))


async def make_of(request: Request, hub: Hub, holder: Holder, given: Form, whose: Acting | None = None) -> Response:
    """What the form says; what is wrong with it stands beside its field."""
    await limit(request, f"show:{holder.id}", SHOWS_PER_MINUTE)
    choice = Choice(ticked(given), given.text("department")[:18] or None, given.text("purpose"))
    way = given.text("way")

    async def again(wrong: FieldError) -> HTMLResponse:
        seen = await hub.showing.for_others.licences(holder, whose.principal.key) if whose else None
        return await choose_page(request, hub, holder, given, wrong, whose=seen)

    if way and (len(choice.picks) != 1 or choice.department):
        return await again(_ONE)
    try:
        made = await _made(hub, holder, choice, way, whose)
    except ChoiceError as error:
        field = {"purpose": "purpose", "life": "way"}.get(error.why, "licences")
        return await again(FieldError(field, *_WRONG.get(error.why, _CHANGED)))
    except MissingError as error:
        if str(error) != "department":
            raise
        return await again(_NOWHERE)
    return redirect(f"{SHOWINGS}/{made}")


async def _made(hub: Hub, holder: Holder, choice: Choice, way: str, whose: Acting | None) -> str:
    if whose is not None:
        others, key = hub.showing.for_others, whose.principal.key
        if way:
            return await others.make_offline(holder, key, choice.picks[0], life=way, purpose=choice.purpose)
        return await others.make(holder, key, choice)
    if way:
        return await hub.showing.offline.make(holder, choice.picks[0], life=way, purpose=choice.purpose)
    return await hub.showing.showings.make(holder, choice)


@router.get(SHOWINGS + "/{showing_id}", response_class=HTMLResponse)
async def one(request: Request, showing_id: ShowingId, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """The code while it lives, by itself refreshed when it ends; then what became of it."""
    found = await found_of(hub, holder, showing_id)
    told = found if isinstance(found, Showing) else found.showing
    values: dict[str, Any] = {"told": told, "items": items_of(hub, told), "grounds": GROUNDS, "whom": whom}
    if told.state == OFFLINE:
        code = found.code if isinstance(found, OfflineLive) else ""
        return render(request, "me/showing_offline.html", holder, code=code, qr=qr(code) if code else "", **values)
    if told.state == LIVE and (told.asked or not told.mine):
        return render(request, "me/showing_waits.html", holder, **values)
    if isinstance(found, Live):
        until = told.expires_at.astimezone(BEIJING).strftime("%H:%M:%S")
        whole = int(LIFE.total_seconds())
        values |= {"qr": qr(found.code), "code": found.code, "left": found.seconds_left, "whole": whole, "until": until}
        return render(request, "me/showing_code.html", holder, **values)
    return render(request, "me/showing_over.html", holder, **values)


@router.get(SHOWINGS + "/{showing_id}/state", response_class=HTMLResponse)
async def state(request: Request, showing_id: ShowingId, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What became of it so far, for the page that shows it."""
    found = await hub.showing.showings.look(holder, showing_id)
    told = found if isinstance(found, Showing) else found.showing
    html = TEMPLATES.get_template("me/_showing_state.html").render(told=told, t=view_of(request).t)
    return HTMLResponse(html, headers={} if told.state == LIVE else {"X-Done": "1"})


@router.post(SHOWINGS + "/{showing_id}/withdraw")
async def withdraw(request: Request, showing_id: ShowingId, hub: HubDep, holder: HolderDep) -> Response:
    """It opens nothing any more."""
    await holder_form(request, holder)
    await hub.showing.showings.withdraw(holder, showing_id)
    return redirect(f"{SHOWINGS}/{showing_id}")


def items_of(hub: Hub, told: Showing) -> list[tuple[Words, list[Words]]]:
    """Names of licences and of claims, as a page says them."""
    said = []
    for pick in told.picks:
        kind = _type(hub, pick.identifier)
        titles = showable_claims(kind) if kind else {}
        name = (kind.name.zh, kind.name.en) if kind else (pick.identifier, pick.identifier)
        said.append((name, [titles.get(claim, (claim, claim)) for claim in pick.claims]))
    return said


async def choose_page(
    request: Request,
    hub: Hub,
    holder: Holder,
    given: Form | None = None,
    error: FieldError | None = None,
    *,
    whose: Acting | None = None,
    unfolded: str = "",
    cursor: str = "",
) -> HTMLResponse:
    """The form, with what is wrong in it; of a principal's licences where he acts for one."""
    view = view_of(request)
    departments = await hub.database.read(list_departments)
    pages = Pages(hub.catalogue.cursors, whose or holder, "licences")
    found, behind = await hub.citizens.licences.listed(whose or holder, pages.after(cursor))
    made, _ = await hub.showing.showings.listed(holder)
    if whose:
        made = [item for item in made if item.behalf and item.behalf.principal == whose.principal.identity]
    # What lies open or was ticked is there, on whichever page of the list it has its place.
    wanted = [unfolded] if unfolded else [pick.identifier for pick in ticked(given)] if given else []
    absent = [name for name in wanted[:MOST_LICENCES] if name not in {item.identifier for item in found}]
    others = [one for name in absent if (one := await hub.citizens.licences.own((whose or holder).id, name))]
    return render(
        request,
        "me/showings.html",
        holder,
        status=422 if error else 200,
        errors=[error] if error else (),
        licences=_showable(hub, [*others, *found]),
        more=pages.next(behind),
        unfolded=unfolded,
        ticked=set(given.all("licence") + given.all("claim")) if given else set(),
        departments=[("", view.t("谁扫都可以", "Whoever scans it"))]
        + [(item.code, view.t(item.name_zh, item.name_en)) for item in departments],
        department=given.text("department") if given else "",
        purpose=given.text("purpose") if given else "",
        ways=[(name, view.t(*words), view.t(*hint)) for name, words, hint in _WAYS],
        way=given.text("way") if given else "",
        made=[(item, items_of(hub, item)) for item in made[:5]],
        grounds=GROUNDS,
        whom=whom,
        **(acting_values(whose) if whose else {"principal": None, "base": "/me"}),
    )


def _showable(hub: Hub, found: Sequence[Licence]) -> list[tuple[Licence, Mapping[str, Words]]]:
    shown = []
    for item in found:
        kind = hub.types.newest(item.type_code)
        if kind is not None and item.principal and item.status == "valid" and kind.custody is Custody.LIBRARY:
            shown.append((item, showable_claims(kind)))
    return shown


def ticked(given: Form) -> list[Pick]:
    """What was ticked: licences in the order of the page; who ticks a claim shows its licence."""
    claims: dict[str, list[str]] = {identifier: [] for identifier in given.all("licence")}
    for text in given.all("claim"):
        identifier, _, name = text.rpartition("/")
        claims.setdefault(identifier, []).append(name)
    return [Pick(identifier, tuple(names)) for identifier, names in claims.items()]


def _type(hub: Hub, identifier: str) -> CertificateType | None:
    try:
        return hub.types.newest(parse(identifier).type_code)
    except NumberingError:
        return None
