"""Calls that the hub itself makes, as against those to sources: to the OpenID provider and the time-stamp authority.

One origin, named by the operator in the settings, is all that can be reached; no redirect is followed, no proxy of the
environment is used, and an answer is bounded in time and size.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

_TIMEOUT: Final = httpx2.Timeout(10.0, connect=3.0)
_PATIENCE_SECONDS: Final = 20.0
MAX_ANSWER_BYTES: Final = 262_144
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class OutboundError(Exception):
    """The call was not made, or has no usable answer: `egress`, `transport`, `status`, `too_large`, `not_json`,
    `media_type`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Outbound:
    """Calls to one origin. `base` is https, or http on this very machine. Raises: ValueError for another base.

    With `plain` http is taken from anywhere: for questions that tell nothing, whose answers prove themselves.
    """

    def __init__(self, base: str, *, plain: bool = False) -> None:
        parts = urlsplit(base)
        http = parts.scheme == "http" and (plain or parts.hostname in _LOOPBACK)
        if not parts.hostname or (parts.scheme != "https" and not http):
            raise ValueError("an outbound address must be https")
        self._origin = _origin(base)
        # The system's trust store, so that an operator adds a private authority in the usual way.
        self._context = ssl.create_default_context()

    def allows(self, url: str) -> bool:
        """Whether the address is on this origin."""
        return _origin(url) == self._origin

    async def get(self, url: str) -> dict[str, Any]:
        """A JSON object. Raises: OutboundError."""
        return _object(await self._call("GET", url, accept="application/json"))

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> dict[str, Any]:
        """A JSON object for a form, once: it is not sent again. Raises: OutboundError."""
        return _object(await self._call("POST", url, accept="application/json", data=dict(form), auth=basic))

    async def exchange(self, url: str, content: bytes, *, media_type: str, accept: str) -> bytes:
        """Bytes for bytes, once. Raises: OutboundError; `media_type` for an answer of another one than `accept`."""
        headers = {"Content-Type": media_type}
        return await self._call("POST", url, accept=accept, strict=True, content=content, headers=headers)

    async def fetch(self, url: str, *, accept: str, max_bytes: int) -> bytes:
        """Bytes of whatever media type: for what proves itself. Raises: OutboundError."""
        return await self._call("GET", url, accept=accept, max_bytes=max_bytes)

    async def hand(self, url: str, content: bytes, *, media_type: str) -> bytes:
        """Bytes, once, for an answer of whatever media type. Raises: OutboundError."""
        return await self._call("POST", url, accept="*/*", content=content, headers={"Content-Type": media_type})

    async def _call(
        self,
        method: str,
        url: str,
        *,
        accept: str,
        strict: bool = False,
        max_bytes: int = MAX_ANSWER_BYTES,
        **options: Any,
    ) -> bytes:
        if not self.allows(url):
            raise OutboundError("egress")
        options["headers"] = {**options.get("headers", {}), "Accept": accept, "Accept-Encoding": "identity"}
        content = b""
        try:
            # The client's time-outs are per read: one byte in nine seconds would never end (pitfall F14).
            async with (
                asyncio.timeout(_PATIENCE_SECONDS),
                httpx2.AsyncClient(
                    timeout=_TIMEOUT, verify=self._context, trust_env=False, follow_redirects=False
                ) as client,
                client.stream(method, url, **options) as answer,
            ):
                async for part in answer.aiter_raw():
                    content += part
                    if len(content) > max_bytes:
                        raise OutboundError("too_large")
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise OutboundError("transport") from error
        if answer.status_code != 200:
            raise OutboundError(f"status {answer.status_code}")
        if strict and answer.headers.get("content-type", "").partition(";")[0].strip().lower() != accept:
            raise OutboundError("media_type")
        return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OutboundError("not_json") from error
    if not isinstance(value, dict):
        raise OutboundError("not_json")
    return value


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(parts.scheme)
