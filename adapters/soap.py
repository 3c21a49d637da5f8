"""Sources that speak SOAP 1.1 or 1.2, by their WSDL. Every byte of XML is judged by `soap_xml` before it is parsed.

Whether an answer is a record, no record or an error is decided in this order: credentials refused → a Fault or an
answer that `none_when` declares to mean "no record" → any other Fault → `error_when` → the rows at `rows`. The contract
is fetched at the first question and pinned: another one at its address stops the source until its owner has looked.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.credentials import open_credentials
from adapters.definition import check_definition, check_params, resolved, secret_name
from adapters.documents import ABSENT, at, read_pointer, rows_of
from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, SourceError, UnreachableError
from adapters.http import Reply, Request
from adapters.http_connection import open_http
from adapters.port import Answer, Budget, Context, Environment, Prepared, Probe, Source, Value
from adapters.rest_operation import Condition
from adapters.soap_schema import CONNECTION_SCHEMA, OPERATION_SCHEMA
from adapters.templates import Filling, Template
from adapters.urls import read_url

if TYPE_CHECKING:
    from adapters.soap_contract import Contract, Gathering, Port
    from adapters.soap_messages import Login

T = TypeVar("T")
_THREADS: Final = 2
"""Of one source: a source whose answers are hard to read slows only itself."""
_RENEWED: Final = timedelta(minutes=10)
_INLINE: Final = "wsdl"
PASSING: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class _Operation:
    service: str | None
    port: str | None
    operation: str
    body: Template
    rows: tuple[str, ...]
    none_faults: frozenset[str]
    none_when: tuple[Condition, ...]
    error_when: tuple[Condition, ...]
    safe: bool

    @property
    def params(self) -> frozenset[str]:
        return self.body.params


@dataclass(frozen=True, slots=True)
class _Pinned:
    contract: "Contract"
    digest: str
    seen_at: datetime


class SoapSource:
    """A source over SOAP. Secrets stand in no attribute."""

    def __init__(self, connection: Mapping[str, Any], environment: Environment) -> None:
        """Raises: DefinitionFaultError."""
        if ("wsdl" in connection) == ("wsdl_url" in connection):
            raise DefinitionFaultError("/wsdl_url", "wsdl_or_wsdl_url")
        self._url = read_url(connection["wsdl_url"], "/wsdl_url") if "wsdl_url" in connection else None
        self._documents: Final = {**connection.get("schemas", {}), _INLINE: connection.get("wsdl", "")}
        self._address = read_url(connection["address"], "/address") if "address" in connection else None
        self._wsse: Final[Mapping[str, Any] | None] = connection.get("wsse")
        if self._wsse is not None:
            secret_name(self._wsse["password"], "/wsse/password")
        self._environment = environment
        self._credentials = open_credentials(connection.get("auth", {"type": "none"}), environment)
        self._http = open_http(connection, environment)
        self._digest: str | None = connection.get("wsdl_sha256")
        self._pinned: _Pinned | None = None
        self._pinning = asyncio.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="soap")

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Check an operation by itself; whether the contract has it is seen when it is asked or probed.

        Raises: DefinitionFaultError.
        """
        return _read_operation(operation)

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask once. Raises: SourceError."""
        assert isinstance(prepared, _Operation)  # noqa: S101  # opaque to everybody else
        check_params(prepared.params, params)
        async with self._http.lifetime.question(budget.total_seconds):
            found = await self._call(prepared, Filling.of(params, context), params, budget)
        if found is None:
            return Answer(())
        return Answer(rows_of(found, budget.max_rows))

    async def probe(self, budget: Budget) -> Probe:
        """Fetch the contract anew, and GET the service's address: any answer shows that it is there."""
        begun = time.monotonic()
        code = ""
        try:
            async with self._http.lifetime.question(budget.total_seconds):
                contract = await self._contract(budget, anew=True)
                await self._reach(contract.port(None, None), budget)
        except SourceError as error:
            code = error.code
        return Probe(ok=not code, seconds=time.monotonic() - begun, code=code)

    async def close(self) -> None:
        """Give connections and threads back."""
        await self._http.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(
        self, operation: _Operation, filling: Filling, params: Mapping[str, Value], budget: Budget
    ) -> Any | None:
        """The value at `rows`; None when the source says that there is no record."""
        from adapters import soap_messages as messages

        messages.check_text(params)
        contract = await self._contract(budget)
        port = contract.port(operation.service, operation.port)
        body = operation.body.fill(filling)
        login = self._login()
        envelope = await self._thread(lambda: messages.write(port, operation.operation, body, login))
        reply = await self._post(port, envelope.body, envelope.headers, budget)
        answer = await self._thread(lambda: messages.read(port, operation.operation, reply, budget.max_depth))
        return _judged(operation, answer)

    async def _post(self, port: "Port", body: bytes, headers: tuple[tuple[str, str], ...], budget: Budget) -> Reply:
        url = self._address or read_url(port.address, "/wsdl/address")
        request = Request("POST", url.origin, url.path_and_query, headers=headers, body=body)
        return await self._signed(request, budget=budget)

    async def _reach(self, port: "Port", budget: Budget) -> None:
        url = self._address or read_url(port.address, "/wsdl/address")
        reply = await self._signed(Request("GET", url.origin, url.path_and_query), budget=budget)
        if reply.status in {401, 403}:
            raise DeniedError
        if reply.status in PASSING:
            raise FaultyAnswerError(f"status_{reply.status}", retryable=True)

    async def _signed(self, request: Request, *, budget: Budget, max_bytes: int | None = None) -> Reply:
        signed = await self._credentials.sign(request, self._http, budget)
        reply = await self._http.send(signed, budget=budget, max_bytes=max_bytes)
        if reply.status == 401 and self._credentials.refused(signed):
            signed = await self._credentials.sign(request, self._http, budget)
            reply = await self._http.send(signed, budget=budget, max_bytes=max_bytes)
        return reply

    async def _contract(self, budget: Budget, *, anew: bool = False) -> "Contract":
        """The pinned contract, looked at again now and then.

        Raises: FaultyAnswerError(`contract_changed`): the documents at its address are not those that were pinned.
        """
        if self._pinned is not None and not anew and not self._is_old(self._pinned):
            return self._pinned.contract
        async with self._pinning:
            known = self._pinned
            if known is not None and not anew:
                if not self._is_old(known):
                    return known.contract
                # Said before it is done: one question bears the time of a look at an address that hangs, not each.
                self._pinned = replace(known, seen_at=self._environment.clock())
            try:
                gathered = await self._gather(budget)
            except SourceError:
                if known is None or anew or self._http.lifetime.closed:
                    raise
                return known.contract  # its service may well answer while its WSDL does not
            if gathered.digest != (self._digest or gathered.digest):
                self._pinned = None
                raise FaultyAnswerError("contract_changed")
            self._digest = gathered.digest
            self._pinned = gathered
            return gathered.contract

    def _is_old(self, known: _Pinned) -> bool:
        return self._url is not None and self._environment.clock() >= known.seen_at + _RENEWED

    async def _gather(self, budget: Budget) -> _Pinned:
        # zeep takes a second and a half to import: in a thread, when it is first needed.
        gathering = await self._thread(self._gathering)
        while (wanted := gathering.wanted) is not None:
            raw, charset = await self._document(wanted, budget, gathering.left)
            await self._thread(partial(gathering.put, raw, charset))
        known = self._pinned
        same = known is not None and known.digest == gathering.digest
        contract = known.contract if known and same else await self._thread(gathering.contract)
        return _Pinned(contract, gathering.digest, self._environment.clock())

    def _gathering(self) -> "Gathering":
        from adapters.soap_contract import Gathering

        return Gathering(f"{self._url.origin.url}{self._url.path_and_query}" if self._url else _INLINE)

    async def _document(self, address: str, budget: Budget, left: int) -> tuple[bytes, str | None]:
        from adapters.soap_contract import charset_of

        if self._url is None:
            if address not in self._documents:
                raise DefinitionFaultError("/schemas", "unknown_import")
            return self._documents[address].encode(), "utf-8"
        url = read_url(address, "/wsdl_url")
        request = Request("GET", url.origin, url.path_and_query)
        # An import may lie with somebody else, who gets no credentials.
        send = self._signed if url.origin == self._url.origin else self._http.send
        reply = await send(request, budget=budget, max_bytes=left)
        if reply.status in {401, 403}:
            raise DeniedError
        if reply.status != 200:
            raise FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in PASSING)
        return reply.body, charset_of(reply.headers.get("content-type", ""))

    def _login(self) -> "Login | None":
        from adapters.soap_messages import Login

        if self._wsse is None:
            return None
        secrets = self._environment.secrets
        return Login(
            username=resolved(secrets, self._wsse["username"]),
            password=resolved(secrets, self._wsse["password"]),
            digest=self._wsse.get("digest", False),
            now=self._environment.clock(),
        )

    async def _thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError:
            if self._http.lifetime.closed:
                raise UnreachableError("closed") from None
            raise


def _judged(operation: _Operation, answer: Any) -> Any | None:
    from adapters.soap_messages import Fault

    if isinstance(answer, Fault):
        if operation.none_faults.intersection(answer.codes):
            return None
        raise answer.error()
    if any(condition.holds(200, answer) for condition in operation.error_when):
        raise FaultyAnswerError("error_body")
    if any(condition.holds(200, answer) for condition in operation.none_when):
        return None
    found = at(answer, operation.rows)
    if found is ABSENT or found is None:
        raise FaultyAnswerError("shape")
    return found


def _read_operation(operation: Mapping[str, Any]) -> _Operation:
    check_definition(OPERATION_SCHEMA, operation)
    none_when = operation.get("none_when", ())
    return _Operation(
        service=operation.get("service"),
        port=operation.get("port"),
        operation=operation["operation"],
        body=Template.read(operation.get("body", {}), "/body"),
        rows=read_pointer(operation.get("rows", ""), "/rows"),
        none_faults=frozenset(item["fault"] for item in none_when if "fault" in item),
        none_when=tuple(
            Condition.read(item, f"/none_when/{number}") for number, item in enumerate(none_when) if "fault" not in item
        ),
        error_when=tuple(
            Condition.read(item, f"/error_when/{number}") for number, item in enumerate(operation.get("error_when", ()))
        ),
        safe=operation.get("safe", False),
    )


def open_source(connection: Mapping[str, Any], environment: Environment) -> Source:
    """Open a source; the contract is fetched when it is first needed. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    return SoapSource(connection, environment)


__all__ = ["CONNECTION_SCHEMA", "OPERATION_SCHEMA", "SoapSource", "open_source"]
