"""Writing back by a POST with an Idempotency-Key: the delivery's id, the same at every attempt."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, TimedOutError, UnreachableError
from adapters.port import Secrets
from hub.agent.errors import ConfigError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RestWriter:
    """One address of the department's system. It must keep the key for as long as it keeps the record."""

    def __init__(self, item: Mapping[str, Any], secrets: Secrets) -> None:
        """Raises: ConfigError."""
        self._url = item["url"]
        parts = urlsplit(self._url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ConfigError("url must be https")
        try:
            self._trust = ssl.create_default_context(cafile=item.get("ca_file"))
        except (OSError, ssl.SSLError):
            raise ConfigError("ca_file cannot be used") from None
        self._bearer = item.get("bearer")
        self._secrets = secrets
        self.fields = frozenset(item["fields"])

    def write(self, delivery_id: str, fields: Mapping[str, Any]) -> None:
        """POST the fields; any 2xx is done. Raises: SourceError."""
        headers = {"Idempotency-Key": delivery_id}
        if self._bearer:
            try:
                headers["Authorization"] = f"Bearer {self._secrets.secret(self._bearer.removeprefix('secret:'))}"
            except DefinitionFaultError:
                raise DeniedError("denied") from None
        timeout = httpx2.Timeout(10.0, connect=3.0)
        try:
            with httpx2.Client(verify=self._trust, trust_env=False, follow_redirects=False, timeout=timeout) as client:
                status = client.post(
                    self._url, json={"delivery_id": delivery_id, **fields}, headers=headers
                ).status_code
        except httpx2.TimeoutException:
            raise TimedOutError("read") from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise UnreachableError("refused") from None
        if status in {401, 403}:
            raise DeniedError("denied")
        if not 200 <= status < 300:
            raise FaultyAnswerError(f"status_{status}")
