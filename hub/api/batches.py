"""Batches 批量归集: a register in parts, from a system or staff of the department that issues its licences."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field, field_validator

from hub.access.actors import Actor
from hub.api.certificates import scope_of
from hub.api.either import EitherDep
from hub.collection.batches.order import MAX_PARTS, PART_BYTES, BatchOrder
from hub.collection.errors import MappingError, RegisterError, UnknownColumnError
from hub.collection.reading.reader import Format
from hub.deps import CallerDep, HubDep, KeyDep, StaffDep, UuidText
from hub.edge.body import Body, read_bytes, read_json
from hub.edge.errors import BadRequestError, Fault, InvalidBodyError
from hub.storage.objects.guarded import beside

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
async def create_batch(request: Request, who: EitherDep, hub: HubDep, key: KeyDep) -> Response:
    """For systems and staff of the issuing department. Then send the parts, numbered from 1, and start it.

    The same Idempotency-Key of a system gives the same batch for 24 hours.
    """
    body, raw = await read_json(request, BatchBody, max_bytes=hub.settings.max_body_bytes)
    scope = scope_of(who, "batches", key, raw)
    values = body.model_dump() | {"as_of": datetime.fromisoformat(body.as_of), "format": Format(body.format)}
    view = await hub.collection.batches.create(who, BatchOrder(**values), request=scope)
    location = {"Location": f"/api/v1/batches/{view.batch.id}"}
    return JSONResponse(view.as_json(), status_code=201, headers=location)


class HolderBody(Body):
    """One party of an open case of this system; the number is taken from there and travels in no request."""

    case_no: Annotated[str, Field(min_length=1, max_length=64)]
    party: Annotated[str, Field(min_length=1, max_length=64)]


@router.post("/batches/by-holder", summary="Collect one dossier 一键归集", openapi_extra={"x-body": "HolderBody"})
async def collect_holder(request: Request, caller: CallerDep, hub: HubDep) -> Response:
    """Asks at once every source that the case opens for what it knows of this person or company, and issues the
    licences. Ex officio: the own department's sources. On a corroborated application: those of every department that
    allows it, for the applicant alone, and for types of which this system has a grant, as for a pull; each asking takes
    one of its daily quota.

    Only what names him by number and name counts: a wrong name and a number that nobody has are both `no_record`. Again
    is safe: what is unchanged stays as it is. Outcomes: `issued`, `ended`, `unchanged`, `no_record`, `rejected`,
    `source_unavailable`, `not_allowed`, `failed`.
    """
    body, _ = await read_json(request, HolderBody, max_bytes=hub.settings.max_body_bytes)
    outcomes = await hub.collection.by_holder.collect(caller.system_id, body.case_no, body.party)
    return JSONResponse({"outcomes": [item.as_json() for item in outcomes]})


@router.put("/batches/{batch}/parts/{number}", summary="Send a part 上传分片")
async def put_part(request: Request, batch: BatchId, number: PartNumber, who: EitherDep, hub: HubDep) -> Response:
    """At most 8 MiB, with Content-Length and `Content-Digest: sha-256=:…:` (RFC 9530). May be repeated and replaced.

    Cut the register anywhere; all parts but the last may be of any length up to the limit.
    """
    await hub.collection.batches.view(who, batch)  # whose it is comes before what is sent
    length, digest = _announced(request)
    data = await read_bytes(request, max_bytes=PART_BYTES)
    if len(data) != length:
        raise BadRequestError(Fault("content-length", "not_what_was_sent"))
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    if base64.b64encode(found).decode() != digest:
        raise InvalidBodyError(Fault("content-digest", "not_what_was_sent"))
    part = await hub.collection.batches.put_part(who, batch, number, data)
    return JSONResponse({"number": part.number, "bytes": part.size_bytes, "sha256": part.sha256})


@router.post("/batches/{batch}/start", summary="Collect it 开始归集", status_code=202)
async def start_batch(batch: BatchId, who: EitherDep, hub: HubDep) -> Response:
    """Begins once; asked again it tells how far it is. What staff send waits, `unconfirmed`, for an approver of the
    department where the type wants two persons, or where they approve nothing themselves.
    """
    return JSONResponse((await hub.collection.batches.start(who, batch)).as_json(), status_code=202)


@router.get("/batches/{batch}/look", summary="A dry look 试看")
async def look(batch: BatchId, actor: StaffDep, hub: HubDep) -> Response:
    """What would become of the first 20 rows; nothing is written. For whoever of staff sends it, and for the approver
    who is to confirm it, whose look goes on the ledger.
    """
    try:
        found = await hub.collection.uploads.look(actor, batch)
    except MappingError as error:
        raise InvalidBodyError(Fault(f"/mapping/{error.where}", error.reason)) from None
    except UnknownColumnError:
        raise InvalidBodyError(Fault("/mapping/columns", "unknown_columns")) from None
    except RegisterError as error:
        raise InvalidBodyError(Fault("/parts", getattr(error, "reason", "duplicate_columns"))) from None
    return JSONResponse({"columns": list(found.columns), "rows": [row.as_json() for row in found.rows]})


@router.post("/batches/{batch}/confirm", summary="Confirm it 复核批次", status_code=202)
async def confirm_batch(batch: BatchId, actor: StaffDep, hub: HubDep) -> Response:
    """By an approver of the department who did not send it."""
    return JSONResponse((await hub.collection.uploads.confirm(actor, batch)).as_json(), status_code=202)


@router.post("/batches/{batch}/discard", summary="Throw it away 撤回批次")
async def discard_batch(batch: BatchId, actor: StaffDep, hub: HubDep) -> Response:
    """Before it begins: by whoever of staff sent it, or by an approver of the department."""
    return JSONResponse((await hub.collection.uploads.discard(actor, batch)).as_json())


@router.get("/batches/{batch}", summary="How far it is 归集进度")
async def get_batch(batch: BatchId, who: EitherDep, hub: HubDep) -> Response:
    """State, parts, rows by outcome, per cent; for the system that made it, and for staff of its department."""
    if isinstance(who, Actor):
        return JSONResponse((await hub.collection.batch_desk.view(who, batch)).as_json())
    return JSONResponse((await hub.collection.batches.view(who, batch)).as_json())


@router.get("/batches/{batch}/report", summary="Rejected rows 退回的行")
async def get_report(batch: BatchId, who: EitherDep, hub: HubDep) -> Response:
    """JSON lines: each rejected row verbatim with its reasons. Kept for 30 days, for the system that made the batch,
    and for engineers of its department, whose look goes on the ledger.
    """
    if isinstance(who, Actor):
        pieces = await hub.collection.batch_desk.report(who, batch)
    else:
        pieces = await hub.collection.batches.report(who, batch)
    return StreamingResponse(_pieces(pieces), media_type=LINES_TYPE)


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await beside(next, pieces, b""):
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
