"""A licence at a terminal: how it stands, what was done to it; by a button what it says, and its face; and on paper."""

from base64 import b64encode
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from certificates.lifecycle.rules import REASON_WORDS, Reason
from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.dossier.at_source import ASKED_PER_MINUTE, STANDS, FromSource
from hub.citizens.dossier.earlier import SaidThen
from hub.citizens.dossier.errors import SourceAwayError, SourceContradictsError
from hub.citizens.dossier.folder import OPENED_PER_MINUTE, Said
from hub.citizens.dossier.ways import Way
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.kiosk.errors import KioskOverError, NotPrintableError
from hub.citizens.kiosk.looking import kiosk_way
from hub.citizens.kiosk.standing import Visit
from hub.citizens.kiosk.values import OTHERS, PURPOSES, Choice
from hub.citizens.licences import Licence
from hub.deps import HubDep, limit
from hub.issuing.renditions.errors import FormatError, NotInForceError
from hub.runtime import Hub
from hub.web.citizen.dossier_words import WRONG
from hub.web.console.forms import FieldError, Form
from hub.web.console.library.words import OPERATIONS, STATUSES
from hub.web.console.view import view_of
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
_SAME_ORIGIN: Final = {
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
}
"""Of what the page has in a frame of its own: the paper."""
_WITH_PICTURES: Final = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""As every page's, and pictures that stand in the page itself: one look, one answer, one entry."""
_PICK: Final = FieldError("purpose", "请选择用途和给谁", "Choose what it is for, and for whom")
_NOT_NOW: Final = FieldError("", "这份证照现在不能打印，请到窗口", "It cannot be printed now: go to a counter")
_AWAY: Final = FieldError(
    "",
    "来源部门暂时没有答复，证照照样有效，请过一会儿再试",
    "Its department does not answer now; the licence holds as before",
)
_CONTRADICTS: Final = FieldError(
    "",
    "没有显示：来源部门的答复与平台的索引不一致。可以在下面提出异议",
    "Not shown: its department says otherwise than the index here. You can object below",
)
Shown = Said | SaidThen | FromSource


@router.post(START + "/licence", response_class=HTMLResponse)
async def licence(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """How it stands; sent with `wanted`, what it says, which is on the ledger before it is shown. With `key`, a licence
    of whom he acts for.
    """
    given = await visit_form(request, visit)
    try:
        return await _licence(request, hub, visit, given)
    except (NoLongerActsError, ScopeError):  # on the ledger; the list says for whom he may act still
        return redirect(START + "/acting")


async def _licence(request: Request, hub: Hub, visit: Visit, given: Form) -> HTMLResponse:
    way = await _way(hub, visit, given.text("key")[:32])
    found = await way.one(given.text("identifier")[:200])
    shown: Shown | None = None
    errors: list[FieldError] = []
    if given.checked("wanted"):
        await limit(request, f"opened:{visit.holder.id}", OPENED_PER_MINUTE)
        try:
            shown = await _opened(request, way, found, given)
        except HolderSignInNeededError:
            raise KioskOverError from None
        except NotInForceError:
            errors = [WRONG["over" if found.indexed else "state"]]
        except FormatError:
            errors = [WRONG["format"]]
        except SourceAwayError:
            errors = [_AWAY]
        except SourceContradictsError:
            errors = [_CONTRADICTS]
    return await _page(request, hub, visit, way, found, shown, errors)


@router.post(START + "/print", response_class=HTMLResponse)
async def print_it(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """The paper, into the frame of the page that asks for it."""
    given = await visit_form(request, visit)
    choice = Choice(given.text("identifier")[:200], given.text("purpose"), given.text("receiver")[:18])
    if choice.purpose not in PURPOSES or not choice.receiver:
        return _in_frame(request, visit, _PICK)
    try:
        paper = await hub.kiosk.prints.print(visit, choice, view_of(request).language)
    except NotPrintableError:
        return _in_frame(request, visit, _NOT_NOW)
    headers = {**_SAME_ORIGIN, "Content-Disposition": "inline"}
    return Response(paper, media_type="application/pdf", headers=headers)


async def _way(hub: Hub, visit: Visit, key: str) -> Way:
    if not key:
        return kiosk_way(hub.dossier.services, visit)
    return await hub.dossier.for_others.way(visit.holder, key, place=visit.must_stand)


async def _opened(request: Request, way: Way, found: Licence, given: Form) -> Shown:
    """An earlier version, what its source says, or what lies here."""
    wanted = given.text("wanted")
    if wanted == "earlier":
        number = given.text("version")
        version = int(number) if number.isascii() and number.isdigit() and len(number) <= len("999") else 0
        return await way.earlier(found.identifier, version)
    if found.indexed and found.principal:
        await limit(request, f"asked-source:{way.subject_id}", ASKED_PER_MINUTE)
        return await way.at_source(found.identifier)
    return await way.contents(found.identifier, language=view_of(request).language, picture=wanted == "picture")


async def _page(
    request: Request,
    hub: Hub,
    visit: Visit,
    way: Way,
    found: Licence,
    shown: Shown | None,
    errors: list[FieldError],
) -> HTMLResponse:
    departments = await hub.database.read(list_departments)
    say = view_of(request).t
    receivers = [(code, say(*words)) for code, words in OTHERS.items()]
    receivers += [(item.code, say(item.name_zh, item.name_en)) for item in departments if not item.closed]
    pictures = [b64encode(page).decode() for page in shown.pages] if isinstance(shown, Said) else []
    page = render(
        request,
        "kiosk/licence.html",
        visit.kiosk,
        visit=visit,
        status=422 if errors else 200,
        errors=errors,
        item=found,
        leaf=await way.leaf(found.identifier, opened=shown is not None),
        said=shown,
        then=shown if isinstance(shown, SaidThen) else None,
        at_source=shown if isinstance(shown, FromSource) else None,
        pictures=pictures,
        asks=found.indexed and found.principal and found.status in STANDS,
        key=way.acting.principal.key if way.acting else "",
        prints=way.acting is None and found.status == "valid" and found.principal and not found.indexed,
        statuses=STATUSES,
        operations=OPERATIONS,
        reasons=REASON_WORDS,
        known_reasons={item.value: item for item in Reason},
        purposes=[(code, say(*words)) for code, words in PURPOSES.items()],
        receivers=receivers,
    )
    if pictures:
        page.headers["Content-Security-Policy"] = _WITH_PICTURES
    return page


def _in_frame(request: Request, visit: Visit, error: FieldError) -> Response:
    page = render(request, "kiosk/not_printed.html", visit.kiosk, visit=visit, status=422, said=error)
    page.headers.update(_SAME_ORIGIN)
    return page
