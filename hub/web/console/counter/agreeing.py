"""The person agrees, or does not, and has no phone 登记本人决定: read out, with the card in hand, and printed."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.citizens.authorising.values import Decision
from hub.deps import HubDep, UuidText
from hub.intake.counter.values import CounterCase
from hub.intake.errors import PartyError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.counter.card_field import card_in, refused, shown, typed
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
AGREE: Final = CASE + "/agree"
QuestionId = Annotated[UuidText, Path()]
_NOT_HIS: Final = FieldError(
    "id",
    "这张证件不是被征询的当事人的，或该问题已答复",
    "The card is not that of the person who is asked, or he has answered",
)
_NO_WORD: Final = FieldError("", "请按“同意”“不同意”或“撤回”", "Choose whether he agrees")


@router.get(AGREE, response_class=HTMLResponse)
async def begin(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What is read out."""
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    return await _page(request, hub, actor, found, Form({}))


@router.post(AGREE + "/{question_id}", response_class=HTMLResponse)
async def decide(
    request: Request, case_no: CaseNoPath, question_id: QuestionId, hub: HubDep, actor: ConsoleDep
) -> Response:
    """His word, and the paper that says so; after a yes the case goes on by itself."""
    given = await form(request)
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    card, errors = card_in(given)
    if given.text("decision") not in set(Decision):
        errors.append(_NO_WORD)
    if errors or card is None:
        return await _page(request, hub, actor, found, given, errors)
    try:
        how = await shown(hub, await hub.counter.caller(actor), card, "agreement")
        decision = Decision(given.text("decision"))
        said = await hub.citizens.attested_decisions.decide(
            actor, found.case, question_id, decision, card.identity, seen=how.how, reference=how.reference
        )
    except PartyError as error:
        return await _page(request, hub, actor, found, given, [refused(error)])
    except MissingError:
        return await _page(request, hub, actor, found, given, [_NOT_HIS])
    here, printed = f"{COUNTER}/{case_no}", hub.clock()
    return render(request, "console/counter/agreed.html", actor, item=said, here=here, printed=printed)


async def _page(
    request: Request, hub: Hub, actor: Actor, found: CounterCase, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    return render(
        request,
        "console/counter/agree.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        card=typed(given),
        asked=await hub.citizens.attested_decisions.listed(actor, found.case),
        here=f"{COUNTER}/{found.case.case_no}",
    )
