"""Agreeing for somebody else 代为同意: who may use the principal's records, and a yes or a no in his name."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.deps import HubDep, UuidText
from hub.web.agreement_words import ASKED, STATES, decision_in, terms
from hub.web.citizen.acting import ACTING, ActingKey, acting_values
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.view import view_of

router = APIRouter()
AGREEMENTS: Final = ACTING + "/{key}/authorisations"
GrantId = Annotated[UuidText, Path()]
QuestionId = Annotated[UuidText, Path()]


@router.get(AGREEMENTS, response_class=HTMLResponse)
async def listed(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """All of them in one list."""
    whose, found, asked = await hub.citizens.others.agreeing.listed(holder, key)
    return render(
        request,
        "me/acting_authorisations.html",
        holder,
        at=AGREEMENTS.format(key=key),
        agreements=[item for item in found if item.agreement],
        lawful=[item for item in found if not item.agreement],
        asked=asked,
        states=STATES,
        asked_states=ASKED,
        terms=terms(view_of(request).t),
        **acting_values(whose),
    )


@router.post(AGREEMENTS + "/asked/{question_id}")
async def answer(request: Request, key: ActingKey, question_id: QuestionId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes or no for one case."""
    decision, _ = decision_in(await holder_form(request, holder))
    await hub.citizens.others.agreeing.answer(holder, key, question_id, decision)
    return redirect(AGREEMENTS.format(key=key))


@router.post(AGREEMENTS + "/{grant_id}")
async def decide(request: Request, key: ActingKey, grant_id: GrantId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes, until when, or no."""
    decision, lasts = decision_in(await holder_form(request, holder))
    await hub.citizens.others.agreeing.decide(holder, key, grant_id, decision, lasts=lasts)
    return redirect(AGREEMENTS.format(key=key))
