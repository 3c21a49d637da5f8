"""A stand-in of the provincial gateway: it checks every signature, and its secrets last for seconds, so that they are
renewed while cases run.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from hub.scenarios.places import By, Table
from hub.scenarios.real.standing import JSON, WebServer

APP_KEY: Final = "A990000000001"
SECRET: Final = "app"  # noqa: S105  # its name
_PATH: Final = "gateway"
_LIFE: Final = 2.0
"""Seconds for which a secret to ask with is good; the secret to renew it by, ten times as long."""
_CLOCKS: Final = 300.0
_MOMENT: Final = re.compile(r"[0-9]{13}")
TOLD: Final = frozenset({"powerMatters", "accesscardId", "materialName", "sponsorName", "sponsorCode", "projectId"})
"""What each call has to say of its case."""
REFUSED: Final = "14"
EXPIRED: Final = "15"
PURPOSE: Final = "16"


@dataclass(slots=True)
class Gateway:
    """One application at the gateway: two stages of secrets, then signed questions."""

    web: WebServer
    app_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    renewals: int = 0
    questions: int = 0
    _refresh: tuple[str, float] = field(default=("", 0.0), repr=False)
    _request: tuple[str, float] = field(default=("", 0.0), repr=False)

    def __post_init__(self) -> None:
        """Listen."""
        self.web.calls[f"{_PATH}/app/refreshTokenByKey.htm"] = self._by_key
        self.web.calls[f"{_PATH}/app/refreshTokenBySec.htm"] = self._by_secret

    def publish(self, table: Table) -> None:
        """A service of the gateway for this table."""
        self.web.calls[service(table)] = partial(self._asked, table)

    def _by_key(self, body: str) -> tuple[str, bytes]:
        if not _signed(dict(parse_qsl(body)), self.app_secret):
            return _said(REFUSED)
        self._refresh = (secrets.token_urlsafe(24), time.time() + 10 * _LIFE)
        return _said("00", _secret("refreshSecret", self._refresh))

    def _by_secret(self, body: str) -> tuple[str, bytes]:
        secret, until = self._refresh
        if time.time() >= until or not _signed(dict(parse_qsl(body)), secret):
            return _said(REFUSED)
        self.renewals += 1
        self._request = (secrets.token_urlsafe(24), time.time() + _LIFE)
        return _said("00", _secret("requestSecret", self._request))

    def _asked(self, table: Table, body: str) -> tuple[str, bytes]:
        values, (secret, until) = dict(parse_qsl(body, keep_blank_values=True)), self._request
        if time.time() >= until or not _signed(values, secret):
            return _said(EXPIRED)
        if not _purpose_told(values.get("additional", "")):
            return _said(PURPOSE)
        self.questions += 1
        wanted = {name: value for name, value in values.items() if name in table.columns}
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        found = [row for row in rows if all(row[name] == value for name, value in wanted.items())] if wanted else []
        return _said("00", json.dumps(found, ensure_ascii=False), dataCount=len(found))


@dataclass(frozen=True, slots=True)
class GatewayTable:
    """A table behind the gateway."""

    gateway: Gateway
    table: Table

    def definition(self) -> Mapping[str, Any]:
        """Of kind `zhejiang`."""
        target = self.gateway.web.target
        connection = {
            "url": f"http://{target}/{_PATH}", "app_key": APP_KEY, "app_secret": f"secret:{SECRET}",
            "expired_codes": [EXPIRED], "denied_codes": [REFUSED, PURPOSE],
        }  # fmt: skip
        return {"kind": "zhejiang", "connection": connection, "targets": [target]}

    def secrets(self) -> Mapping[str, str]:
        """The application's."""
        return {SECRET: self.gateway.app_secret}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One signed call."""
        path = service(self.table).removeprefix(_PATH)
        return {"service": path, "params": {column: f"{{{param}}}" for column, param in by.items()}}

    def away(self) -> AbstractContextManager[None]:
        """Its service answers 503; the gateway itself is there."""
        return self.gateway.web.without(service(self.table))


def service(table: Table) -> str:
    """Where the gateway has it."""
    return f"{_PATH}/api/{table.source}.htm"


def _purpose_told(additional: str) -> bool:
    try:
        said = json.loads(additional)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.keys() >= TOLD


def _signed(values: Mapping[str, str], secret: str) -> bool:
    moment = values.get("requestTime", "")
    if not secret or not _MOMENT.fullmatch(moment) or abs(int(moment) / 1000 - time.time()) > _CLOCKS:
        return False
    sign = hashlib.md5(f"{APP_KEY}{secret}{moment}".encode(), usedforsecurity=False).hexdigest()  # the gateway's own
    return values.get("appKey") == APP_KEY and hmac.compare_digest(values.get("sign", ""), sign)


def _secret(member: str, held: tuple[str, float]) -> dict[str, Any]:
    return {member: held[0], f"{member}EndTime": int(held[1] * 1000)}


def _said(code: str, datas: Any = None, **more: Any) -> tuple[str, bytes]:
    envelope = {"code": code, "msg": "", "datas": datas, **more}
    return JSON, json.dumps(envelope, ensure_ascii=False).encode()
