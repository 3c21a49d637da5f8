"""The short-lived secrets of the provincial gateway: refreshSecret for a day or so, requestSecret for minutes.

`refreshTokenByKey.htm`, signed with the application's own secret, gives the first; `refreshTokenBySec.htm`, signed with
the first, gives the second, and the second signs questions. Each is renewed before its end, by one question for all:
while the old one is good nobody waits, and a renewal that fails leaves the old one in use.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.errors import DeniedError, FaultyAnswerError, SourceError
from adapters.port import Budget

Call = Callable[[str, Mapping[str, str], Budget], Awaitable[Mapping[str, Any]]]
"""Path under the gateway, signature, budget → its envelope. Raises: SourceError."""

REQUEST_LIFE: Final = timedelta(minutes=10)
REFRESH_LIFE: Final = timedelta(hours=24)
"""How long secrets are used for when the gateway does not say."""
_EARLY: Final = 5
"""A secret is renewed when a fifth of its life is left."""


@dataclass(frozen=True, slots=True)
class _Held:
    value: str = field(repr=False)
    renew_at: datetime
    until: datetime


class GatewaySecrets:
    """Secrets of one application at the gateway. Of one event loop."""

    def __init__(
        self,
        *,
        app_key: str,
        app_secret: Callable[[], str],
        paths: tuple[str, str],
        clock: Callable[[], datetime],
        call: Call,
    ) -> None:
        """`app_secret` fetches the secret when it is used; `paths` are those of the two stages."""
        self._app_key = app_key
        self._app_secret = app_secret
        self._by_key, self._by_secret = paths
        self._clock = clock
        self._call = call
        self._refresh: _Held | None = None
        self._request: _Held | None = None
        self._renewing = asyncio.Lock()

    async def signed(self, budget: Budget) -> dict[str, str]:
        """appKey, requestTime and sign for one question. Raises: DeniedError, SourceError."""
        secret = await self._request_secret(budget)
        return signature(self._app_key, secret, self._clock())

    async def renew(self, budget: Budget) -> None:
        """Fetch a secret now, whatever is in use. Raises: DeniedError, SourceError."""
        async with self._renewing:
            self._request = await self._renewed(budget)

    def forget(self, used: Mapping[str, str]) -> None:
        """The gateway refused this signature: the secret behind it is no longer good, if it is still the one in use."""
        held = self._request
        if held is not None and _sign(self._app_key, held.value, used["requestTime"]) == used["sign"]:
            self._request = None

    async def _request_secret(self, budget: Budget) -> str:
        held, now = self._request, self._clock()
        good = held is not None and now < held.until
        if held is not None and good and (now < held.renew_at or self._renewing.locked()):
            return held.value
        async with self._renewing:
            known = self._request
            if known is not None and self._clock() < known.renew_at:
                return known.value
            try:
                self._request = await self._renewed(budget)
            except SourceError:
                if held is None or self._clock() >= held.until:
                    raise
            return (self._request or held or _NOTHING).value

    async def _renewed(self, budget: Budget) -> _Held:
        refresh = self._refresh
        if refresh is not None and self._clock() < refresh.renew_at:
            try:
                return await self._stage(self._by_secret, refresh.value, "requestSecret", REQUEST_LIFE, budget)
            except DeniedError:
                # Somebody else who holds this application key renewed it: begin again, once.
                self._refresh = None
        refresh = await self._stage(self._by_key, self._app_secret(), "refreshSecret", REFRESH_LIFE, budget)
        self._refresh = refresh
        return await self._stage(self._by_secret, refresh.value, "requestSecret", REQUEST_LIFE, budget)

    async def _stage(self, path: str, secret: str, member: str, life: timedelta, budget: Budget) -> _Held:
        begun = self._clock()
        envelope = await self._call(path, signature(self._app_key, secret, begun), budget)
        if envelope.get("code") != "00":
            raise DeniedError(member)
        datas = envelope.get("datas")
        # The gateway gives the secret as an object with its end, or as the bare text.
        value = datas.get(member) if isinstance(datas, dict) else datas
        if not isinstance(value, str) or not value:
            raise FaultyAnswerError("secret")
        end = datas.get(f"{member}EndTime") if isinstance(datas, dict) else None
        until = _instant(end) or begun + life
        return _Held(value, until - (until - begun) / _EARLY, until)


def signature(app_key: str, secret: str, now: datetime) -> dict[str, str]:
    """The three parameters of every call: `sign` is MD5(appKey + secret + requestTime), as the gateway wants it."""
    moment = str(int(now.timestamp() * 1000))
    return {"appKey": app_key, "requestTime": moment, "sign": _sign(app_key, secret, moment)}


def _sign(app_key: str, secret: str, moment: str) -> str:
    return hashlib.md5(f"{app_key}{secret}{moment}".encode(), usedforsecurity=False).hexdigest()


def _instant(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


_NOTHING: Final = _Held("", datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
