"""A case at the counter: its questions, its lines as they turn, what is still to be brought, on screen and on paper."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.deps import HubDep
from hub.intake.asks.reasons import REASONS
from hub.intake.counter.values import CounterCase
from hub.web.console.counter import words
from hub.web.console.counter.questions import asked, refusals, said_in
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import View, view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
CASE: Final = COUNTER + "/{case_no}"
CaseNoPath = Annotated[str, Path(pattern=r"^YZ[0-9A-Z]{20}$")]


@router.get(CASE, response_class=HTMLResponse)
async def case(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Questions first; then the lines, which come anew by themselves while something is on its way."""
    return _page(request, actor, await hub.counter.look(actor, case_no, view_of(request).language))


@router.get(CASE + "/lines", response_class=HTMLResponse)
async def fragment(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The part of the page that changes, for its script."""
    return fragment_of(request, actor, await hub.counter.look(actor, case_no, view_of(request).language))


def fragment_of(request: Request, actor: Actor, found: CounterCase) -> HTMLResponse:
    """The lines, and what can be done with them; says by a header when they will not change any more."""
    page = render(request, "console/counter/_lines.html", actor, **_values(found, view_of(request)))
    if not found.asking:
        page.headers["X-Done"] = "1"
    return page


@router.get(CASE + "/sheet", response_class=HTMLResponse)
async def sheet(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What the person still brings, on one page of paper in large print."""
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    printed = hub.clock()
    return render(request, "console/counter/sheet.html", actor, printed=printed, **_values(found, view_of(request)))


@router.post(CASE + "/ask", response_class=HTMLResponse)
async def ask(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Ask again for what is not cleared."""
    await form(request)
    await hub.counter.ask(actor, case_no, view_of(request).language)
    return redirect(f"{COUNTER}/{case_no}")


@router.post(CASE + "/facts", response_class=HTMLResponse)
async def facts(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person's answers; then everything is asked that they make applicable. A question without one stays open."""
    given = await form(request)
    language = view_of(request).language
    found = await hub.counter.look(actor, case_no, language)
    said, errors = said_in(given, found.questions, found.situations)
    if said and not errors:
        errors = await refusals(hub.counter.answer(actor, case_no, said))
    if errors:
        return _page(request, actor, found, errors)
    await hub.counter.ask(actor, case_no, language)
    return redirect(f"{COUNTER}/{case_no}")


def _values(found: CounterCase, view: View) -> dict[str, Any]:
    situations = [(item["code"], item["title"]) for item in found.situations]
    return {
        "found": found,
        "questions": asked(found.questions, view),
        "situations": situations,
        "reasons": [(key.value, *said) for key, said in REASONS.items()],
        "outcomes": words.OUTCOMES,
        "rungs": words.RUNGS,
        "states": words.STATES,
        "meanings": words.MEANINGS,
        "begin": COUNTER,
        "here": f"{COUNTER}/{found.case.case_no}",
    }


def _page(request: Request, actor: Actor, found: CounterCase, errors: list[FieldError] | None = None) -> HTMLResponse:
    return render(
        request, "console/counter/case.html", actor, status=422 if errors else 200, errors=errors or (),
        **_values(found, view_of(request)),
    )  # fmt: skip
