"""Objecting 异议: what is wrong with one's data, or a look that one does not know; and what became of it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.api.me_objections import PER_MINUTE
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.values import OF_LICENCE, Kind, Said
from hub.citizens.paging import Pages
from hub.citizens.values import Holder
from hub.deps import HubDep, UuidText, limit
from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.runtime import Hub
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form, holder_upload
from hub.web.console.counter.words import NO_PAPER, PAPERS
from hub.web.console.forms import FieldError, Form
from hub.web.console.view import view_of
from hub.web.objection_words import KINDS, STATES, fault, missing_choices

router = APIRouter()
LIST: Final = "/me/objections"
NEW: Final = LIST + "/new"
_FORM_BYTES: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {NEW: _FORM_BYTES}
Cursor = Annotated[str, Query(max_length=1024)]
ObjectionId = Annotated[UuidText, Path()]
_RUNS: Final = FieldError(
    "",
    "同一问题的异议正在处理，请在“我的异议”里查看",
    "An objection about the same is under way: see “My objections”",
)


@router.get(LIST, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep, cursor: Cursor = "") -> HTMLResponse:
    """All of his, the newest first."""
    pages = Pages(hub.catalogue.cursors, holder, "objections")
    page = await hub.citizens.objections.listed(holder, pages.after(cursor))
    more = pages.next(page.behind)
    return render(request, "me/objections.html", holder, found=page.items, more=more, kinds=KINDS, states=STATES)


@router.get(NEW, response_class=HTMLResponse)
async def begin(
    request: Request,
    hub: HubDep,
    holder: HolderDep,
    licence: Annotated[str, Query(max_length=128)] = "",
    entry: Annotated[str, Query(pattern=r"^[0-9a-f-]{0,36}$")] = "",
    kind: Annotated[str, Query(pattern=r"^[a-z_]{0,20}$")] = "",
) -> HTMLResponse:
    """About a licence, about a look, or, with neither, about what is missing. `kind`: chosen already."""
    return await _page(request, hub, holder, Form({"licence": [licence], "entry": [entry], "kind": [kind]}))


@router.post(NEW, response_class=HTMLResponse)
async def object_(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Write it down; what is wrong with it is said beside the field."""
    given = await holder_upload(request, holder, max_bytes=_FORM_BYTES)
    await limit(request, f"object:{holder.id}", PER_MINUTE)
    kind, file = given.text("kind"), given.files.get("file")
    if kind not in set(Kind):
        return await _page(request, hub, holder, given, [FieldError("kind", *fault("/kind", "kind"))])
    said = Said(
        kind=Kind(kind),
        text=given.text("text"),
        identifier=given.text("licence")[:128],
        claim=given.text("claim")[:140],
        type_code=given.text("type")[:64],
        department=given.text("department")[:18],
        entry=given.text("entry")[:36],
        scan=file.content if file else None,
    )
    try:
        made = await hub.citizens.objections.raise_(holder, said)
    except ObjectionError as error:
        name = error.pointer.removeprefix("/")
        return await _page(request, hub, holder, given, [FieldError(name, *fault(error.pointer, error.rule))])
    except PaperRefusedError as error:
        return await _page(request, hub, holder, given, [FieldError("file", *PAPERS.get(error.rule, NO_PAPER))])
    except ObjectionRunsError:
        return await _page(request, hub, holder, given, [_RUNS], status=409)
    return redirect(f"{LIST}/{made}")


@router.get(LIST + "/{objection_id}", response_class=HTMLResponse)
async def one(request: Request, objection_id: ObjectionId, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What he said, until when it is answered, and the answer."""
    return await _one(request, hub, holder, objection_id)


@router.post(LIST + "/{objection_id}/review", response_class=HTMLResponse)
async def review(request: Request, objection_id: ObjectionId, hub: HubDep, holder: HolderDep) -> Response:
    """A second look at what was refused."""
    given = await holder_form(request, holder)
    try:
        made = await hub.citizens.reviewing.ask(holder, objection_id, given.text("text"))
    except ObjectionError as error:
        wrong = FieldError("text", *fault(error.pointer, error.rule))
        return await _one(request, hub, holder, objection_id, [wrong])
    except ObjectionRunsError:
        return await _one(request, hub, holder, objection_id, [_RUNS])
    return redirect(f"{LIST}/{made}")


@router.post(LIST + "/{objection_id}/withdraw", response_class=HTMLResponse)
async def withdraw(request: Request, objection_id: ObjectionId, hub: HubDep, holder: HolderDep) -> Response:
    """Take it back."""
    await holder_form(request, holder)
    await hub.citizens.objections.withdraw(holder, objection_id)
    return redirect(f"{LIST}/{objection_id}")


async def _one(
    request: Request, hub: Hub, holder: Holder, objection_id: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    found = await hub.citizens.objections.one(holder, objection_id)
    handed = await hub.citizens.handing.path(objection_id)
    return render(
        request,
        "me/objection.html",
        holder,
        status=422 if errors else 200,
        errors=errors,
        item=found,
        handed=handed,
        kinds=KINDS,
        states=STATES,
    )


async def _page(
    request: Request,
    hub: Hub,
    holder: Holder,
    given: Form,
    errors: Sequence[FieldError] = (),
    *,
    status: int = 422,
) -> HTMLResponse:
    view = view_of(request)
    about: dict[str, Any] = {"licence": None, "entry": None, "claims": (), "types": (), "departments": ()}
    if given.text("licence"):
        licence = about["licence"] = await hub.citizens.licences.one(holder, given.text("licence"))
        known = hub.types.newest(licence.type_code)
        claims = known.claims.items() if known else ()
        about["claims"] = [("", "—"), *((name, view.t(item.title.zh, item.title.en)) for name, item in claims)]
        kinds = [kind for kind in Kind if kind in OF_LICENCE]
    elif given.text("entry"):
        about["entry"] = await hub.citizens.accesses.one(holder, given.text("entry"))
        shared = await hub.citizens.targets.given(holder, given.text("entry"))
        about["claims"] = [("", "—"), *((one.name, f"{view.t(*one.of)}：{view.t(*one.title)}") for one in shared)]
        kinds = [Kind.FIELD, Kind.ACCESS] if shared else [Kind.ACCESS]
    else:
        kinds = [Kind.MISSING]
        about["types"], about["departments"] = await missing_choices(hub, view.t)
    return render(
        request,
        "me/object.html",
        holder,
        status=status if errors else 200,
        errors=errors,
        given=given,
        kinds=[(kind.value, view.t(*KINDS[kind.value])) for kind in kinds],
        **about,
    )
