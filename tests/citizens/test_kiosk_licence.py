"""A licence at a terminal: how it stands, what it says and said before, its face; on the ledger first, and only while
one stands there; and an objection to it without a word to type.
"""

import re

import pytest

from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.kiosk.looking import kiosk_way
from hub.citizens.objections.values import Kind
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.test_kiosk import Terminal, issue_to_stranger, standing
from tests.hub.city import PERMITS, PERSON, City, grow, identity_claims, ledger, permit_claims
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue

pytestmark = pytest.mark.embedded
OPENED = "certificate.opened"


async def mine(terminal: Terminal) -> dict[str, str]:
    """Identifiers by kind, as the first page has them."""
    page = (await terminal.get("/mine")).text
    return {name: code for code, name in re.findall(r'name="identifier" value="([^"]+)"><button[^>]*>([^<]+)<', page)}


async def looks(hub: Hub) -> list[dict[str, str]]:
    return [entry.detail["by"] for entry in await ledger(hub) if entry.kind == OPENED]


async def test_he_reads_what_it_says_what_it_said_and_its_face(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        await grow(place, hub, client)
        await issue(hub, identity_claims(address="示例区新路9号"), slug="identity_card", issuer=POLICE)
        await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
        await terminal.card()
        card = (await mine(terminal))["居民身份证"]
        page = await terminal.sent("/licence", identifier=card)
        assert ("经过" in text_of(page), "示例区新路9号" in page.text, await looks(hub)) == (True, False, [])
        page = await terminal.sent("/licence", identifier=card, wanted="contents")
        assert ("示例区新路9号" in page.text, "data:image" in page.text) == (True, False)
        me = await signed_in(hub)
        assert await looks(hub) == [{"kind": "holder", "id": me.id, "kiosk": terminal.id}]
        page = await terminal.sent("/licence", identifier=card, wanted="picture")
        assert ("data:image/png" in page.text, "data:" in page.headers["content-security-policy"]) == (True, True)
        assert "看第 1 版当时的内容" in page.text
        then = text_of(await terminal.sent("/licence", identifier=card, wanted="earlier", version="1"))
        assert ("金丝雀街七号" in then, "已被取代，不作凭证" in then) == (True, True)
        assert len(await looks(hub)) == 3
        for wrong in ("7", "x", "1000"):
            page = await terminal.sent("/licence", identifier=card, wanted="earlier", version=wrong)
            assert page.status_code == 404
        stranger = await issue_to_stranger(hub)
        for fields in ({}, {"wanted": "contents"}):
            assert (await terminal.sent("/licence", identifier=stranger, **fields)).status_code == 404
            assert (await ledger(hub))[-1].detail["reason"] == "certificate_not_own"
        assert (await terminal.post("/licence", identifier=card, wanted="contents")).status_code == 403

        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        gone = await hub.kiosk.visits.find(kiosk, terminal.cookie("yz_kiosk_visit"))
        await hub.kiosk.visits.end(kiosk)
        way, before = kiosk_way(hub.dossier.services, gone), await looks(hub)
        for picture in (False, True):
            with pytest.raises(KioskOverError):
                await way.contents(card, language="zh-CN", picture=picture)
        with pytest.raises(KioskOverError):
            await way.earlier(card, 1)
        assert await looks(hub) == before


async def test_what_is_wrong_is_chosen_and_goes_to_its_department(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        city: City = await grow(place, hub, client)
        assert (await city.ask("identity"))["outcome"] == "satisfied"
        await terminal.card()
        card = (await mine(terminal))["居民身份证"]
        asked = text_of(await terminal.sent("/object", identifier=card))
        for words in ("姓名", "住址", "整份证照有误，或不是我的", "打不开，或不能用"):
            assert words in asked, words
        for about in ("", "claim:secret", "missing", "access"):
            wrong = await terminal.sent("/object", identifier=card, sent="1", about=about)
            assert (wrong.status_code, "请选择哪里不对" in text_of(wrong)) == (422, True)
        for _ in range(2):  # sent twice: one objection
            done = await terminal.sent("/object", identifier=card, sent="1", about="claim:address")
            assert (done.status_code, done.headers["location"]) == (303, "/kiosk/objections")
        assert "证照上一项内容有误" in text_of(await terminal.get("/objections"))

        assert "居住证" in text_of(await terminal.get("/missing"))
        empty = await terminal.sent("/missing", type="", department=PERMITS)
        assert (empty.status_code, "请选择是哪一种证照" in text_of(empty)) == (422, True)
        (code,) = re.findall(r'value="([^"]+)"[^>]*>居住证<', (await terminal.get("/missing")).text)
        done = await terminal.sent("/missing", type=code, department=PERMITS)
        assert done.headers["location"] == "/kiosk/objections"
        raised = (await hub.citizens.objections.listed(await signed_in(hub))).items
        assert {one.kind for one in raised} == {Kind.CLAIM, Kind.MISSING}
        assert all("在自助终端提出" in one.text for one in raised)
        (running, *_) = [one.id for one in raised if one.kind is Kind.CLAIM]
        for wrong in ("x", "00000000-0000-0000-0000-000000000000"):
            assert (await terminal.sent("/objections/withdraw", objection=wrong)).status_code == 404
        for _ in range(2):  # taken back already: the list says so
            done = await terminal.sent("/objections/withdraw", objection=running)
            assert done.headers["location"] == "/kiosk/objections"
        assert "已撤回" in text_of(await terminal.get("/objections"))
        stranger = await issue_to_stranger(hub)
        assert (await terminal.sent("/object", identifier=stranger)).status_code == 404
        assert PERSON["id_number"] not in (await terminal.get("/objections")).text
