"""Sources that answer JSON over HTTP, each in its own fashion: everything about that fashion is declared.

Whether an answer is a record, no record or an error is decided in this order, and nothing is guessed: credentials
refused (401, 403) → declared as an error (`error_when`) → declared as no record (`none_when`) → another status than 2xx
is a fault → the rows at `rows`. A status that means "no record" must come with JSON, as every answer: the 404 page of a
gateway whose service is gone says nothing about a person.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from adapters.credentials import AUTH_SCHEMA, Credentials, open_credentials
from adapters.definition import check_definition, check_params, resolved
from adapters.documents import ABSENT, READING_MEMBERS, Reading, at, read_json, rows_of
from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, SourceError
from adapters.http import Reply, Request
from adapters.http_connection import HTTP_MEMBERS, PASSING, open_http
from adapters.paging import linked
from adapters.port import Answer, Budget, Context, Environment, Probe, Row, Value
from adapters.rest_operation import OPERATION_SCHEMA, Operation, read_operation
from adapters.templates import Filling, as_pairs
from adapters.urls import Url, read_url

__all__ = ["CONNECTION_SCHEMA", "OPERATION_SCHEMA", "RestSource", "open_source"]


@dataclass(slots=True)
class _Harvest:
    """What the pages gave so far."""

    rows: list[Row] = field(default_factory=list, repr=False)
    bytes: int = 0
    seen: set[str] = field(default_factory=set, repr=False)


class RestSource:
    """A source over HTTP. Secrets stand in no attribute."""

    def __init__(self, connection: Mapping[str, Any], environment: Environment) -> None:
        """Raises: DefinitionFaultError."""
        self._url: Final[Url] = read_url(connection["url"], "/url")
        if self._url.query:
            raise DefinitionFaultError("/url", "query")
        self._environment = environment
        self._headers: Final[Mapping[str, str]] = connection.get("headers", {})
        self._reading = Reading.of(connection)
        self._probe_path: Final[str | None] = connection.get("probe")
        self._credentials: Final[Credentials] = open_credentials(connection.get("auth", {"type": "none"}), environment)
        self._http = open_http(connection, environment)

    def prepare(self, operation: Mapping[str, Any]) -> Operation:
        """Check an operation. Raises: DefinitionFaultError."""
        return read_operation(operation)

    async def ask(
        self, prepared: Operation, params: Mapping[str, Value], *, budget: Budget, context: Context
    ) -> Answer:
        """Ask, page after page. Raises: SourceError."""
        check_params(prepared.params, params)
        filling = Filling.of(params, context)
        async with self._http.lifetime.question(budget.total_seconds):
            return Answer(rows=await self._pages(prepared, filling, budget))

    async def probe(self, budget: Budget) -> Probe:
        """GET the declared path, which must answer 2xx; without one, anything but a 5xx shows that it is there."""
        begun = time.monotonic()
        code = ""
        try:
            async with self._http.lifetime.question(budget.total_seconds):
                path = self._url.path if self._probe_path is None else self._address(self._probe_path)
                reply = await self._signed(
                    Request("GET", self._url.origin, path, headers=self._fixed_headers()), budget
                )
                if reply.status in {401, 403} and self._probe_path is not None:
                    raise DeniedError
                if reply.status >= 500 or (self._probe_path is not None and reply.status >= 300):
                    raise FaultyAnswerError(f"status_{reply.status}")
        except SourceError as error:
            code = error.code
        return Probe(ok=not code, seconds=time.monotonic() - begun, code=code)

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()

    async def _pages(self, operation: Operation, filling: Filling, budget: Budget) -> list[Row]:
        harvest = _Harvest()
        paging = operation.pages
        request: Request | None = self._request(operation, filling, paging.opening() if paging else {})
        page = 0
        while request is not None:
            # Whoever sends us the same page again would keep us until the time is over.
            if (request.target + request.body.hex()) in harvest.seen:
                raise FaultyAnswerError("pages")
            harvest.seen.add(request.target + request.body.hex())
            reply = await self._signed(request, budget, budget.max_bytes - harvest.bytes)
            harvest.bytes += len(reply.body)
            document, rows = await self._read(operation, reply, budget, budget.max_rows - len(harvest.rows))
            harvest.rows.extend(rows)
            if paging is None:
                break
            if paging.by == "link":
                request = linked(reply, request)
            else:
                more = paging.after(document, page, len(rows), len(harvest.rows))
                request = None if more is None else self._request(operation, filling, more)
            page += 1
        return harvest.rows

    async def _read(self, operation: Operation, reply: Reply, budget: Budget, room: int) -> tuple[Any, list[Row]]:
        if reply.status in {401, 403}:
            raise DeniedError
        declared = {condition.status for condition in (*operation.none_when, *operation.error_when)}
        if not 200 <= reply.status < 300 and reply.status not in declared:
            raise FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in PASSING)
        document = await read_json(reply, self._reading, budget)
        if any(condition.holds(reply.status, document) for condition in operation.error_when):
            raise FaultyAnswerError("error_body")
        if any(condition.holds(reply.status, document) for condition in operation.none_when):
            return document, []
        if not 200 <= reply.status < 300:
            raise FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in PASSING)
        found = at(document, operation.rows)
        if found is ABSENT or found is None:
            raise FaultyAnswerError("shape")
        return document, rows_of(found, room)

    async def _signed(self, request: Request, budget: Budget, max_bytes: int | None = None) -> Reply:
        signed = await self._credentials.sign(request, self._http, budget)
        reply = await self._http.send(signed, budget=budget, max_bytes=max_bytes)
        if reply.status == 401 and self._credentials.refused(signed):
            signed = await self._credentials.sign(request, self._http, budget)
            reply = await self._http.send(signed, budget=budget, max_bytes=max_bytes)
        return reply

    def _request(self, operation: Operation, filling: Filling, paging: Mapping[str, Any]) -> Request:
        pages = operation.pages
        in_body = pages is not None and pages.in_body
        query = as_pairs(operation.query.fill(filling))
        if not in_body:
            query = (*query, *as_pairs(paging))
        headers = self._fixed_headers()
        body = b""
        if operation.body is not None:
            filled = operation.body.fill(filling)
            filled = {**filled, **paging} if in_body else filled
            body, content_type = _form(filled) if operation.is_form else _json(filled)
            headers = (*headers, ("Content-Type", content_type))
        path = self._address(operation.path.fill(filling))
        return Request(operation.method, self._url.origin, path, query=query, headers=headers, body=body)

    def _address(self, path: str) -> str:
        return f"{self._url.path.rstrip('/')}{path}"

    def _fixed_headers(self) -> tuple[tuple[str, str], ...]:
        secrets = self._environment.secrets
        own = ((name, resolved(secrets, value)) for name, value in self._headers.items())
        return ("Accept", "application/json"), *own


def _json(value: Any) -> tuple[bytes, str]:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"


def _form(value: Mapping[str, Any]) -> tuple[bytes, str]:
    return urlencode(as_pairs(value)).encode("ascii"), "application/x-www-form-urlencoded"


def open_source(connection: Mapping[str, Any], environment: Environment) -> RestSource:
    """Open a source. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    return RestSource(connection, environment)


CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["url"],
    "properties": {
        **HTTP_MEMBERS,
        **READING_MEMBERS,
        "auth": AUTH_SCHEMA,
        "headers": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9-]+$"},
            "additionalProperties": {"type": "string"},
            "title": "固定请求头（可为 secret:名称）",
            "title_en": "Fixed headers (may be secret:NAME)",
        },
        "probe": {
            "type": "string",
            "pattern": "^/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$",
            "title": "健康检查路径",
            "title_en": "Path of the health probe",
        },
    },
}
