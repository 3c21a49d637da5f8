"""The connection to a department's signer: HTTPS, one pinned authority, certificates on both sides, bounded answers."""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from adapters.errors import DefinitionFaultError
from adapters.tls import client_context
from hub.storage.errors import SignerUnavailableError
from signing.canonical import strict_loads
from signing.errors import SigningError

_MAX_ANSWER_BYTES: Final = 1 << 20
_PATIENCE_SECONDS: Final = 20.0
_TIMEOUT: Final = httpx2.Timeout(10.0, connect=3.0)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """Where a department's signer is, and how it and the hub know each other. PEM; the key is the hub's own."""

    url: str
    ca: str
    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return "RemotePlace(...)"


class SignerLink:
    """Calls to one department's signer. Blocks."""

    def __init__(self, place: RemotePlace) -> None:
        self._place = place
        self._context: ssl.SSLContext | None = None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """A JSON object. Raises: SignerUnavailableError."""
        content = None if body is None else json.dumps(body).encode()
        try:
            with (
                httpx2.Client(
                    verify=self._trusting(), timeout=_TIMEOUT, trust_env=False, follow_redirects=False
                ) as client,
                client.stream(method, self._place.url + path, content=content, headers=_HEADERS) as answer,
            ):
                data = _bounded(answer)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SignerUnavailableError("signer_away") from error
        if answer.status_code != 200:
            raise SignerUnavailableError(f"signer_status_{answer.status_code}")
        try:
            found: dict[str, Any] = strict_loads(data, max_bytes=_MAX_ANSWER_BYTES)
        except SigningError as error:
            raise SignerUnavailableError("signer_answer") from error
        return found

    def _trusting(self) -> ssl.SSLContext:
        if self._context is None:
            settings = {"ca": self._place.ca, "certificate": self._place.certificate, "key": "secret:key"}
            try:
                self._context = client_context(settings, _OneSecret(self._place.private_key))
            except DefinitionFaultError as error:
                raise SignerUnavailableError("signer_tls") from error
        return self._context


class _OneSecret:
    """The key of the hub's certificate, as `adapters.tls` asks for it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def secret(self, name: str) -> str:
        """Whatever its name."""
        del name
        return self._value


def _bounded(answer: httpx2.Response) -> bytes:
    """The body. The client's time-outs are per read: a byte every nine seconds would never end (pitfall F14)."""
    content, end = b"", time.monotonic() + _PATIENCE_SECONDS
    for part in answer.iter_raw():
        content += part
        if len(content) > _MAX_ANSWER_BYTES or time.monotonic() > end:
            raise SignerUnavailableError("signer_answer")
    return content
