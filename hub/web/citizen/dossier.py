"""The dossier 人生档案: licences by stage of life, one laid open, and having missing ones collected."""

from base64 import b64encode
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from certificates.definitions.parts import Stage
from certificates.lifecycle.rules import REASON_WORDS, Reason
from hub.citizens.dossier.fetching import BETWEEN, unanswered
from hub.citizens.dossier.folder import OPENED_PER_MINUTE, Said
from hub.citizens.dossier.stages import STAGES
from hub.citizens.paging import Pages
from hub.citizens.values import SEES_OWN, Holder
from hub.deps import HubDep, limit
from hub.edge.errors import RateLimitedError
from hub.issuing.renditions.errors import FormatError, NotInForceError
from hub.issuing.renditions.files import FORMATS
from hub.runtime import Hub
from hub.web.citizen.dossier_words import OUTCOMES, WRONG
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError
from hub.web.console.library.words import OPERATIONS, STATUSES
from hub.web.console.view import view_of

router = APIRouter()
LICENCES: Final = "/me/licences"
COLLECT: Final = LICENCES + "/collect"
IdentifierPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]
SHOWN_SECONDS: Final = 300
_WITH_PICTURES: Final = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""As every page's, and pictures that stand in the page itself: one look, one answer, one entry."""


@router.get(LICENCES, response_class=HTMLResponse)
async def licences(
    request: Request,
    hub: HubDep,
    holder: HolderDep,
    stage: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> HTMLResponse:
    """The cards, of all stages or of one. Signed in less surely than that wants: what to do about it."""
    if holder.level < SEES_OWN:
        return render(request, "me/licences.html", holder, shelf=None)
    only = _stage(stage)
    pages = Pages(hub.catalogue.cursors, holder, f"dossier.{stage}")
    shelf = await hub.dossier.cards.page(holder.id, stage=only, after=pages.after(cursor))
    more = pages.next(shelf.behind)
    values: dict[str, Any] = {"shelf": shelf, "stages": STAGES, "stage": only, "more": more, "begun": not cursor}
    return render(request, "me/licences.html", holder, statuses=STATUSES, **values)


@router.get(COLLECT, response_class=HTMLResponse)
async def collecting(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What is missing and could be collected, and how far the last collection has come."""
    return await _collecting(request, hub, holder)


@router.post(COLLECT, response_class=HTMLResponse)
async def collect(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Every source that can be asked about one person is, once an hour."""
    await holder_form(request, holder)
    holder.require(SEES_OWN)
    try:
        await hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json())
    except RateLimitedError:
        return await _collecting(request, hub, holder, WRONG["hour"])
    return redirect(COLLECT)


@router.get(LICENCES + "/{identifier}", response_class=HTMLResponse)
async def licence(request: Request, identifier: IdentifierPath, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What it is, how it stands, what was done to it; nothing of what it says."""
    return await _page(request, hub, holder, identifier)


@router.post(LICENCES + "/{identifier}", response_class=HTMLResponse)
async def look(request: Request, identifier: IdentifierPath, hub: HubDep, holder: HolderDep) -> Response:
    """What it says, its picture, or a file of it: on the ledger before it leaves."""
    given = await holder_form(request, holder)
    await limit(request, f"opened:{holder.id}", OPENED_PER_MINUTE)
    await hub.citizens.licences.one(holder, identifier)  # somebody else's goes on the ledger
    wanted, language, by = given.text("wanted"), view_of(request).language, holder.as_json()
    try:
        if wanted in FORMATS:
            found = await hub.dossier.folder.file(holder.id, identifier, wanted, by=by, language=language)
            headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
            return Response(found.content, media_type=found.media_type, headers=headers)
        said = await hub.dossier.folder.contents(
            holder.id, identifier, by=by, language=language, picture=wanted == "picture"
        )
    except NotInForceError:
        return await _page(request, hub, holder, identifier, fault=WRONG["state"])
    except FormatError:
        return await _page(request, hub, holder, identifier, fault=WRONG["format"])
    page = await _page(request, hub, holder, identifier, said=said)
    if said.pages:
        page.headers["Content-Security-Policy"] = _WITH_PICTURES
    return page


async def _page(
    request: Request,
    hub: Hub,
    holder: Holder,
    identifier: str,
    *,
    said: Said | None = None,
    fault: FieldError | None = None,
) -> HTMLResponse:
    await hub.citizens.licences.one(holder, identifier)
    leaf = await hub.dossier.folder.leaf(holder.id, identifier)
    values: dict[str, Any] = {
        "leaf": leaf,
        "item": leaf.licence,
        "said": said,
        "pictures": [b64encode(page).decode() for page in said.pages] if said else [],
        "stages": STAGES,
        "statuses": STATUSES,
        "operations": OPERATIONS,
        "reasons": REASON_WORDS,
        "known_reasons": {item.value: item for item in Reason},
        "shown_seconds": SHOWN_SECONDS,
        "page_path": f"{LICENCES}/{identifier}",
    }
    faults = [fault] if fault else []
    return render(request, "me/licence.html", holder, status=422 if fault else 200, errors=faults, **values)


async def _collecting(request: Request, hub: Hub, holder: Holder, fault: FieldError | None = None) -> HTMLResponse:
    holder.require(SEES_OWN)
    last = await hub.dossier.fetching.last(holder.id)
    missing = await hub.dossier.missing.of(holder.id, holder.identity)
    free = last is None or hub.clock() >= last.asked_at + BETWEEN
    values: dict[str, Any] = {
        "last": last,
        "waiting": len(unanswered(last)) if last else 0,
        "missing": missing,
        "outcomes": OUTCOMES,
        "free": free,
        "askable": bool(await hub.dossier.fetching.givers(holder.identity.id_type)),
        "free_at": last.asked_at + BETWEEN if last else None,
        "names": {item.type_code: hub.types.newest(item.type_code) for item in last.feeds} if last else {},
    }
    status = 429 if fault else 200
    return render(request, "me/collect.html", holder, status=status, errors=[fault] if fault else [], **values)


def _stage(text: str) -> Stage | None:
    """Raises: DefinitionError for a stage that there is not."""
    if not text:
        return None
    try:
        return Stage(text)
    except ValueError:
        raise DefinitionError("stage") from None
