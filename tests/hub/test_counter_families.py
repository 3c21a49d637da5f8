"""A life event at the counter: one card, one list of proofs, one notice, taken in together, one slip at the end."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND, Role
from hub.intake.counter.values import ATTESTED
from hub.runtime import Hub
from tests.families.town import AGENT, event, matter
from tests.hub.desk import Desk, at_desk, lines_of, text_of
from tests.hub.test_card_readers import StandIn, kinds
from tests.hub.test_counter import CANARIES, CARD, COUNTER, NUMBER, clerk_of
from tests.support import (
    AMR,
    POLICE,
    Place,
    enterprise_claims,
    grant_definition,
    matter_definition,
    requirement,
    valid_uscc,
)

pytestmark = pytest.mark.embedded
EVENT = f"{COUNTER}/event/RESTAURANT"
LICENCE = "11990000MB0000002Q001"
NEW = valid_uscc("91990100MA0000077")


@pytest.fixture
async def desk(place: Place, hub: Hub) -> AsyncIterator[Desk]:
    """Two matters want the same licence; the second waits for what comes of the first."""
    licence = [[{"type": LICENCE, "fields": ["name", "uscc", "address"]}]]
    paper = requirement("lease", "租赁合同", "applicant", []) | {"own_paper": {"zh": "租赁合同", "en": "The lease"}}
    await hub.registry.add_matter(
        matter_definition() | {"requirements": [requirement("licence", "营业执照", "applicant", licence), paper]}
    )
    await hub.registry.add_matter(
        matter("SIGN", AMR, "applicant", requirement("licence", "营业执照副本", "applicant", licence),
               form=[{"field": "sign", "title": {"zh": "招牌名称", "en": "Name on the sign"}}])
    )  # fmt: skip
    await hub.registry.add_matter(matter("TAX", POLICE, "payer", requirement("licence", "执照", "payer", licence)))
    await hub.registry.add_grant(grant_definition(hub, matters=["SIGN", "TAX"]))
    await hub.life_events.add(COMMAND, event())
    await hub.life_events.add(COMMAND, event(code="SMALL", title={"zh": "开餐馆分店", "en": "A second one"}))
    async with clerk_of(place, hub) as found:
        yield found


async def settled(desk: Desk, page: httpx2.Response) -> httpx2.Response:
    """The page when nothing is on its way any more: on a slow machine answers take longer than it waits for them."""
    here = str(page.url).partition("8700")[2]
    while "，逐项显示结果…" in page.text:
        await asyncio.sleep(0.02)
        page = await desk.get(here)
    return page


async def opened(desk: Desk, **facts: str) -> str:
    """The path of the family that a card and an answer have opened."""
    once = re.search(r'name="once" value="([0-9a-f]+)"', (await desk.get(EVENT)).text)
    assert once
    page = await desk.post(EVENT, form_on=EVENT, **{"once": once[1], "id.shop": CARD})
    here = str(page.url).partition("8700")[2]
    assert "只问一次" in text_of(page)
    if facts:
        await settled(desk, await desk.post(f"{here}/facts", form_on=here, **facts))
    return here


async def test_one_card_opens_all_matters_and_each_proof_is_one_line(desk: Desk) -> None:
    listed = text_of(await desk.post(COUNTER, form_on=COUNTER, q="餐馆"))
    assert "开餐馆 ■ 一件事 3 个事项一次办理 · RESTAURANT 开餐馆分店 ■ 一件事" in listed
    found = await desk.post(COUNTER, form_on=COUNTER, q="kcg")  # the whole of one name, though two begin so
    assert str(found.url).endswith(EVENT)
    assert "一次办理：食品经营许可、SIGN事项、TAX事项" in text_of(found)
    here = await opened(desk, **{"fact.signed": "yes"})
    page = await desk.get(here)
    lines = lines_of(page)
    assert list(lines) == ["营业执照", "租赁合同"]
    assert "免交，已证明 电子证照" in lines["营业执照"]
    assert lines["营业执照"].endswith("食品经营许可、SIGN事项、TAX事项")
    assert lines["租赁合同"].endswith("食品经营许可")
    assert "3 个事项合计还需提交 1 份材料 免交 3 份材料。" in text_of(page)
    (first, *_) = re.findall(r'href="(/console/counter/YZ[0-9A-Z]{20})"', page.text)
    assert f'href="{here}"' in (await desk.get(first)).text
    told = text_of(await desk.post(f"{here}/tell", form_on=here))
    assert "请带来（共 1 份，每份只交一次） 租赁合同" in told
    assert "营业执照" not in told
    assert "已收齐补正材料" in text_of(await desk.post(f"{here}/supplied", form_on=here))
    assert here.rpartition("/")[2] in text_of(await desk.get(COUNTER))
    again = await desk.post(COUNTER, form_on=COUNTER, q=here.rpartition("/")[2])
    assert str(again.url).endswith(here)
    # Nothing of what the licence says was on any page; no number was in any address.
    assert not [text for text in CANARIES for page in desk.seen if text in page]
    assert not [url for url in desk.sent if NUMBER in url or "%" in url]


async def test_what_is_not_the_counters_is_named_and_the_rest_goes_on_to_the_slip(desk: Desk) -> None:
    here = await opened(desk, **{"fact.signed": "no"})
    taken = text_of(await desk.post(f"{here}/accept", form_on=here))
    assert "没有委托本部门受理：TAX事项。其余已受理" in taken
    assert "食品经营许可 市场监督管理局 ◐ 已受理，待审批" in taken
    slip = await desk.post(f"{here}/close", form_on=here)
    assert "能办结的已办结；其余等待审批或部门补齐" in text_of(slip)
    assert "TAX事项 ：已办结" in text_of(slip)
    assert "受理台查询 市场监督管理局：营业执照" in text_of(slip)
    assert "食品经营许可 ：市场监督管理局" in text_of(slip)
    assert not [text for text in CANARIES if text in slip.text]


async def test_another_counter_and_another_role_see_nothing_of_it(place: Place, hub: Hub, desk: Desk) -> None:
    here = await opened(desk)
    async with at_desk(place, hub, AMR, Role.DECIDER, name="decider") as decider:
        assert (await decider.get(here)).status_code == 403
        for act in ("accept", "tell", "close", "ask", "facts", "supplied"):
            assert (await decider.post(f"{here}/{act}", form_on="/console/approve")).status_code == 403
    assert (await desk.get(f"{COUNTER}/family/YZF{'2' * 20}")).status_code == 404
    assert (await desk.get(f"{COUNTER}/event/NOTHING")).status_code == 404


async def test_a_reader_that_signs_reads_the_card_of_a_life_event(hub: Hub, desk: Desk) -> None:
    once = re.search(r'name="once" value="([0-9a-f]+)"', (await desk.get(EVENT)).text)
    assert once
    reader, stranger = StandIn(), StandIn()
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    refused = await desk.post(EVENT, form_on=EVENT, once=once[1], **{"id.shop": stranger.reads()})
    assert refused.status_code == 422
    assert await kinds(hub) == []
    await desk.post(EVENT, form_on=EVENT, once=once[1], **{"id.shop": reader.reads()})
    assert await kinds(hub) == [["card_read"], ["card_read"]]


async def founding(hub: Hub) -> None:
    """A company that has no number yet is founded; a bank, of the same department here, wants its licence."""
    company = {"role": "company", "without_id": True}
    wants = [[{"type": "11990000MB0000003U001", "fields": ["name"]}]]
    await hub.registry.add_matter(
        matter("FOUND", AMR, "founder", requirement("who", "身份证", "founder", wants), roles=["founder", company],
               results=[{"type": LICENCE, "party": "company"}])
    )  # fmt: skip
    bank = requirement("licence", "营业执照", "company", [[{"type": LICENCE, "fields": ["name"]}]])
    await hub.registry.add_matter(matter("BANK", AMR, "company", bank, roles=[company]))
    await hub.registry.add_grant(grant_definition(hub, matters=["BANK"]))
    joined = [{"matter": "FOUND", "parties": {"founder": "agent", "company": "shop"}}]
    joined.append({"matter": "BANK", "parties": {"company": "shop"}})
    await hub.life_events.add(COMMAND, event(code="FOUNDING", matters=joined, facts={}, signatures=["agent"]))


async def test_what_one_matter_gives_is_asked_of_nobody_and_stands_on_the_slip(
    place: Place, hub: Hub, desk: Desk
) -> None:
    await founding(hub)
    path = f"{COUNTER}/event/FOUNDING"
    once = re.search(r'name="once" value="([0-9a-f]+)"', (await desk.get(path)).text)
    assert once
    name, called = "示例市新办面馆有限公司", "示例市新办面馆餐饮有限公司"  # the register gives it another name
    said = {"name.shop": name, "id.agent": f"{AGENT['name']}|{AGENT['id_number']}"}
    page = await settled(desk, await desk.post(path, form_on=path, **(said | {"once": once[1]})))
    here = str(page.url).partition("8700")[2]
    lines = lines_of(page)
    assert "等先办事项出证，不需提交 由“FOUND事项”办出后自动取得" in lines["营业执照"]
    told = text_of(await desk.post(f"{here}/tell", form_on=here))
    assert "请带来（共 1 份，每份只交一次） 身份证" in told
    assert "由先办的事项出证，不用您提交 营业执照 ：FOUND事项" in told
    assert "已一并受理" in text_of(await desk.post(f"{here}/accept", form_on=here))
    async with at_desk(place, hub, AMR, Role.DECIDER, name="decider") as decider:
        listed = (await decider.get("/console/approve")).text
        (founded, _) = re.findall(r'<a href="(/console/approve/YZ[0-9A-Z]+)"', listed)
        confirmed = {f"l0.c.{claim}": str(value) for claim, value in enterprise_claims(uscc=NEW, name=called).items()}
        done = await decider.post(f"{founded}/grant", form_on="/console/approve", **confirmed, **{"l0.issue": "1"})
        assert "已准予，证照已颁发" in text_of(done)
    while await hub.jobs.sweep():
        pass
    page = await desk.get(here)
    assert "免交，已证明 电子证照" in lines_of(page)["营业执照"]
    (identifier,) = set(re.findall(r"1\.2\.156[0-9A-Za-z.*-]+", text_of(page)))
    slip = text_of(await desk.post(f"{here}/close", form_on=here))
    assert f"颁发的证照 营业执照 {identifier}" in slip
    assert AGENT["id_number"] not in "".join(desk.seen)


async def test_a_family_of_another_counter_does_not_exist(place: Place, hub: Hub, desk: Desk) -> None:
    here = await opened(desk)
    async with at_desk(place, hub, POLICE, Role.CONSUMER_ENGINEER, Role.CLERK, name="elsewhere") as other:
        await other.post("/console/consumer/systems/counter", form_on="/console/consumer/systems")
        for page in ("", "/lines", "/sheet", "/slip", "/form"):
            assert (await other.get(f"{here}{page}")).status_code == 404
        for act in ("accept", "tell", "close", "ask", "supplied", "facts", "form"):
            assert (await other.post(f"{here}/{act}", form_on=COUNTER)).status_code == 404
        assert here.rpartition("/")[2] not in (await other.get(COUNTER)).text


async def test_an_agent_acts_for_a_party_by_the_paper_that_the_clerk_has_seen(hub: Hub, desk: Desk) -> None:
    licence = requirement("licence", "营业执照", "applicant", [[{"type": LICENCE, "fields": ["name"]}]])
    agent = {"role": "agent", "agent": True}
    await hub.registry.add_matter(matter("LEASE", AMR, "applicant", licence, roles=["applicant", agent]))
    await hub.registry.add_grant(grant_definition(hub, matters=["LEASE"]))
    joined = [{"matter": "LEASE", "parties": {"applicant": "shop"}}, {"matter": "TAX", "parties": {"payer": "shop"}}]
    await hub.life_events.add(COMMAND, event(code="LETTING", matters=joined, facts={}))
    said = {"id.shop": CARD, "id.applicant": CARD, "id.agent": f"{AGENT['name']}|{AGENT['id_number']}"}
    for path in (f"{COUNTER}/event/LETTING", f"{COUNTER}/new/LEASE"):
        unseen = await desk.post(path, form_on=path, **said)
        assert "请核对授权委托书后勾选" in text_of(unseen)
        page = await settled(desk, await desk.post(path, form_on=path, **(said | {"mandate.agent": "1"})))
        assert "免交，已证明" in lines_of(page)["营业执照"]
    query = text("SELECT corroboration FROM cases WHERE matter_code = 'LEASE'")
    found = await hub.database.read(lambda tx: tx.execute(query).scalars().all())
    assert [[item["kind"] for item in json.loads(one)] for one in found] == [[ATTESTED, "mandate_paper"]] * 2
