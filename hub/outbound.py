"""Calls that the hub itself makes, as against those to sources: now only to the configured OpenID provider.

One origin, named by the operator in the settings, is all that can be reached; no redirect is followed, no proxy of the
environment is used, and an answer is bounded in time and size.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

_TIMEOUT: Final = httpx2.Timeout(10.0, connect=3.0)
MAX_ANSWER_BYTES: Final = 262_144
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class OutboundError(Exception):
    """The call was not made, or has no usable answer: `egress`, `transport`, `status`, `too_large`, `not_json`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Outbound:
    """Calls to one origin. `base` is https, or http on this very machine. Raises: ValueError for another base."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("an outbound address must be https")
        self._origin = _origin(base)
        # The system's trust store, so that an operator adds a private authority in the usual way.
        self._context = ssl.create_default_context()

    def allows(self, url: str) -> bool:
        """Whether the address is on this origin."""
        return _origin(url) == self._origin

    async def get(self, url: str) -> dict[str, Any]:
        """A JSON object. Raises: OutboundError."""
        return await self._call("GET", url)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> dict[str, Any]:
        """A JSON object for a form, once: it is not sent again. Raises: OutboundError."""
        return await self._call("POST", url, data=dict(form), auth=basic)

    async def _call(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        if not self.allows(url):
            raise OutboundError("egress")
        content = b""
        try:
            async with (
                httpx2.AsyncClient(
                    timeout=_TIMEOUT, verify=self._context, trust_env=False, follow_redirects=False
                ) as client,
                client.stream(method, url, headers={"Accept": "application/json"}, **options) as answer,
            ):
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        raise OutboundError("too_large")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise OutboundError("transport") from error
        if answer.status_code != 200:
            raise OutboundError(f"status {answer.status_code}")
        return _object(content)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError as error:
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
