"""The code that a holder shows at a counter: large, for a minute, with what became of it."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.responses import Response

from catalog.store import list_departments
from certificates.rendering.qr import qr_squares
from hub.citizens.codes import grouped
from hub.citizens.presentations import CODES_PER_MINUTE, LIFE, Shown
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText, limit
from hub.storage.errors import MissingError
from hub.web.citizen.acting_words import whom
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError
from hub.web.console.view import view_of
from hub.web.templating import TEMPLATES

router = APIRouter()
SHOW: Final = "/me/show"
_QUIET: Final = 4
"""Modules of white around it (ISO/IEC 18004 §6.3.8): a dark page begins right behind."""
ShownId = Annotated[UuidText, Path()]
AgainFor = Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")]


@router.get(SHOW, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """For whose counter, and the codes made before."""
    return await _begin(request, hub, holder)


@router.post(SHOW, response_class=HTMLResponse)
async def make(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """A new code; the one before it ends."""
    given = await holder_form(request, holder)
    await limit(request, f"present:{holder.id}", CODES_PER_MINUTE)
    try:
        made = await hub.citizens.presentations.make(holder, given.text("department")[:18] or None)
    except MissingError:
        wrong = FieldError("department", "没有这个部门，请重新选择", "There is no such department: choose again")
        return await _begin(request, hub, holder, [wrong])
    return redirect(f"{SHOW}/{made}")


@router.get(SHOW + "/{presentation_id}", response_class=HTMLResponse)
async def one(
    request: Request, presentation_id: ShownId, hub: HubDep, holder: HolderDep, acting: AgainFor = None
) -> HTMLResponse:
    """The code while it lives, by itself refreshed when it ends; then what became of it. With `acting`, the next one is
    for that principal again: nothing of the code is left that would say so.
    """
    found = await hub.citizens.presentations.look(holder, presentation_id)
    if not isinstance(found, Shown):
        return render(
            request, "me/shown.html", holder, told=found, again=f"/me/acting/{acting}/show" if acting else SHOW
        )
    left = found.seconds_left
    return render(
        request,
        "me/show_code.html",
        holder,
        told=found.presentation,
        qr=qr(found.code),
        typed=grouped(found.typed) if found.typed else "",
        behalf=whom(found.behalf.id_type, found.behalf.id_number, found.behalf.name) if found.behalf else "",
        left=left,
        whole=int(LIFE.total_seconds()),
        until=found.presentation.expires_at.astimezone(BEIJING).strftime("%H:%M:%S"),
    )


@router.get(SHOW + "/{presentation_id}/state", response_class=HTMLResponse)
async def state(request: Request, presentation_id: ShownId, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What became of it so far, for the page that shows it."""
    found = await hub.citizens.presentations.look(holder, presentation_id)
    told = found.presentation if isinstance(found, Shown) else found
    html = TEMPLATES.get_template("me/_state.html").render(told=told, t=view_of(request).t)
    return HTMLResponse(html, headers={} if isinstance(found, Shown) else {"X-Done": "1"})


async def _begin(
    request: Request, hub: HubDep, holder: HolderDep, errors: list[FieldError] | None = None
) -> HTMLResponse:
    view = view_of(request)
    departments = await hub.database.read(list_departments)
    named = [(item.code, view.t(item.name_zh, item.name_en)) for item in departments]
    made, _ = await hub.citizens.presentations.listed(holder)
    return render(
        request,
        "me/show.html",
        holder,
        status=422 if errors else 200,
        errors=errors or (),
        departments=[("", view.t("任何窗口", "Any counter")), *named],
        made=made[:5],
    )


def qr(code: str) -> Markup:
    """As a picture in the page. Digits alone make the smallest code there is: large squares, which old scanners and
    cracked screens read.
    """
    squares = qr_squares(code)
    side, quiet = squares.side + 2 * _QUIET, _QUIET
    path = "".join(f"M{x + quiet} {y + quiet}h{length}v1h-{length}z" for x, y, length in squares.runs())
    return Markup(  # noqa: S704  # drawn here, of numbers alone
        f'<svg class="qr" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" role="img">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/></svg>'
    )
