"""What a holder sees of his own, by pages and by the API: his licences, his codes, and everybody who looked."""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from catalog.tables import table
from certificates.rendering.qr import qr_squares
from hub.citizens.accesses import Access
from hub.clock import utc_now
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.web.citizen.looks import looks
from tests.citizens.conftest import session
from tests.hub.city import CANARIES, PERSON, STRANGER, grow, identity_claims, ledger, title_claims
from tests.hub.city import ESTATE as ESTATE_CODE
from tests.hub.desk import text_of
from tests.support import AMR, POLICE, PUBLIC_URL, Place, issue

pytestmark = pytest.mark.embedded
NUMBER = PERSON["id_number"]
HERE = {"Origin": PUBLIC_URL}


async def me(client: httpx2.AsyncClient, hub: Hub, person: dict[str, str] = PERSON) -> dict[str, Any]:
    """Sign the browser in; answers who it is."""
    client.cookies.set("yz_holder", await session(hub, person=person))
    found: dict[str, Any] = (await client.get("/api/v1/me")).json()
    return found


async def test_by_the_api_a_code_is_made_and_another_holders_is_not_there(place: Place, hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    path = "/api/v1/me/presentations"
    async with place.client(hub) as client:
        assert (await client.get(path)).status_code == 401
        who = await me(client, hub)
        assert who["id_number"] == f"{NUMBER[:3]}***********{NUMBER[-4:]}"
        token = HERE | {"X-CSRF-Token": who["csrf_token"]}
        for headers in ({}, HERE, HERE | {"X-CSRF-Token": "x"}, token | {"Origin": "https://evil.example"}):
            assert (await client.post(path, json={}, headers=headers)).status_code == 403
        made = (await client.post(path, json={"department": AMR}, headers=token)).json()
        assert (len(made["code"]), len(made["typed_code"]), made["state"]) == (32, 8, "live")
        assert 0 < made["seconds_left"] <= 60
        assert (await client.post(path, json={"department": "0" * 18}, headers=token)).status_code == 404
        listed = (await client.get(path)).json()["presentations"]
        assert [item["id"] for item in listed] == [made["id"]]
        assert "code" not in listed[0]
        entries = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        certificate = (await client.get("/api/v1/me/certificates")).json()["certificates"][0]
        limited = [(await client.post(path, json={}, headers=token)).status_code for _ in range(14)]
        assert 429 in limited

        await me(client, hub, STRANGER)
        before = await ledger(hub)
        hidden = [
            f"{path}/{made['id']}",
            f"/api/v1/me/accesses/{entries[0]['id']}",
            f"/api/v1/me/certificates/{certificate['identifier']}",
            f"/me/show/{made['id']}",
            f"/me/show/{made['id']}/state",
        ]
        assert [(await client.get(each)).status_code for each in hidden] == [404] * 5
        written = [entry.detail["reason"] for entry in await ledger(hub, since=before)]
        assert (
            written == ["presentation_not_own", "access_not_own", "certificate_not_own"] + ["presentation_not_own"] * 2
        )
        assert (await client.get("/api/v1/me/certificates")).json()["certificates"] != [certificate]


async def test_the_page_of_a_code_shows_it_large_and_then_what_became_of_it(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await me(client, hub)
        begin = await client.get("/me/show")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', begin.text)[0]
        forged = await client.post("/me/show", data={"csrf": "x"}, headers=HERE)
        assert forged.status_code == 403
        wrong = await client.post("/me/show", data={"csrf": csrf, "department": "nowhere"}, headers=HERE)
        assert wrong.status_code == 422
        answer = await client.post("/me/show", data={"csrf": csrf, "department": AMR}, headers=HERE)
        path = answer.headers["location"]
        page = await client.get(path)
        code = (await client.get(f"/api/v1{path.replace('show', 'presentations')}")).json()
        assert code["code"] not in page.text  # in squares alone
        drawn = {(int(x) - 4, int(y) - 4, int(n)) for x, y, n in re.findall(r"M(\d+) (\d+)h(\d+)v1h", page.text)}
        assert drawn == set(qr_squares(code["code"]).runs())
        assert " ".join((code["typed_code"][:4], code["typed_code"][4:])) in text_of(page)
        assert re.search(r'http-equiv="refresh" content="\d+"', page.text)
        assert NUMBER not in page.text
        assert "等待窗口扫码" in (await client.get(f"{path}/state")).text
        await client.post("/me/show", data={"csrf": csrf}, headers=HERE)
        over = await client.get(path)
        assert "已失效" in text_of(over)
        assert "已被新的出示码代替" in text_of(over)
        assert (await client.get(f"{path}/state")).headers["x-done"] == "1"
        assert (await client.get("/me/show/nonsense")).status_code in {404, 422}


async def test_who_looked_is_told_in_plain_words_from_the_ledger_itself(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE_CODE)
        await city.ask("title")
        await city.ask("permit")
        await me(client, hub)
        cards = text_of(await client.get("/me"))
        assert "居民身份证" in cards
        assert "不动产权" in cards
        found = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        looks = [item for item in found if item["class"] == "look"]
        assert [(item["what"], item["department"], item["matter"]) for item in looks] == [
            ("取用了您的信息", "市场监督管理局", "购房")
        ]
        assert looks[0]["fields"]
        assert looks[0]["ground"] == ["政务数据共享条例"]
        assert looks[0]["case_no"].startswith("YZ")
        one = (await client.get(f"/api/v1/me/accesses/{looks[0]['id']}", headers={"Accept-Language": "en"})).json()
        assert (one["what"], one["matter"]) == ("used data about you", "Buying a home")
        mine = {entry.id for entry in await ledger(hub) if entry.subject_id is not None or entry.kind == "case.open"}
        assert {item["id"] for item in found} <= mine
        opened = [item for item in found if item["kind"] == "case.open"]
        assert [(item["what"], item["department"], item["matter"]) for item in opened] == [
            ("以您的名义开立了办件", "市场监督管理局", "购房")
        ] * 2
        assert (await client.get(f"/api/v1/me/accesses/{opened[0]['id']}")).json() == opened[0]
        assert (await client.get(f"/me/accesses/{opened[0]['id']}")).status_code == 200
        page = text_of(await client.get("/me/accesses"))
        assert "看了信息" in page
        assert "购房" in page
        assert not [text for text in CANARIES for shown in (cards, page) if text in shown]

        changed = update(table(LedgerEntryRow)).where(table(LedgerEntryRow).c.id == looks[0]["id"])
        await hub.database.write(lambda tx: tx.execute(changed.values(kind="answer")))
        assert not (await client.get(f"/api/v1/me/accesses/{looks[0]['id']}")).json()["whole"]
        assert "与账本的承诺不符" in text_of(await client.get("/me/accesses"))


def test_what_one_department_did_in_one_case_stands_together_and_nothing_is_lost() -> None:
    def entry(number: int, case_no: str = "", *, kind: str = "disclosure", whole: bool = True) -> Access:
        return Access(str(number), utc_now(), kind, "look", ("", ""), whole=whole, case_no=case_no)

    entries = [
        entry(1, "A"),
        entry(2, "A"),
        entry(3, "B"),
        entry(4),
        entry(5),
        entry(6, "B"),
        entry(7, "B", whole=False),
    ]
    entries.append(entry(8, "B", kind="answer"))
    assert [[item.id for item in look.entries] for look in looks(entries)] == [
        ["1", "2"], ["3"], ["4"], ["5"], ["6"], ["7"], ["8"],
    ]  # fmt: skip


async def test_pages_of_a_list_belong_to_its_holder(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await me(client, hub)
        for _ in range(32):
            await session(hub)
        first = (await client.get("/api/v1/me/accesses")).json()
        second = (await client.get("/api/v1/me/accesses", params={"cursor": first["next"]})).json()
        assert (len(first["accesses"]), second["next"]) == (30, None)
        assert not {item["id"] for item in first["accesses"]} & {item["id"] for item in second["accesses"]}
        assert "更早的记录" in text_of(await client.get("/me/accesses"))
        await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
        await me(client, hub, STRANGER)
        for path in ("/api/v1/me/accesses", "/me/accesses", "/api/v1/me/certificates"):
            assert (await client.get(path, params={"cursor": first["next"]})).status_code == 422, path
