"""An agent's department sees how it is, in the console and on the command line, and what to do when it is silent."""

from dataclasses import asdict
from html import unescape
from typing import Any

import pytest

from adapters.port import Budget
from hub.access.actors import COMMAND, Role
from hub.clock import new_id
from hub.exchange.agents import store as agents_store
from hub.runtime import Hub
from tests.access.people import Visitor, add, visitor
from tests.agent.running import CLIENT, SOURCE, Beside, register
from tests.agent.test_deliveries import WRITE_BACK
from tests.hub.command import yizheng
from tests.support import AMR, POLICE, Place, open_case

PAGE = f"/console/owner/sources/{SOURCE}"


async def closed_case(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)
        assert (await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)).status_code == 200


async def bury(hub: Hub) -> str:
    """The newest delivery is given up."""
    found, *_ = await hub.agents.deliveries.list(COMMAND, SOURCE)
    dead = {"state": agents_store.DEAD, "attempts": 8, "last_error": "definition"}
    await hub.database.write(lambda tx: agents_store.change(tx, found.stored.id, **dead))
    return found.stored.id


class Talking:
    """An agent's side of the line, as its program speaks it."""

    def __init__(self, visitor: Visitor, headers: dict[str, str]) -> None:
        self.client = visitor.client
        self.headers = headers
        self.instance = new_id()

    async def poll(self, **more: Any) -> None:
        beat = {"instance": self.instance, "version": "9.8.7", "wait_seconds": 0.0, "take": False} | more
        answer = await self.client.post(f"/api/v1/agents/{SOURCE}/poll", json=beat, headers=self.headers)
        assert answer.status_code == 204, answer.text

    async def forge(self, question: str) -> int:
        path = f"/api/v1/agents/{SOURCE}/answers/{question}"
        return (
            await self.client.post(path, json={"token": "x.y.z", "content": "{}"}, headers=self.headers)
        ).status_code


async def page_of(owner: Visitor) -> dict[str, str]:
    """The facts of the source's page, and its whole text."""
    answer = await owner.get(PAGE)
    assert answer.status_code == 200, answer.text
    text = unescape(answer.text)
    pairs = [part.partition("</dt><dd>") for part in text.split("<dt>")[1:]]
    return {"page": text} | {name: value.partition("</dd>")[0] for name, _, value in pairs}


@pytest.fixture
async def registered(place: Place, hub: Hub, beside: Beside) -> Beside:
    await register(hub, beside, write_back=WRITE_BACK)
    (place.home / f"{CLIENT}.pem").write_bytes(beside.signer.to_pem())
    return beside


async def test_the_page_shows_presence_refusals_and_deliveries(place: Place, hub: Hub, registered: Beside) -> None:
    await add(hub, "engineer", Role.OWNER_ENGINEER, department=AMR)
    await closed_case(place, hub)
    dead = await bury(hub)
    await closed_case(place, hub)
    async with visitor(place, hub) as owner, visitor(place, hub) as line:
        await owner.sign_in("engineer")
        agent = Talking(line, await place.headers(line.client, CLIENT))
        await agent.poll(check=True)
        never = await page_of(owner)
        assert "未连接" in never["连接"]
        assert never["最近联系（北京时间）"] == "七天内没有"
        assert "systemctl status yizheng-agent" in never["page"]
        await agent.poll()
        well = await page_of(owner)
        assert "已连接" in well["连接"]
        assert (well["版本"], well["正在答复的提问"]) == ("9.8.7", "0")
        assert "systemctl status" not in well["page"]
        assert (well["等待回写"], well["回写失败"]) == ("1", "1")
        assert "立即告知平台运行人员" not in well["page"]
        asked = new_id()
        question = {"agent": CLIENT, "source": SOURCE, "budget": asdict(Budget())}
        await hub.cache.set(f"agent:question:{asked}", question, seconds=60)
        assert await agent.forge(asked) == 422
        await agent.poll(refused=2)
        refused = await page_of(owner)
        assert (refused["被拒的提问（代理拒绝）"], refused["被拒的应答（平台拒绝）"]) == ("2", "1")
        assert "立即告知平台运行人员" in refused["page"]
        again = await owner.post(f"{PAGE}/deliveries/{dead}/retry")
        assert again.status_code == 303
        assert (await page_of(owner))["回写失败"] == "0"
        await agent.poll(leaving=True)
        gone = await page_of(owner)
        assert "systemctl status yizheng-agent" in gone["page"]
        assert gone["最近联系（北京时间）"] != "七天内没有"


async def test_another_department_sees_nothing_and_tries_nothing_again(
    place: Place, hub: Hub, registered: Beside
) -> None:
    await add(hub, "stranger", Role.OWNER_ENGINEER, department=POLICE)
    await closed_case(place, hub)
    dead = await bury(hub)
    async with visitor(place, hub) as stranger:
        await stranger.sign_in("stranger")
        assert (await stranger.get(PAGE)).status_code == 404
        assert (await stranger.post(f"{PAGE}/deliveries/{dead}/retry")).status_code == 404
    assert len(await hub.agents.deliveries.list(COMMAND, SOURCE, dead=True)) == 1


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_a_command_that_cannot_tell_says_who_can(place: Place, hub: Hub, registered: Beside) -> None:
    """No Redis, and nobody serves: the deliveries are known, the agent is not."""
    await closed_case(place, hub)
    await bury(hub)
    told = (await yizheng(place, "source", "show", SOURCE)).json()["agent"]
    assert (told["known"], told["deliveries_dead"]) == (False, 1)
    checked = await yizheng(place, "source", "check", SOURCE)
    assert checked.code == 1
    assert "cannot be told from here" in checked.out
    assert "yizheng serve" in checked.out
    assert "yizheng agent check" not in checked.out
    probed = await yizheng(place, "source", "probe", SOURCE, "--json")
    assert probed.json()["code"] == "unreachable_hub_absent"
