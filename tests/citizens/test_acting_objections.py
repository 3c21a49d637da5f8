"""Objecting for a company: by its legal representative alone, named on its ledger, judged in the moment of the act."""

import re
from datetime import timedelta

import pytest

from hub.access.actors import Role
from hub.citizens.acting.proposed import Proposed
from hub.citizens.acting.values import Ground, Scope
from hub.citizens.objections.values import Answer
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.others import NEIGHBOUR, REGISTRATION, begun, furnish, in_office, registration_claims, resident, tie
from tests.citizens.test_acting_pages import HERE, Browser
from tests.citizens.test_objections import officer, signed
from tests.hub.city import PERSON, ledger
from tests.hub.desk import text_of
from tests.support import AMR, Place

pytestmark = pytest.mark.embedded
REGISTRATION_CODE = "11990000MB0000002Q006"
TEXT = "经营范围漏了一项"


async def test_a_legal_representative_objects_for_his_company_and_nobody_else_does(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    async with place.client(hub) as client:
        token = await signed(client, hub)
        (found,) = (await client.get("/api/v1/me/acting")).json()["acting"]
        key = found["key"]
        api, pages = f"/api/v1/me/acting/{key}/objections", f"/me/acting/{key}/objections"
        await client.post(f"/api/v1/me/acting/{key}", headers=token)
        theirs = (await client.get(f"/api/v1/me/acting/{key}/certificates")).json()["certificates"]
        identifier = next(item["identifier"] for item in theirs if "营业执照" in item["type_name"])
        body = {"kind": "licence", "identifier": identifier, "text": TEXT}
        assert (await client.post("/api/v1/me/objections", json=body, headers=token)).status_code == 404  # not his own
        made = await client.post(api, json=body, headers=token | {"Idempotency-Key": "k1"})
        assert (made.status_code, made.json()["channel"]) == (201, "agent"), made.text
        again = await client.post(api, json=body, headers=token | {"Idempotency-Key": "k1"})
        assert again.json()["id"] == made.json()["id"]
        assert (await client.get("/api/v1/me/objections")).json()["objections"] == []
        (entry,) = [entry for entry in await ledger(hub) if entry.kind == "objection.raised"]
        assert (entry.detail["agent"]["name"], entry.detail["ground"]) == (PERSON["name"], "legal_representative")

        browser = Browser(client)
        await browser.become(hub, PERSON)
        await browser.post(f"/me/acting/{key}", await browser.get("/me/acting"))
        assert f"{pages}/new?licence={identifier}" in await browser.get(f"/me/acting/{key}")
        form = await browser.get(f"{pages}/new")
        sent = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', form)[0], "kind": "missing", "text": "缺一份"}
        wrong = await client.post(f"{pages}/new", data=sent, files={"file": b""}, headers=HERE)
        assert (wrong.status_code, "请选择是哪一种证照" in text_of(wrong)) == (422, True)
        sent |= {"type": REGISTRATION_CODE, "department": AMR}
        assert (await client.post(f"{pages}/new", data=sent, files={"file": b""}, headers=HERE)).status_code == 303
        told = await browser.get(f"{pages}/{made.json()['id']}")
        assert TEXT in told
        assert "代办人提出" in told
        boss = await officer(hub, AMR, Role.OWNER_APPROVER)
        await hub.citizens.desk.answer(boss, made.json()["id"], Answer("refused", "无误", "向市局申诉"))
        refused = await browser.get(f"{pages}/{made.json()['id']}")
        sent = await browser.post(f"{pages}/{made.json()['id']}/review", refused, text="仍然漏了")
        again = await browser.get(sent.headers["location"])
        await browser.post(f"{sent.headers['location']}/withdraw", again)
        assert "已撤回" in await browser.get(sent.headers["location"])
        assert not [text for text in browser.seen if PERSON["id_number"] in text]


async def test_neither_a_delegate_nor_who_was_it_a_moment_ago_objects_for_it(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await resident(hub, NEIGHBOUR)
    async with place.client(hub) as client:
        holder, until = await signed_in(hub), hub.clock().date() + timedelta(days=9)
        key = (await begun(hub, holder, "legal_representative")).key
        company = await hub.citizens.others.acting.in_office(holder, key)
        asked = Proposed(NEIGHBOUR["id_number"], NEIGHBOUR["name"], frozenset({Scope.ACCESSES}), None, until, "会计")
        await hub.citizens.others.delegating.give(holder, asked, acting=company)
        body = {"kind": "missing", "type": REGISTRATION_CODE, "department": AMR, "text": TEXT}

        token = await signed(client, hub, NEIGHBOUR)
        (delegated,) = (await client.get("/api/v1/me/acting")).json()["acting"]
        assert delegated["ground"] == Ground.DELEGATE.value
        other = f"/api/v1/me/acting/{delegated['key']}"
        await client.post(other, headers=token)
        assert (await client.get(f"{other}/objections")).json()["objections"] == []
        assert (await client.post(f"{other}/objections", json=body, headers=token)).status_code == 403

        token = await signed(client, hub)
        await client.post(f"/api/v1/me/acting/{key}", headers=token)
        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
        gone = await client.post(f"/api/v1/me/acting/{key}/objections", json=body, headers=token)
        assert (gone.status_code, gone.json()["type"].rpartition("/")[2]) == (403, "no-longer-acts")
        assert not [entry for entry in await ledger(hub) if entry.kind == "objection.raised"]
