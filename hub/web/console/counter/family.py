"""A life event at the counter: its questions once, one list of proofs for all its matters, where each case stands."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.deps import HubDep
from hub.intake.counter.family_values import CounterFamily
from hub.web.console.approve.words import DECISIONS, STAGES
from hub.web.console.counter import words
from hub.web.console.counter.family_taking import FAMILY
from hub.web.console.counter.one_form import answered, form_page
from hub.web.console.counter.questions import asked, refusals, said_in
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import View, view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
ONE: Final = FAMILY + "/{family_no}"
FamilyNoPath = Annotated[str, Path(pattern=r"^YZF[0-9A-Z]{20}$")]


@router.get(ONE, response_class=HTMLResponse)
async def family(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Questions first; then the list, which comes anew by itself while something is on its way."""
    return _page(request, actor, await hub.family_counter.look(actor, family_no, view_of(request).language))


@router.get(ONE + "/lines", response_class=HTMLResponse)
async def fragment(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The part of the page that changes, for its script."""
    found = await hub.family_counter.look(actor, family_no, view_of(request).language)
    page = render(request, "console/counter/_family_lines.html", actor, **values(found, view_of(request)))
    if not found.asking:
        page.headers["X-Done"] = "1"
    return page


@router.post(ONE + "/ask")
async def ask(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Ask again for what is not cleared, in every case."""
    await form(request)
    await hub.family_counter.ask(actor, family_no, view_of(request).language)
    return redirect(f"{FAMILY}/{family_no}")


@router.post(ONE + "/facts", response_class=HTMLResponse)
async def facts(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person's answers, once for all cases; cases that they make applicable are opened, and everything is asked."""
    given = await form(request)
    language = view_of(request).language
    found = await hub.family_counter.look(actor, family_no, language)
    said, errors = said_in(given, found.questions)
    if said and not errors:
        errors = await refusals(hub.family_counter.answer(actor, family_no, said))
    if errors:
        return _page(request, actor, found, errors)
    await hub.family_counter.ask(actor, family_no, language)
    return redirect(f"{FAMILY}/{family_no}")


@router.get(ONE + "/form", response_class=HTMLResponse)
async def one_form(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The one form of all matters: what is still to be asked, once."""
    sheet = await hub.families.sheet(await hub.counter.caller(actor), family_no)
    told = await hub.forms.shown(sheet, view_of(request).language)
    return form_page(request, actor, told, f"{FAMILY}/{family_no}", family_no)


@router.post(ONE + "/form", response_class=HTMLResponse)
async def answer(request: Request, family_no: FamilyNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """What the person says; what he said elsewhere of what records say stays."""
    given = await form(request)
    sheet = await hub.families.sheet(await hub.counter.caller(actor), family_no)
    return await answered(request, hub, actor, sheet, given, f"{FAMILY}/{family_no}", family_no)


def values(found: CounterFamily, view: View) -> dict[str, Any]:
    """What its pages show."""
    return {
        "found": found,
        "questions": asked(found.questions, view),
        "situations": (),
        "outcomes": words.OUTCOMES,
        "rungs": words.RUNGS,
        "stages": STAGES | {"closing": words.STATES["closing"]},
        "decisions": DECISIONS,
        "begin": COUNTER,
        "here": f"{FAMILY}/{found.family.family_no}",
    }


def _page(request: Request, actor: Actor, found: CounterFamily, errors: list[FieldError] | None = None) -> HTMLResponse:
    return render(
        request, "console/counter/family.html", actor, status=422 if errors else 200, errors=errors or (),
        **values(found, view_of(request)),
    )  # fmt: skip
