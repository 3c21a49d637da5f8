"""Collected, and read at the source, for somebody else: by whom the ground allows it, once an hour whoever asks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.access.actors import COMMAND
from hub.citizens.acting.errors import NoLongerActsError
from hub.citizens.acting.values import Scope
from hub.collection.by_holder import Outcome
from hub.edge.errors import RateLimitedError
from hub.runtime import Hub, open_hub
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.dossiers import HERE, arrive
from tests.citizens.others import (
    BIRTH,
    CHILD,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    birth_claims,
    furnish,
    in_office,
    registration_claims,
    resident,
    tie,
)
from tests.citizens.test_at_source import PASS_TYPE, PASSES, ROW
from tests.citizens.test_own_collection import _feed, _register
from tests.citizens.test_showing_for_others import licence_of
from tests.exchange.conftest import add_source, publish
from tests.exchange.register import Register, serving
from tests.hub.city import PERSON, grow, identity_claims, ledger
from tests.hub.desk import text_of
from tests.registry.department import source
from tests.support import ENTERPRISE, POLICE, Place, issue, valid_uscc

STORES = valid_uscc("11990000MB0000088")
WAREHOUSE = f"""
slug: warehouse_permit
code: {STORES}001
name: {{zh: 仓储许可证, en: Warehouse permit}}
kind: certificate
stage: permits
defining_authority: {{name: 居住证办公室（示例）, uscc: {STORES}}}
holder_kinds: ["001"]
holder: {{id_type: "001", id: uscc, name: name}}
record_key: uscc
validity: none
confirms_identity: false
complete: true
single_instance: true
custody: library
claims:
  name: {{title: {{zh: 企业名称, en: Name}}, format: text, required: true, disclosure: selective}}
  uscc: {{title: {{zh: 统一社会信用代码, en: Code}}, format: uscc, required: true, disclosure: selective}}
mapping:
  version: 1
  absent: [""]
  columns: {{企业名称: name, 代码: uscc}}
"""

SELECT = "SELECT number, name FROM permits"
FEED = {
    "code": "warehouses",
    "source": "stores-db",
    "issuer": STORES,
    "type": "warehouse_permit",
    "operation": {"statement": f"{SELECT} WHERE number > :after ORDER BY number LIMIT :size"},
    "by_holder": {"statement": f"{SELECT} WHERE number = :id_number"},
    "mapping": {"version": 1, "columns": {"number": {"claim": "uscc"}, "name": {"claim": "name"}}},
    "size": 10,
}


@pytest.mark.embedded
async def test_a_representative_has_his_companys_collected_once_an_hour_and_the_company_is_told(
    place: Place, hub: Hub, watch: Watch, tmp_path: Path
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        await furnish(hub, REGISTRATION)
        await in_office(hub)
        await hub.registry.add_type(WAREHOUSE)
        name = {"zh": "仓储办公室", "en": "Storage"}
        await hub.registry.add_department({"code": STORES, "name": name, "issues": ["warehouse_permit"]})
        path = _register(tmp_path / "register", (ENTERPRISE["id_number"], ENTERPRISE["name"], ""))
        await hub.sources.add(COMMAND, source(path) | {"code": "stores-db", "department": STORES})
        await hub.collection.feeds.declare(COMMAND, FEED)
        token = await arrive(client, hub)
        (key,) = [item["key"] for item in (await client.get("/api/v1/me/acting")).json()["acting"]]
        base, form = f"/me/acting/{key}", {"csrf": token["X-CSRF-Token"]}
        assert (await client.get(f"{base}/licences/collect")).status_code == 404, "not begun"
        await client.post(base, data=form, headers=HERE)
        found = (await client.get(f"/api/v1{base}/collection")).json()
        assert ([item["type_name"] for item in found["missing"]], found["last"]) == (["仓储许可证"], None)
        page = text_of(await client.get(f"{base}/licences/collect"))
        assert "仓储许可证" in page
        assert "与您年龄相近" not in page, "a company has no age"
        before = await ledger(hub)
        assert (await client.post(f"/api/v1{base}/collection", headers=HERE)).status_code == 403
        assert (await client.post(f"{base}/licences/collect", data=form, headers=HERE)).status_code == 303
        asked_of, his = [item for item in await ledger(hub, since=before) if item.kind.startswith(("coll", "acting.c"))]
        assert (asked_of.kind, asked_of.detail["feeds"]) == ("collection.own_by_agent", ["warehouses"])
        assert (asked_of.detail["agent"]["name"], asked_of.detail["ground"]) == (PERSON["name"], "legal_representative")
        assert (his.kind, his.detail["principal"]["name"]) == ("acting.collected", ENTERPRISE["name"])
        again = await client.post(f"/api/v1{base}/collection", headers=token)
        assert again.status_code == 429
        assert "一小时内只能归集一次" in text_of(await client.post(f"{base}/licences/collect", data=form, headers=HERE))
        await hub.jobs.sweep()
        last = (await client.get(f"/api/v1{base}/collection")).json()["last"]
        assert [item["outcome"] for item in last["sources"]] == [Outcome.ISSUED]
        assert "仓储许可证" in (await client.get(base)).text

        watch.ahead += timedelta(hours=1)
        token = await arrive(client, hub)
        await client.post(base, data={"csrf": token["X-CSRF-Token"]}, headers=HERE)
        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
        before = await ledger(hub)
        assert (await client.post(f"/api/v1{base}/collection", headers=token)).status_code == 403
        assert [item.kind for item in await ledger(hub, since=before)] == ["acting.refused"]


async def test_of_two_who_ask_for_one_child_at_once_one_does(place: Place, hub: Hub, tmp_path: Path) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
    await furnish(hub, BIRTH)
    child = await resident(hub, CHILD)
    await tie(hub, BIRTH, birth_claims())
    path = _register(tmp_path / "register", (CHILD["id_number"], CHILD["name"], "2035-06-30"))
    await _feed(hub, path, "permits")
    parent = await signed_in(hub)
    found = await begun(hub, parent, "parent")
    way = await hub.dossier.for_others.way(parent, found.key, Scope.COLLECT)
    both = await asyncio.gather(way.collect(), hub.dossier.own(child).collect(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["Asked", "RateLimitedError"]
    await hub.jobs.sweep()
    assert await licence_of(hub, child.id, "居住证")
    with pytest.raises(RateLimitedError):
        await way.collect()


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    row = ROW | {"姓名": CHILD["name"], "号码": CHILD["id_number"]}
    async with serving(Register({str(CHILD["id_number"]): [row]})) as served:
        yield served


@pytest.fixture
async def asking(place: Place, watch: Watch, register: Register) -> AsyncIterator[Hub]:
    """A hub whose child has a licence that lies at its source."""
    settings = place.settings(trial_sign_in="on", egress_networks=("127.0.0.0/8",))
    async with open_hub(settings, clock=watch) as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        await furnish(hub, BIRTH)
        await resident(hub, CHILD)
        await tie(hub, BIRTH, birth_claims())
        await add_source(hub, register.port)
        await publish(hub, PASSES)
        await hub.registry.add_type(PASS_TYPE)
        said: dict[str, Any] = {"number": "TX-1", "name": CHILD["name"], "citizen_id": CHILD["id_number"]}
        await issue(hub, said | {"grade": "旧", "ends_on": "2031-05-06"}, slug="pass")
        yield hub


@pytest.mark.embedded
async def test_by_page_and_api_the_source_is_asked_for_the_child_and_its_department_is_told_that_somebody_acts(
    place: Place, asking: Hub, register: Register
) -> None:
    hub, child = asking, await signed_in(asking, person=CHILD)
    licence = await licence_of(hub, child.id, "通行证")
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        (key,) = [item["key"] for item in (await client.get("/api/v1/me/acting")).json()["acting"]]
        base, form = f"/me/acting/{key}", {"csrf": token["X-CSRF-Token"], "wanted": "contents"}
        await client.post(base, data=form, headers=HERE)
        page = await client.get(f"{base}/licences/{licence}")
        assert "该部门只知道是代办人在看" in text_of(page)
        assert register.asked == [], "a page asks nobody"
        shown = await client.post(f"{base}/licences/{licence}", data=form, headers=HERE)
        assert "金丝雀等级" in shown.text
        said = (await client.get(f"/api/v1{base}/certificates/{licence}/claims")).json()
        assert (said["custody"], len(register.asked)) == ("index", 2)
        register.rows[str(CHILD["id_number"])] = []
        gone = await client.post(f"{base}/licences/{licence}", data=form, headers=HERE)
        assert gone.status_code == 409
        assert f"{base}/objections/new?kind=not_loading&amp;licence={licence}" in gone.text
        entry = (await ledger(hub))[-2]
        assert (entry.kind, entry.detail["why"], entry.subject_id) == (
            "certificate.not_opened_by_agent",
            "gone",
            child.id,
        )


@pytest.mark.embedded
async def test_a_parent_reads_at_its_source_and_not_where_that_ended_while_it_was_asked(
    asking: Hub, register: Register
) -> None:
    hub, parent, child = asking, await signed_in(asking), await signed_in(asking, person=CHILD)
    neighbour = await resident(hub, NEIGHBOUR)
    licence = await licence_of(hub, child.id, "通行证")
    found = await begun(hub, parent, "parent")
    way = await hub.dossier.for_others.way(parent, found.key)
    before = await ledger(hub)
    told = await way.at_source(licence)
    assert "金丝雀等级" in {value for _, _, value in told.claims}
    assert register.asked == [CHILD["id_number"]], "by the child's number"
    entry, his = await ledger(hub, since=before)
    assert (entry.kind, entry.subject_id, entry.detail["format"]) == ("certificate.opened_by_agent", child.id, "source")
    assert (entry.detail["agent"]["name"], his.kind, his.subject_id) == (PERSON["name"], "acting.opened", parent.id)

    scope = frozenset({Scope.LICENCES, Scope.OPEN})
    delegation = await hub.citizens.others.delegating.give(child, asked(hub, scope=scope))
    found = await begun(hub, neighbour, "delegate")
    way = await hub.dossier.for_others.way(neighbour, found.key)
    register.mood = "gated"
    register.arrived.clear()
    before = await ledger(hub)
    waiting = asyncio.create_task(way.at_source(licence))
    await asyncio.wait_for(register.arrived.wait(), 20)
    await hub.citizens.others.delegating.withdraw(child, delegation)
    register.gate.set()
    with pytest.raises(NoLongerActsError):
        await waiting
    since = [item for item in await ledger(hub, since=before) if not item.kind.startswith("delegation")]
    assert [(item.kind, item.subject_id) for item in since] == [
        ("certificate.not_opened_by_agent", child.id),
        ("acting.refused", child.id),
    ], "that the source was asked for him he is told"
    assert since[0].detail["why"] == "no_longer_acts"
    asked_so_far = len(register.asked)
    with pytest.raises(NoLongerActsError):
        await hub.dossier.for_others.way(neighbour, found.key)
    await hub.halts.halt(COMMAND, "pass", reason="模板有误", legal_basis="test")
    assert len(register.asked) == asked_so_far
