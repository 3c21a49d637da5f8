"""My calls and errors: the last seven days out of the ledger, without a person; the same rows as CSV."""

import csv
import io
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.clock import rfc3339
from hub.deps import HubDep
from hub.web.console.consumer import words
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/consumer/calls"
_System = Annotated[str, Query(max_length=64)]
_Only = Annotated[str, Query(pattern=r"^(errors)?$")]
_COLUMNS: Final = (
    "time",
    "system",
    "data",
    "case_no",
    "outcome",
    "reason",
    "problem",
    "milliseconds",
    "sandbox",
    "ledger_entry",
)


@router.get(LIST, response_class=HTMLResponse)
async def calls(
    request: Request, hub: HubDep, actor: ConsoleDep, system: _System = "", only: _Only = ""
) -> HTMLResponse:
    """The table."""
    found = await hub.calls.recent(actor, system=system, errors=only == "errors")
    chosen = {name: value for name, value in (("system", system), ("only", only)) if value}
    return render(
        request,
        "console/consumer/calls.html",
        actor,
        calls=found,
        systems=await hub.systems.list(actor),
        system=system,
        only=only,
        csv=f"{LIST}.csv" + (f"?{urlencode(chosen)}" if chosen else ""),
        **words.SHARED,
    )


@router.get(LIST + ".csv")
async def as_csv(hub: HubDep, actor: ConsoleDep, system: _System = "", only: _Only = "") -> Response:
    """Exactly the rows of the table; cells that a spreadsheet would compute are made text."""
    found = await hub.calls.recent(actor, system=system, errors=only == "errors")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for call in found:
        took = "" if call.milliseconds is None else str(call.milliseconds)
        row = (
            rfc3339(call.at), call.system, call.resource, call.case_no, call.outcome, call.why, call.problem, took,
            "yes" if call.sandbox else "no", call.entry,
        )  # fmt: skip
        writer.writerow(_safe(cell) for cell in row)
    return Response(
        "\ufeff" + text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="calls.csv"'},
    )


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
