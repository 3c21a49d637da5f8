"""Somebody at the counter says that his data are wrong 窗口异议登记: written down in the visit, by the clerk."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.citizens.objections.attested import KINDS
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.values import Kind, Said
from hub.deps import HubDep
from hub.intake.counter.lines import whose
from hub.intake.counter.values import CounterCase
from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.intake.store import parties_of
from hub.runtime import Hub
from hub.web.console.counter import words
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.objection_words import KINDS as SAID
from hub.web.objection_words import fault, missing_choices

router = APIRouter()
OBJECT: Final = CASE + "/object"
_FORM_BYTES: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {rf"{COUNTER}/YZ[0-9A-Z]{{20}}/object": _FORM_BYTES}
_NOT_SEEN: Final = FieldError(
    "attested", "请当面核对证件、念给本人听后勾选", "See the card, read it out to the person, and tick this"
)
_RUNS: Final = FieldError("", "同一问题的异议正在处理", "An objection about the same is under way")


@router.get(OBJECT, response_class=HTMLResponse)
async def begin(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Whose, what is wrong, and the scan."""
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    return await _page(request, hub, actor, found, Form({}))


@router.post(OBJECT, response_class=HTMLResponse)
async def write_down(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Into the queue of the department whose data they are."""
    given = await upload(request, max_bytes=_FORM_BYTES)
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    if not given.checked("attested"):
        return await _page(request, hub, actor, found, given, [_NOT_SEEN])
    kind, file = given.text("kind"), given.files.get("file")
    if kind not in {one.value for one in KINDS}:
        return await _page(request, hub, actor, found, given, [FieldError("kind", *fault("/kind", "kind"))])
    said = Said(
        kind=Kind(kind),
        text=given.text("text"),
        type_code=given.text("type")[:64],
        department=given.text("department")[:18],
        scan=file.content if file else None,
    )
    try:
        await hub.citizens.attesting.raise_(actor, found.case, given.text("party")[:40], said)
    except ObjectionError as error:
        name = error.pointer.removeprefix("/")
        return await _page(request, hub, actor, found, given, [FieldError(name, *fault(error.pointer, error.rule))])
    except PaperRefusedError as error:
        wrong = FieldError("file", *words.PAPERS.get(error.rule, words.NO_PAPER))
        return await _page(request, hub, actor, found, given, [wrong])
    except ObjectionRunsError:
        return await _page(request, hub, actor, found, given, [_RUNS])
    done = ("异议已登记，来源部门限期答复", "It is written down; the department answers in time")
    return redirect(f"{COUNTER}/{case_no}", done)


async def _page(
    request: Request, hub: Hub, actor: Actor, found: CounterCase, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    view = view_of(request)
    parties = await hub.database.read(lambda tx: parties_of(tx, found.case.id))
    types, departments = await missing_choices(hub, view.t)
    return render(
        request,
        "console/counter/object.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        found=found,
        parties=[(key, whose(key, view.language)) for key, item in parties.items() if item.lookup_hash is not None],
        kinds=[(kind.value, view.t(*SAID[kind.value])) for kind in KINDS],
        types=types,
        departments=departments,
        here=f"{COUNTER}/{found.case.case_no}",
    )
