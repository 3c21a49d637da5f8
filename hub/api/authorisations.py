"""Say in it 授权管理: the grants that reach a holder's records, and his word where they rest on his agreement."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from hub.api.me import ActingHolderDep, said
from hub.citizens.authorising.values import Asked, Decision, Lasts, Standing
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, UuidText
from hub.edge.body import Body, read_json
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me", tags=["me"])


class AuthorisationBody(Body):
    """`give`, or `refuse`: of what was given that is to withdraw it. `lasts`: how long a yes is one; left out, until it
    is withdrawn, and never longer than the authorisation.
    """

    decision: Literal["give", "refuse"]
    lasts: Literal["day", "30_days", "year", "grant"] = "grant"


class AnswerBody(Body):
    """`give`, or `refuse`: of what was given that is to withdraw it. A yes ends with its case."""

    decision: Literal["give", "refuse"]


BODIES = (AuthorisationBody, AnswerBody)


@router.get("/authorisations", summary="Standing authorisations 授权清单")
async def authorisations(holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Who may use the kinds of licence that he holds, for what, how long and on what ground; what waits for his word
    first, what rests on the law last. `asked`: questions for his yes for one case alone.
    """
    found = await hub.citizens.authorisations.listed(holder)
    asked = await hub.citizens.asked_of.listed(holder)
    told = [standing_json(item, language) for item in found]
    return JSONResponse({"authorisations": told, "asked": [asked_json(item, language) for item in asked]})


@router.get("/authorisations/asked/{question_id}", summary="A question for one case 单个征询")
async def question(question_id: UuidText, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Another's is 404."""
    return JSONResponse(asked_json(await hub.citizens.asked_of.one(holder, question_id), language))


@router.post(
    "/authorisations/asked/{question_id}/decision",
    summary="Agree for one case, or not 就一个办件同意或不同意",
    openapi_extra={"x-body": "AnswerBody"},
)
async def answer(
    request: Request, question_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """After a yes the case goes on by itself. Once its case has ended, or the question was answered otherwise: 404."""
    body, _ = await read_json(request, AnswerBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.asked_of.decide(holder, question_id, Decision(body.decision))
    return JSONResponse(asked_json(await hub.citizens.asked_of.one(holder, question_id), language))


@router.get("/authorisations/{grant_id}", summary="One of them 单项授权")
async def authorisation(grant_id: UuidText, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """One that reaches none of his records is 404."""
    return JSONResponse(standing_json(await hub.citizens.authorisations.one(holder, grant_id), language))


@router.post(
    "/authorisations/{grant_id}/decision",
    summary="Agree, or not 同意或不同意",
    openapi_extra={"x-body": "AuthorisationBody"},
)
async def decide(
    request: Request, grant_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """It acts at once: the next pull goes by it. What rests on the law is not his to refuse: 404."""
    body, _ = await read_json(request, AuthorisationBody, max_bytes=hub.settings.max_body_bytes)
    lasts = Lasts(body.lasts)
    await hub.citizens.authorisations.decide(holder, grant_id, Decision(body.decision), lasts=lasts)
    return JSONResponse(standing_json(await hub.citizens.authorisations.one(holder, grant_id), language))


def standing_json(item: Standing, language: str) -> dict[str, Any]:
    """One of the list, in the language of the request."""
    return {
        "id": item.grant_id,
        "rests_on": "agreement" if item.agreement else "law",
        "state": item.state,
        "department": said(item.department, language),
        "system": said(item.system, language),
        "licence": said(item.resource, language),
        "over": "interface" if item.interface else "licence",
        "fields": [said(words, language) for words in item.fields],
        "matters": [said(words, language) for words in item.matters],
        "purpose": item.purpose,
        "legal_basis": item.legal_basis,
        "ex_officio": item.ex_officio,
        "valid_until": rfc3339(item.valid_until),
        "decided_at": rfc3339(item.decided_at) if item.decided_at else None,
        "given_until": rfc3339(item.given_until) if item.given_until else None,
    }


def asked_json(item: Asked, language: str) -> dict[str, Any]:
    """A question for one case."""
    return {
        "id": item.id,
        "state": item.state,
        "case_no": item.case_no,
        "matter": said(item.matter, language),
        "wanted": said(item.wanted, language),
        "department": said(item.department, language),
        "system": said(item.system, language),
        "licence": said(item.resource, language),
        "fields": [said(words, language) for words in item.fields],
        "purpose": item.purpose,
        "legal_basis": item.legal_basis,
        "asked_at": rfc3339(item.asked_at),
        "answer_by": rfc3339(item.answer_by),
        "decided_at": rfc3339(item.decided_at) if item.decided_at else None,
        "open": item.open,
    }
