"""The gateway's dialect: a URL and a key are all that changes, and an invented case is refused."""

import hashlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.ledger.tables import LedgerEntryRow
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, Town
from tests.support import ENTERPRISE, INTAKE, MATTER, Place, valid_uscc

ENTRIES = table(LedgerEntryRow)
URL = f"/gateway/api/001003010/dataSharing/{INTERFACE}.htm"
BY_KEY, BY_SECRET = "/gateway/app/refreshTokenByKey.htm", "/gateway/app/refreshTokenBySec.htm"


class Software:
    """What was written for the province's gateway and knows nothing of this hub."""

    def __init__(self, town: Town, app_key: str, app_secret: str) -> None:
        self.town = town
        self.app_key = app_key
        self.app_secret = app_secret
        self.refresh_secret = ""
        self.request_secret = ""

    def signed(self, secret: str, *, at: float | None = None) -> dict[str, str]:
        moment = str(round((at or time.time()) * 1000))
        digest = hashlib.md5((self.app_key + secret + moment).encode(), usedforsecurity=False).hexdigest()
        return {"appKey": self.app_key, "requestTime": moment, "sign": digest}

    async def post(self, url: str, fields: dict[str, str]) -> dict[str, Any]:
        answer = await self.town.client.post(url, data=fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refresh(self) -> None:
        found = await self.post(BY_KEY, self.signed(self.app_secret))
        assert found["code"] == "00"
        self.refresh_secret, self.request_secret = found["datas"]["refreshSecret"], found["datas"]["requestSecret"]

    async def ask(
        self, case_no: str, *, url: str = URL, params: dict[str, str] | None = None, **changes: str
    ) -> dict[str, Any]:
        additional = {
            "powerMatters": MATTER,
            "subPowerMatters": MATTER,
            "accesscardId": "op-1",
            "materialName": "营业执照",
            "sponsorName": ENTERPRISE["name"],
            "sponsorCode": ENTERPRISE["id_number"],
            "projectId": case_no,
        } | changes
        fields = params if params is not None else {"uscc": ENTERPRISE["id_number"]}
        return await self.post(
            url, self.signed(self.request_secret) | fields | {"additional": json.dumps(additional, ensure_ascii=False)}
        )


@pytest.fixture
async def software(town: Town) -> Software:
    made = Software(town, *await town.hub.exchange.gateway.enable(COMMAND, INTAKE))
    await made.refresh()
    return made


async def refusals(town: Town) -> int:
    query = select(ENTRIES.c.id).where(ENTRIES.c.kind == "refusal")
    return len(await town.hub.database.read(lambda tx: tx.execute(query).all()))


async def test_existing_software_gets_its_envelope_with_granted_fields_only(town: Town, software: Software) -> None:
    found = await software.ask(await town.case())
    assert (found["code"], found["dataCount"]) == ("00", 1)
    assert found["datas"][0]["name"] == ENTERPRISE["name"]
    assert SECRET_SHARE not in json.dumps(found, ensure_ascii=False)
    kinds = await town.hub.database.read(lambda tx: tx.execute(select(ENTRIES.c.kind)).scalars().all())
    assert kinds.count("disclosure") == 1


async def test_the_systems_own_number_names_the_case_too(town: Town, software: Software) -> None:
    await town.case(external_no="受理2026-1")
    assert (await software.ask("受理2026-1"))["code"] == "00"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"projectId": "YZNOSUCHCASE"}, "21"),
        ({"projectId": ""}, "21"),
        ({"powerMatters": "许可-00757-000"}, "22"),
        ({"materialName": "随便写写"}, "23"),
        ({"sponsorName": "示例市别的有限公司"}, "24"),
        ({"sponsorCode": valid_uscc("91990100MA7654321")}, "24"),
        ({"accesscardId": ""}, "25"),
    ],
)
@pytest.mark.sampled
async def test_an_invented_purpose_is_refused_on_the_ledger_and_the_source_hears_nothing(
    town: Town, software: Software, changes: dict[str, str], code: str
) -> None:
    found = await software.ask(await town.case(), **changes)
    assert (found["code"], found["datas"]) == (code, [])
    assert town.register.asked == []
    assert await refusals(town) == 1


async def test_nobody_but_the_party_can_be_asked_about(town: Town, software: Software) -> None:
    found = await software.ask(await town.case(), params={"uscc": valid_uscc("91990100MA7654321")})
    assert (found["code"], town.register.asked) == ("26", [])
    assert await refusals(town) == 1


async def test_what_no_interface_takes_is_on_the_ledger_too(town: Town, software: Software) -> None:
    assert (await software.ask(await town.case(), params={}))["code"] == "42"
    nowhere = URL.replace(INTERFACE, "no_such_interface")
    assert (await software.ask(await town.case(), url=nowhere))["code"] == "41"
    assert (town.register.asked, await refusals(town)) == ([], 2)


async def test_a_closed_case_serves_no_more(town: Town, software: Software) -> None:
    case_no = await town.case()
    await town.client.post(f"/api/v1/cases/{case_no}/close", headers=town.headers)
    assert (await software.ask(case_no))["code"] == "21"


async def test_only_a_right_and_fresh_sign_authenticates(town: Town, software: Software) -> None:
    case_no = await town.case()
    right = software.request_secret
    for wrong in ("", "0" * 32, software.refresh_secret, software.app_secret):
        software.request_secret = wrong
        assert (await software.ask(case_no))["code"] == "11"
    software.request_secret = right
    old = await software.post(URL, software.signed(right, at=time.time() - 3600) | {"uscc": "x"})
    assert old["code"] == "11"
    assert town.register.asked == []


async def test_refreshing_ends_the_secret_before(town: Town, software: Software) -> None:
    before = software.request_secret
    found = await software.post(BY_SECRET, software.signed(software.refresh_secret))
    assert found["code"] == "00"
    assert (await software.ask(await town.case()))["code"] == "11"
    software.request_secret = found["datas"]["requestSecret"]
    assert before != software.request_secret
    assert (await software.ask(await town.case()))["code"] == "00"


async def test_the_dialect_is_off_until_an_operator_gives_a_key_and_ends_at_once(town: Town) -> None:
    stranger = Software(town, "0" * 24, "0" * 32)
    assert (await stranger.post(BY_KEY, stranger.signed(stranger.app_secret)))["code"] == "11"
    engineer = Actor("staff", "s1", "s1", "d1", frozenset({Role.CONSUMER_ENGINEER}))
    with pytest.raises(ForbiddenError):
        await town.hub.exchange.gateway.enable(engineer, INTAKE)
    made = Software(town, *await town.hub.exchange.gateway.enable(COMMAND, INTAKE))
    await made.refresh()
    await town.hub.exchange.gateway.disable(COMMAND, INTAKE)
    assert (await made.ask(await town.case()))["code"] == "11"


async def test_whoever_knows_the_app_key_alone_uses_up_nothing_of_its_holder(place: Place, town: Town) -> None:
    given = await town.hub.exchange.gateway.enable(COMMAND, INTAKE)
    limits: dict[str, Any] = {"token_requests_per_minute": 3, "system_requests_per_minute": 5}
    async with (
        place.open(**limits) as hub,
        place.client(hub) as client,
        place.client(hub, client=("192.0.2.9", 1)) as stranger,
    ):
        software = Software(replace(town, hub=hub, client=client), *given)
        wrong = software.signed("0" * 32)
        for url in (BY_KEY, URL):
            assert {(await stranger.post(url, data=wrong)).status_code for _ in range(9)} == {200, 429}
        await software.refresh()
        asked = [await software.ask("YZNOSUCHCASE") for _ in range(5)]
        assert {each["code"] for each in asked} == {"21"}
        await software.refresh()  # questions are not counted as refreshments


async def test_a_number_never_stands_in_a_url(town: Town, software: Software) -> None:
    answer = await town.client.get(URL, params=software.signed(software.request_secret))
    assert answer.status_code == 405


async def test_secrets_lie_encrypted(town: Town, software: Software) -> None:
    from hub.exchange.tables import GatewayKeyRow

    rows = await town.hub.database.read(lambda tx: tx.execute(select(table(GatewayKeyRow))).all())
    for secret in (software.app_secret, software.refresh_secret, software.request_secret):
        assert all(secret.encode() not in bytes(row.sealed) for row in rows)
