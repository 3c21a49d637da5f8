"""What was asked of people all the same 仍要求提供, beside the papers saved: for whoever supervises a department."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from catalog.store import find_department
from catalog.waterfall import TITLES, Step
from hub.access.actors import Role
from hub.clock import BEIJING
from hub.deps import HubDep
from hub.intake.asks.papers import MOST
from hub.intake.asks.reasons import REASONS, RULES
from hub.intake.asks.service import supervised
from hub.web.console.counter.words import OUTCOMES
from hub.web.console.frame import render
from hub.web.console.supervision.names import names_for
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
ASKS: Final = "/console/asks"
PERIODS: Final = (7, 30, 90, 365)
STEPS: Final = tuple(step for step in Step if step is not Step.ABOLISHED)
"""What an answer can tell: which papers were abolished is no answer's to say."""


@router.get(ASKS, response_class=HTMLResponse)
async def asks(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    days: Annotated[int, Query(ge=1, le=3660)] = 30,
    department: Annotated[str, Query(max_length=18)] = "",
) -> HTMLResponse:
    """Who asked for what, against which rule and why; and where the papers of the same days went."""
    supervised(actor)
    known = await hub.database.read(lambda tx: find_department(tx, department))
    wanted = known.id if known else None
    language = "en" if view_of(request).language == "en" else "zh-CN"
    report = await hub.asks.report(actor, days=days, language=language, department_id=wanted)
    fates = await hub.paper_counts.fates(actor, days=days, department_id=wanted)
    told = [*fates.matters, *(item["matter_code"] for item in report["counts"])]
    names = await names_for(hub, actor, [*told, *(item["matter"] for item in report["newest"])])
    since = (hub.clock() - timedelta(days=days)).astimezone(BEIJING).date()
    return render(
        request, "console/supervision/asks.html", actor, report=report, fates=fates, names=names, days=days,
        department=department if known else "", since=since, periods=PERIODS, titles=TITLES, steps=STEPS, most=MOST,
        reasons={key.value: words[1:] for key, words in REASONS.items()},
        rules={key.value: words for key, words in RULES.items()}, outcomes=OUTCOMES, asked=Step.ASKED,
        whole=bool(actor.roles & {Role.OPERATOR, Role.AUDITOR}), path_of=ASKS,
    )  # fmt: skip
