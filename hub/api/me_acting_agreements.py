"""Agreeing for somebody else 代为同意: as a company's legal representative, or a minor's parent."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from hub.api.authorisations import AnswerBody, AuthorisationBody, asked_json, standing_json
from hub.api.me import ActingHolderDep
from hub.api.me_acting import ActingKey
from hub.citizens.authorising.values import Decision, Lasts
from hub.citizens.values import Holder
from hub.deps import HubDep, LanguageDep, UuidText
from hub.edge.body import read_json
from hub.runtime import Hub
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/acting/{key}", tags=["me"])


@router.get("/authorisations", summary="Who may use the principal's records 被代办人的授权清单")
async def authorisations(key: ActingKey, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """As `/api/v1/me/authorisations`; the look is an entry of the principal's."""
    return await _listed(hub, holder, key, language)


@router.post(
    "/authorisations/{grant_id}/decision",
    summary="Agree for the principal, or not 代为同意或不同意",
    openapi_extra={"x-body": "AuthorisationBody"},
)
async def decide(
    request: Request, key: ActingKey, grant_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """It acts at once; answers the list as it stands then."""
    body, _ = await read_json(request, AuthorisationBody, max_bytes=hub.settings.max_body_bytes)
    decision, lasts = Decision(body.decision), Lasts(body.lasts)
    await hub.citizens.others.agreeing.decide(holder, key, grant_id, decision, lasts=lasts)
    return await _listed(hub, holder, key, language)


@router.post(
    "/authorisations/asked/{question_id}/decision",
    summary="Agree for one case of the principal's, or not 就一个办件代为同意或不同意",
    openapi_extra={"x-body": "AnswerBody"},
)
async def answer(
    request: Request, key: ActingKey, question_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """After a yes the case goes on by itself; answers the list as it stands then."""
    body, _ = await read_json(request, AnswerBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.others.agreeing.answer(holder, key, question_id, Decision(body.decision))
    return await _listed(hub, holder, key, language)


async def _listed(hub: Hub, holder: Holder, key: str, language: str) -> JSONResponse:
    _, found, asked = await hub.citizens.others.agreeing.listed(holder, key)
    told = [standing_json(item, language) for item in found]
    return JSONResponse({"authorisations": told, "asked": [asked_json(item, language) for item in asked]})
