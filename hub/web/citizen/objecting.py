"""Objecting 异议: what is wrong with one's data, or a look that one does not know; and what became of it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.api.me_objections import PER_MINUTE
from hub.citizens.acting.values import Acting
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.values import OF_LICENCE, Kind, Said, Told
from hub.citizens.paging import Pages
from hub.citizens.values import Holder
from hub.deps import HubDep, UuidOrEmpty, UuidText, limit
from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.runtime import Hub
from hub.web.citizen.acting import acting_values
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form, holder_upload
from hub.web.console.counter.words import NO_PAPER, PAPERS
from hub.web.console.forms import FieldError, Form, id_in
from hub.web.console.view import view_of
from hub.web.objection_words import KINDS, STATES, fault, missing_choices

router = APIRouter()
LIST: Final = "/me/objections"
NEW: Final = LIST + "/new"
BODY_LIMIT: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {NEW: BODY_LIMIT}
Cursor = Annotated[str, Query(max_length=1024)]
ObjectionId = Annotated[UuidText, Path()]
RUNS: Final = FieldError(
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
    entry: Annotated[UuidOrEmpty, Query()] = "",
    kind: Annotated[str, Query(pattern=r"^[a-z_]{0,20}$")] = "",
) -> HTMLResponse:
    """About a licence, about a look, or, with neither, about what is missing. `kind`: chosen already; of a look, that
    one does not know it.
    """
    chosen = kind or (Kind.ACCESS.value if entry else "")
    return await new_page(request, hub, holder, Form({"licence": [licence], "entry": [entry], "kind": [chosen]}))


@router.post(NEW, response_class=HTMLResponse)
async def object_(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Write it down; what is wrong with it is said beside the field."""
    return await object_of(request, hub, holder, LIST)


async def object_of(request: Request, hub: Hub, holder: Holder, here: str, whose: Acting | None = None) -> Response:
    """The form of somebody who objects for himself, or, as `whose`, for another; `here`: where these objections are."""
    given = await holder_upload(request, holder, max_bytes=BODY_LIMIT)
    await limit(request, f"object:{holder.id}", PER_MINUTE)
    kind, file = given.text("kind"), given.files.get("file")
    entry = id_in(given, "entry") if given.text("entry") else ""
    if kind not in set(Kind):
        wrong = FieldError("kind", *fault("/kind", "kind"))
        return await new_page(request, hub, holder, given, [wrong], whose=whose)
    said = Said(
        kind=Kind(kind),
        text=given.text("text"),
        identifier=given.text("licence")[:128],
        claim=given.text("claim")[:140],
        type_code=given.text("type")[:64],
        department=given.text("department")[:18],
        entry=entry,
        scan=file.content if file else None,
    )
    try:
        if whose is None:
            made = await hub.citizens.objections.raise_(holder, said)
        else:
            made = await hub.citizens.objecting_for.raise_(holder, whose.principal.key, said)
    except ObjectionError as error:
        wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
        return await new_page(request, hub, holder, given, [wrong], whose=whose)
    except PaperRefusedError as error:
        wrong = FieldError("file", *PAPERS.get(error.rule, NO_PAPER))
        return await new_page(request, hub, holder, given, [wrong], whose=whose)
    except ObjectionRunsError:
        return await new_page(request, hub, holder, given, [RUNS], whose=whose, status=409)
    return redirect(f"{here}/{made}")


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
        return await _one(request, hub, holder, objection_id, [RUNS])
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
    return await one_page(request, hub, holder, found, errors)


async def one_page(
    request: Request,
    hub: Hub,
    holder: Holder,
    found: Told,
    errors: Sequence[FieldError] = (),
    whose: Acting | None = None,
) -> HTMLResponse:
    """What was said, where it was handed on, and the answer."""
    return render(
        request,
        "me/objection.html",
        holder,
        status=422 if errors else 200,
        errors=errors,
        item=found,
        handed=await hub.citizens.handing.path(found.id),
        offer=(await hub.citizens.reviewing.offers([found])).get(found.id),
        kinds=KINDS,
        states=STATES,
        **_place(whose),
    )


async def new_page(
    request: Request,
    hub: Hub,
    holder: Holder,
    given: Form,
    errors: Sequence[FieldError] = (),
    *,
    whose: Acting | None = None,
    status: int = 422,
) -> HTMLResponse:
    """The questions, by what it is about."""
    view, who = view_of(request), whose or holder
    about: dict[str, Any] = {"licence": None, "entry": None, "claims": (), "types": (), "departments": ()}
    if given.text("licence"):
        licence = about["licence"] = await hub.citizens.licences.one(who, given.text("licence"))
        known = hub.types.newest(licence.type_code)
        claims = known.claims.items() if known else ()
        about["claims"] = [("", "—"), *((name, view.t(item.title.zh, item.title.en)) for name, item in claims)]
        kinds = [kind for kind in Kind if kind in OF_LICENCE]
    elif given.text("entry"):
        about["entry"] = await hub.citizens.accesses.one(who, given.text("entry"))
        shared = await hub.citizens.targets.given(who, given.text("entry"))
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
        **_place(whose),
        **about,
    )


def _place(whose: Acting | None) -> dict[str, Any]:
    """Where these objections are, and where looks are, for links and forms; and for whom somebody acts."""
    if whose is None:
        return {"list_path": LIST, "looks": "/me/accesses", "principal": None}
    values = acting_values(whose)
    return {"list_path": f"{values['base']}/objections", "looks": f"{values['base']}/accesses", **values}
