"""The provincial gateway of Zhejiang (IRS, 公共数据共享平台): signed calls that say for which case they are made.

Each call carries appKey, requestTime and sign, and `additional`: the matter, the material it replaces, the applicant,
the operator and the number of the case. The answer is `{code: "00", msg, datas, dataCount}`, with `datas` as a list, an
object, or either of them as JSON text. Another code is an error unless the operation names it as "no such record".
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from adapters.definition import check_definition, check_params, secret_name
from adapters.documents import ABSENT, READING_MEMBERS, Reading, at, parse_json, read_json, read_pointer, rows_of
from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, SourceError
from adapters.http import Request
from adapters.http_connection import HTTP_MEMBERS, PASSING, open_http
from adapters.port import Answer, Budget, Context, Environment, Probe, Row, Value
from adapters.templates import Filling, PathTemplate, Template, as_pairs
from adapters.urls import read_url
from adapters.zhejiang_secrets import GatewaySecrets

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")
_ADDITIONAL: Final[Mapping[str, str]] = {
    "powerMatters": "{context.matter}",
    "subPowerMatters": "",
    "accesscardId": "{context.operator_id}",
    "materialName": "{context.material}",
    "sponsorName": "{context.applicant_name}",
    "sponsorCode": "{context.applicant_code}",
    "projectId": "{context.case_no}",
}
"""The purpose block; an operation may set members of its own, say the code of a sub-item."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """A checked operation."""

    params: frozenset[str]
    safe: bool
    path: str
    values: Template
    additional: Template
    rows: tuple[str, ...]
    none_codes: frozenset[str]


class ZhejiangSource:
    """One application at the gateway."""

    def __init__(self, connection: Mapping[str, Any], environment: Environment) -> None:
        """Raises: DefinitionFaultError."""
        self._url = read_url(connection["url"], "/url")
        self._reading = Reading.of(connection)
        self._place: str = connection.get("send", "form")
        self._sign_in_headers: bool = connection.get("sign_in", "parameters") == "headers"
        self._denied: frozenset[str] = frozenset(connection.get("denied_codes", ()))
        self._expired: frozenset[str] = frozenset(connection.get("expired_codes", ()))
        self._http = open_http(connection, environment)
        name = secret_name(connection["app_secret"], "/app_secret")
        self._secrets = GatewaySecrets(
            app_key=connection["app_key"],
            app_secret=lambda: environment.secrets.secret(name),
            paths=(
                connection.get("refresh_by_key", "/app/refreshTokenByKey.htm"),
                connection.get("refresh_by_secret", "/app/refreshTokenBySec.htm"),
            ),
            clock=environment.clock,
            call=self._call,
        )

    def prepare(self, operation: Mapping[str, Any]) -> _Operation:
        """Check an operation. Raises: DefinitionFaultError."""
        check_definition(OPERATION_SCHEMA, operation)
        path = PathTemplate.read(operation["service"], "/service")
        if path.params:
            raise DefinitionFaultError("/service", "placeholder")
        values = Template.read(operation.get("params", {}), "/params")
        additional = Template.read({**_ADDITIONAL, **operation.get("additional", {})}, "/additional")
        return _Operation(
            params=values.params | additional.params,
            safe=operation.get("safe", True),
            path=operation["service"],
            values=values,
            additional=additional,
            rows=read_pointer(operation.get("rows", ""), "/rows"),
            none_codes=frozenset(operation.get("none_codes", ())),
        )

    async def ask(
        self, prepared: _Operation, params: Mapping[str, Value], *, budget: Budget, context: Context
    ) -> Answer:
        """Ask for the case that `context` names. Raises: SourceError."""
        check_params(prepared.params, params)
        filling = Filling.of(params, context)
        told = json.dumps(prepared.additional.fill(filling), ensure_ascii=False, separators=(",", ":"))
        values = {**dict(as_pairs(prepared.values.fill(filling))), "additional": told}
        async with self._http.lifetime.question(budget.total_seconds):
            signed = await self._secrets.signed(budget)
            envelope = await self._call(prepared.path, signed, budget, values)
            if _code(envelope) in self._expired:
                self._secrets.forget(signed)
                signed = await self._secrets.signed(budget)
                envelope = await self._call(prepared.path, signed, budget, values)
            return Answer(rows=await self._rows(prepared, envelope, budget))

    async def probe(self, budget: Budget) -> Probe:
        """Whether the gateway gives this application a secret to ask with."""
        begun = time.monotonic()
        code = ""
        try:
            async with self._http.lifetime.question(budget.total_seconds):
                await self._secrets.renew(budget)
        except SourceError as error:
            code = error.code
        return Probe(ok=not code, seconds=time.monotonic() - begun, code=code)

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()

    async def _rows(self, operation: _Operation, envelope: dict[str, Any], budget: Budget) -> list[Row]:
        code = _code(envelope)
        if code in operation.none_codes:
            return []
        if code in self._denied or code in self._expired:
            raise DeniedError
        if code != "00":
            raise FaultyAnswerError(f"status_{code}" if _CODE.fullmatch(code) else "status")
        datas = envelope.get("datas")
        if isinstance(datas, str):
            datas = await parse_json(datas.encode(), Reading(), budget) if datas.strip() else None
        if not isinstance(datas, list | dict | None):
            raise FaultyAnswerError("shape")  # a sentence about an error is not "no such record"
        found = [] if datas is None else at(datas, operation.rows)
        if found is ABSENT or found is None:
            raise FaultyAnswerError("shape")
        rows = rows_of(found, budget.max_rows) if found != {} else []
        _check_count(envelope.get("dataCount"), len(rows))
        return rows

    async def _call(
        self, path: str, signed: Mapping[str, str], budget: Budget, values: Mapping[str, str] = _NONE
    ) -> dict[str, Any]:
        reply = await self._http.send(self._request(path, signed, values), budget=budget)
        if reply.status in {401, 403}:
            raise DeniedError
        if reply.status != 200:
            raise FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in PASSING)
        envelope = await read_json(reply, self._reading, budget)
        if not isinstance(envelope, dict) or "code" not in envelope:
            raise FaultyAnswerError("shape")
        return envelope

    def _request(self, path: str, signed: Mapping[str, str], values: Mapping[str, str]) -> Request:
        address = f"{self._url.path.rstrip('/')}{path}"
        headers: tuple[tuple[str, str], ...] = (("Accept", "application/json"),)
        if self._sign_in_headers:
            headers = (*headers, *signed.items())
        else:
            values = {**values, **signed}
        if self._place == "query":
            return Request("GET", self._url.origin, address, query=tuple(values.items()), headers=headers)
        if self._place == "json":
            body, kind = json.dumps(values, ensure_ascii=False).encode(), "application/json"
        else:
            body, kind = urlencode(values).encode("ascii"), "application/x-www-form-urlencoded"
        return Request("POST", self._url.origin, address, headers=(*headers, ("Content-Type", kind)), body=body)


def _code(envelope: Mapping[str, Any]) -> str:
    return str(envelope["code"])


def _check_count(count: Any, rows: int) -> None:
    """A gateway that counts differently from what it gives has cut its answer."""
    told = int(count) if isinstance(count, str) and count.isascii() and count.isdigit() and len(count) < 10 else count
    if type(told) is int and told != rows:
        raise FaultyAnswerError("count")


def open_source(connection: Mapping[str, Any], environment: Environment) -> ZhejiangSource:
    """Open a source. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    return ZhejiangSource(connection, environment)


def _path(title: str, title_en: str) -> dict[str, Any]:
    return {"type": "string", "pattern": "^/[A-Za-z0-9._~/-]+$", "title": title, "title_en": title_en}


def _codes(title: str, title_en: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "title": title, "title_en": title_en}


CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "app_key", "app_secret"],
    "properties": {
        **HTTP_MEMBERS,
        **READING_MEMBERS,
        "app_key": {"type": "string", "minLength": 1, "title": "应用标识 appKey", "title_en": "appKey"},
        "app_secret": {
            "type": "string",
            "pattern": "^secret:.+",
            "title": "应用密钥（secret:名称）",
            "title_en": "Application secret (secret:NAME)",
        },
        "send": {
            "enum": ["form", "json", "query"],
            "default": "form",
            "title": "参数位置",
            "title_en": "Where parameters are sent",
        },
        "sign_in": {
            "enum": ["parameters", "headers"],
            "default": "parameters",
            "title": "签名位置",
            "title_en": "Where the signature is sent",
        },
        "refresh_by_key": _path("刷新密钥接口（第一步）", "Path of refreshTokenByKey"),
        "refresh_by_secret": _path("请求密钥接口（第二步）", "Path of refreshTokenBySec"),
        "expired_codes": _codes("表示请求密钥失效的返回码", "Codes that mean an expired secret"),
        "denied_codes": _codes("表示拒绝本应用的返回码", "Codes that refuse the application"),
    },
}

OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["service"],
    "properties": {
        "service": _path("服务路径", "Path of the service"),
        "params": {
            "type": "object",
            "additionalProperties": {"type": ["string", "integer", "boolean"]},
            "title": "业务参数",
            "title_en": "Parameters",
        },
        "additional": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "title": "additional 补充成员",
            "title_en": "Members of `additional`",
        },
        "rows": {"type": "string", "title": "datas 中记录的指针", "title_en": "Pointer to the rows in datas"},
        "none_codes": _codes("表示查无记录的返回码", "Codes that mean no such record"),
        "safe": {"type": "boolean", "title": "重复询问无副作用", "title_en": "Asking twice changes nothing"},
    },
}
