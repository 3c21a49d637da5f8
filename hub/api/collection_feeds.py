"""Feeds 归集任务 for staff of the issuing department, with a token `yzs_…`: declared, run, reconciled, ended."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Field

from hub.api.batches import LINES_TYPE
from hub.deps import HubDep, StaffDep
from hub.edge.body import Body, read_json
from hub.storage.objects.guarded import beside

router = APIRouter(prefix="/api/v1/collection-feeds", tags=["collection"])
CodeText = Annotated[str, Field(min_length=1, max_length=64)]


class FeedBody(Body):
    """A feed as its YAML says it."""

    definition: dict[str, Any]


class ConfirmBody(Body):
    """The `row_version` of the declaration that was looked at."""

    row_version: Annotated[int, Field(ge=1)]


BODIES: Final = (FeedBody, ConfirmBody)


@router.get("", summary="One's own feeds 本部门归集任务")
async def list_feeds(hub: HubDep, actor: StaffDep) -> Response:
    """With the last run and the last reconciliation of each; those of the whole city for operator and auditor."""
    return JSONResponse({"feeds": [view.as_json() for view in await hub.collection.feed_desk.list(actor)]})


@router.post("", status_code=201, summary="Declare a feed 登记归集任务", openapi_extra={"x-body": "FeedBody"})
async def declare(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """By an engineer of the department. Again replaces it; its watermark stays. It waits, `unconfirmed`, for an
    approver where the type wants two persons, or where whoever declares it approves nothing himself.
    """
    body, _ = await read_json(request, FeedBody, max_bytes=hub.settings.max_body_bytes)
    view = await hub.collection.feed_desk.declare(actor, body.definition)
    location = {"Location": f"/api/v1/collection-feeds/{view.stored.code}"}
    return JSONResponse(view.as_json(), status_code=201, headers=location)


@router.get("/{code}", summary="One feed 归集任务详情")
async def show(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """State, next times; how far its run is or how it ended, rows by outcome and rejected ones by reason; counts of
    its last reconciliation. `collecting`, `reconciling`: a job waits or is in hand. Another department's is a 404.
    """
    return JSONResponse((await hub.collection.feed_desk.show(actor, code)).as_json())


@router.post("/{code}/confirm", summary="Confirm it 复核", openapi_extra={"x-body": "ConfirmBody"})
async def confirm(request: Request, code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """By an approver of the department who did not declare it. Declared anew since he looked, it is a 409."""
    body, _ = await read_json(request, ConfirmBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.collection.feed_desk.confirm(actor, code, row_version=body.row_version)).as_json())


@router.post("/{code}/run", summary="Collect it now 立即归集", status_code=202)
async def run(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """What changed since the last time, as a job; its progress is in the GET. Asked again while it is in line, nothing
    more happens.
    """
    return JSONResponse((await hub.collection.feed_desk.run(actor, code)).as_json(), status_code=202)


@router.post("/{code}/reconcile", summary="Reconcile it now 立即对账", status_code=202)
async def reconcile(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """The register read whole beside the library, as a job; its counts are in the GET. What is missing is revoked where
    the type says `on_missing: revoke`, and never in doubt.
    """
    return JSONResponse((await hub.collection.feed_desk.reconcile(actor, code)).as_json(), status_code=202)


@router.post("/{code}/end", summary="End it 终止")
async def end(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """Its source is not asked any more, and a run under way stops; its licences stay. Declared anew it goes on."""
    return JSONResponse((await hub.collection.feed_desk.end(actor, code)).as_json())


@router.get("/{code}/report", summary="What the last reconciliation found 对账明细")
async def report(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """JSON lines: `gap` with file and row; `orphan`, `differing`, `stopped`, `ended`, `newer` with the identifier of
    the licence. No person. On the ledger.
    """
    return StreamingResponse(sent(await hub.collection.feed_desk.report(actor, code)), media_type=LINES_TYPE)


async def sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Piece by piece, read beside the event loop."""
    while (piece := await beside(next, pieces, None)) is not None:
        yield piece
