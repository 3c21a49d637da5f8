"""Objecting 异议 at a terminal: a licence is wrong, or does not open, or one is missing. Chosen: nobody types there.

A look that one does not know is asked about beside it (`doubting`); a wrong name or number of which a paper is in one's
hand is written down at a counter, which copies the paper's number.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.api.me_objections import PER_MINUTE
from hub.citizens.kiosk.saying import objecting_at
from hub.citizens.kiosk.standing import Visit
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, ObjectionRunsError
from hub.citizens.objections.values import Kind, Said
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.web.console.forms import FieldError, id_in
from hub.web.console.view import view_of
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form
from hub.web.objection_words import fault, missing_choices

router = APIRouter(include_in_schema=False)
OBJECTIONS: Final = START + "/objections"
MISSING: Final = START + "/missing"
_WHOLE: Final = {
    Kind.LICENCE: ("整份证照有误，或不是我的", "The whole licence is wrong, or not mine"),
    Kind.NOT_LOADING: ("打不开，或不能用", "It does not open, or cannot be used"),
}
_TEXTS: Final = {
    Kind.CLAIM: "在自助终端提出：这一项与本人实际情况不符，请核对更正。 Raised at a terminal: this entry is not right.",
    Kind.LICENCE: "在自助终端提出：这份证照有误，或不是本人的，请核对。 Raised at a terminal: this licence is wrong.",
    Kind.NOT_LOADING: "在自助终端提出：这份证照打不开或不能用。 Raised at a terminal: this licence does not open.",
    Kind.MISSING: "在自助终端提出：本人应当有这份记录，这里没有。 Raised at a terminal: this record should be here.",
}
"""Nobody types at a terminal; an officer who needs to know more asks the person."""
_CHOOSE: Final = FieldError("about", "请选择哪里不对", "Choose what is wrong")


@router.post(START + "/object", response_class=HTMLResponse)
async def object_(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """What is wrong with a licence of his; sent with the choice, raised. One that is not his is 404."""
    given = await visit_form(request, visit)
    found = await hub.citizens.licences.one(visit.holder, given.text("identifier")[:200])
    known, say = hub.types.newest(found.type_code), view_of(request).t
    claims = known.claims if known else {}
    about, errors = given.text("about")[:140], []
    if given.checked("sent"):
        kind, _, claim = about.partition(":")
        if kind in (Kind.LICENCE, Kind.NOT_LOADING) or (kind == Kind.CLAIM and claim in claims):
            await _raise(request, hub, visit, Said(kind=Kind(kind), text="", identifier=found.identifier, claim=claim))
            return redirect(OBJECTIONS)
        errors = [_CHOOSE]
    choices = [(f"{Kind.CLAIM}:{name}", say(item.title.zh, item.title.en)) for name, item in claims.items()]
    choices += [(kind.value, say(*words)) for kind, words in _WHOLE.items()]
    status = 422 if errors else 200
    return render(
        request, "kiosk/object.html", visit.kiosk, visit=visit, status=status, errors=errors, item=found,
        choices=choices,
    )  # fmt: skip


@router.get(MISSING, response_class=HTMLResponse)
async def missing(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Which kind of licence, and whose it would be."""
    return await _missing(request, hub, visit)


@router.post(MISSING, response_class=HTMLResponse)
async def miss(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """Raise it."""
    given = await visit_form(request, visit)
    code, department = given.text("type")[:64], given.text("department")[:18]
    try:
        await _raise(request, hub, visit, Said(kind=Kind.MISSING, text="", type_code=code, department=department))
    except ObjectionError as error:
        wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
        return await _missing(request, hub, visit, [wrong], (code, department))
    return redirect(OBJECTIONS)


@router.post(OBJECTIONS + "/withdraw")
async def withdraw(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """Take one back while it runs. Another's is 404, and on the ledger."""
    wanted = id_in(await visit_form(request, visit), "objection")
    with suppress(ObjectionOverError):  # answered a moment ago
        await hub.citizens.objections.withdraw(visit.holder, wanted, agent=objecting_at(hub.database, visit))
    return redirect(OBJECTIONS)


async def _raise(request: Request, hub: Hub, visit: Visit, said: Said) -> None:
    """One that runs already is in the list, which is shown next."""
    await limit(request, f"object:{visit.holder.id}", PER_MINUTE)
    with suppress(ObjectionRunsError):
        whole, agent = replace(said, text=_TEXTS[said.kind]), objecting_at(hub.database, visit)
        await hub.citizens.objections.raise_(visit.holder, whole, agent=agent)


async def _missing(
    request: Request,
    hub: Hub,
    visit: Visit,
    errors: Sequence[FieldError] = (),
    chosen: tuple[str, str] = ("", ""),
) -> HTMLResponse:
    types, departments = await missing_choices(hub, view_of(request).t)
    return render(
        request, "kiosk/missing.html", visit.kiosk, visit=visit, status=422 if errors else 200, errors=errors,
        types=types, departments=departments, chosen=chosen,
    )  # fmt: skip
