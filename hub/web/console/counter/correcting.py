"""A name or a number that is wrong in some record 当场更正姓名或号码: begun in the visit, with the card in hand.

The clerk reads the card and says whose record it is; he hears with whom it was filed and until when, and no more: not
whether there is a record, nor what it says. In the visit of a case, or of none.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import LockedOutError
from hub.citizens.objections.correcting import NUMBER_MOST, Correcting, Correction, Filed, Wrong
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.values import Identity
from hub.deps import HubDep
from hub.intake.counter.values import ATTESTED
from hub.intake.errors import PartyError
from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.runtime import Hub
from hub.web.console.counter import words
from hub.web.console.counter.card_field import card_in, refused, seen, typed
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, upload
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.objection_words import fault, missing_choices

router = APIRouter()
CORRECT: Final = "/correct"
_FORM_BYTES: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {rf"{COUNTER}(/YZ[0-9A-Z]{{20}})?{CORRECT}": _FORM_BYTES}
_ASKED: Final = (
    (Wrong.NAME.value, "姓名不对", "The name is wrong"),
    (Wrong.NUMBER.value, "证件号码不对", "The ID number is wrong"),
)
_RUNS: Final = FieldError("", "同一问题正在处理，请等答复", "The same is under way: wait for the answer")
_LOCKED: Final = FieldError("", "登记过于频繁，请过几分钟再试", "Too many at once: wait some minutes")


@router.get(COUNTER + CORRECT, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Without a case."""
    await hub.counter.caller(actor)
    return await _page(request, hub, actor, "", Form({}))


@router.post(COUNTER + CORRECT, response_class=HTMLResponse)
async def file(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Without a case."""
    return await _file(request, hub, actor, "")


@router.get(CASE + CORRECT, response_class=HTMLResponse)
async def begin_in_case(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """In the visit of a case of this counter."""
    await hub.counter.look(actor, case_no, view_of(request).language)
    return await _page(request, hub, actor, case_no, Form({}))


@router.post(CASE + CORRECT, response_class=HTMLResponse)
async def file_in_case(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """In the visit of a case of this counter."""
    await hub.counter.look(actor, case_no, view_of(request).language)
    return await _file(request, hub, actor, case_no)


async def _file(request: Request, hub: Hub, actor: Actor, case_no: str) -> Response:
    given = await upload(request, max_bytes=_FORM_BYTES)
    caller = await hub.counter.caller(actor)
    card, errors = card_in(given)
    if given.text("wrong") not in set(Wrong):
        errors.append(FieldError("wrong", *fault("/kind", "kind")))
    if errors or card is None:
        return await _page(request, hub, actor, case_no, given, errors)
    scan = given.files.get("file")
    correction = Correction(
        wrong=Wrong(given.text("wrong")),
        type_code=given.text("type")[:64],
        department=given.text("department")[:18],
        seen=ATTESTED,
        number=given.text("number")[:NUMBER_MOST],
        text=given.text("text"),
        case_no=case_no,
        scan=scan.content if scan else None,
    )
    try:
        correction = replace(correction, seen=await seen(hub, caller, card, "correction"))
        filed = await _filed(hub.citizens.correcting, actor, card.identity, correction)
    except PartyError as error:
        return await _page(request, hub, actor, case_no, given, [refused(error)])
    if isinstance(filed, FieldError):
        return await _page(request, hub, actor, case_no, given, [filed])
    here = f"{COUNTER}/{case_no}" if case_no else COUNTER
    printed = hub.clock()
    return render(request, "console/counter/corrected.html", actor, filed=filed, here=here, printed=printed)


async def _filed(correcting: Correcting, actor: Actor, card: Identity, correction: Correction) -> Filed | FieldError:
    try:
        return await correcting.file(actor, card, correction)
    except ObjectionError as error:
        return FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
    except PaperRefusedError as error:
        return FieldError("file", *words.PAPERS.get(error.rule, words.NO_PAPER))
    except ObjectionRunsError:
        return _RUNS
    except LockedOutError:
        return _LOCKED


async def _page(
    request: Request, hub: Hub, actor: Actor, case_no: str, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    view = view_of(request)
    types, departments = await missing_choices(hub, view.t)
    here = f"{COUNTER}/{case_no}" if case_no else COUNTER
    return render(
        request,
        "console/counter/correct.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        card=typed(given),
        asked=[(key, view.t(zh, en)) for key, zh, en in _ASKED],
        types=types,
        departments=departments,
        here=here,
        action=here + CORRECT,
    )
