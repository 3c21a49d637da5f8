"""The provincial gateway: a stand-in that checks what the real one checks, on a real socket."""

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError
from adapters.port import Context
from adapters.registry import open_source
from tests.adapters.contract import BUDGET, Kind, SourceContract, ask
from tests.adapters.servers import Got, Said, Server, enterprises, nobody, said, serving
from tests.adapters.town import KNOWN, UNKNOWN_USCC

APP_KEY = "A330000000001"
APP_SECRET = "app-s3cret-of-the-town-51c7"
WRONG = "app-s3cret-of-nobody-0000"
CONTEXT = Context(
    case_no="C2026-1",
    matter="许可-00757-000",
    material="营业执照",
    purpose="办理食品经营许可",
    operator_id="op-7",
    applicant_name="示例市晨光食品有限公司",
    applicant_code=KNOWN["uscc"],
)


@dataclass
class Gateway:
    """Signs are checked against the secret that is good now; a used secret is replaced at `rotate`."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    life: timedelta = timedelta(minutes=10)
    tells_end: bool = True
    wrapped: bool = False
    outage: bool = False
    no_secrets: bool = False
    refresh: str = ""
    request: str = ""
    request_end: datetime | None = None
    calls: list[str] = field(default_factory=list)
    additional: list[dict[str, str]] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    numbers: Any = field(default_factory=itertools.count)

    def rotate(self) -> None:
        self.request = f"request-secret-{next(self.numbers)}-8a2b"
        self.request_end = self.now + self.life

    async def handle(self, got: Got) -> Said:
        values = dict(got.query)
        if got.body:
            values |= got.json() if got.headers["content-type"] == "application/json" else got.form
        signed = {"appKey": "appkey", "requestTime": "requesttime", "sign": "sign"}
        values |= {name: got.headers[header] for name, header in signed.items() if header in got.headers}
        name = got.segments[-1]
        self.calls.append(name)
        if self.outage or (self.no_secrets and name.startswith("refresh")):
            return Said(503, b"", ())
        match name:
            case "refreshTokenByKey.htm":
                if not self._signed(values, APP_SECRET):
                    return said({"code": "14", "msg": "sign error"})
                self.refresh = f"refresh-secret-{next(self.numbers)}-3c4d"
                return self._secret("refreshSecret", self.refresh, timedelta(hours=48))
            case "refreshTokenBySec.htm":
                if not self.refresh or not self._signed(values, self.refresh):
                    return said({"code": "14", "msg": "sign error"})
                self.rotate()
                return self._secret("requestSecret", self.request, self.life)
        stale = self.request_end is None or self.now >= self.request_end
        if stale or not self.request or not self._signed(values, self.request):
            return said({"code": "15", "msg": "requestSecret invalid"})
        self.additional.append(json.loads(values.pop("additional")))
        return said(self.answer if self.answer is not None else self._data(values))

    def _data(self, values: dict[str, str]) -> dict[str, Any]:
        wanted = {name: values[name] for name in ("uscc", "name", "region") if name in values}
        rows = enterprises(**wanted)
        datas: Any = json.dumps(rows, ensure_ascii=False) if self.wrapped else rows
        return {"code": "00", "msg": "成功", "datas": datas, "dataCount": len(rows)}

    def _secret(self, member: str, value: str, life: timedelta) -> Said:
        end = {f"{member}EndTime": int((self.now + life).timestamp() * 1000)} if self.tells_end else {}
        return said({"code": "00", "msg": "成功", "datas": {member: value, **end}})

    def _signed(self, values: dict[str, str], secret: str) -> bool:
        moment = values["requestTime"]
        fresh = abs(int(moment) / 1000 - self.now.timestamp()) < 300
        sign = hashlib.md5(f"{APP_KEY}{secret}{moment}".encode()).hexdigest()  # noqa: S324  # the gateway's own
        return values["appKey"] == APP_KEY and fresh and values["sign"] == sign


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def server(gateway: Gateway) -> AsyncIterator[Server]:
    async with serving(gateway.handle) as opened:
        yield opened


def service(**params: str) -> dict[str, Any]:
    return {"service": "/api/001003010/dataSharing/enterprise.htm", "params": params}


@pytest.fixture
async def kind(server: Server, gateway: Gateway) -> AsyncIterator[Kind]:
    async with nobody() as absent:
        connection = {"url": f"{server.url}/gateway", "app_key": APP_KEY, "app_secret": "secret:app"}
        yield GatewayKind(
            kind="zhejiang",
            connection=connection,
            secrets={"app": APP_SECRET},
            targets=frozenset({server.target, type(server.target)("127.0.0.1", absent)}),
            by_uscc=service(uscc="{uscc}"),
            by_name=service(name="{name}"),
            by_region=service(region="{region}"),
            gone={**connection, "url": f"http://127.0.0.1:{absent}/gateway"},
            denied={"app": WRONG},
            slow=server.held,
            busy=server.busy,
            gateway=gateway,
        )


@dataclass(kw_only=True)
class GatewayKind(Kind):
    """Source and gateway have one clock, which the test moves."""

    gateway: Gateway

    def environment(self, **changes: Any) -> Any:
        return replace(super().environment(**changes), clock=lambda: self.gateway.now)


class TestZhejiang(SourceContract):
    """Parameters in a form."""


class TestZhejiangByQueryAndHeaders(SourceContract):
    """Parameters in the query, the signature in headers."""

    @pytest.fixture
    async def kind(self, kind: Kind) -> Kind:
        more = {"send": "query", "sign_in": "headers"}
        assert kind.gone is not None
        return replace(kind, connection={**kind.connection, **more}, gone={**kind.gone, **more})


async def test_the_call_names_case_material_and_applicant(kind: Kind, gateway: Gateway) -> None:
    operation = service(uscc="{uscc}") | {"additional": {"subPowerMatters": "00757-001"}}
    async with kind.open() as source:
        prepared = source.prepare(operation)
        assert prepared.safe
        await source.ask(prepared, {"uscc": KNOWN["uscc"]}, budget=BUDGET, context=CONTEXT)
    assert gateway.additional == [
        {
            "powerMatters": "许可-00757-000",
            "subPowerMatters": "00757-001",
            "accesscardId": "op-7",
            "materialName": "营业执照",
            "sponsorName": "示例市晨光食品有限公司",
            "sponsorCode": KNOWN["uscc"],
            "projectId": "C2026-1",
        }
    ]


async def test_json_text_inside_json_is_read(kind: Kind, gateway: Gateway) -> None:
    gateway.wrapped = True
    async with kind.open({**kind.connection, "send": "json"}) as source:
        assert [dict(row) for row in (await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows] == [KNOWN]
        assert list((await ask(source, kind.by_uscc, uscc=UNKNOWN_USCC)).rows) == []


async def test_secrets_are_fetched_once_for_all_who_wait(kind: Kind, gateway: Gateway) -> None:
    async with kind.open() as source:
        await asyncio.gather(*(ask(source, kind.by_uscc, uscc=KNOWN["uscc"]) for _ in range(20)))
    assert gateway.calls.count("refreshTokenByKey.htm") == 1
    assert gateway.calls.count("refreshTokenBySec.htm") == 1
    assert gateway.calls.count("enterprise.htm") == 20


@pytest.mark.parametrize("tells_end", [True, False])
async def test_a_secret_is_renewed_before_its_end(kind: Kind, gateway: Gateway, tells_end: bool) -> None:  # noqa: FBT001
    gateway.tells_end = tells_end
    async with kind.open() as source:
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        gateway.now += timedelta(minutes=7)
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert gateway.calls.count("refreshTokenBySec.htm") == 1
        gateway.now += timedelta(minutes=2)
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert gateway.calls.count("refreshTokenBySec.htm") == 2
        assert gateway.calls.count("refreshTokenByKey.htm") == 1
        gateway.now += timedelta(hours=47)
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert gateway.calls.count("refreshTokenByKey.htm") == 2


async def test_a_renewal_that_fails_leaves_the_old_secret_in_use(kind: Kind, gateway: Gateway) -> None:
    async with kind.open() as source:
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        gateway.now += timedelta(minutes=9)
        gateway.no_secrets = True
        gateway.calls.clear()
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1
        assert gateway.calls == ["refreshTokenBySec.htm", "enterprise.htm"]
        gateway.now += timedelta(minutes=2)
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert caught.value.reason == "status_503"


async def test_a_secret_that_somebody_else_renewed_is_fetched_again(kind: Kind, gateway: Gateway) -> None:
    async with kind.open({**kind.connection, "expired_codes": ["15"]}) as source:
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        gateway.rotate()
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1
        gateway.rotate()
        gateway.refresh = "renewed-elsewhere"
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1
    async with kind.open() as source:
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        gateway.rotate()
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert caught.value.reason == "status_15"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"code": "00", "msg": "", "datas": None, "dataCount": 0}, 0),
        ({"code": "00", "msg": "", "datas": "", "dataCount": 0}, 0),
        ({"code": "00", "msg": "", "datas": "[]"}, 0),
        ({"code": "00", "msg": "", "datas": {}, "dataCount": 0}, 0),
        ({"code": "00", "msg": "", "datas": {"uscc": "1"}, "dataCount": 1}, 1),
        ({"code": "00", "msg": "", "datas": '{"uscc": "1"}', "dataCount": "1"}, 1),
        ({"code": "21", "msg": "查无数据", "datas": None}, 0),
        ({"code": "00", "msg": "", "datas": [], "dataCount": 1}, "count"),
        ({"code": "00", "msg": "", "datas": [{"uscc": "1"}], "dataCount": 2}, "count"),
        ({"code": "99", "msg": "示例市晨光食品有限公司 出错", "datas": None, "dataCount": 0}, "status_99"),
        ({"code": "a b", "msg": "", "datas": None}, "status"),
        ({"code": "00", "msg": "", "datas": "<html>"}, "not_json"),
        ({"code": "00", "msg": "", "datas": 7}, "shape"),
        ({"code": "00", "msg": "", "datas": '"系统繁忙"', "dataCount": 0}, "shape"),
        ({"code": "00", "msg": "", "datas": '""', "dataCount": 0}, "shape"),
        ({"code": "00", "msg": "", "datas": "null", "dataCount": 0}, 0),
        ({"msg": "no code"}, "shape"),
    ],
)
async def test_an_envelope_says_rows_none_or_fault(
    kind: Kind, gateway: Gateway, answer: dict[str, Any], expected: int | str
) -> None:
    gateway.answer = answer
    operation = {**kind.by_uscc, "none_codes": ["21"]}
    async with kind.open() as source:
        if isinstance(expected, int):
            assert len((await ask(source, operation, uscc=KNOWN["uscc"])).rows) == expected
            return
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, operation, uscc=KNOWN["uscc"])
        assert caught.value.reason == expected
        assert "晨光" not in str(caught.value)


async def test_a_code_that_refuses_the_application_is_denied(kind: Kind, gateway: Gateway) -> None:
    gateway.answer = {"code": "31", "msg": "not authorised", "datas": None}
    async with kind.open({**kind.connection, "denied_codes": ["31"]}) as source:
        with pytest.raises(DeniedError):
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])


async def test_a_gateway_that_is_down_is_a_fault_that_may_pass(kind: Kind, gateway: Gateway) -> None:
    gateway.outage = True
    async with kind.open() as source:
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert (caught.value.reason, caught.value.may_retry) == ("status_503", True)
        assert (await source.probe(BUDGET)).code == "faulty_status_503"


async def test_a_secret_in_plain_text_is_no_connection(kind: Kind) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("zhejiang", {**kind.connection, "app_secret": APP_SECRET}, kind.environment())
    assert caught.value.pointer == "/app_secret"
    assert APP_SECRET not in str(caught.value)
    with pytest.raises(DefinitionFaultError):
        open_source("zhejiang", {**kind.connection, "url": "file:///etc/passwd"}, kind.environment())
