"""The dossier of whom one acts for 代办人打开证照、代为归集: the same pages, judged anew at each."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.acting.values import Scope
from hub.deps import HubDep
from hub.web.citizen.acting import ACTING, ActingKey
from hub.web.citizen.dossier import collected, collecting_page
from hub.web.citizen.licence import licence_page, opened_page
from hub.web.citizen.visit import HolderDep, holder_form

router = APIRouter()
LICENCES: Final = ACTING + "/{key}/licences"
COLLECT: Final = LICENCES + "/collect"
TheirLicence = Annotated[str, Path(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]


@router.get(COLLECT, response_class=HTMLResponse)
async def collecting(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What the principal lacks, and how far the last collection has come."""
    way = await hub.dossier.for_others.way(holder, key, Scope.COLLECT)
    return await collecting_page(request, hub, holder, way)


@router.post(COLLECT, response_class=HTMLResponse)
async def collect(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> Response:
    """Every source that can be asked about the principal is; once an hour, whoever asks."""
    await holder_form(request, holder)
    way = await hub.dossier.for_others.way(holder, key, Scope.COLLECT)
    return await collected(request, hub, holder, way)


@router.get(LICENCES + "/{their_licence}", response_class=HTMLResponse)
async def licence(
    request: Request, key: ActingKey, their_licence: TheirLicence, hub: HubDep, holder: HolderDep
) -> HTMLResponse:
    """How it stands and what was done to it; the look is an entry of the principal's."""
    way = await hub.dossier.for_others.way(holder, key)
    return await licence_page(request, holder, way, their_licence)


@router.post(LICENCES + "/{their_licence}", response_class=HTMLResponse)
async def look(
    request: Request, key: ActingKey, their_licence: TheirLicence, hub: HubDep, holder: HolderDep
) -> Response:
    """What it says, its picture, or a file of it."""
    given = await holder_form(request, holder)
    way = await hub.dossier.for_others.way(holder, key)
    return await opened_page(request, holder, way, their_licence, given)
