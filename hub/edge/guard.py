"""A pure ASGI guard around the whole application (pitfalls F3, F6, F7, F10).

It refuses ambiguous framing and unknown hosts, counts body bytes as they arrive, gives every request an id, and adds
the security headers. It never looks at `request.url`, and logs routes by template, so no path value reaches a log.
"""

import re
from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.clock import new_id
from hub.edge.errors import BadRequestError, BodyTooLargeError, Fault

Refuse = Callable[[BadRequestError, Request], ASGIApp]
_log = structlog.get_logger("hub.access_log")
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
_CSP: Final = b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_DOCS_CSP: Final = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
_NO_DEVICES: Final = b"camera=(), microphone=(), geolocation=()"
_CAMERA: Final = b"camera=(self), microphone=(), geolocation=()"
_MAX_HEADER_BYTES: Final = 32_768


class EdgeGuard:
    """Wraps the application. One instance per application; `refuse` makes the answer to what is not let through.

    `body_limits` names paths, as whole regular expressions, that take longer bodies; each counts again by itself.
    `camera` names, in the same way, the pages that may open the device's camera: no other may, and none a microphone.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        max_body_bytes: int,
        refuse: Refuse,
        body_limits: Mapping[str, int] | None = None,
        camera: Collection[str] = (),
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._max_body_bytes = max_body_bytes
        self._refuse = refuse
        self._camera = [re.compile(path) for path in camera]
        self._body_limits = [(re.compile(path), limit) for path, limit in (body_limits or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        refusal = self._refusal(scope)
        status = 0
        started = perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(scope, message["headers"], request_id)]
            await send(message)

        if refusal is not None:
            error = BadRequestError(Fault("", refusal))
            await self._refuse(error, Request(scope))(scope, receive, sending)
        else:
            try:
                await self._app(scope, _counted(receive, self._limit(scope["path"])), sending)
            except Exception as error:  # noqa: BLE001  # whatever it was, its text goes no further
                # The framework answers a 500 and raises again for the server to log, message and all: an error's text
                # may hold values, so only its kind goes on.
                _log.error("unhandled", error=type(error).__name__, request_id=request_id)
                if status == 0:
                    raise RuntimeError("unhandled error before an answer") from None
        route = getattr(scope.get("route"), "path", "-")
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            milliseconds=round((perf_counter() - started) * 1000, 1),
            request_id=request_id,
        )

    def _headers(self, scope: Scope, present: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
        names, path = {name.lower() for name, _ in present}, scope["path"]
        csp = _DOCS_CSP if path in {"/docs", "/redoc"} else _CSP
        devices = _CAMERA if any(page.fullmatch(path) for page in self._camera) else _NO_DEVICES
        added = [*_SECURITY_HEADERS, (b"content-security-policy", csp), (b"permissions-policy", devices)]
        added += [(b"x-request-id", request_id.encode())]
        return [(name, value) for name, value in added if name not in names]

    def _limit(self, path: str) -> int:
        return next((limit for known, limit in self._body_limits if known.fullmatch(path)), self._max_body_bytes)

    def _refusal(self, scope: Scope) -> str | None:
        names = [name for name, _ in scope["headers"]]
        if sum(len(name) + len(value) for name, value in scope["headers"]) > _MAX_HEADER_BYTES:
            return "headers_too_large"
        if names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
            return "two_body_lengths"
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or _host_name(hosts[0]) not in self._hosts:
            return "host"
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        # PostgreSQL takes no NUL in a text and says so by an error, wherever it arrives.
        if "\0" in scope["path"] or any("\0" in name or "\0" in value for name, value in query):
            return "character"
        if len({name for name, _ in query}) != len(query):
            return "repeated_query_parameter"
        return None


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise BodyTooLargeError
        return message

    return counting


def _host_name(value: bytes) -> str:
    text = value.decode("latin-1").lower()
    if text.startswith("["):
        return text[: text.find("]") + 1]
    return text.partition(":")[0]
