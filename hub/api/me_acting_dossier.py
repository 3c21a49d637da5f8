"""The dossier of whom one acts for 代办人打开证照、代为归集: as under `/api/v1/me`, judged anew at every request; each
look is an entry of the principal's that names who looked.
"""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from hub.api.me import ActingHolderDep, licence_json
from hub.api.me_acting import ActingKey
from hub.api.me_dossier import (
    IdentifierPath,
    VersionPath,
    Wanted,
    claims_of,
    collected_of,
    earlier_of,
    file_of,
    history_of,
    lacks_of,
)
from hub.citizens.acting.values import Scope
from hub.deps import HubDep, LanguageDep
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/acting/{key}", tags=["me"])


@router.get("/certificates/{identifier}", summary="One of them 被代办人的单个证照")
async def certificate(
    key: ActingKey, identifier: IdentifierPath, holder: HolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """As `/api/v1/me/certificates/{identifier}`."""
    way = await hub.dossier.for_others.way(holder, key)
    await way.one(identifier)
    return JSONResponse(licence_json((await way.leaf(identifier)).licence, language))


@router.get("/certificates/{identifier}/history", summary="What was done to it 被代办人证照的经过")
async def history(key: ActingKey, identifier: IdentifierPath, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """As `/api/v1/me/certificates/{identifier}/history`; `formats` is empty for a delegate."""
    return await history_of(await hub.dossier.for_others.way(holder, key), identifier)


@router.get("/certificates/{identifier}/claims", summary="What it says 被代办人证照的内容")
async def claims(
    request: Request,
    key: ActingKey,
    identifier: IdentifierPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
) -> JSONResponse:
    """As `/api/v1/me/certificates/{identifier}/claims`; of an index record its source is asked now."""
    return await claims_of(request, holder, await hub.dossier.for_others.way(holder, key), identifier, language)


@router.get("/certificates/{identifier}/versions/{version}/claims", summary="What it said before 以前版本的内容")
async def earlier_claims(
    request: Request,
    key: ActingKey,
    identifier: IdentifierPath,
    version: VersionPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
) -> JSONResponse:
    """As `/api/v1/me/certificates/{identifier}/versions/{version}/claims`."""
    way = await hub.dossier.for_others.way(holder, key)
    return await earlier_of(request, holder, way, (identifier, version), language)


@router.get("/certificates/{identifier}/file", summary="A file of it 被代办人证照的文件")
async def file(
    request: Request,
    key: ActingKey,
    identifier: IdentifierPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: Wanted = "pdf",
) -> Response:
    """As `/api/v1/me/certificates/{identifier}/file`; for a legal representative or a parent, and no delegate."""
    way = await hub.dossier.for_others.way(holder, key, Scope.FILES)
    return await file_of(request, holder, way, (identifier, wanted), language)


@router.get("/collection", summary="What the principal lacks 被代办人缺少的证照")
async def missing(key: ActingKey, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """As `/api/v1/me/collection`; for a legal representative or a parent."""
    return await lacks_of(await hub.dossier.for_others.way(holder, key, Scope.COLLECT), language)


@router.post("/collection", status_code=202, summary="Have the principal's collected 代为一键归集")
async def collect(key: ActingKey, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """As `/api/v1/me/collection`: once an hour for the principal, whoever asks."""
    return await collected_of(await hub.dossier.for_others.way(holder, key, Scope.COLLECT), language)
