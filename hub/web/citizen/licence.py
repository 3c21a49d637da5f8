"""One licence laid open, of one's own or of whom one acts for: what it is and was, and, by a button, what it says, its
picture and its files.
"""

from base64 import b64encode
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.lifecycle.rules import REASON_WORDS, Reason
from hub.citizens.dossier.at_source import ASKED_PER_MINUTE, STANDS, FromSource
from hub.citizens.dossier.earlier import SaidThen
from hub.citizens.dossier.errors import SourceAwayError, SourceContradictsError
from hub.citizens.dossier.folder import OPENED_PER_MINUTE, Said
from hub.citizens.dossier.stages import STAGES, STAGES_OF_BODY
from hub.citizens.dossier.ways import Way
from hub.citizens.licences import Licence
from hub.citizens.values import BODIES, Holder
from hub.deps import HubDep, limit
from hub.issuing.renditions.errors import FormatError, NotInForceError
from hub.issuing.renditions.files import FORMATS
from hub.web.citizen.dossier import LICENCES, place_of
from hub.web.citizen.dossier_words import CONTRADICTS, WRONG
from hub.web.citizen.frame import render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.console.library.words import OPERATIONS, STATUSES
from hub.web.console.view import view_of

router = APIRouter()
IdentifierPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]
SHOWN_SECONDS: Final = 300
_WITH_PICTURES: Final = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""As every page's, and pictures that stand in the page itself: one look, one answer, one entry."""
Shown = Said | SaidThen | FromSource


@router.get(LICENCES + "/{identifier}", response_class=HTMLResponse)
async def licence(request: Request, identifier: IdentifierPath, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What it is, how it stands, what was done to it; nothing of what it says."""
    return await licence_page(request, holder, hub.dossier.own(holder), identifier)


@router.post(LICENCES + "/{identifier}", response_class=HTMLResponse)
async def look(request: Request, identifier: IdentifierPath, hub: HubDep, holder: HolderDep) -> Response:
    """What it says, its picture, or a file of it: on the ledger before it leaves."""
    given = await holder_form(request, holder)
    return await opened_page(request, holder, hub.dossier.own(holder), identifier, given)


async def opened_page(request: Request, holder: Holder, way: Way, identifier: str, given: Form) -> Response:
    """What the form wants of it; why nothing is shown is said in the page."""
    await limit(request, f"opened:{holder.id}", OPENED_PER_MINUTE)
    found = await way.one(identifier)  # somebody else's goes on the ledger
    wanted = given.text("wanted")
    try:
        if wanted in FORMATS:
            file = await way.file(identifier, wanted, language=view_of(request).language)
            headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
            return Response(file.content, media_type=file.media_type, headers=headers)
        shown = await _opened(request, way, found, given)
    except NotInForceError:
        return await licence_page(request, holder, way, identifier, fault=WRONG["over" if found.indexed else "state"])
    except FormatError:
        return await licence_page(request, holder, way, identifier, fault=WRONG["format"])
    except SourceAwayError as error:
        page = await licence_page(request, holder, way, identifier, away=error)
        if error.retry_after_seconds:
            page.headers["Retry-After"] = str(error.retry_after_seconds)
        return page
    except SourceContradictsError as error:
        return await licence_page(request, holder, way, identifier, contradicts=error)
    page = await licence_page(request, holder, way, identifier, shown=shown)
    if isinstance(shown, Said) and shown.pages:
        page.headers["Content-Security-Policy"] = _WITH_PICTURES
    return page


async def _opened(request: Request, way: Way, found: Licence, given: Form) -> Shown:
    """What is shown in the page: an earlier version, what the source says, or what lies here."""
    wanted = given.text("wanted")
    if wanted == "earlier":
        number = given.text("version")
        version = int(number) if number.isascii() and number.isdigit() and len(number) <= len("999") else 0
        return await way.earlier(found.identifier, version)
    if found.indexed and found.principal:
        await limit(request, f"asked-source:{way.subject_id}", ASKED_PER_MINUTE)
        return await way.at_source(found.identifier)
    return await way.contents(found.identifier, language=view_of(request).language, picture=wanted == "picture")


async def licence_page(
    request: Request,
    holder: Holder,
    way: Way,
    identifier: str,
    *,
    shown: Shown | None = None,
    fault: FieldError | None = None,
    away: SourceAwayError | None = None,
    contradicts: SourceContradictsError | None = None,
) -> HTMLResponse:
    """The page, with what was opened in it, or why nothing was."""
    await way.one(identifier)
    leaf = await way.leaf(identifier, opened=shown is not None)
    place = place_of(way)
    values: dict[str, Any] = {
        "leaf": leaf,
        "item": leaf.licence,
        "said": shown,
        "then": shown if isinstance(shown, SaidThen) else None,
        "at_source": shown if isinstance(shown, FromSource) else None,
        "pictures": [b64encode(page).decode() for page in shown.pages] if isinstance(shown, Said) else [],
        "asks": leaf.licence.indexed and leaf.licence.principal and leaf.licence.status in STANDS,
        "away": away,
        "contradicts": CONTRADICTS.get(contradicts.code) if contradicts else None,
        "stages": STAGES_OF_BODY if way.id_type in BODIES else STAGES,
        "statuses": STATUSES,
        "operations": OPERATIONS,
        "reasons": REASON_WORDS,
        "known_reasons": {item.value: item for item in Reason},
        "shown_seconds": SHOWN_SECONDS,
        "page_path": f"{place['base']}/licences/{identifier}",
        **place,
    }
    status = 422 if fault else 503 if away else 409 if contradicts else 200
    return render(request, "me/licence.html", holder, status=status, errors=[fault] if fault else [], **values)
