"""The slip of a case: what was fetched, who looked, whom to call; of nobody who is not sure, who looked before."""

import asyncio
import re

import httpx2
import pytest

from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.citizens.test_objections import signed
from tests.hub.city import CANARIES, HOME, PERSON, grow, ledger
from tests.hub.desk import Desk, text_of
from tests.hub.test_counter import clerk_of, number_in, opened
from tests.support import AMR, Place

pytestmark = pytest.mark.embedded
CARD = f"{PERSON['name']}|{PERSON['id_number']}"


async def answered(desk: Desk, page: httpx2.Response) -> httpx2.Response:
    """The page of the case once nothing is on its way any more."""
    async with asyncio.timeout(30):
        while "data-refresh" in page.text:
            await asyncio.sleep(0.05)
            page = await desk.get(str(page.url.path))
    return page


async def test_a_slip_says_what_was_fetched_and_who_looked_and_its_person_sees_that_it_was_printed(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client, clerk_of(place, hub) as desk:
        city = await grow(place, hub, client)
        await hub.catalogue.departments.describe(COMMAND, AMR, {"contact": "政务大厅2楼 12345"})
        await city.ask("identity")
        await city.ask("identity", holder=PERSON | {"name": "陈小示"})
        page = await answered(desk, await opened(desk, CARD, matter=HOME))
        path = f"/console/counter/{number_in(page)}"
        printed = await desk.post(f"{path}/slip", form_on=path)
        assert printed.status_code == 200
        text = text_of(printed)
        for said in ("购房", "免交，已证明", "来源：公安局", "marriage", "政务大厅2楼 12345", "一条不少"):
            assert said in text, said
        assert "本办件中谁查看了您的信息 Who looked at your data in this case 市场监督管理局" in text
        assert re.search(r"查看 2 次，另有 \d 次查询没有得到内容", text), text
        assert not [value for value in (*CANARIES, PERSON["name"], PERSON["id_number"]) if value in printed.text]
        (entry,) = [entry for entry in await ledger(hub) if entry.kind == "slip.printed"]
        assert (entry.detail["by"]["id"], entry.detail["lately"]) == (desk.staff_id, True)
        await signed(client, hub)
        assert "窗口为您打印了办理情况单" in text_of(await client.get("/me/accesses"))

        # Nothing of it leaves by a plain address, and a closed case tells no outcome any more.
        assert str((await desk.get(f"{path}/slip")).headers["location"]) == path
        await desk.post(f"{path}/close", form_on=path)
        closed = text_of(await desk.post(f"{path}/slip", form_on=path))
        assert "来源：公安局" in closed
        assert "免交" not in closed

        # A name that does not match, a number that nobody knows, a card that nobody saw: the same, and no history.
        slips = []
        for card in (f"陈小示|{PERSON['id_number']}", "陈小示|11010519491231002X"):
            page = await answered(desk, await opened(desk, card, matter=HOME))
            path = f"/console/counter/{number_in(page)}"
            slips.append(text_of(await desk.post(f"{path}/slip", form_on=path)))
        page = await opened(desk, PERSON["id_number"], matter=HOME, **{"name.applicant": PERSON["name"]})
        path = f"/console/counter/{number_in(page)}"
        unseen = text_of(await desk.post(f"{path}/slip", form_on=path))
        plain = [
            re.sub(r"YZ[0-9A-Z]{20}|\d{4}-\d\d-\d\d \d\d:\d\d|陈\*+ \w{4}|(\d{4} ){4}", "", slip) for slip in slips
        ]
        assert plain[0] == plain[1]
        assert all("评价码" in slip for slip in slips)
        assert all("这张单上不列" in slip for slip in (*slips, unseen))
        assert not [entry for entry in await ledger(hub) if entry.kind == "slip.printed" and entry.detail["lately"]][2:]
