"""Batches that staff or systems of my department send: how far they are, the second person, why rows were rejected, the
rows to take away.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.responses import Response

from hub.access.actors import Actor, Role
from hub.collection.batches.corrections import corrections
from hub.collection.batches.order import BatchView
from hub.collection.batches.store import BatchState
from hub.collection.reading.reader import Format
from hub.collection.reasons import TEXTS
from hub.collection.report import CSV_COLUMNS, csv_cells
from hub.deps import HubDep, UuidText
from hub.issuing.shelf import STAFF
from hub.registry.requests.errors import SameHandError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.storage.objects.guarded import beside
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/batches"
_OTHER: Final = FieldError("", "须由另一人复核，不能自己复核自己的", "Somebody else confirms it, not the one who asked")
ENDED: Final = frozenset({BatchState.FINISHED, BatchState.FAILED, BatchState.EXPIRED})
STATES: Final = {
    "open": ("接收中", "taking parts", "info"),
    "unconfirmed": ("待复核", "waits for a second person", "wait"),
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
    ("ended", "终止", "ended"),
    ("rejected", "退回", "rejected"),
    ("normalised", "规范化", "repaired"),
)


@router.get(LIST, response_class=HTMLResponse)
async def batches(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The newest hundred."""
    found = await hub.collection.batch_desk.newest(actor)
    return render(
        request, "console/owner/batches.html", actor, found=found, states=STATES, names=await _names(hub, actor),
        may_upload=bool(actor.roles.intersection(STAFF)),
    )  # fmt: skip


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
    pieces = await hub.collection.batch_desk.report(actor, batch)
    is_csv = kind == "csv"
    name = f"rejects-{batch}.{'csv' if is_csv else 'jsonl'}"
    return StreamingResponse(
        _sent(_as_csv(pieces) if is_csv else pieces),
        media_type="text/csv; charset=utf-8" if is_csv else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(LIST + "/{batch}/corrections.csv")
async def corrected(batch: UuidText, hub: HubDep, actor: ConsoleDep) -> StreamingResponse:
    """The rejected rows of an upload under its own columns, to be corrected and uploaded again."""
    ordered = (await hub.collection.batch_desk.view(actor, batch)).batch.ordered
    if not ordered.get("columns"):
        raise MissingError("columns")
    pieces = await hub.collection.batch_desk.report(actor, batch)
    return StreamingResponse(
        _sent(corrections(ordered["columns"], Format(ordered["format"]), pieces)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="corrections-{batch}.csv"'},
    )


@router.post(LIST + "/{batch}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Have it collected, as the second person."""
    await form(request)
    try:
        await hub.collection.uploads.confirm(actor, batch)
    except (SamePersonError, SameHandError):
        return await _page(request, hub, actor, batch, "console/owner/batch.html", [_OTHER])
    return redirect(f"{LIST}/{batch}", ("已复核，开始归集", "Confirmed; it begins"))


@router.post(LIST + "/{batch}/discard", response_class=HTMLResponse)
async def discard(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Throw it away before it begins."""
    await form(request)
    await hub.collection.uploads.discard(actor, batch)
    return redirect(f"{LIST}/{batch}", ("已撤回，文件已删除", "Discarded; the file is deleted"))


async def _names(hub: Hub, actor: Actor) -> dict[str, str]:
    return {staff.id: staff.display_name for staff in await hub.staff.seen_by(actor)}


async def _page(
    request: Request, hub: Hub, actor: Actor, batch: str, template: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    view = await hub.collection.batch_desk.view(actor, batch)
    state = view.batch.state
    own = actor.as_json() == {"kind": "staff", "id": view.batch.staff_id}
    department = actor.department_id == view.batch.owner_department_id
    decides = department and not own and Role.OWNER_APPROVER in actor.roles
    issued = hub.types.find(view.batch.ordered["type"])
    page = render(
        request, template, actor, status=422 if errors else 200, errors=errors, view=view, batch=view.batch,
        states=STATES, counts=COUNTS, reasons=_reasons(view), names=await _names(hub, actor),
        may_take=department and (own or Role.OWNER_ENGINEER in actor.roles),
        may_decide=decides, own_batch=own and department, may_look=decides or (own and department),
        has_report=state in {BatchState.FINISHED, BatchState.FAILED} and view.batch.totals.rejected > 0,
        runs=state not in ENDED, moves=state not in {*ENDED, BatchState.UNCONFIRMED},
        path_of=f"{LIST}/{batch}", list_path=LIST, upload_path=f"/console/licences/upload/{batch}",
        type_name=view_of(request).t(issued.type.name.zh, issued.type.name.en) if issued else "",
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
    while (piece := await beside(next, pieces, None)) is not None:
        yield piece
