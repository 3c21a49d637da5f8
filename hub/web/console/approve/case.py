"""One case for whoever decides it: where it stands; and on demand its evidence, each look of which is on the ledger."""

import re
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.intake.counter.lines import whose
from hub.intake.families.kin import kinship
from hub.intake.handling.file import CaseFile
from hub.intake.handling.steps import by_staff
from hub.issuing.shelf import STAFF
from hub.runtime import Hub
from hub.web.console.approve import words
from hub.web.console.approve.evidence import answered, marked
from hub.web.console.approve.queue import QUEUE
from hub.web.console.counter.case import CaseNoPath
from hub.web.console.counter.words import OUTCOMES, RUNGS
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import render
from hub.web.console.library.listing import LIST
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.verdict_words import RESULTS, explained

router = APIRouter()
CASE: Final = QUEUE + "/{case_no}"
CHANGED: Final = FieldError(
    "", "办件已有变化，请返回重新查看证据", "The case was changed meanwhile: go back and read it again"
)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_FIELDS: Final = ("outcome", "reason", "results", "without", "change_no")
SHOWN_SECONDS: Final = 900
"""How long what was read stays on the screen of a machine that is left alone."""


@router.get(CASE, response_class=HTMLResponse)
async def case(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Stage, clocks, steps; nothing of an answer."""
    return await page(request, hub, actor, case_no)


@router.post(CASE + "/read", response_class=HTMLResponse)
async def read(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Parties and evidence with their values, judged anew. One entry for each person whom it is about."""
    await form(request)
    return await page(request, hub, actor, case_no, file=await hub.handling.files.open(by_staff(actor), case_no))


def as_read(given: Form) -> int | None:
    """The number of the case's last change on the page that was sent: nobody decides what he has not read."""
    said = given.text("change_no")
    return int(said) if _NUMBER.fullmatch(said) else None


async def page(
    request: Request,
    hub: Hub,
    actor: Actor,
    case_no: str,
    *,
    file: CaseFile | None = None,
    given: Form | None = None,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    """The page, with the evidence where it was asked for. Raises: CaseNotFoundError, ForbiddenError."""
    language = view_of(request).language
    progress = await hub.handling.files.progress(by_staff(actor), case_no)
    gives = await hub.handling.giving.gives(actor, case_no)
    shown: dict[str, Any] = {"file": None, "answers": ()}
    departments, family = await hub.database.read(
        lambda tx: (
            {item.code: (item.name_zh, item.name_en) for item in list_departments(tx)},
            kinship(tx, hub.families.reader, gives.case),
        )
    )
    if file is not None:
        answers = await answered(file.answers, types=hub.types, desk=hub.presentation, audience=file.case.client_id)
        answers = await marked(answers, hub.citizens.desk, file.case.id)
        shown = {"file": file, "answers": answers}
    values = {
        name: given.text(name) if given else "" for name in ("outcome", "reason", "results", "without", "change_no")
    }
    values["change_no"] = values["change_no"] or str((file or gives).case.change_no)
    return render(
        request, "console/approve/case.html", actor, status=422 if errors else 200, errors=errors or (),
        case_no=case_no, progress=progress, departments=departments, whose=lambda key: whose(key, language),
        given=values, outcomes=OUTCOMES, rungs=RUNGS, verdicts=RESULTS, explained=explained, begin=QUEUE,
        here=f"{QUEUE}/{case_no}", seconds=SHOWN_SECONDS, gives=gives, family=family,
        in_library=bool(actor.roles & set(STAFF)), library=LIST, **words.SHARED, **shown,
    )  # fmt: skip
