"""Rows that a department sends because nothing can reach it (前置库)."""

import asyncio
import hashlib
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, field_validator

from hub.deps import CallerDep, HubDep, KeyDep
from hub.edge.body import JSON_TYPE, Body, parse, read_bytes, require_media_type
from hub.edge.errors import BadRequestError, Fault, InvalidBodyError
from hub.exchange.pushed.batch import MAX_ROW_BYTES, MAX_ROWS, BrokenLine
from hub.exchange.pushed.receiving import Batch
from hub.storage.idempotency import RequestKey
from signing.canonical import strict_loads
from signing.errors import MalformedError

router = APIRouter(prefix="/api/v1", tags=["sources"])
MAX_BYTES: Final = 8_388_608
BODY_LIMITS: Final = {r"/api/v1/sources/[^/]+/rows": MAX_BYTES}
"""Paths that take more than other bodies, for the guard around the application."""
LINES_TYPE: Final = "application/x-ndjson"
_MAX_DEPTH: Final = 16
_MAX_LINE: Final = 2 * MAX_ROW_BYTES
Code = Annotated[str, Field(pattern=r"^[a-z0-9_-]{3,64}$")]
Column = Annotated[str, Field(min_length=1, max_length=100)]


class PushHead(Body):
    """What a batch says of itself; the first line of JSON lines."""

    dataset: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
    key: Annotated[tuple[Column, ...], Field(min_length=1, max_length=8)]
    as_of: Annotated[str, Field(max_length=40)]

    @field_validator("as_of")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("needs a time zone")
        return value


class PushBody(PushHead):
    """A batch of rows as they stood at `as_of`. A row with `deleted: true` and its key says that it is gone."""

    rows: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=MAX_ROWS)]


@router.post("/sources/{code}/rows", summary="Push rows 推送数据", openapi_extra={"x-body": "PushBody"})
async def push_rows(request: Request, code: Code, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """At most 8 MiB and 5,000 rows, as JSON or as JSON lines (first the batch without `rows`, then a row a line).

    A bad row is rejected by its place and a code, the others are taken. The source must belong to the department of the
    system that calls. The same Idempotency-Key gives the same answer for 24 hours.
    """
    lines = request.headers.get("content-type", "").partition(";")[0].strip().lower() == LINES_TYPE
    require_media_type(request, LINES_TYPE if lines else JSON_TYPE)
    await hub.pushed.check(caller, code)
    raw = await read_bytes(request, max_bytes=MAX_BYTES)
    batch = await asyncio.to_thread(read_lines if lines else read_body, raw)
    scope = RequestKey(caller.system_id, f"rows:{code}"[:64], key, batch.digest) if key else None
    return JSONResponse((await hub.pushed.receive(caller, code, batch, request=scope)).as_json())


def read_body(raw: bytes) -> Batch:
    """A batch from one JSON document. Raises: BadRequestError, InvalidBodyError."""
    try:
        value = strict_loads(raw, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH)
    except MalformedError as error:
        raise BadRequestError(Fault("", error.reason)) from error
    if not isinstance(value, dict):
        raise InvalidBodyError(Fault("", "object_type"))
    # Rows are judged one by one, and stay as they were written: the model reads the head only.
    rows = value.pop("rows", None)
    if not isinstance(rows, list):
        raise InvalidBodyError(Fault("/rows", "missing" if rows is None else "list_type"))
    return _batch(value, rows, raw)


def read_lines(raw: bytes) -> Batch:
    """A batch from JSON lines; a line that is no JSON is a rejected row. Raises: BadRequestError, InvalidBodyError."""
    first, *others = [line for line in raw.split(b"\n") if line.strip()] or [b""]
    head = _line(first)
    if isinstance(head, BrokenLine):
        raise BadRequestError(Fault("/0", "json"))
    return _batch(head, [_line(line) for line in others[: MAX_ROWS + 1]], raw)


def _batch(head: object, rows: list[object], raw: bytes) -> Batch:
    parsed = parse(PushHead, head)
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidBodyError(Fault("/rows", "too_long" if rows else "too_short"))
    return Batch(
        dataset=parsed.dataset,
        key=parsed.key,
        as_of=datetime.fromisoformat(parsed.as_of),
        rows=rows,
        digest=hashlib.sha256(raw).hexdigest(),
    )


def _line(line: bytes) -> object:
    try:
        return strict_loads(line, max_bytes=_MAX_LINE, max_depth=_MAX_DEPTH)
    except MalformedError:
        return BrokenLine()
