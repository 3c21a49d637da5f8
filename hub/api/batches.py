"""Batches 批量归集: a register in parts, from a system of the department that issues its licences."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field, field_validator

from hub.collection.batches import MAX_PARTS, PART_BYTES, BatchOrder
from hub.collection.reader import Format
from hub.deps import CallerDep, HubDep, KeyDep, UuidText
from hub.edge.body import Body, read_bytes, read_json
from hub.edge.errors import BadRequestError, Fault, InvalidBodyError
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["collection"])
BODY_LIMITS: Final = {r"/api/v1/batches/[^/]+/parts/[^/]+": PART_BYTES}
"""Paths that take more than other bodies, for the guard around the application."""
LINES_TYPE: Final = "application/x-ndjson"
BatchId = Annotated[UuidText, Path()]
PartNumber = Annotated[int, Path(ge=1, le=MAX_PARTS)]


class BatchBody(Body):
    """What is to be collected; the bytes follow as parts. `sha256` (hexadecimal) and `total_bytes` are of all parts."""

    type: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{3,64}$")]
    issuer: Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")]
    as_of: Annotated[str, Field(max_length=40)]
    format: Annotated[str, Field(pattern=r"^(csv|jsonl|xlsx)$")]
    sheet: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    mapping: dict[str, Any] | None = None
    total_bytes: Annotated[int, Field(ge=1)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @field_validator("as_of")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("needs a time zone")
        return value


@router.post("/batches", summary="Open a batch 开始批量归集", openapi_extra={"x-body": "BatchBody"}, status_code=201)
async def create_batch(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """For systems of the issuing department. Then send the parts, numbered from 1, and start it.

    The same Idempotency-Key gives the same batch for 24 hours.
    """
    body, raw = await read_json(request, BatchBody, max_bytes=hub.settings.max_body_bytes)
    scope = RequestKey.of(caller.system_id, "batches", key, raw)
    values = body.model_dump() | {"as_of": datetime.fromisoformat(body.as_of), "format": Format(body.format)}
    view = await hub.batches.create(caller, BatchOrder(**values), request=scope)
    location = {"Location": f"/api/v1/batches/{view.batch.id}"}
    return JSONResponse(view.as_json(), status_code=201, headers=location)


@router.put("/batches/{batch}/parts/{number}", summary="Send a part 上传分片")
async def put_part(request: Request, batch: BatchId, number: PartNumber, caller: CallerDep, hub: HubDep) -> Response:
    """At most 8 MiB, with Content-Length and `Content-Digest: sha-256=:…:` (RFC 9530). May be repeated and replaced.

    Cut the register anywhere; all parts but the last may be of any length up to the limit.
    """
    length, digest = _announced(request)
    await hub.batches.view(caller, batch)  # whose it is comes before what is sent
    data = await read_bytes(request, max_bytes=PART_BYTES)
    if len(data) != length:
        raise BadRequestError(Fault("content-length", "not_what_was_sent"))
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    if base64.b64encode(found).decode() != digest:
        raise InvalidBodyError(Fault("content-digest", "not_what_was_sent"))
    part = await hub.batches.put_part(caller, batch, number, data)
    return JSONResponse({"number": part.number, "bytes": part.size_bytes, "sha256": part.sha256})


@router.post("/batches/{batch}/start", summary="Collect it 开始归集", status_code=202)
async def start_batch(batch: BatchId, caller: CallerDep, hub: HubDep) -> Response:
    """Begins once; asked again it tells how far it is."""
    return JSONResponse((await hub.batches.start(caller, batch)).as_json(), status_code=202)


@router.get("/batches/{batch}", summary="How far it is 归集进度")
async def get_batch(batch: BatchId, caller: CallerDep, hub: HubDep) -> Response:
    """State, parts, rows by outcome, per cent; for the system that made it."""
    return JSONResponse((await hub.batches.view(caller, batch)).as_json())


@router.get("/batches/{batch}/report", summary="Rejected rows 退回的行")
async def get_report(batch: BatchId, caller: CallerDep, hub: HubDep) -> Response:
    """JSON lines: each rejected row verbatim with its reasons. Kept for 30 days, for the system that made the batch."""
    return StreamingResponse(_pieces(await hub.batches.report(caller, batch)), media_type=LINES_TYPE)


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _announced(request: Request) -> tuple[int, str]:
    """Length and digest that the headers promise. Raises: BadRequestError."""
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise BadRequestError(Fault("content-length", "required"))
    members = [member.strip() for member in request.headers.get("content-digest", "").split(",")]
    digest = next((member for member in members if member.startswith("sha-256=:") and member.endswith(":")), None)
    if digest is None:
        raise BadRequestError(Fault("content-digest", "sha-256 required"))
    return int(length), digest[len("sha-256=:") : -1]
