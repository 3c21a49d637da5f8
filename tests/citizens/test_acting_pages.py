"""The pages of acting for somebody else, as a browser without scripts walks them."""

import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from hub.clock import BEIJING
from hub.runtime import Hub
from tests.citizens.conftest import session
from tests.citizens.others import NEIGHBOUR, REGISTRATION, furnish, in_office, registration_claims, resident, tie
from tests.hub.city import PERSON
from tests.hub.desk import text_of
from tests.support import ENTERPRISE, MATTER, PUBLIC_URL, Place, matter_definition

pytestmark = pytest.mark.embedded
HERE = {"Origin": PUBLIC_URL}


class Browser:
    """A browser of somebody's."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.seen: list[str] = []

    async def become(self, hub: Hub, person: dict[str, str]) -> None:
        self.client.cookies.set("yz_holder", await session(hub, person=person))

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.text)
        self.seen.append(answer.text)
        return answer.text

    async def post(self, path: str, page: str, status: int = 303, **fields: Any) -> Any:
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        answer = await self.client.post(path, data={"csrf": csrf, **fields}, headers=HERE)
        assert answer.status_code == status, (path, answer.text)
        self.seen.append(answer.text)
        return answer


async def told_after_files_that_were_not_given(client: httpx2.AsyncClient, base: str) -> list[dict[str, Any]]:
    """What is not given is no look, and is told to nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.web.citizen.access_files.FILES_PER_MINUTE", 1)
        paths = (f"{base}/accesses.csv", f"{base}/accesses.csv", f"/api/v1{base}/accesses/file")
        assert [(await client.get(path)).status_code for path in paths] == [200, 429, 429]
    assert (await client.get(f"{base}/accesses.csv?since=yesterday")).status_code == 303
    return list((await client.get(f"/api/v1{base}/accesses")).json()["accesses"])


async def test_a_legal_representative_walks_through_his_companys_pages(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await resident(hub, NEIGHBOUR)
    async with place.client(hub) as client:
        browser = Browser(client)
        assert (await client.get("/me/acting")).status_code == 303
        await browser.become(hub, PERSON)
        page = await browser.get("/me/acting")
        assert ENTERPRISE["name"] in page
        (key,) = set(re.findall(r'action="/me/acting/([0-9a-f]{32})"', page))
        base = f"/me/acting/{key}"
        assert (await client.post(base, data={"csrf": "x"}, headers=HERE)).status_code == 403
        await browser.get(base, 404)
        await browser.post(base, page)
        licences = await browser.get(base)
        assert "一照通" in licences
        assert f"<h1>{ENTERPRISE['name']}</h1>" in licences
        assert ENTERPRISE["id_number"] in licences
        assert "营业执照" in licences
        assert "法定代表人登记信息" in licences
        assert 'class="stage" id="stage-founding">开办<' in licences
        looked = text_of(await client.get(f"{base}/accesses"))
        assert "代办人查看了" in looked
        assert "有关的人 您" in looked
        assert f"{base}/accesses.csv?look=own" in await browser.get(f"{base}/accesses?look=own")
        table = await browser.get(f"{base}/accesses.csv?look=look")
        proofs = (await client.get(f"{base}/accesses.json")).json()
        api = (await client.get(f"/api/v1{base}/accesses/file?format=json")).json()
        assert [item["id"] for item in api["accesses"]][1:] == [item["id"] for item in proofs["accesses"]]
        assert sum(item["kind"] == "acting.saw_accesses" for item in api["accesses"]) >= 5, "fetching is told, too"
        assert "代办人查看了" in table
        told = await told_after_files_that_were_not_given(client, base)
        assert len(told) == len(api["accesses"]) + 2, "one that was given, and this very look"
        assert {item["person"] for item in told} >= {PERSON["name"]}, "the company is told who"
        assert "没有异议" in await browser.get(f"{base}/objections")
        form = await browser.get(f"{base}/show")
        await browser.post(f"{base}/show", form, 422, department="0" * 18)
        shown = await browser.post(f"{base}/show", form)
        code = await browser.get(shown.headers["location"])
        assert f"<b>{ENTERPRISE['name']} {ENTERPRISE['id_number']}</b>" in code
        await browser.post(f"{base}/show", form)
        ended = await browser.get(shown.headers["location"])
        assert f'href="{base}/show">再生成一个' in ended, "not one of his own, by which he would open a case of his own"

        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
        over = await browser.get(base, 403)
        assert ("您已不能代其办理" in over, 'href="/me/acting"' in over) == (True, True)
        await browser.post(f"{base}/end", licences)
        await browser.get(base, 404)
        assert not [text for text in browser.seen if PERSON["id_number"] in text]


async def test_a_company_lets_somebody_act_and_takes_it_back(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await resident(hub, NEIGHBOUR)
    until = (hub.clock().astimezone(BEIJING).date() + timedelta(days=3)).isoformat()
    async with place.client(hub) as client:
        browser = Browser(client)
        await browser.become(hub, PERSON)
        page = await browser.get("/me/acting")
        (key,) = set(re.findall(r'action="/me/acting/([0-9a-f]{32})"', page))
        await browser.post(f"/me/acting/{key}", page)
        new = f"/me/delegations/new?acting={key}"
        form = await browser.get(new)
        filled: dict[str, Any] = {
            "id_number": NEIGHBOUR["id_number"],
            "name": NEIGHBOUR["name"],
            "until": until,
            "reason": "代跑窗口",
        }
        wrong = await browser.post(new, form, 422, **filled | {"until": "soon", "scope": "file"})
        assert "请填写日期" in wrong.text
        wrong = await browser.post(new, form, 422, **filled)
        assert "请至少选一项" in wrong.text
        wrong = await browser.post(new, form, 422, **filled, scope="file", matters="，")
        assert "请填写事项" in wrong.text
        wrong = await browser.post(new, form, 422)
        for word in ("请填写对方身份证号码", "请填写对方姓名", "请至少选一项", "请填写日期", "请写明原因"):
            assert word in wrong.text
        wrong = await browser.post(new, form, 422, **filled, scope="file", matters="没有的事")
        assert "没有这个事项" in wrong.text
        named = matter_definition()["name"]["zh"]
        made = (await browser.post(new, form, scope="file", matters=f"{named}；", **filled)).headers["location"]
        page = await browser.get(made)
        assert f"<dd>{named}</dd>" in page
        assert "有效" in text_of(await client.get(f"/me/delegations?acting={key}"))
        assert f'href="/me/acting/{key}"' in await browser.get(f"/me/delegations?acting={key}")  # back to the company
        await browser.post(made.replace("?", "/withdraw?"), page)
        assert "已撤回" in await browser.get(made)
        assert "代办人查看了单位给出的授权代办" in text_of(await client.get(f"/me/acting/{key}/accesses"))

        await browser.post(f"/me/acting/{key}/end", page)
        await browser.get(made, 404)
        typed = [text.replace(f'value="{NEIGHBOUR["id_number"]}"', "") for text in browser.seen]
        assert not [text for text in typed for who in (PERSON, NEIGHBOUR) if who["id_number"] in text]


async def test_a_delegate_sees_what_he_was_let_and_the_principal_sees_him(place: Place, hub: Hub) -> None:
    await resident(hub, NEIGHBOUR)
    until = (hub.clock().astimezone(BEIJING).date() + timedelta(days=3)).isoformat()
    async with place.client(hub) as client:
        browser = Browser(client)
        await browser.become(hub, PERSON)
        form = await browser.get("/me/delegations/new")
        filled: dict[str, Any] = {
            "id_number": NEIGHBOUR["id_number"],
            "name": NEIGHBOUR["name"],
            "until": until,
            "reason": "住院",
        }
        given = filled | {"scope": ["file", "show"], "matters": MATTER}
        made = (await browser.post("/me/delegations/new", form, **given)).headers["location"]
        await browser.become(hub, NEIGHBOUR)
        page = await browser.get("/me/acting")
        assert ("受托代办" in page, matter_definition()["name"]["zh"] in page, MATTER in page) == (True, True, False)
        (key,) = set(re.findall(r'action="/me/acting/([0-9a-f]{32})"', page))
        await browser.post(f"/me/acting/{key}", page)
        own = await browser.get(f"/me/acting/{key}")
        assert "授权不包括看证照" in own
        assert "居民身份证" not in own
        counter = await browser.get(f"/me/acting/{key}/show")
        assert (f"只限事项：{matter_definition()['name']['zh']}" in counter, MATTER in counter) == (True, False)
        shows = await browser.get(f"/me/acting/{key}/showings")
        assert ("只能答复这些事项里的请求亮证" in shows, "生成亮证码" in shows) == (True, False)
        outside = await browser.get(f"/me/acting/{key}/accesses", 403)
        assert "代办范围不包括此项" in outside
        mine = await browser.get("/me/delegations")
        assert made in mine
        await browser.become(hub, PERSON)
        assert "开始代办" in await browser.get(made)
        assert NEIGHBOUR["name"] in text_of(await client.get("/me/accesses"))
        await browser.get(made.rpartition("/")[0] + "/01a20390-b00c-72bb-903f-1ec83bdab169", 404)
