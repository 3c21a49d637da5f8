"""Who may use my records 授权管理: his word where use rests on it, the article where it rests on the law."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.authorising.values import Decision
from hub.deps import HubDep, UuidText
from hub.registry.meanings import Words
from hub.storage.errors import MissingError
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import Form

router = APIRouter()
AUTHORISATIONS: Final = "/me/authorisations"
GrantId = Annotated[UuidText, Path()]
QuestionId = Annotated[UuidText, Path()]
_STATES: Final[dict[str, tuple[Words, str]]] = {
    "undecided": (("等您决定", "waits for your word"), "wait"),
    "given": (("已同意", "agreed"), "good"),
    "refused": (("不同意", "not agreed"), "off"),
    "withdrawn": (("已撤回", "withdrawn"), "off"),
    "asked": (("等您决定", "waits for your word"), "wait"),
    "silent": (("已过期限", "time is over"), "off"),
    "ended": (("办件已结束", "the case has ended"), "off"),
}


@router.get(AUTHORISATIONS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """All of them in one list."""
    found = await hub.citizens.authorisations.listed(holder)
    return render(
        request,
        "me/authorisations.html",
        holder,
        agreements=[item for item in found if item.agreement],
        lawful=[item for item in found if not item.agreement],
        asked=await hub.citizens.asked_of.listed(holder),
        states=_STATES,
    )


@router.post(AUTHORISATIONS + "/asked/{question_id}")
async def answer(request: Request, question_id: QuestionId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes or no for one case."""
    given = await holder_form(request, holder)
    await hub.citizens.asked_of.decide(holder, question_id, _decision(given))
    return redirect(AUTHORISATIONS)


@router.post(AUTHORISATIONS + "/{grant_id}")
async def decide(request: Request, grant_id: GrantId, hub: HubDep, holder: HolderDep) -> Response:
    """Yes or no; a button that there is not is a page from before."""
    given = await holder_form(request, holder)
    await hub.citizens.authorisations.decide(holder, grant_id, _decision(given))
    return redirect(AUTHORISATIONS)


def _decision(given: Form) -> Decision:
    try:
        return Decision(given.text("decision"))
    except ValueError:
        raise MissingError("decision") from None
