"""Packs with their sources on real servers. All nine: `make scenarios`."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.founding import found
from hub.scenarios.loading import load
from hub.scenarios.pack import shipped_pack
from hub.scenarios.places import Table
from hub.scenarios.real.gateway import APP_KEY, EXPIRED, PURPOSE, REFUSED, TOLD, Gateway
from hub.scenarios.real.places import real
from hub.scenarios.real.standing import WebServer
from hub.scenarios.running import run
from tests.hub.command import yizheng
from tests.judges.absence import may_skip
from tests.scenarios.conftest import quiet
from tests.support import POSTGRES, Place

MARIADB = os.environ.get("YIZHENG_TEST_MARIADB")


KINDS = {"postgresql": 1, "soap": 1, "mariadb": 2, "gateway": 1, "agent": 1, "files": 1}
FEW = {"home-transfer": "couple_to_couple", "open-a-company": "hosted", "construction-waste": "one_driver"}


@pytest.mark.skipif(None in {POSTGRES, MARIADB} and may_skip(), reason="no PostgreSQL and MariaDB")
async def test_cases_end_the_same_with_sources_on_servers_behind_the_gateway_and_beside_an_agent(
    tmp_path: Path,
) -> None:
    place, packs = Place(tmp_path / "home", None), [shipped_pack(name) for name in FEW]
    await found(place.settings())
    with real(postgresql=str(POSTGRES), mariadb=str(MARIADB)) as places:
        async with place.open(egress_networks=places.networks()) as hub, places.reached():
            loaded = await load(hub, packs, tmp_path / "scenario", on_progress=quiet, places=places)
            for name, key in FEW.items():
                played = await run(hub, loaded[name], on_progress=quiet, only={key})
                assert (played.differences, len(played.cases)) == ((), 1)
        assert (places.kinds, places.gateway.questions > 0) == (KINDS, True)
    told = agent_log(tmp_path)
    assert ("question_answered" in told, "agent_stopped" in told) == (True, True)
    people = [holder.id_number for holder in shipped_pack("construction-waste").holders.values()]
    assert not [number for number in people if number and number in told]


def agent_log(folder: Path) -> str:
    return next(folder.glob("**/pass-register-agent/log")).read_text(encoding="utf-8")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    web = WebServer()
    made = Gateway(web)
    made.publish(Table("list", "名录", ("信用代码", "原因"), (("9901", "失联"), ("9902", "失联")), "gateway"))
    yield made
    web.close()


def called(gateway: Gateway, path: str, secret: str, **values: str) -> dict[str, Any]:
    moment = str(int(time.time() * 1000))
    sign = hashlib.md5(f"{APP_KEY}{secret}{moment}".encode(), usedforsecurity=False).hexdigest()
    body = urlencode({"appKey": APP_KEY, "requestTime": moment, "sign": sign} | values)
    status, said, _ = gateway.web.called(f"gateway/{path}", body)
    assert status == 200
    found: dict[str, Any] = json.loads(said)
    return found


def test_the_gateway_checks_what_the_real_one_checks(gateway: Gateway) -> None:
    by_key, by_secret, asked = "app/refreshTokenByKey.htm", "app/refreshTokenBySec.htm", "api/list.htm"
    purpose = dict.fromkeys(TOLD, "")
    told = {"additional": json.dumps(purpose), "信用代码": "9901"}
    assert called(gateway, by_key, "guessed")["code"] == REFUSED
    assert called(gateway, by_secret, "")["code"] == REFUSED  # before there is any
    assert called(gateway, asked, "", **told)["code"] == EXPIRED
    refresh = called(gateway, by_key, gateway.app_secret)["datas"]["refreshSecret"]
    secret = called(gateway, by_secret, refresh)["datas"]["requestSecret"]
    assert json.loads(called(gateway, asked, secret, **told)["datas"]) == [{"信用代码": "9901", "原因": "失联"}]
    assert called(gateway, asked, secret, additional=told["additional"])["dataCount"] == 0  # nobody gets the whole list
    assert called(gateway, asked, secret, **told, requestTime="9" * 400)["code"] == EXPIRED
    for nothing in ("", "[]", "[" * 9000, json.dumps({**purpose, "projectId": None} | {}).replace("projectId", "no")):
        assert called(gateway, asked, secret, **{**told, "additional": nothing})["code"] == PURPOSE
    called(gateway, by_secret, refresh)
    assert called(gateway, asked, secret, **told)["code"] == EXPIRED  # renewed: the one before is no good any more
    assert (gateway.renewals, gateway.questions) == (2, 2)


async def test_without_servers_it_says_which_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path / "unused", None)
    told = await yizheng(place, "scenario", "run", "newborn", "--real")
    assert (told.code, "YIZHENG_SCENARIO_POSTGRESQL" in told.err) == (64, True)
    for name in ("POSTGRESQL", "MARIADB"):
        monkeypatch.setenv(f"YIZHENG_SCENARIO_{name}", "postgresql://nobody@127.0.0.1:1")
    told = await yizheng(place, "scenario", "run", "newborn", "--real")
    assert (told.code, "YIZHENG_DATABASE_URL, YIZHENG_REDIS_URL" in told.err) == (64, True)
    told = await yizheng(place, "scenario", "run", "all", "--without", "identity_card")
    assert (told.code, "go with one pack" in told.err) == (64, True)


async def test_companies_of_a_register_have_the_usual_case(tmp_path: Path, pack_text: str) -> None:
    columns = "企业名称,统一社会信用代码,注册日期,企业类型,法人代表,注册资金,经营范围,注册地址"
    rows = "示例市甲乙商贸有限公司,{number},2020-01-01,N/A,王**,100万元,零售,示例路1号"
    number = shipped_pack("newborn").holders["clinic"].id_number
    register = tmp_path / "register.csv"
    register.write_text(f"{columns}\n{rows.format(number=number)}\n{rows.format(number='1')}\n", encoding="utf-8")
    place = Place(tmp_path / "unused", None)
    short = tmp_path / "mine.yaml"  # with the usual case alone
    short.write_text(pack_text[: pack_text.index("  - key: tenant")], encoding="utf-8")
    done = await yizheng(place, "scenario", "run", str(short), "--enterprises", str(register), "--json")
    told = done.json()["register"]
    assert (done.code, told["issued"], told["rejected"], told["total"]["cases"]) == (0, 1, 1, 1)
    assert (told["outcomes"]["seal_licence"], told["outcomes"]["bank_seals"]) == ({"satisfied": 1}, {"no_source": 1})
