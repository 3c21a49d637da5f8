"""Who may use my records, at a terminal 自助终端授权管理: the list, and one's yes or no to each, by one's own card.

Which of them somebody looks at is in no address.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.authorising.hands import Hand
from hub.citizens.kiosk.standing import Visit
from hub.citizens.notices.kinds import NoticeKind
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.agreement_words import ASKED, STATES, decision_in, terms
from hub.web.console.forms import Form, id_in
from hub.web.console.view import view_of
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
AGREEMENTS: Final = START + "/agreements"
_AT_KIOSK: Final = "_at_kiosk"
"""Of the kinds of entries: a card alone said so, and the person may ask about it."""


@router.get(AGREEMENTS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Those that wait for a word first, to read and to print."""
    found = await hub.citizens.authorisations.listed(visit.holder)
    asked = await hub.citizens.asked_of.listed(visit.holder)
    return render(
        request,
        "kiosk/agreements.html",
        visit.kiosk,
        visit=visit,
        agreements=[item for item in found if item.agreement],
        lawful=[item for item in found if not item.agreement],
        asked=[item for item in asked if item.runs],
        printed=hub.clock(),
        **_words(request),
    )


@router.post(START + "/agreement", response_class=HTMLResponse)
async def one(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """What one of them says; sent with a word, that. One that is not his is 404."""
    given = await visit_form(request, visit)
    if given.checked("decision"):
        await _decide(hub, visit, given)
        return redirect(AGREEMENTS)
    question = id_in(given, "question") if given.checked("question") else ""
    grant = "" if question else id_in(given, "grant")
    item = await (
        hub.citizens.asked_of.one(visit.holder, question)
        if question
        else hub.citizens.authorisations.one(visit.holder, grant)
    )
    return render(
        request,
        "kiosk/agreement.html",
        visit.kiosk,
        visit=visit,
        item=item,
        name_of=("question", question) if question else ("grant", grant),
        **_words(request),
    )


async def _decide(hub: Hub, visit: Visit, given: Form) -> None:
    decision, lasts = decision_in(given)
    hand = _hand(visit)
    if given.checked("question"):
        await hub.citizens.asked_of.decide(visit.holder, id_in(given, "question"), decision, hand=hand)
    else:
        grant = id_in(given, "grant")
        await hub.citizens.authorisations.decide(visit.holder, grant, decision, lasts=lasts, hand=hand)


def _hand(visit: Visit) -> Hand:
    """Written down only while he stands there; he is told of it elsewhere, too, since a card can be lost."""
    said = {"by": visit.kiosk.as_json(), "department_id": visit.kiosk.department_id, "session": visit.id}
    return Hand(
        said,
        for_a_case=_AT_KIOSK,
        standing=_AT_KIOSK,
        must_hold=visit.must_stand,
        tells=NoticeKind.DECIDED_AT_COUNTER,
    )


def _words(request: Request) -> Mapping[str, Any]:
    return {"states": STATES, "asked_states": ASKED, "terms": terms(view_of(request).t)}
