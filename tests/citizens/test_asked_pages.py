"""Asked to show, from outside: at the counter, by a system, and by the pages of whoever is asked."""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.citizens.conftest import session
from tests.citizens.test_asked import clerk
from tests.citizens.test_showing import HERE, NAME, NUMBER
from tests.hub.city import CANARIES
from tests.hub.test_counter import clerk_of
from tests.serving import problem
from tests.support import AMR, INTAKE, MATTER, Place


@pytest.mark.embedded
async def test_at_the_counter_several_kinds_are_one_request_and_can_be_taken_back(place: Place, hub: Hub) -> None:
    """Without a script: kinds are ticked, each has its fields, and the person reads each with its ground."""
    async with clerk_of(place, hub) as desk, place.client(hub) as client:
        path = "/console/counter/ask"
        kinds = re.findall(r'name="type" value="(\w+)"', (await desk.get(path)).text)
        assert {"identity_card", "business_licence"} <= set(kinds)
        form = f"{path}?types=identity_card%2Cbusiness_licence"
        assert "请至少选一种" in (await desk.post(f"{path}/kinds", form_on=path)).text
        chosen = await desk.post(f"{path}/kinds", form_on=path, type=["identity_card", "business_licence"])
        assert str(chosen.url).endswith(form)
        page = chosen.text
        assert re.findall(r'<fieldset class="field" id="kind-(\w+)"', page) == ["identity_card", "business_licence"]
        fields: dict[str, Any] = {
            "type": ["identity_card", "business_licence"], "claim-identity_card-sex": "needed",
            "claim-business_licence-name": "asked", "matter": MATTER, "purpose": "办理许可",
        }  # fmt: skip
        wrong = await desk.post(path, form_on=form, **fields | {"claim-business_licence-no_such": "asked"})
        assert (wrong.status_code, "kind-business_licence" in wrong.text, "有变动" in wrong.text) == (422, True, True)
        assert re.findall(r'value="needed" selected', wrong.text), "what was chosen stays"
        waits = await desk.post(path, form_on=form, **fields)
        (digits,) = re.findall(r'class="typed"><b>([0-9 ]+)</b>', waits.text)
        (request_id,) = re.findall(rf"{path}/([0-9a-f-]{{36}})/state", waits.text)
        many = await desk.get(f"{path}?types={'%2C'.join(kinds[:11])}")
        assert ("一次最多问" in many.text) == (len(kinds) > 10)

        cookie = await session(hub)
        client.cookies.set("yz_holder", cookie)
        csrf = (await hub.citizens.sessions.find(cookie)).csrf
        read = (await client.post("/me/asked", data={"csrf": csrf, "code": digits}, headers=HERE)).text
        assert ("居民身份证" in read, "营业执照" in read) == (True, True)
        assert read.count("依据：") + read.count("没有登记的依据") == 1, "of the kind that he has, each with its ground"
        await desk.post(f"{path}/{request_id}/cancel", form_on=f"{path}/{request_id}")
        assert "已取消" in (await desk.get(f"{path}/{request_id}")).text
        late = await client.post("/me/asked", data={"csrf": csrf, "code": digits}, headers=HERE)
        assert (late.status_code, "对方已取消" in late.text) == (409, True)


@pytest.mark.embedded
async def test_a_system_asks_and_polls_and_gets_a_copy_of_its_own_once(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        system, path = await place.headers(client), "/api/v1/showings/requests"
        body = {
            "items": [{"type": "identity_card", "claims": ["birth_date"], "needed": ["birth_date"]}],
            "matter": MATTER,
            "purpose": "办理食品经营许可",
        }
        key = {"Idempotency-Key": "ask-1"}
        made = [(await client.post(path, json=body, headers=system | key)).json() for _ in range(2)]
        assert made[0]["id"] == made[1]["id"]
        other = await client.post(path, json=body | {"purpose": "x"}, headers=system | key)
        problem(other, status=409, slug="idempotency-key-reused")
        wrong = await client.post(path, json=body | {"matter": "NO-SUCH"}, headers=system)
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/matter")
        waits = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        assert (waits["state"], "answer" in waits) == ("asked", False)

        client.cookies.set("yz_holder", await session(hub))
        token = HERE | {"X-CSRF-Token": (await client.get("/api/v1/me")).json()["csrf_token"]}
        mine = f"/api/v1/me/asked/{made[0]['typed_code']}"
        read = (await client.get(mine)).json()
        assert (read["department"]["code"], read["system"] is None, read["matter"]["zh"] != MATTER) == (
            AMR,
            False,
            True,
        )
        identifier = read["items"][0]["certificates"][0]["identifier"]
        yes: dict[str, Any] = {"decision": "give", "items": [{"identifier": identifier, "claims": ["birth_date"]}]}
        assert (await client.post(mine, json=yes, headers=HERE)).status_code == 403
        answer = await client.post(mine, json=yes, headers=token)
        assert (answer.status_code, answer.json()["state"]) == (200, "given")
        late = await client.post(f"/api/v1/me/asked/{made[0]['code']}", json=yes, headers=token)
        problem(late, status=409, slug="showing-request-over")

        got = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        (item,) = got["answer"]["items"]
        assert (got["state"], item["claims"]) == ("taken", {"birth_date": "1988-03-05"})
        assert not [text for text in (NUMBER, NAME, *CANARIES) if text in str(got)]
        copy = item["copy"]["token"]
        checked = (await client.post("/api/v1/verify", json={"token": copy, "audience": INTAKE})).json()
        assert (checked["result"], checked["purpose"]["matter"]) == ("passed", MATTER)
        again = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        assert (again["state"], "answer" in again) == ("taken", False)

        second = (await client.post(path, json=body, headers=system)).json()
        no = await client.post(f"/api/v1/me/asked/{second['code']}", json={"decision": "decline"}, headers=token)
        assert no.json() == {"state": "declined", "showing": None}
        assert (await client.get(f"{path}/{second['id']}", headers=system)).json()["state"] == "declined"
        thief = await clerk(hub)  # of the same department; what its system asked is not his by SQL either
        steal = text("UPDATE showing_requests SET staff_id = :who WHERE id = :id")
        await hub.database.write(lambda tx: tx.execute(steal, {"who": thief.staff_id, "id": second["id"]}))
        with pytest.raises(IntegrityBrokenError):
            await hub.showing.asking.look(thief, second["id"])
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert {"showing.given", "showing.taken", "showing.declined"} <= {each["kind"] for each in looks}


@pytest.mark.embedded
async def test_by_the_pages_only_what_is_needed_is_ticked_and_the_clerk_sees_it_once(place: Place, hub: Hub) -> None:
    async with clerk_of(place, hub) as desk, place.client(hub) as client:
        path = "/console/counter/ask"
        assert "identity_card" in (await desk.get(path)).text
        form = f"{path}?types=identity_card"
        fields = {
            "type": "identity_card", "claim-identity_card-sex": "needed", "claim-identity_card-birth_date": "asked"
        }  # fmt: skip
        assert "请填写用途" in (await desk.post(path, form_on=form, matter=MATTER, **fields)).text
        waits = await desk.post(path, form_on=form, matter=MATTER, purpose="办理许可", **fields)
        (digits,) = re.findall(r'class="typed"><b>([0-9 ]+)</b>', waits.text)
        (request_id,) = re.findall(rf"{path}/([0-9a-f-]{{36}})/state", waits.text)

        client.cookies.set("yz_holder", await session(hub))
        begin = await client.get("/me/asked")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', begin.text)[0]

        async def post(where: str, **given: str | list[str]) -> httpx2.Response:
            return await client.post(where, data={"csrf": csrf, **given}, headers=HERE)

        assert "没有这个请求码" in (await post("/me/asked", code="12")).text
        page = (await post("/me/asked", code=digits)).text
        assert re.findall(r'value="[^"]+/(\w+)" checked', page) == ["sex"]
        assert ("市场监督管理局" in page, "办理许可" in page, "不出示" in page) == (True, True, True)
        assert NUMBER not in page
        code = re.findall(r'name="code" value="([0-9]{32})"', page)[0]
        claim, licence = (
            re.findall(r'value="([^"]+/sex)"', page)[0],
            re.findall(r'name="(licence-\w+)" value="([^"]+)"', page)[0],
        )
        unticked = await post("/me/asked/answer", code=code, decision="give", **{licence[0]: licence[1]})
        assert (unticked.status_code, "请至少勾选一份" in unticked.text) == (422, True)
        yes = await post("/me/asked/answer", code=code, decision="give", claim=claim, **{licence[0]: licence[1]})
        assert "您已同意出示" in (await client.get(yes.headers["location"])).text
        stale = await post("/me/asked/answer", code=code, decision="decline")
        assert (stale.status_code, "已有人答复" in stale.text) == (409, True)

        assert "当事人已同意" in (await desk.get(f"{path}/{request_id}/state")).text
        seen = await desk.post(f"{path}/{request_id}", form_on=f"{path}/{request_id}")
        assert ("性别" in seen.text, "出生日期" in seen.text, "真实且有效" in seen.text) == (True, False, True)
        assert "只显示一次" in (await desk.get(f"{path}/{request_id}")).text
        assert "市场监督管理局" in (await client.get(yes.headers["location"])).text
