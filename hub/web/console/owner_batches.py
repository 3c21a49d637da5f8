"""Batches that systems of my department send: how far they are, why rows were rejected, the rows to take away."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from hub.access.actors import Actor, Role
from hub.collection.batch_store import BatchState
from hub.collection.batches import BatchView
from hub.collection.reasons import TEXTS
from hub.collection.report import CSV_COLUMNS, csv_cells
from hub.deps import HubDep, UuidText
from hub.runtime import Hub
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/batches"
ENDED: Final = frozenset({BatchState.FINISHED, BatchState.FAILED, BatchState.EXPIRED})
STATES: Final = {
    "open": ("接收中", "taking parts", "info"),
    "queued": ("排队中", "queued", "info"),
    "running": ("归集中", "running", "wait"),
    "finished": ("已完成", "finished", "good"),
    "failed": ("未能归集", "failed", "bad"),
    "expired": ("已过期", "expired", "off"),
}
COUNTS: Final = (
    ("issued", "新发", "issued"),
    ("updated", "更新", "updated"),
    ("unchanged", "不变", "unchanged"),
    ("rejected", "退回", "rejected"),
    ("normalised", "规范化", "repaired"),
)


@router.get(LIST, response_class=HTMLResponse)
async def batches(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The newest hundred."""
    found = await hub.batch_desk.newest(actor)
    return render(request, "console/owner/batches.html", actor, found=found, states=STATES)


@router.get(LIST + "/{batch}/progress", response_class=HTMLResponse)
async def progress(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What changes of its page while it runs."""
    return await _page(request, hub, actor, batch, "console/owner/batch_progress.html")


@router.get(LIST + "/{batch}", response_class=HTMLResponse)
async def one(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them, looked at again while it runs."""
    return await _page(request, hub, actor, batch, "console/owner/batch.html")


@router.get(LIST + "/{batch}/report.{kind}")
async def report(batch: UuidText, kind: str, hub: HubDep, actor: ConsoleDep) -> StreamingResponse:
    """The rejected rows: `csv` for a spreadsheet, else JSON lines. Who took it away stands in the ledger."""
    pieces = await hub.batch_desk.report(actor, batch)
    is_csv = kind == "csv"
    name = f"rejects-{batch}.{'csv' if is_csv else 'jsonl'}"
    return StreamingResponse(
        _sent(_as_csv(pieces) if is_csv else pieces),
        media_type="text/csv; charset=utf-8" if is_csv else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _page(request: Request, hub: Hub, actor: Actor, batch: str, template: str) -> HTMLResponse:
    view = await hub.batch_desk.view(actor, batch)
    state = view.batch.state
    page = render(
        request, template, actor, view=view, batch=view.batch, states=STATES, counts=COUNTS, reasons=_reasons(view),
        may_take=Role.OWNER_ENGINEER in actor.roles and actor.department_id == view.batch.owner_department_id,
        has_report=state in {BatchState.FINISHED, BatchState.FAILED} and view.batch.totals.rejected > 0,
        runs=state not in ENDED, path_of=f"{LIST}/{batch}", list_path=LIST,
    )  # fmt: skip
    if state in ENDED:
        page.headers["X-Done"] = "1"
    return page


def _reasons(view: BatchView) -> list[tuple[str, tuple[str, str], int]]:
    """Code, words and rows, the most frequent first."""
    counted = sorted(view.batch.reasons.items(), key=lambda item: (-item[1], item[0]))
    return [(code, TEXTS.get(code, (code, code)), number) for code, number in counted]


def _as_csv(pieces: Iterator[bytes]) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")  # without it, spreadsheets in China read the file as GBK
    writer.writerow(CSV_COLUMNS)
    for piece in pieces:
        writer.writerows(csv_cells(json.loads(line)) for line in piece.splitlines())
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
