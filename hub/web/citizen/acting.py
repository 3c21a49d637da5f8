"""Acting for somebody else 代办: for whom one may, what one sees there, and a code that opens a case for him."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from hub.citizens.acting.values import Acting, Scope
from hub.citizens.dossier.stages import STAGES, STAGES_OF_BODY
from hub.citizens.paging import Pages
from hub.citizens.presentations import CODES_PER_MINUTE
from hub.citizens.values import BODIES, Holder
from hub.deps import HubDep, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.acting_words import GROUNDS, SCOPES, whom
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.showing import SHOW
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError
from hub.web.console.library.words import STATUSES
from hub.web.console.view import view_of
from hub.web.matter_names import names_of, titles, titles_in
from hub.web.objection_words import KINDS, STATES

router = APIRouter()
ACTING: Final = "/me/acting"
ActingKey = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Cursor = Annotated[str, Query(max_length=1024)]


@router.get(ACTING, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """Everybody for whom he may act now."""
    found = await hub.citizens.others.acting.listed(holder)
    limited = [one for item in found for one in item.principal.matters or ()]
    names = await names_of(hub) if limited else {}
    words: dict[str, Any] = {"grounds": GROUNDS, "scopes": SCOPES, "whom": whom, "titles": titles, "names": names}
    return render(request, "me/acting.html", holder, found=found, **words)


@router.post(ACTING + "/{key}", response_class=HTMLResponse)
async def begin(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """Begin, and see the principal's page."""
    await holder_form(request, holder)
    await hub.citizens.others.acting.begin(holder, key)
    return redirect(f"{ACTING}/{key}")


@router.post(ACTING + "/{key}/end", response_class=HTMLResponse)
async def end(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """Back to one's own."""
    await holder_form(request, holder)
    await hub.citizens.others.acting.end(holder, key)
    return redirect(ACTING)


@router.get(ACTING + "/{key}", response_class=HTMLResponse)
async def licences(
    request: Request, key: ActingKey, hub: HubDep, holder: HolderDep, cursor: Cursor = ""
) -> HTMLResponse:
    """The licences of the principal by stage of life; of a company all that its credit code holds 一照通."""
    whose = await hub.citizens.others.acting.look(holder, key)
    if Scope.LICENCES not in whose.principal.scope:
        return _render(request, "me/acting_licences.html", holder, whose, shelf=None)
    whose = await hub.citizens.others.acting.act(holder, key, Scope.LICENCES, "licences")
    pages = Pages(hub.catalogue.cursors, whose, "dossier.")
    stages = STAGES_OF_BODY if whose.principal.identity.id_type in BODIES else STAGES
    shelf = await hub.dossier.cards.page(whose.id, after=pages.after(cursor), order=stages)
    values: dict[str, Any] = {"shelf": shelf, "stages": stages, "statuses": STATUSES, "more": pages.next(shelf.behind)}
    return _render(request, "me/acting_licences.html", holder, whose, **values)


@router.get(ACTING + "/{key}/objections", response_class=HTMLResponse)
async def objections(
    request: Request, key: ActingKey, hub: HubDep, holder: HolderDep, cursor: Cursor = ""
) -> HTMLResponse:
    """What the principal objected to, and how it stands."""
    whose = await hub.citizens.others.acting.act(holder, key, Scope.ACCESSES, "objections")
    pages = Pages(hub.catalogue.cursors, whose, "objections")
    page = await hub.citizens.objections.listed(whose, pages.after(cursor))
    values = {"found": page.items, "more": pages.next(page.behind), "kinds": KINDS, "states": STATES}
    return _render(request, "me/acting_objections.html", holder, whose, **values)


@router.get(ACTING + "/{key}/show", response_class=HTMLResponse)
async def choose(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """For whose counter."""
    return await _choose(request, hub, holder, key)


@router.post(ACTING + "/{key}/show", response_class=HTMLResponse)
async def show(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """A code that opens a case for the principal; it is the person's own to look at."""
    given = await holder_form(request, holder)
    await limit(request, f"present:{holder.id}", CODES_PER_MINUTE)
    whose = await hub.citizens.others.acting.look(holder, key)
    try:
        made = await hub.citizens.others.acting.present(
            holder, whose.principal.key, given.text("department")[:18] or None
        )
    except MissingError:
        wrong = FieldError("department", "没有这个部门，请重新选择", "There is no such department: choose again")
        return await _choose(request, hub, holder, key, [wrong])
    return redirect(f"{SHOW}/{made}?acting={key}")


async def _choose(
    request: Request, hub: Hub, holder: Holder, key: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    whose = await hub.citizens.others.acting.look(holder, key, Scope.FILE)
    view, departments = view_of(request), await hub.database.read(list_departments)
    named = [(item.code, view.t(item.name_zh, item.name_en)) for item in departments]
    return _render(
        request,
        "me/acting_show.html",
        holder,
        whose,
        status=422 if errors else 200,
        errors=errors or (),
        matters=await titles_in(hub, whose.principal.matters, view.language),
        departments=[("", view.t("任何窗口", "Any counter")), *named],
    )


def acting_values(whose: Acting) -> dict[str, Any]:
    """For `_acting.html`: whom he acts for, on what ground."""
    principal = whose.principal
    who = principal.identity
    called = whom(who.id_type, who.id_number, who.name)
    return {
        "principal": principal,
        "called": called,
        "ground": GROUNDS[principal.ground],
        "body": who.id_type in BODIES,
        "base": f"{ACTING}/{principal.key}",
    }


def _render(request: Request, template: str, holder: Holder, whose: Acting, **values: Any) -> HTMLResponse:
    return render(request, template, holder, **acting_values(whose), **values)
