"""Bulk runs 批量查询 under a campaign case: a list in, a released and marked file out."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from hub.api.catalogue import CodeText
from hub.api.grants import ActingDep
from hub.api.query import InterfaceCode, Name
from hub.deps import CallerDep, HubDep, KeyDep, LanguageDep, UuidText
from hub.edge.body import MAX_DEPTH, Body, parse, read_bytes, read_json, require_media_type
from hub.edge.errors import BadRequestError, Fault
from hub.exchange.bulk.files import LINES_TYPE
from hub.exchange.bulk.order import BulkOrder, Parties, PartyLines, PartyObjects
from hub.storage.idempotency import RequestKey
from hub.storage.objects.guarded import beside
from signing.canonical import strict_loads
from signing.errors import MalformedError

router = APIRouter(prefix="/api/v1", tags=["bulk"])
LIST_BYTES: Final = 32 * 1024 * 1024
BODY_LIMITS: Final = {r"/api/v1/interfaces/[^/]+/bulk": LIST_BYTES, r"/api/v1/matters/[^/]+/bulk": LIST_BYTES}
"""Paths that take more than other bodies, for the guard around the application."""
_SHORT: Final = 1000
_SHORT_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 16_384
RunId = Annotated[UuidText, Path()]
H = TypeVar("H", "BulkHead", "CampaignHead")
B = TypeVar("B", "BulkBody", "CampaignBody")


class BulkHead(Body):
    """What is asked, of whom, by whom: the first line before a list of JSON lines."""

    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    officer: Annotated[str, Field(min_length=1, max_length=100)]
    fields: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    params: Annotated[dict[Name, str | int | bool | None], Field(max_length=20)] = Field(default_factory=dict)


class BulkBody(BulkHead):
    """The same with a short list in it. A longer one comes as JSON lines."""

    parties: Annotated[tuple[dict[str, str | None], ...], Field(min_length=1, max_length=_SHORT)]


class CampaignHead(Body):
    """The same of a campaign over a matter. Without `requirements`, all that are about the holder."""

    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    officer: Annotated[str, Field(min_length=1, max_length=100)]
    requirements: Annotated[tuple[CodeText, ...], Field(min_length=1, max_length=100)] | None = None


class CampaignBody(CampaignHead):
    """With a short list in it."""

    parties: Annotated[tuple[dict[str, str | None], ...], Field(min_length=1, max_length=_SHORT)]


class DecisionBody(Body):
    """Why; a refusal must say."""

    reason: Annotated[str, Field(max_length=500)] = ""


BODIES: Final = (BulkHead, BulkBody, CampaignHead, CampaignBody, DecisionBody)


@router.post(
    "/interfaces/{code}/bulk",
    summary="Ask about many 批量查询",
    openapi_extra={"x-body": "BulkBody"},
    status_code=202,
)
async def ask(
    code: InterfaceCode, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep, language: LanguageDep
) -> Response:
    """Under an open case of the kind `ex_officio`, and a grant that says `bulk`. At most 1,000 `parties` as JSON; more
    as `application/x-ndjson`: a first line with the other members, then one party a line. The file waits for a second
    person, in the owning department.
    """
    if _in_lines(request):
        await hub.bulk.asking.check(caller, code)
    head, parties, digest = await _read(request, BulkHead, BulkBody)
    order = BulkOrder(
        interface=code,
        case_no=head.case_no,
        purpose=head.purpose,
        officer=head.officer,
        fields=tuple(dict.fromkeys(head.fields)) if head.fields is not None else None,
        params=head.params,
        language=language,
    )
    scope = RequestKey(caller.system_id, f"bulk:{code}", key, digest) if key else None
    view = await hub.bulk.asking.ask(caller, order, parties, request=scope)
    return JSONResponse(view.as_json(), status_code=202, headers={"Location": f"/api/v1/bulk/{view.run.id}"})


@router.post(
    "/matters/{code}/bulk",
    summary="A campaign over a matter 免申即享",
    openapi_extra={"x-body": "CampaignBody"},
    status_code=202,
)
async def campaign(
    code: CodeText, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep, language: LanguageDep
) -> Response:
    """Under an open case of the kind `ex_officio` of this matter, and grants for it that say `bulk`: of each holder how
    every requirement ended by the library, and no value. At most 10,000; lists as for `/interfaces/{code}/bulk`. The
    file waits for a second person in every department that owns what it tells.
    """
    if _in_lines(request):
        await hub.bulk.asking.check(caller, code, matter=True)
    head, parties, digest = await _read(request, CampaignHead, CampaignBody)
    order = BulkOrder(
        interface="",
        matter=code,
        case_no=head.case_no,
        purpose=head.purpose,
        officer=head.officer,
        requirements=tuple(dict.fromkeys(head.requirements)) if head.requirements is not None else None,
        language=language,
    )
    scope = RequestKey(caller.system_id, f"campaign:{code}", key, digest) if key else None
    view = await hub.bulk.asking.ask(caller, order, parties, request=scope)
    return JSONResponse(view.as_json(), status_code=202, headers={"Location": f"/api/v1/bulk/{view.run.id}"})


@router.get("/bulk", summary="Bulk runs 批量查询清单")
async def list_runs(who: ActingDep, hub: HubDep, waiting: bool = False) -> Response:
    """A system's own; staff: those over what their department owns or asked for. The newest 200."""
    found = await hub.bulk.releases.list(who[0], waiting=waiting)
    return JSONResponse({"runs": [view.as_json() for view in found]})


@router.get("/bulk/{run}", summary="How far it is 批量查询进度")
async def get_run(run: RunId, who: ActingDep, hub: HubDep) -> Response:
    """Subjects, answers by outcome, per cent, estimated end; what has ended it; who decided. Others' runs are a 404."""
    return JSONResponse((await hub.bulk.releases.get(who[0], run)).as_json())


@router.post("/bulk/{run}/cancel", summary="Cancel it 取消批量查询")
async def cancel(run: RunId, caller: CallerDep, hub: HubDep) -> Response:
    """Until it is released. What was answered stays on the ledger; nothing of it can be fetched."""
    return JSONResponse((await hub.bulk.runs.cancel(caller, run)).as_json())


@router.post("/bulk/{run}/release", summary="Release it 复核发放", openapi_extra={"x-body": "DecisionBody"})
async def release(run: RunId, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """By an approver of the owning department, never by whoever asked, while case and grant hold."""
    body, _ = await read_json(request, DecisionBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.bulk.releases.release(who[0], run, body.reason)).as_json())


@router.post("/bulk/{run}/refuse", summary="Refuse it 不予发放", openapi_extra={"x-body": "DecisionBody"})
async def refuse(run: RunId, request: Request, who: ActingDep, hub: HubDep) -> Response:
    """With a reason that the other side is told. The file is deleted."""
    body, _ = await read_json(request, DecisionBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.bulk.releases.refuse(who[0], run, body.reason)).as_json())


@router.get("/bulk/{run}/manifest", summary="Its manifest 清单")
async def manifest(run: RunId, caller: CallerDep, hub: HubDep) -> Response:
    """Of a released run: a JWS with counts by outcome, SHA-256, recipient, case, grant and receipt."""
    return JSONResponse({"manifest": await hub.bulk.runs.manifest(caller, run)})


@router.get("/bulk/{run}/file", summary="Fetch it 取走结果")
async def file(run: RunId, caller: CallerDep, hub: HubDep) -> Response:
    """JSON lines, for the system that asked, until it expires; each time is on the ledger. 404 for everybody else."""
    view, pieces = await hub.bulk.runs.download(caller, run)
    digest = base64.b64encode(bytes.fromhex(view.run.file["sha256"])).decode()
    headers = {"Content-Length": str(view.run.file["bytes"]), "Repr-Digest": f"sha-256=:{digest}:"}
    return StreamingResponse(_sent(pieces), media_type=LINES_TYPE, headers=headers)


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await beside(next, pieces, b""):
        yield piece


def _in_lines(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == LINES_TYPE


async def _read(request: Request, of_lines: type[H], whole: type[B]) -> tuple[H | B, Parties, str]:
    """Head, list, and the hash of the request. Raises: BadRequestError, BodyTooLargeError, InvalidBodyError."""
    if not _in_lines(request):
        body, raw = await read_json(request, whole, max_bytes=_SHORT_BYTES)
        return body, PartyObjects(body.parties), hashlib.sha256(raw).hexdigest()
    require_media_type(request, LINES_TYPE)
    raw = await read_bytes(request, max_bytes=LIST_BYTES)
    end = raw.find(b"\n")
    end = len(raw) if end < 0 else end
    head = parse(of_lines, _first(raw[: min(end, _HEAD_BYTES + 1)]))
    digest = await asyncio.to_thread(lambda: hashlib.sha256(raw).hexdigest())
    return head, PartyLines(raw, end + 1), digest


def _first(line: bytes) -> Any:
    try:
        return strict_loads(line.strip(), max_bytes=_HEAD_BYTES, max_depth=MAX_DEPTH)
    except MalformedError as error:
        raise BadRequestError(Fault("", error.reason)) from error


__all__ = ["BODIES", "BODY_LIMITS", "router"]
