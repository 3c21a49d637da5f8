"""Whoever decides cases, by HTTP: what clerks accept waits for him; he sees values and verdicts, each look is noted."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.access.actors import Role
from hub.intake.tables import CaseRow
from hub.runtime import Hub
from tests.hub.city import ledger
from tests.hub.desk import Desk, at_desk, lines_of, text_of
from tests.hub.test_case_form import CONFIRMED, FORM
from tests.hub.test_counter import CANARIES, COUNTER, NAME, NUMBER, OWN, clerk_of, number_in, opened, place_of
from tests.hub.test_lower_papers import png
from tests.support import AMR, INTAKE, POLICE, Place, grant_definition, matter_definition

pytestmark = pytest.mark.embedded
QUEUE = "/console/approve"


@dataclass
class Office:
    """A clerk at the counter and whoever decides what he accepts."""

    hub: Hub
    clerk: Desk
    decider: Desk

    async def accepted(self) -> str:
        """A case that the clerk has taken in; answers its number."""
        case_no = number_in(await opened(self.clerk))
        here = f"{COUNTER}/{case_no}"
        page = await self.clerk.post(f"{here}/accept", form_on=here)
        assert "已受理，转审批部门" in text_of(page)
        return case_no

    async def act(self, case_no: str, step: str, **fields: str) -> str:
        return text_of(await self.decider.post(f"{QUEUE}/{case_no}/{step}", form_on=QUEUE, **fields))

    async def written(self, kind: str) -> int:
        return sum(entry.kind == kind for entry in await ledger(self.hub))


@pytest.fixture
async def office(place: Place, hub: Hub) -> AsyncIterator[Office]:
    async with clerk_of(place, hub) as clerk, at_desk(place, hub, AMR, Role.DECIDER, name="decider") as decider:
        yield Office(hub, clerk, decider)


async def test_values_and_verdicts_are_for_whoever_decides_and_each_look_is_written(office: Office) -> None:
    assert "没有待审批的办件" in text_of(await office.decider.get(QUEUE))
    case_no = await office.accepted()
    assert "待审批的办件" in text_of(await office.decider.get("/console"))
    assert f"{case_no} 食品经营许可 市场监督管理局" in text_of(await office.decider.get(QUEUE))
    page = await office.decider.get(f"{QUEUE}/{case_no}")
    assert "已受理，待审批" in text_of(page)
    assert not [text for text in (*CANARIES, NAME, NUMBER) if text in page.text]
    assert await office.written("evidence.read") == 0
    shown = await office.act(case_no, "read")
    assert f"申请人 {NAME} {NUMBER}" in shown
    assert "营业执照（申请人） ✓ 免交，已证明 ○ 电子证照" in shown
    assert "核验：通过" in shown
    assert "示例市中心路1号" in shown
    assert "王晨光" not in shown  # no grant covers it
    assert await office.written("evidence.read") == 1
    (identifier,) = re.findall(r"1\.2\.156[0-9A-Za-z.*-]+", shown)
    law = "《中华人民共和国行政许可法》第六十九条"
    await office.hub.status.change(identifier, Operation.REVOKE, reason="误签发", legal_basis=law)
    assert "核验：未通过" in await office.act(case_no, "read")
    assert await office.written("evidence.read") == 2


async def test_the_signed_form_is_seen_with_what_the_records_say(place: Place, office: Office) -> None:
    await office.hub.registry.add_matter(matter_definition() | {"form": FORM})
    case_no = number_in(await opened(office.clerk))
    async with place.client(office.hub) as client:
        headers, path = await place.headers(client), f"/api/v1/cases/{case_no}/form"
        said = {"applicant.phone": "0570-1", "applicant.company_address": "示例市中心路9号"}
        form = (await client.put(path, json={"answers": said}, headers=headers)).json()
        signing = {"party": "applicant", "digest": form["digest"], "confirmation": CONFIRMED}
        assert (await client.post(f"{path}/sign", json=signing, headers=headers)).status_code == 200
    here = f"{COUNTER}/{case_no}"
    await office.clerk.post(f"{here}/accept", form_on=here)
    shown = await office.act(case_no, "read")
    assert "示例市中心路9号 ◐ 当事人修改，与记录不同 记录为：示例市中心路1号" in shown
    assert "0570-1 ○ 当事人填写" in shown


async def test_a_sealed_copy_is_seen_as_what_it_is(office: Office) -> None:
    licence = matter_definition()["requirements"][0]
    await office.hub.registry.add_matter(matter_definition() | {"requirements": [licence, OWN]})
    page = await opened(office.clerk)
    here = f"{COUNTER}/{number_in(page)}"
    await office.clerk.post_file(f"{here}/scan/{place_of(page, '租赁合同')}", png())
    await office.clerk.post(f"{here}/accept", form_on=here)
    shown = await office.act(here.rpartition("/")[2], "read")
    assert "租赁合同（申请人） ✓ 免交，已证明 ○ 材料共享章" in shown
    assert shown.count("核验：") == 2
    assert "image/png" in shown


async def test_a_decision_is_made_once_and_a_refusal_says_why(office: Office) -> None:
    case_no = await office.accepted()
    early = await office.clerk.post(f"{COUNTER}/{case_no}/close", form_on=COUNTER)
    assert early.status_code == 409  # it waits for a decision
    assert "请选择准予或不予批准" in await office.act(case_no, "decide")
    assert "不予批准须说明理由" in await office.act(case_no, "decide", outcome="refused")
    wrong = await office.act(case_no, "decide", outcome="granted", results="1.2.156.3005.2.nothing")
    assert "标识不是本部门颁发的证照" in wrong
    assert "标识不是本部门颁发的证照" in await office.act(case_no, "decide", outcome="granted", results="x " * 31)
    read = re.search(r'name="change_no" value="([0-9]+)"', (await office.decider.get(f"{QUEUE}/{case_no}")).text)
    assert read
    stale = {"outcome": "refused", "change_no": str(int(read[1]) - 1)}  # as it was before it was amended
    assert "办件已有变化" in await office.act(case_no, "decide", reason="经营场所不符合要求", **stale)
    said = {"outcome": "refused", "change_no": read[1]}
    decided = await office.act(case_no, "decide", reason="经营场所不符合要求", **said)
    assert "决定：不予批准" in decided
    assert "审批 经营场所不符合要求" in decided
    again = await office.decider.post(f"{QUEUE}/{case_no}/decide", form_on=QUEUE, outcome="granted")
    assert again.status_code == 409
    assert "没有待审批的办件" in text_of(await office.decider.get(QUEUE))
    page = await office.clerk.get(f"{COUNTER}/{case_no}")
    assert "办结（F4）" in text_of(page)
    assert "已审批" in text_of(await office.clerk.get(f"{COUNTER}/{case_no}"))
    assert await office.written("case.decide") == 1


async def test_what_is_missing_is_told_once_by_whoever_has_the_case(office: Office) -> None:
    case_no = await office.accepted()
    assert "一次性告知补正" in await office.act(case_no, "read")
    assert "请重新查看证据后再告知" in await office.act(case_no, "ask-more", missing="licence|applicant")
    assert "已一次性告知全部缺少的材料" in await office.act(case_no, "ask-more", missing="representative|applicant")
    assert "已经告知过一次" in await office.act(case_no, "ask-more", missing="representative|applicant")
    assert "待补正" in text_of(await office.decider.get(QUEUE))
    assert "已收齐补正材料" in await office.act(case_no, "supplied")
    assert "可以审批" in text_of(await office.decider.get(QUEUE))

    first = number_in(await opened(office.clerk))
    here = f"{COUNTER}/{first}"
    for _ in range(2):  # a second sheet is no second notice
        assert "请带来（共 1 份）" in text_of(await office.clerk.post(f"{here}/tell", form_on=here))
    assert await office.written("case.ask_more") == 2
    assert "补正材料已收齐" in text_of(await office.clerk.get(here))
    assert "已收齐补正材料" in text_of(await office.clerk.post(f"{here}/supplied", form_on=here))


async def test_another_department_and_another_role_do_not_see_it(place: Place, office: Office) -> None:
    case_no = await office.accepted()
    paths = (f"{QUEUE}/{case_no}",)
    async with at_desk(place, office.hub, POLICE, Role.DECIDER, name="other") as other:
        assert (await other.get(paths[0])).status_code == 404
        case_id = await office.hub.database.read(lambda tx: tx.execute(select(table(CaseRow).c.id)).scalar_one())
        assert (await other.get(f"{QUEUE}/id/{case_id}")).status_code == 404
        mine = await office.decider.get(f"{QUEUE}/id/{case_id}")
        assert mine.headers["location"] == paths[0]
        for act in ("read", "decide", "ask-more", "supplied"):
            fields = {"outcome": "granted"} if act == "decide" else {}
            assert (await other.post(f"{paths[0]}/{act}", form_on=QUEUE, **fields)).status_code == 404
    assert (await office.clerk.get(QUEUE)).status_code == 403
    assert (await office.clerk.post(f"{paths[0]}/read", form_on=COUNTER)).status_code == 403
    assert (await office.decider.get(COUNTER)).status_code == 403
    assert await office.written("evidence.read") == 0


async def test_a_case_of_another_departments_matter_needs_its_mandate(office: Office) -> None:
    foreign = matter_definition() | {"code": "POLICE", "name": {"zh": "特种行业", "en": "Trade"}, "department": POLICE}
    await office.hub.registry.add_matter(foreign)
    await office.hub.registry.add_grant(grant_definition(office.hub, matters=["POLICE"], system=INTAKE))
    case_no = number_in(await opened(office.clerk, matter="POLICE"))
    here = f"{COUNTER}/{case_no}"
    page = await office.clerk.post(f"{here}/accept", form_on=here)
    assert "审批部门没有委托本部门受理这个事项" in text_of(page)
    assert 'class="flash refused" role="alert"' in page.text
    assert "免交，已证明" in lines_of(page)["营业执照"]
