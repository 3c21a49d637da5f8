"""Objecting for somebody else 代为提出异议: for a company by its legal representative, for a child by a parent."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.acting.values import Scope
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.deps import HubDep, UuidOrEmpty, UuidText
from hub.web.citizen.acting import ACTING, ActingKey
from hub.web.citizen.frame import redirect
from hub.web.citizen.objecting import BODY_LIMIT, RUNS, new_page, object_of, one_page
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.objection_words import fault

router = APIRouter()
LIST: Final = ACTING + "/{key}/objections"
NEW: Final = LIST + "/new"
BODY_LIMITS: Final = {ACTING + r"/[0-9a-f]{32}/objections/new": BODY_LIMIT}
Theirs = Annotated[UuidText, Path()]


@router.get(NEW, response_class=HTMLResponse)
async def begin(
    request: Request,
    key: ActingKey,
    hub: HubDep,
    holder: HolderDep,
    licence: Annotated[str, Query(max_length=128)] = "",
    entry: Annotated[UuidOrEmpty, Query()] = "",
    kind: Annotated[str, Query(pattern=r"^[a-z_]{0,20}$")] = "",
) -> HTMLResponse:
    """About a licence or a look of the principal's, or what is missing; the look at it goes on the ledger."""
    whose = await hub.citizens.objecting_for.looks(holder, key)
    asked = Form({"licence": [licence], "entry": [entry], "kind": [kind or ("access" if entry else "")]})
    return await new_page(request, hub, holder, asked, whose=whose)


@router.post(NEW, response_class=HTMLResponse)
async def object_(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """Write it down."""
    whose = await hub.citizens.others.acting.look(holder, key, Scope.OBJECT)
    return await object_of(request, hub, holder, f"{ACTING}/{key}/objections", whose)


@router.get(LIST + "/{theirs}", response_class=HTMLResponse)
async def one(request: Request, key: ActingKey, theirs: Theirs, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What was said, and the answer."""
    found = await hub.citizens.objecting_for.one(holder, key, theirs)
    return await one_page(request, hub, holder, found, whose=await hub.citizens.others.acting.look(holder, key))


@router.post(LIST + "/{theirs}/review", response_class=HTMLResponse)
async def review(request: Request, key: ActingKey, theirs: Theirs, hub: HubDep, holder: HolderDep) -> Response:
    """A second look at what was refused."""
    given = await holder_form(request, holder)
    try:
        made = await hub.citizens.objecting_for.review(holder, key, theirs, given.text("text"))
    except ObjectionError as error:
        wrong = FieldError("text", *fault(error.pointer, error.rule))
    except ObjectionRunsError:
        wrong = RUNS
    else:
        return redirect(f"{ACTING}/{key}/objections/{made}")
    found = await hub.citizens.objecting_for.one(holder, key, theirs)
    return await one_page(request, hub, holder, found, [wrong], await hub.citizens.others.acting.look(holder, key))


@router.post(LIST + "/{theirs}/withdraw", response_class=HTMLResponse)
async def withdraw(request: Request, key: ActingKey, theirs: Theirs, hub: HubDep, holder: HolderDep) -> Response:
    """Take it back."""
    await holder_form(request, holder)
    await hub.citizens.objecting_for.withdraw(holder, key, theirs)
    return redirect(f"{ACTING}/{key}/objections/{theirs}")
