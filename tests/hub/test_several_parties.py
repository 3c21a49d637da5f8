"""Several parties of one role: each answered by itself; the dead; and agents."""

from datetime import date
from typing import Any

import httpx2
import pytest

from catalog.store import find_department
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.hub.city import (
    ESTATE,
    IDENTITY,
    PERSON,
    TITLE,
    City,
    grow,
    identity_claims,
    ledger,
    statements,
    title_claims,
)
from tests.serving import problem
from tests.support import (
    AMR,
    ENTERPRISE,
    PURPOSE,
    TYPES,
    Place,
    case_body,
    grant_definition,
    issue,
    open_case,
    pull,
    requirement,
)

SALE = "SALE"
HEALTH = "11990000MB0000012R"
SECOND = {"id_type": "111", "id_number": citizen_id("990105", date(1986, 4, 1), 23), "name": "李晓鸣"}
NEWBORN = {"name": "陈小示"}
PAPER = {"kind": "mandate_paper", "at": "2026-11-22T09:00:00+08:00", "reference": "授权委托书 7"}
ROLES = [
    "applicant",
    {"role": "seller", "many": True, "kinds": ["111"]},
    {"role": "child", "without_id": True},
    {"role": "ancestor", "deceased": True, "kinds": ["111"]},
    {"role": "proxy", "agent": True},
]
pytestmark = pytest.mark.embedded


@pytest.fixture
async def city(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    """A home is sold: by two persons, or out of what a dead one left."""
    city = await grow(place, hub, client)
    needs = [[{"type": TITLE, "fields": ["title_no"]}]]
    who = [[{"type": IDENTITY, "fields": ["name"]}]]
    await hub.registry.add_matter(
        {
            "code_system": "test",
            "code": SALE,
            "name": {"zh": "二手房转移登记", "en": "Sale of a home"},
            "department": AMR,
            "roles": ROLES,
            "requirements": [
                requirement("title", "不动产权证", "seller", needs),
                requirement("seller_identity", "出让人身份证", "seller", who),
                requirement("inherited", "被继承人不动产权证", "ancestor", needs),
                requirement("both", "两人共有", "applicant", who) | {"when": "parties.seller.count > 1"},
            ],
        }
    )
    for resource, owner, fields in ((TITLE, ESTATE, ["title_no"]), (IDENTITY, "11990000MB0000003U", ["name"])):
        await hub.registry.add_grant(
            grant_definition(hub, type=resource, owner=owner, fields=fields, matters=[SALE], purpose=PURPOSE)
        )
    second = identity_claims(name=SECOND["name"], citizen_id=SECOND["id_number"])
    await issue(hub, second, slug="identity_card", issuer="11990000MB0000003U")
    await issue(hub, title_claims("示（2018）示例区不动产权第0000001号"), slug="real_estate_title", issuer=ESTATE)
    return city


def sellers(*persons: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "applicant", **ENTERPRISE}, *({"role": "seller", **person} for person in persons)]


def by_party(answer: httpx2.Response) -> dict[tuple[str, str], tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return {
        (item["code"], item["party"]): (item["outcome"], item["why"]["code"]) for item in answer.json()["requirements"]
    }


async def test_a_requirement_of_several_is_answered_once_of_each(city: City) -> None:
    case_no = await open_case(city.client, city.headers, matter=SALE, parties=sellers(PERSON, SECOND))
    shown = (await city.client.get(f"/api/v1/cases/{case_no}", headers=city.headers)).json()
    assert [(item["party"], item["role"], item["number"]) for item in shown["parties"]] == [
        ("applicant", "applicant", 1),
        ("seller", "seller", 1),
        ("seller#2", "seller", 2),
    ]
    planned = await city.client.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE}, headers=city.headers)
    assert [item["party"] for item in planned.json()["requirements"]][:4] == ["seller", "seller#2"] * 2
    answer = await pull(city.client, city.headers, case_no)
    found = by_party(answer)
    assert found["title", "seller"] == ("satisfied", "satisfied")
    assert found["title", "seller#2"] == ("no_source", "no_record_and_not_complete")
    assert found["seller_identity", "seller#2"] == ("satisfied", "satisfied")
    assert found["inherited", "ancestor"] == ("not_applicable", "party_absent")
    assert found["both", "applicant"][1] != "condition_not_met", "two sell it"
    second = next(item for item in answer.json()["requirements"] if item["party"] == "seller#2")
    assert (second["role"], second["number"]) == ("seller", 2)
    known = [entry.detail for entry in await ledger(city.hub) if entry.detail.get("case_no") == case_no]
    assert {entry["party"] for entry in known if entry.get("requirement") == "title"} == {"seller", "seller#2"}


async def test_parties_that_the_role_does_not_take_are_refused_at_the_door(city: City) -> None:
    for parties, pointer, rule in (
        (sellers(ENTERPRISE), "/parties/1/id_type", "wrong_kind"),
        (sellers(PERSON, PERSON), "/parties/2/id_number", "repeated_party"),
        (sellers(NEWBORN), "/parties/1/id_number", "missing"),
        ([*sellers(), {"role": "proxy", **PERSON, "acts_for": "applicant", "mandate": "e_mandate"}],
         "/parties/1/mandate", "not_corroborated"),
    ):  # fmt: skip
        body = case_body(matter=SALE, parties=parties)
        answer = await city.client.post("/api/v1/cases", json=body, headers=city.headers)
        assert problem(answer, status=422, slug="invalid-party")["errors"] == [{"pointer": pointer, "rule": rule}]
    agent = {"role": "proxy", **PERSON, "acts_for": "applicant", "mandate": "mandate_paper"}
    parties = [*sellers(SECOND), {"role": "child", **NEWBORN}, agent]
    case_no = await open_case(city.client, city.headers, matter=SALE, parties=parties, corroboration=[PAPER])
    shown = (await city.client.get(f"/api/v1/cases/{case_no}", headers=city.headers)).json()["parties"]
    assert next(item for item in shown if item["party"] == "proxy")["acts_for"] == "applicant"
    answer = await pull(city.client, city.headers, case_no)
    assert "proxy" not in {party for _, party in by_party(answer)}, "nothing is asked about an agent"


async def test_a_certified_death_ends_who_somebody_is_but_in_the_role_of_the_dead(city: City) -> None:
    hub = city.hub
    before = await open_case(city.client, city.headers, matter=SALE, parties=sellers(PERSON))
    async with statements(hub) as alive:
        assert by_party(await pull(city.client, city.headers, before))["title", "seller"][0] == "satisfied"
    await hub.registry.add_type((TYPES / "death_certificate.yaml").read_text(encoding="utf-8"))
    issued = hub.types.find("death_certificate")
    assert issued is not None
    name = {"zh": "卫健委（示例）", "en": "Health (sample)"}
    if await hub.database.read(lambda tx: find_department(tx, HEALTH)) is None:
        await hub.registry.add_department({"code": HEALTH, "name": name, "issues": [issued.type.code]})
    died = {
        "certificate_no": "990102-2026-0001",
        "name": PERSON["name"],
        "citizen_id": PERSON["id_number"],
        "sex": "男",
        "died_on": "2026-10-01",
        "place": "示例市",
        "institution": "示例医院",
        "issued_on": "2026-10-02",
    }
    await issue(hub, died, slug="death_certificate", issuer=HEALTH)
    async with statements(hub) as dead:
        found = by_party(await pull(city.client, city.headers, before))
    assert found["title", "seller"] == found["seller_identity", "seller"] == ("identity_unconfirmed", "holder_dead")
    assert len(dead) <= len(alive)
    other_name = sellers(PERSON | {"name": "陈晓市"})
    wrong = await open_case(city.client, city.headers, matter=SALE, parties=other_name)
    found = by_party(await pull(city.client, city.headers, wrong))
    assert found["title", "seller"] == ("identity_unconfirmed", "identity_unconfirmed"), "told to whoever names him"
    left = [*sellers(), {"role": "ancestor", **PERSON}]
    heirs = await open_case(city.client, city.headers, matter=SALE, parties=left)
    assert by_party(await pull(city.client, city.headers, heirs))["inherited", "ancestor"] == ("satisfied", "satisfied")
