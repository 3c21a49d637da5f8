"""For whom one may act, at a terminal 自助终端代办: a company or a child; its licences, who looked, who may use data.

By the services of one's own pages: the ground is judged at every touch, and what is looked at is an entry about whom
one acts for. A licence of theirs is opened by `licence`; codes, collecting and showing want a screen of one's own.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.acting.values import Acting, Scope
from hub.citizens.authorising.hands import Hand
from hub.citizens.dossier.stages import STAGES, STAGES_OF_BODY
from hub.citizens.kiosk.standing import Visit
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.values import BODIES
from hub.deps import HubDep
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.agreement_words import ASKED, decision_in, terms
from hub.web.agreement_words import STATES as AGREED
from hub.web.citizen.acting_words import GROUNDS, whom
from hub.web.console.forms import FieldError, Form, id_in
from hub.web.console.library.words import STATUSES
from hub.web.console.view import view_of
from hub.web.kiosk.frame import START, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
ACTING: Final = START + "/acting"
_OVER: Final = FieldError(
    "",
    "您现在不能为对方办这件事：依据已经变了，或不在范围内",
    "You may not do this for them now: the ground has changed, or it is beyond what you may",
)
_GONE: Final = FieldError("", "这一项已经结束，请看清单", "This one is over: see the list")


@router.get(ACTING, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Everybody for whom he may act at this moment."""
    return await _listed(request, hub, visit)


@router.post(ACTING, response_class=HTMLResponse)
async def see(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """`what` is licences, looks or agreements of one of them. A key of nobody's is 404, and on the ledger."""
    given = await visit_form(request, visit)
    key, what = given.text("key")[:32], given.text("what")
    acting, holder = hub.citizens.others.acting, visit.holder
    await acting.begin(holder, key)
    try:
        match what:
            case "licences":
                whose = await acting.act(holder, key, Scope.LICENCES, "licences")
                order = STAGES_OF_BODY if whose.principal.identity.id_type in BODIES else STAGES
                shelf = await hub.dossier.cards.page(whose.id, order=order)
                values: dict[str, Any] = {"shelf": shelf, "statuses": STATUSES}
                return _render(request, visit, "kiosk/acting_licences.html", whose, **values)
            case "looks":
                whose = await acting.act(holder, key, Scope.ACCESSES, "accesses")
                found, _ = await hub.citizens.accesses.listed(whose)
                return _render(request, visit, "kiosk/acting_looks.html", whose, found=found)
            case "agreements":
                return await _agreements(request, hub, visit, key)
            case _:
                raise MissingError("acting")
    except (NoLongerActsError, ScopeError):
        return await _listed(request, hub, visit, _OVER)


@router.post(ACTING + "/agreement", response_class=HTMLResponse)
async def decide(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """What one of them says; sent with a word, that in the name of whom he acts for, while he stands there."""
    given = await visit_form(request, visit)
    key = given.text("key")[:32]
    try:
        if not given.checked("decision"):
            return await _agreement(request, hub, visit, key, given)
        await _decide(hub, visit, key, given)
        return await _agreements(request, hub, visit, key)
    except MissingError:
        return await _agreements(request, hub, visit, key, _GONE)
    except (NoLongerActsError, ScopeError):
        return await _listed(request, hub, visit, _OVER)


async def _decide(hub: Hub, visit: Visit, key: str, given: Form) -> None:
    decision, lasts = decision_in(given)
    agreeing, place = hub.citizens.others.agreeing, _place(visit)
    if given.checked("question"):
        await agreeing.answer(visit.holder, key, id_in(given, "question"), decision, place=place)
    else:
        grant = id_in(given, "grant")
        await agreeing.decide(visit.holder, key, grant, decision, lasts=lasts, place=place)


def _place(visit: Visit) -> Hand:
    """Where it is said: written down only while he stands there; whose card it was is told, since one can be lost."""
    return Hand({"kiosk": visit.kiosk.id}, must_hold=visit.must_stand, tells=NoticeKind.DECIDED_AT_COUNTER)


async def _agreements(
    request: Request, hub: Hub, visit: Visit, key: str, error: FieldError | None = None
) -> HTMLResponse:
    whose, found, asked = await hub.citizens.others.agreeing.listed(visit.holder, key)
    return _render(
        request,
        visit,
        "kiosk/acting_agreements.html",
        whose,
        status=422 if error else 200,
        errors=[error] if error else [],
        agreements=[item for item in found if item.agreement],
        lawful=[item for item in found if not item.agreement],
        asked=[item for item in asked if item.runs],
        states=AGREED,
        asked_states=ASKED,
    )


async def _agreement(request: Request, hub: Hub, visit: Visit, key: str, given: Form) -> HTMLResponse:
    whose, found, asked = await hub.citizens.others.agreeing.listed(visit.holder, key)
    question, grant = given.text("question")[:36], given.text("grant")[:36]
    named: dict[str, Any] = {f"question {item.id}": item for item in asked}
    named |= {f"grant {item.grant_id}": item for item in found if item.agreement}
    name_of = ("question", question) if question else ("grant", grant)
    item = named.get(" ".join(name_of))
    if item is None:
        raise MissingError("question")
    return _render(
        request,
        visit,
        "kiosk/acting_agreement.html",
        whose,
        item=item,
        name_of=name_of,
        states=AGREED,
        asked_states=ASKED,
        terms=terms(view_of(request).t),
    )


async def _listed(request: Request, hub: Hub, visit: Visit, error: FieldError | None = None) -> HTMLResponse:
    found = [item.principal for item in await hub.citizens.others.acting.listed(visit.holder)]
    return render(
        request,
        "kiosk/acting.html",
        visit.kiosk,
        visit=visit,
        status=422 if error else 200,
        errors=[error] if error else [],
        found=found,
        grounds=GROUNDS,
        whom=whom,
    )


def _render(request: Request, visit: Visit, template: str, whose: Acting, **values: Any) -> HTMLResponse:
    principal = whose.principal
    who = principal.identity
    called = whom(who.id_type, who.id_number, who.name)
    return render(
        request, template, visit.kiosk, visit=visit, principal=principal, called=called,
        ground=GROUNDS[principal.ground], **values,
    )  # fmt: skip
