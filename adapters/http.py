"""One bounded HTTP client for every kind that speaks HTTP. Nothing of the environment, nothing it was not told.

- It connects to the address that `Egress` resolved and checked, with the name in `Host` and SNI; at each redirect anew.
- It asks for no compression and refuses any; counts bytes as they come; ends with its budget (pitfall F14).
- It follows no redirect unless told how many, and then carries no credentials to another origin.
- It logs nothing: addresses hold the numbers of persons.

It stands on httpcore2, the transport below httpx2: the client above logs each URL and takes proxies and cookies along.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urljoin

import httpcore2

from adapters.egress import Egress
from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    TimedOutError,
    TlsCheck,
    UnreachableError,
)
from adapters.lifetime import Lifetime
from adapters.port import Budget
from adapters.urls import Origin, read_url

_IDLE_SECONDS: Final = 30.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ANYWHERE: Final = frozenset({"accept"})
"""Headers that may follow a redirect to another origin."""
_CERTIFICATE_ALERTS: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED", "DENIED")
_CHECKS: Final[dict[int, TlsCheck]] = {9: "not_yet", 10: "expired", 62: "name", 64: "name"}
"""OpenSSL's codes (X509_V_ERR_…); all others say that no trusted authority stands behind the certificate."""

# Its debug lines show the headers of answers.
logging.getLogger("httpcore2").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is percent-encoded and may end in a query; `query` holds plain pairs, encoded here."""

    method: str
    origin: Origin
    path: str = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def target(self) -> str:
        """Path and query as they are sent, ASCII."""
        if not self.query:
            return self.path
        pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.query)
        return f"{self.path}{'&' if '?' in self.path else '?'}{pairs}"

    def having(self, *headers: tuple[str, str], query: Iterable[tuple[str, str]] = ()) -> "Request":
        """The same request with more headers and query pairs."""
        return replace(self, headers=(*self.headers, *headers), query=(*self.query, *query))


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Header names are lower case; of a repeated header the values are joined."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request: Request


class Http:
    """The connections of one source. Safe for concurrent questions of one event loop."""

    def __init__(
        self,
        egress: Egress,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        connections: int = 64,
        redirects: int = 0,
    ) -> None:
        """Nothing is reached yet. `tls` None refuses `https`; `server_name` is checked instead of the host's name."""
        self.lifetime: Final = Lifetime()
        self._redirects = redirects
        self._server_name = server_name
        self._has_tls = tls is not None
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_CheckedNetwork(egress),
        )

    async def send(self, request: Request, *, budget: Budget, max_bytes: int | None = None) -> Reply:
        """Send, and read the whole answer, whatever its status but a redirect's.

        Not bounded in total: a question is several requests, and runs inside `lifetime.question`.

        Args: max_bytes: what is left of the budget's; None for all of it.
        Raises: UnreachableError; TimedOutError (`connect`, `read`); DeniedError: the client certificate is refused;
            FaultyAnswerError: `too_large`, `encoding` (compressed), `protocol`, `cut_off` (ended early), `redirect`.
        """
        limit = budget.max_bytes if max_bytes is None else max_bytes
        for _ in range(self._redirects + 1):
            reply = await self._once(request, budget, limit)
            if reply.status not in _REDIRECTS:
                return reply
            request = _redirected(request, reply)
        raise FaultyAnswerError("redirect")

    async def close(self) -> None:
        """End the questions under way, give the connections back."""
        self.lifetime.close()
        await self._pool.aclose()

    async def _once(self, request: Request, budget: Budget, limit: int) -> Reply:
        if self.lifetime.closed:
            raise UnreachableError("closed")
        if request.origin.scheme == "https" and not self._has_tls:
            raise UnreachableError("tls")
        sent = httpcore2.Request(
            request.method,
            httpcore2.URL(
                scheme=request.origin.scheme,
                host=request.origin.host,
                port=request.origin.port,
                target=request.target,
            ),
            headers=_headers(request),
            content=request.body,
            extensions=self._extensions(budget),
        )
        async with _faults():
            response = await self._pool.handle_async_request(sent)
            try:
                return Reply(response.status, _joined(response.headers), await _body(response, limit), request)
            finally:
                await response.aclose()

    def _extensions(self, budget: Budget) -> dict[str, object]:
        timeouts = {
            "pool": budget.connect_seconds,
            "connect": budget.connect_seconds,
            "read": budget.read_seconds,
            "write": budget.read_seconds,
        }
        named = {} if self._server_name is None else {"sni_hostname": self._server_name}
        return {"timeout": timeouts, **named}


class _CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, so that a name cannot change its mind between check and connection."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature of the port
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        del local_address, socket_options
        try:
            async with asyncio.timeout(timeout):
                for address in await self._egress.resolve(host, port):
                    with suppress(httpcore2.ConnectError):
                        return await self._sockets.connect_tcp(address, port)
        except (TimeoutError, httpcore2.ConnectTimeout):
            raise TimedOutError("connect") from None
        raise UnreachableError("refused")


def _headers(request: Request) -> list[tuple[str, str]]:
    """Host, framing and the request's own. Raises: DefinitionFaultError: a value that would end its header."""
    for name, value in request.headers:
        if not value.isascii() or not value.isprintable():
            raise DefinitionFaultError(f"/headers/{name}", "characters")
    framing = [("Content-Length", str(len(request.body)))] if request.body or request.method != "GET" else []
    return [
        ("Host", request.origin.authority),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "yizheng"),
        *framing,
        *request.headers,
    ]


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _body(response: httpcore2.Response, limit: int) -> bytes:
    headers = _joined(response.headers)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FaultyAnswerError("encoding")
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:19]) > limit:
        raise FaultyAnswerError("too_large")
    pieces: list[bytes] = []
    size = 0
    async with aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            size += len(piece)
            if size > limit:
                raise FaultyAnswerError("too_large")
            pieces.append(piece)
    return b"".join(pieces)


def _redirected(request: Request, reply: Reply) -> Request:
    """The next hop. Raises: FaultyAnswerError(`redirect`): not of a GET, to plain text, or no proper address."""
    before = request.origin
    location = urljoin(f"{before.url}{request.target}", reply.headers.get("location", ""))
    try:
        url = read_url(location, "/redirect")
    except DefinitionFaultError:
        raise FaultyAnswerError("redirect") from None
    downgraded = before.scheme == "https" and url.origin.scheme != "https"
    if request.method != "GET" or downgraded or not reply.headers.get("location"):
        raise FaultyAnswerError("redirect")
    same = url.origin == before
    headers = tuple(item for item in request.headers if same or item[0].lower() in _ANYWHERE)
    return Request("GET", url.origin, url.path_and_query, headers=headers)


@asynccontextmanager
async def _faults() -> AsyncIterator[None]:
    """Errors of the transport as errors of a source. Their texts and causes stop here: they may quote the answer."""
    try:
        yield
    except httpcore2.PoolTimeout:
        raise UnreachableError("busy") from None
    except httpcore2.ConnectTimeout:
        raise TimedOutError("connect") from None
    except httpcore2.TimeoutException:
        raise TimedOutError("read") from None
    except (httpcore2.ConnectError, ssl.SSLError) as error:
        # Connections that are refused are told by the network above: what fails here is the handshake.
        raise _tls_fault(error) from None
    except httpcore2.LocalProtocolError:
        raise DefinitionFaultError("/request", "protocol") from None
    except httpcore2.RemoteProtocolError as error:
        ended = "disconnected" in str(error) or "closed" in str(error)
        raise FaultyAnswerError("cut_off" if ended else "protocol", retryable=ended) from None
    except (httpcore2.NetworkError, OSError):
        raise FaultyAnswerError("cut_off", retryable=True) from None


def _tls_fault(error: BaseException) -> DeniedError | UnreachableError:
    told: BaseException | None = error
    while told is not None:
        reason = (getattr(told, "reason", None) or "").upper()
        if "ALERT" in reason and any(alert in reason for alert in _CERTIFICATE_ALERTS):
            return DeniedError("client certificate")
        if isinstance(told, ssl.SSLCertVerificationError):
            return UnreachableError("tls", failed=_CHECKS.get(told.verify_code, "authority"))
        told = told.__cause__ or told.__context__  # the pool raises again `from None`
    return UnreachableError("tls")
