"""The form 一表 at the counter: what records fill is filled without being shown; the person is asked the rest, once.

Values of records are for the person and for whoever decides. The person sees and signs the whole elsewhere, on a screen
of his own; what stands here is what he has just said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.forms.filling import State
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.intake.counter.lines import whose
from hub.intake.errors import FormAnswerError
from hub.intake.forms.service import Sheet
from hub.runtime import Hub
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.questions import WRONG, choices_of, value_of
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
FORM: Final = CASE + "/form"
_OWN_WORD: Final = frozenset({State.ASKED, State.ANSWERED})
_KEPT: Final = frozenset({State.CHANGED, State.CHOSEN})
_SAVED: Final = ("已保存。请当事人核对全表后签署", "Saved. The person checks it and signs")


@router.get(FORM, response_class=HTMLResponse)
async def one_form(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The fields, those first that are still to be asked."""
    caller = await hub.counter.caller(actor)
    sheet = await hub.forms.of_case(caller, case_no)
    told = await hub.forms.shown(sheet, view_of(request).language)
    return form_page(request, actor, told, f"{COUNTER}/{case_no}", case_no)


@router.post(FORM, response_class=HTMLResponse)
async def answer(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """What the person says; what he said elsewhere of what records say stays."""
    given = await form(request)
    sheet = await hub.forms.of_case(await hub.counter.caller(actor), case_no)
    return await answered(request, hub, actor, sheet, given, f"{COUNTER}/{case_no}", case_no)


async def answered(
    request: Request, hub: Hub, actor: Actor, sheet: Sheet, given: Form, here: str, number: str
) -> Response:
    """Save what was said in a form of a case or of a family, whose page is `here`."""
    caller = await hub.counter.caller(actor)
    told = await hub.forms.shown(sheet, view_of(request).language)
    answers: dict[str, Any] = {item["key"]: item["value"] for item in told["fields"] if item["state"] in _KEPT}
    errors = []
    for item in told["fields"]:
        if item["state"] in _OWN_WORD:
            try:
                value = value_of(item, given, item["key"])
            except ValueError:
                errors.append(FieldError(item["key"], *WRONG))
                continue
            if value is not None:
                answers[item["key"]] = value
    if not errors:
        try:
            await hub.forms.answer(caller, sheet, answers, told["change_no"])
        except FormAnswerError as error:
            errors = [FieldError(error.pointer.rpartition("/")[2], *WRONG)]
    if errors:
        return form_page(request, actor, told, here, number, errors)
    return redirect(f"{here}/form", _SAVED)


def form_page(
    request: Request,
    actor: Actor,
    told: Mapping[str, Any],
    here: str,
    number: str,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    """What is to be asked, with what was said; what records fill by its title alone."""
    view = view_of(request)
    named = [item | {"whose": whose(item["party"], view.language) if item["party"] else ""} for item in told["fields"]]
    own = [
        item | {"name": item["key"], "choices": choices_of(item, view)} for item in named if item["state"] in _OWN_WORD
    ]
    return render(
        request, "console/counter/form.html", actor, status=422 if errors else 200, errors=errors, case_no=number,
        own=own, filled=[item for item in named if item["state"] in {State.FILLED, *_KEPT}],
        differing=[item for item in named if item["state"] == State.CONFLICT], signed=told["signatures"],
        here=here,
    )  # fmt: skip
