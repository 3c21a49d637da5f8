"""Pages of supervision, by HTTP: what could not be done, mandates by two departments, asks of clerks."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from hub.access.actors import COMMAND, Actor, Role
from hub.runtime import Hub
from tests.hub.city import ledger
from tests.hub.desk import at_desk, text_of
from tests.hub.test_counter import CANARIES, COUNTER, NAME, NUMBER, clerk_of, number_in, opened
from tests.support import AMR, MATTER, POLICE, Place, matter_definition

pytestmark = pytest.mark.embedded
FIRE = {"code": "11990100MB00000132", "name": {"zh": "消防", "en": "Fire"}, "issues": []}
DESK, MANDATES, ASKS = "/console/dead-ends", "/console/mandates", "/console/asks"


async def test_a_clerk_sends_what_is_stuck_and_the_desk_solves_it_by_its_pages(place: Place, hub: Hub) -> None:
    async with (
        clerk_of(place, hub) as clerk,
        at_desk(place, hub, None, Role.OPERATOR, name="operator") as operator,
        at_desk(place, hub, POLICE, Role.DECIDER, name="solver") as solver,
    ):
        page = await opened(clerk)
        case_no = number_in(page)
        new = f"{DESK}/new/{case_no}"
        assert new in page.text
        form = await clerk.get(new)
        assert "部门之间互相推诿或意见不一" in text_of(form)
        nothing = await clerk.post(new, form_on=new, place="unheard|applicant")
        assert (nothing.status_code, "请选择原因" in nothing.text, "请从列表中选择材料" in nothing.text) == (
            422,
            True,
            True,
        )
        fields = {"reason": "record_wrong", "place": "licence|applicant", "note": "更正三次未果"}
        sent = await clerk.post(new, form_on=new, **fields)
        shown = text_of(sent)
        assert "卡在哪份材料 营业执照" in shown
        assert "还没有人接手" in shown
        assert "我来办" not in shown, "who sends does not work it"
        end = sent.url.path
        again = await clerk.post(new, form_on=DESK, **fields)
        assert (again.url.path, "该办件已在窗口处理中" in text_of(again)) == (end, True)

        assert "办不成事待答复" in text_of(await operator.get("/console"))
        assert case_no in text_of(await operator.get(DESK))
        assert "已由您接手" in text_of(await operator.post(f"{end}/take", form_on=end, instead_of=""))
        assert "刚刚已有人接手" in text_of(await operator.post(f"{end}/take", form_on=end, instead_of=""))
        unsaid = await operator.post(f"{end}/hand-on", form_on=end, department=POLICE)
        assert (unsaid.status_code, "请写明" in unsaid.text) == (422, True)
        for path in (end, new):
            assert (await solver.get(path)).status_code == 404
        for step in ("take", "answer", "give-back", "hand-on"):
            words = {"outcome": "solved", "text": "答", "words": "说", "department": AMR}
            tried = await solver.post(f"{end}/{step}", form_on=DESK, **words)
            assert tried.status_code == (403 if step == "hand-on" else 404), step
        assert (await solver.post(new, form_on=DESK, **fields)).status_code == 404
        await operator.post(f"{end}/hand-on", form_on=end, department=POLICE, words="请核实记录")
        assert "请核实记录" in text_of(await solver.get(end))
        assert "已退回" in text_of(await solver.post(f"{end}/give-back", form_on=end, words="非本部门记录"))
        assert (await solver.get(end)).status_code == 404
        assert "请选择处理结果" in text_of(await operator.post(f"{end}/answer", form_on=end, text="已更正"))
        await operator.post(f"{end}/answer", form_on=end, outcome="solved", text="记录已更正，可再查一次")
        assert "记录已更正，可再查一次" in text_of(await clerk.get(end))
        assert "没有卡住的办件" in text_of(await operator.get(DESK))
        assert case_no in text_of(await operator.get(f"{DESK}?all=1"))
        seen = "".join(clerk.seen[2:] + operator.seen + solver.seen)
        assert not [text for text in CANARIES if text in seen]


async def test_two_departments_sign_a_mandate_by_the_page_and_either_ends_it(place: Place, hub: Hub) -> None:
    matter = matter_definition() | {"code": "ENTRY", "department": POLICE}
    await hub.registry.add_matter(matter)
    await hub.registry.add_department(FIRE)
    today = datetime.now(UTC).date()
    given = {
        "to": AMR, "matters": "ENTRY", "legal_basis": "《行政许可法》第二十四条", "reason": "大厅统一受理",
        "valid_from": (today - timedelta(days=1)).isoformat(), "valid_until": (today + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    async with (
        at_desk(place, hub, POLICE, Role.OWNER_ENGINEER, name="giver") as giver,
        at_desk(place, hub, AMR, Role.OWNER_APPROVER, name="taker") as taker,
        at_desk(place, hub, None, Role.OPERATOR, name="operator") as operator,
    ):
        new = f"{MANDATES}/new"
        for name, value in (
            ("to", ""),
            ("to", "nobody"),
            ("to", POLICE),
            ("matters", MATTER),
            ("valid_until", "2020-01-01"),
            ("legal_basis", ""),
        ):
            wrong = await giver.post(new, form_on=new, **(given | {name: value}))
            assert (wrong.status_code, f'id="{name}-error"' in wrong.text) == (422, True), name
        assert "等受理部门的审批人员确认" in text_of(await giver.post(new, form_on=new, **given))
        (proposal,) = await hub.sharing.proposals.waiting_on(await _actor(hub, taker.staff_id))
        confirm = f"{MANDATES}/proposals/{proposal.id}/confirm"
        assert "确认，由本部门受理" not in text_of(await giver.get(MANDATES))
        assert "确认，由本部门受理" not in text_of(await operator.get(MANDATES))
        assert (await operator.post(confirm, form_on=MANDATES)).status_code == 403
        assert "确认并执行" not in text_of(await operator.get("/console/proposals")), "no operator can sign for them"
        assert "委托生效" in text_of(await taker.post(confirm, form_on=MANDATES))
        assert "有效" in text_of(await giver.get(MANDATES))
        mandate = (await hub.handling.mandates.list(await _actor(hub, taker.staff_id)))[0]["id"]
        silent = await taker.post(f"{MANDATES}/{mandate}/end", form_on=MANDATES)
        assert (silent.status_code, "请写明事由" in silent.text) == (422, True)
        said = {f"reason-{mandate}": "到期"}
        end = f"{MANDATES}/{mandate}/end"
        assert (await operator.post(end, form_on=MANDATES, **said)).status_code == 403
        async with at_desk(place, hub, FIRE["code"], Role.OWNER_APPROVER, name="stranger") as stranger:
            assert (await stranger.post(end, form_on=MANDATES, **said)).status_code == 404
            for step in ("confirm", "reject"):
                path = f"{MANDATES}/proposals/{proposal.id}/{step}"
                assert (await stranger.post(path, form_on=MANDATES)).status_code == 404
            assert "还没有委托" in text_of(await stranger.get(MANDATES))
        assert "委托已终止" in text_of(await taker.post(end, form_on=MANDATES, **said))
    kinds = [entry.kind for entry in await ledger(hub)]
    assert (kinds.count("mandate.made"), kinds.count("mandate.ended")) == (1, 1)


async def test_a_supervisor_sees_who_asked_for_what_beside_the_papers_saved(place: Place, hub: Hub) -> None:
    async with (
        clerk_of(place, hub) as clerk,
        at_desk(place, hub, AMR, Role.OWNER_APPROVER, name="approver") as approver,
        at_desk(place, hub, POLICE, Role.OWNER_APPROVER, name="elsewhere") as elsewhere,
        at_desk(place, hub, None, Role.OPERATOR, name="operator") as operator,
    ):
        here = f"{COUNTER}/{number_in(await opened(clerk))}"
        before = text_of(await approver.get(ASKS))
        assert "要求的材料 3 免交 1 仍由本人提供 1 违反规则的索要 0" in before
        await clerk.post(f"{here}/insist", form_on=here, line="licence|applicant", reason="instructed")
        page = await approver.get(f"{ASKS}?days=7")
        shown = text_of(page)
        assert "要求的材料 3 免交 0 仍由本人提供 2 违反规则的索要 1" in shown
        assert "不适用 1 仍需本人提供 2 合计 3" in shown
        assert re.search(r"示例人员 \S+ 市场监督管理局 1 1", shown), "by clerk"
        assert "本部门核发，不得要求提供 本部门内部要求 1" in shown
        assert not [text for text in (*CANARIES, NAME, NUMBER) if text in page.text]
        assert "没有人要求当事人提供不必提供的材料" in text_of(await elsewhere.get(ASKS))
        assert "要求的材料 3" in text_of(await operator.get(f"{ASKS}?department={AMR}"))
        assert "要求的材料 0" in text_of(await operator.get(f"{ASKS}?department={POLICE}"))
        assert (await clerk.get(ASKS)).status_code == 403
        simulated = text_of(await operator.get("/console/simulator"))
        assert "授权使用" in simulated
        assert "各行互为替代，不可相加" in simulated
        assert (await approver.get("/console/simulator")).status_code == 403


async def _actor(hub: Hub, staff_id: str) -> Actor:
    found = await hub.staff.get(COMMAND, staff_id)
    return Actor("staff", found.id, found.user_name, found.department_id, frozenset(found.roles))
