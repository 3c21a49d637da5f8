"""Who used what and why: counts by day and the newest entries, from the ledger, without persons; as CSV too."""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Role
from hub.clock import BEIJING
from hub.deps import HubDep
from hub.registry.usage import MAX_DAYS, MAX_SHOWN, Usage
from hub.runtime import Hub
from hub.web.console.forms import FieldError
from hub.web.console.frame import render
from hub.web.console.owner import words
from hub.web.console.visit import ConsoleDep
from hub.web.templating import beijing

router = APIRouter()
PATH: Final = "/console/owner/usage"
_USUAL: Final = timedelta(days=6)
Day = Annotated[str, Query(max_length=10)]
Code = Annotated[str, Query(max_length=64)]


@router.get(PATH, response_class=HTMLResponse)
async def usage(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    first: Day = "",
    last: Day = "",
    resource: Code = "",
    system: Code = "",
) -> HTMLResponse:
    """The last seven days, or those in the address."""
    actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
    days, errors = _days(hub, first, last)
    found = Usage({}, (), cut=False, mute=0)
    if not errors:
        found = await hub.usage.between(actor, *days, resource=resource, system=system)
    return render(
        request, "console/owner/usage.html", actor, status=422 if errors else 200, errors=errors, found=found,
        first=first or days[0], last=last or days[1], resource=resource, system=system, outcomes=words.OUTCOMES,
        most=MAX_SHOWN, path_of=PATH,
    )  # fmt: skip


@router.get(PATH + "/{what}.csv")
async def as_csv(
    what: str,
    hub: HubDep,
    actor: ConsoleDep,
    first: Day = "",
    last: Day = "",
    resource: Code = "",
    system: Code = "",
) -> Response:
    """The same rows as the page shows: `counts`, or `entries`."""
    days, errors = _days(hub, first, last)
    found = Usage({}, (), cut=False, mute=0)
    if not errors:
        found = await hub.usage.between(actor, *days, resource=resource, system=system)
    text = _entries(found) if what == "entries" else _counts(found)
    name = f'attachment; filename="usage-{"entries" if what == "entries" else "counts"}.csv"'
    # With the mark, spreadsheets read it as UTF-8.
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


def _days(hub: Hub, first: str, last: str) -> tuple[tuple[date, date], list[FieldError]]:
    today = hub.clock().astimezone(BEIJING).date()
    try:
        end = date.fromisoformat(last) if last else today
        begin = date.fromisoformat(first) if first else end - _USUAL
    except ValueError:
        wrong = FieldError("first", "日期写作 2026-11-22", "A day is written 2026-11-22")
        return (today - _USUAL, today), [wrong]
    if not timedelta(0) <= end - begin < timedelta(days=MAX_DAYS):
        wrong = FieldError("first", f"起止须为 1 至 {MAX_DAYS} 天", f"From 1 to {MAX_DAYS} days")
        return (begin, end), [wrong]
    return (begin, end), []


def _counts(found: Usage) -> str:
    rows = [(*key, count) for key, count in found.counts.items()]
    return _table(["day", "resource", "system", "matter", "outcome", "count"], rows)


def _entries(found: Usage) -> str:
    head = ["at_beijing", "resource", "system", "matter", "case_no", "purpose", "outcome", "why", "fields", "entry"]
    rows = [
        (beijing(use.at), use.resource, use.system, use.matter, use.case_no, use.purpose, use.outcome, use.why,
         " ".join(use.fields), use.entry)
        for use in found.uses
    ]  # fmt: skip
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[tuple[object, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_safe(str(cell)) for cell in row] for row in rows)
    return out.getvalue()


def _safe(cell: str) -> str:
    # A purpose that begins like a formula would be run by a spreadsheet.
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
