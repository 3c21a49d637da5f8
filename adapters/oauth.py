"""Tokens by OAuth 2 client credentials (RFC 6749 §4.4), fetched once for all questions that wait for one."""

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from adapters.definition import resolved
from adapters.documents import Reading, read_json
from adapters.errors import DeniedError, FaultyAnswerError
from adapters.http import Http, Reply, Request
from adapters.port import Budget, Environment
from adapters.urls import read_url

_EARLY: Final = timedelta(seconds=30)
_UNTOLD: Final = 60
"""Seconds a token is used for when its server does not say how long it lives."""
_LONGEST: Final = 86_400
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_HINDRANCES: Final = frozenset({"invalid_client", "unauthorized_client", "access_denied", "invalid_grant"})


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until: datetime


class ClientCredentials:
    """Signs requests with a token, kept until shortly before its end, dropped when the source refuses it."""

    def __init__(self, settings: Mapping[str, Any], environment: Environment) -> None:
        """Raises: DefinitionFaultError: `token_url`."""
        self._settings = settings
        self._environment = environment
        self._url = read_url(settings["token_url"], "/auth/token_url")
        self._token: _Token | None = None
        self._fetching = asyncio.Lock()

    async def sign(self, request: Request, http: Http, budget: Budget) -> Request:
        """With a token that is good for a while. Raises: DeniedError: the hub's own credentials; SourceError."""
        token = self._good()
        if token is None:
            async with self._fetching:
                # Whoever waited finds what the first one fetched.
                token = self._good() or await self._fetch(http, budget)
                self._token = token
        return request.having(("Authorization", f"Bearer {token.value}"))

    def refused(self, request: Request) -> bool:
        """Forget the token it carried, unless another question already fetched a newer one."""
        carried = dict(request.headers).get("Authorization")
        if self._token is not None and carried == f"Bearer {self._token.value}":
            self._token = None
        return True

    def _good(self) -> _Token | None:
        known = self._token
        return known if known is not None and self._environment.clock() < known.until else None

    async def _fetch(self, http: Http, budget: Budget) -> _Token:
        asked = self._environment.clock()
        reply = await http.send(self._request(), budget=budget, max_bytes=min(budget.max_bytes, 65_536))
        document = await _document(reply, budget)
        if reply.status != 200 or not isinstance(document, dict):
            raise _refusal(reply.status, document)
        value, kind = document.get("access_token"), document.get("token_type", "bearer")
        if not isinstance(value, str) or not _TOKEN.fullmatch(value) or str(kind).lower() != "bearer":
            raise FaultyAnswerError("token")
        seconds = document.get("expires_in", _UNTOLD)
        lasting = timedelta(seconds=min(max(seconds, 0), _LONGEST) if isinstance(seconds, int | float) else _UNTOLD)
        # A token that lives shorter than the margin serves the questions of one moment.
        return _Token(value, asked + max(lasting - _EARLY, lasting / 2))

    def _request(self) -> Request:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        form |= {name: settings[name] for name in ("scope", "audience") if name in settings}
        secret = resolved(self._environment.secrets, settings["client_secret"])
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if settings.get("client_in", "basic") == "form":
            form |= {"client_id": settings["client_id"], "client_secret": secret}
        else:
            # RFC 6749 §2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(settings['client_id'], safe='')}:{quote(secret, safe='')}"
            headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"))
        body = urlencode(form).encode("ascii")
        return Request("POST", self._url.origin, self._url.path_and_query, headers=tuple(headers), body=body)


async def _document(reply: Reply, budget: Budget) -> Any:
    try:
        return await read_json(reply, Reading(), budget)
    except FaultyAnswerError:
        if reply.status == 200:
            raise
        return None


def _refusal(status: int, document: Any) -> DeniedError | FaultyAnswerError:
    error = document.get("error") if isinstance(document, dict) else None
    if status in {401, 403} or error in _HINDRANCES:
        return DeniedError("token")
    return FaultyAnswerError("token", retryable=status in {502, 503, 504})
