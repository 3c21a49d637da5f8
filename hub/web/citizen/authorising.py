"""Who may use my records 授权管理: his word where use rests on it, the article where it rests on the law."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.deps import HubDep, UuidText
from hub.web.agreement_words import ASKED, STATES, decision_in, terms
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.view import view_of

router = APIRouter()
AUTHORISATIONS: Final = "/me/authorisations"
GrantId = Annotated[UuidText, Path()]
QuestionId = Annotated[UuidText, Path()]


@router.get(AUTHORISATIONS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """All of them in one list."""
    found = await hub.citizens.authorisations.listed(holder)
    return render(
        request,
        "me/authorisations.html",
        holder,
        at=AUTHORISATIONS,
        agreements=[item for item in found if item.agreement],
        lawful=[item for item in found if not item.agreement],
        asked=await hub.citizens.asked_of.listed(holder),
        states=STATES,
        asked_states=ASKED,
        terms=terms(view_of(request).t),
    )


@router.post(AUTHORISATIONS + "/asked/{question_id}")
async def answer(request: Request, question_id: QuestionId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes or no for one case."""
    given = await holder_form(request, holder)
    decision, _ = decision_in(given)
    await hub.citizens.asked_of.decide(holder, question_id, decision)
    return redirect(AUTHORISATIONS)


@router.post(AUTHORISATIONS + "/{grant_id}")
async def decide(request: Request, grant_id: GrantId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes, until when, or no."""
    given = await holder_form(request, holder)
    decision, lasts = decision_in(given)
    await hub.citizens.authorisations.decide(holder, grant_id, decision, lasts=lasts)
    return redirect(AUTHORISATIONS)
