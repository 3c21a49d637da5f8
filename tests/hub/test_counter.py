"""The counter: a clerk's case from its words to its end, by HTTP; he sees outcomes, and never a value."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from html import unescape
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from catalog.grants import GrantState
from catalog.store import find_department, list_grants
from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.intake.counter.acting import counter_caller
from hub.intake.counter.lines import masked_name
from hub.intake.handling.amending import Amendment
from hub.intake.parties import PartyInput
from hub.intake.tables import CaseRow
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.exchange.conftest import add_source, definition, grant, publish, row
from tests.exchange.register import Register, serving
from tests.exchange.test_indexed import STANDING, furnish, standing
from tests.hub.city import CANARIES as CITY_CANARIES
from tests.hub.city import ESTATE, HOME, PERSON, grow, ledger, title_claims
from tests.hub.desk import Desk, at_desk, lines_of, text_of
from tests.hub.test_case_facts import ruled
from tests.hub.test_case_form import FORM
from tests.hub.test_lower_papers import SCRIPT, document, png
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    MATTER,
    POLICE,
    PURPOSE,
    Place,
    enterprise_claims,
    grant_definition,
    issue,
    matter_definition,
    requirement,
    valid_uscc,
)

pytestmark = pytest.mark.embedded
COUNTER = "/console/counter"
NUMBER, NAME = ENTERPRISE["id_number"], ENTERPRISE["name"]
CARD = f"{NAME}|{NUMBER}"
CANARIES = [str(value) for name, value in enterprise_claims().items() if name not in {"name", "uscc"}]
"""What the licence says beside the holder's own name and number."""


@asynccontextmanager
async def clerk_of(place: Place, hub: Hub, department: str = AMR, name: str = "clerk") -> AsyncIterator[Desk]:
    if department == AMR:
        await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    async with at_desk(place, hub, department, Role.CLERK, name=name) as desk:
        yield desk


@pytest.fixture
async def desk(place: Place, hub: Hub) -> AsyncIterator[Desk]:
    async with clerk_of(place, hub) as found:
        yield found


async def opened(desk: Desk, text: str = CARD, matter: str = MATTER, **more: str) -> Any:
    """The page that follows a card and Enter."""
    path = f"{COUNTER}/new/{matter}"
    once = re.search(r'name="once" value="([0-9a-f]+)"', (await desk.get(path)).text)
    assert once
    return await desk.post(path, form_on=path, **({"once": once[1], "id.applicant": text} | more))


def place_of(page: Any, title: str, what: str = "scan") -> str:
    """The name of a line, in the address of what is done with it."""
    (found,) = re.findall(rf'/{what}/([0-9a-f]{{16}})">[^<]*<span class="hidden"> {title}<', page.text)
    return str(found)


def number_in(answer: Any) -> str:
    return str(answer.url).rpartition("/")[2]


async def test_words_lead_to_the_matter_a_card_to_the_lines_and_a_button_to_the_end(desk: Desk, hub: Hub) -> None:
    found = await desk.post(COUNTER, form_on=COUNTER, q="食品经营")
    assert str(found.url).endswith(f"{COUNTER}/new/{MATTER}")
    page = await opened(desk)
    case_no = number_in(page)
    lines = lines_of(page)
    assert list(lines) == ["营业执照", "法定代表人", "经办人身份证"]
    assert "免交，已证明 电子证照" in lines["营业执照"]
    assert "需提交 所需字段超出授权范围" in lines["法定代表人"]
    assert "不需要" in lines["经办人身份证"]
    assert "还需提交 1 份材料" in text_of(page)
    sheet = text_of(await desk.get(f"{COUNTER}/{case_no}/sheet"))
    assert "请带来（共 1 份）" in sheet
    assert "法定代表人" in sheet
    assert "营业执照" not in sheet
    closed = await desk.post(f"{COUNTER}/{case_no}/close", form_on=f"{COUNTER}/{case_no}")
    assert "已办结" in text_of(closed)
    assert lines_of(closed) == {}
    listed = text_of(await desk.get(COUNTER))
    assert f"{case_no} 食品经营许可 ● 已办结" in listed
    again = await desk.post(f"{COUNTER}/{case_no}/ask", form_on=COUNTER)
    assert again.status_code == 409

    # Nothing of what the licence says was on any page; no number was in any address.
    assert not [text for text in CANARIES for page in desk.seen if text in page]
    assert not [url for url in desk.sent if NUMBER in url or "%" in url]
    case = await hub.database.read(lambda tx: tx.execute(select(table(CaseRow))).one())
    assert [item["kind"] for item in case.corroboration] == ["clerk_attested"], "no reader has signed"
    entries = await ledger(hub)
    (made,) = [entry.detail for entry in entries if entry.kind == "case.open"]
    assert (made["operator"]["id"], made["client_id"]) == (desk.staff_id, INTAKE)
    assert {entry.detail["purpose"] for entry in entries if entry.kind == "disclosure"} == {PURPOSE}


async def test_each_line_turns_by_itself_and_what_a_source_owes_is_not_asked_of_the_person(place: Place) -> None:
    register = Register({NUMBER: [row()]}, mood="gated")
    async with serving(register), place.open(egress_networks=("127.0.0.0/8",)) as hub, clerk_of(place, hub) as desk:
        await add_source(hub, register.port)
        await publish(hub, definition())
        await hub.registry.add_grant(grant(matters=["STANDING"]))
        await furnish(hub, standing(), "name", "standing")
        await two_kinds(hub)
        page = await opened(desk, matter="STANDING")
        case_no = number_in(page)
        lines = lines_of(page)
        assert "免交，已证明" in lines["营业执照"]
        assert "查询中" in lines["存续证明"]
        assert f'data-refresh="{COUNTER}/{case_no}/lines"' in page.text
        assert "F4）" not in text_of(page)
        waiting = await desk.get(f"{COUNTER}/{case_no}/lines")
        assert "x-done" not in waiting.headers
        ended = number_in(await opened(desk, matter="STANDING"))
        await desk.post(f"{COUNTER}/{ended}/close", form_on=COUNTER)  # while its source still answers
        register.mood = "html"
        register.gate.set()
        for _ in range(100):
            fragment = await desk.get(f"{COUNTER}/{case_no}/lines")
            if "x-done" in fragment.headers:
                break
            await asyncio.sleep(0.05)
        told = await desk.get(f"{COUNTER}/{case_no}/turns")  # and the same as events, for a browser that takes them
        assert (told.headers["content-type"].partition(";")[0], told.text.count("event: ")) == ("text/event-stream", 1)
        assert told.text.removeprefix("event: done\ndata: ").removesuffix("\n\n").replace(
            "\ndata: ", "\n"
        ) == fragment.text.rstrip("\n")
        lines = lines_of(fragment)
        assert "部门欠件，不需提交" in lines["存续证明"]
        assert "由 市场监督管理局 补齐，期限" in lines["存续证明"]
        assert "可以受理，不用提交任何材料" in text_of(fragment)
        assert "现在受理，部门补齐后自动办结" in text_of(fragment)
        accepted = await desk.post(f"{COUNTER}/{case_no}/close", form_on=COUNTER)
        assert "已受理，等部门补件" in text_of(accepted)
        assert "补齐后自动办结，当事人不用再来" in text_of(accepted)
        register.mood = "well"
        (debt,) = await hub.owed.list(COMMAND)
        told = [entry.detail for entry in await ledger(hub) if entry.kind in {"disclosure", "answer", "debt.open"}]
        assert {item["requirement"] for item in told if item["case_no"] == ended} == {"licence"}
        await hub.paying.collect({"debt": debt["id"], "attempt": 0})
        assert "已办结" in text_of(await desk.get(f"{COUNTER}/{case_no}"))


async def two_kinds(hub: Hub) -> None:
    """A matter that wants something of the library and something of a register."""
    licence = matter_definition()["requirements"][0]
    asked = requirement("standing", "存续证明", "applicant", [[{"type": STANDING, "fields": ["name", "standing"]}]])
    declared = matter_definition() | {"code": "STANDING", "name": {"zh": "投标", "en": "Tender"}}
    await hub.registry.add_matter(declared | {"requirements": [licence, asked]})
    await hub.registry.add_grant(grant_definition(hub, matters=["STANDING"]))


async def test_questions_come_before_anything_is_asked(desk: Desk, hub: Hub) -> None:
    await ruled(hub)
    page = await opened(desk)
    case_no = number_in(page)
    assert "先回答几个问题" in text_of(page)
    assert lines_of(page) == {}
    path, here = f"{COUNTER}/{case_no}/facts", {"form_on": f"{COUNTER}/{case_no}"}
    wrong = await desk.post(path, **here, **{"fact.premises": "rented", "fact.staff": "many"})
    assert wrong.status_code == 422
    foreign = await desk.post(path, **here, **{"fact.premises": "castle"})
    assert foreign.status_code == 422
    half = await desk.post(path, **here, **{"fact.premises": "rented"})
    assert "需先说明" in lines_of(half)["营业执照"]
    assert "还有问题没有回答" in text_of(half)
    whole = await desk.post(path, **here, **{"fact.staff": "9"})
    assert "免交，已证明" in lines_of(whole)["营业执照"]


RULE = {
    "template": "PROOF-1",
    "due_days": 10,
    "legal_basis": "国办发〔2020〕42号",
    "consequence": {"zh": "撤销", "en": "Revoked"},
}
OWN = {
    **requirement("lease", "租赁合同", "applicant", []),
    "own_paper": {"zh": "租赁合同", "en": "Lease"},
    "stand_ins": {"sealed_copy": {"reusable_days": 30}, "commitment": RULE},
}


async def test_a_paper_that_nobody_has_is_sealed_in_place_or_promised_by_the_person(desk: Desk, hub: Hub) -> None:
    licence = matter_definition()["requirements"][0]
    await hub.registry.add_matter(matter_definition() | {"requirements": [licence, OWN]})
    page = await opened(desk)
    here = f"{COUNTER}/{number_in(page)}"
    assert "扫描并盖章" in lines_of(page)["租赁合同"]
    assert "扫描并盖章" not in lines_of(page)["营业执照"]
    lease = place_of(page, "租赁合同")
    offered = await desk.post(f"{here}/promise/{lease}", form_on=here)
    assert "行政机关告知" in text_of(offered)
    hidden = dict(re.findall(r'name="(promise|text_sha256)" value="([^"]+)"', offered.text))
    unread = await desk.post(f"{here}/promise/{lease}/confirm", form_on=here, **hidden)
    assert "请先让当事人看完全文" in text_of(unread)
    chosen = {"seen": "1", "method": "signed_paper"} | hidden
    changed = chosen | {"text_sha256": "0" * 64}
    assert "现在不能这样办" in text_of(await desk.post(f"{here}/promise/{lease}/confirm", form_on=here, **changed))
    promised = await desk.post(f"{here}/promise/{lease}/confirm", form_on=here, **chosen)
    assert "免交，已证明 告知承诺" in lines_of(promised)["租赁合同"]

    there = f"{COUNTER}/{number_in(await opened(desk))}"
    for content, said in ((b"", "请选择扫描件"), (b"MZ program", "只接受 PDF"), (document(SCRIPT), "文件含脚本")):
        assert said in text_of(await desk.post_file(f"{there}/scan/{lease}", content))
    sealed = await desk.post_file(f"{there}/scan/{lease}", png())
    assert "扫描件已加盖材料共享章" in text_of(sealed)
    assert "免交，已证明 材料共享章" in lines_of(sealed)["租赁合同"]
    assert (await desk.get(f"{there}/scan/{'0' * 16}")).status_code == 404
    again = await opened(desk)  # it serves the next case too
    assert "免交，已证明 材料共享章" in lines_of(again)["租赁合同"]


async def test_the_form_is_filled_unseen_and_the_rest_is_asked_once(desk: Desk, hub: Hub) -> None:
    await hub.registry.add_matter(matter_definition() | {"form": FORM})
    here = f"{COUNTER}/{number_in(await opened(desk))}"
    page = text_of(await desk.get(f"{here}/form"))
    assert "2 项已由记录填好，不用问；还要问 2 项" in page
    saved = await desk.post(f"{here}/form", form_on=here, **{"applicant.phone": "0570-1"})
    assert "已保存" in text_of(saved)
    assert "还要问 1 项" in text_of(saved)
    assert 'value="0570-1"' in saved.text
    assert not [text for text in CANARIES for shown in desk.seen if text in shown]


async def test_of_several_licences_the_person_names_one(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await grow(place, hub, client)
    for number, day in (("A-1", "2018-01-01"), ("A-2", "2020-02-02")):
        await issue(hub, title_claims(number, registered_on=day), slug="real_estate_title", issuer=ESTATE)
    async with clerk_of(place, hub) as desk:
        page = await opened(desk, f"{PERSON['name']}|{PERSON['id_number']}", matter=HOME)
        here = f"{COUNTER}/{number_in(page)}"
        assert "是哪一份？" in text_of(page)
        (place_of,) = set(re.findall(r'action="[^"]*/choose/([0-9a-f]+)"', page.text))
        first, _ = re.findall(r'<option value="(1\.2\.156[^"]+)">', page.text)
        path = f"{here}/choose/{place_of}"
        assert (await desk.post(path, form_on=here, choice="1.2.156.3005.2.somebody.else")).status_code == 400
        said = await desk.post(path, form_on=here, choice=unescape(first))
        assert "是哪一份？" not in text_of(said)
        again = await desk.post(path, form_on=here)  # the person meant another one
        assert "另行指明" in text_of(said)
        assert "是哪一份？" in text_of(again)
        assert not [text for text in CITY_CANARIES for page in desk.seen if text in page]


async def test_several_of_one_role_each_have_their_line(desk: Desk, hub: Hub) -> None:
    licence = matter_definition()["requirements"][0] | {"party": "seller"}
    roles = ["applicant", {"role": "seller", "many": True, "kinds": ["001"]}]
    await hub.registry.add_matter(matter_definition() | {"roles": roles, "requirements": [licence, OWN]})
    other = valid_uscc("91990100MA0000002")
    page = await opened(desk, **{"id.seller": CARD, "id.seller.2": f"示例市夜色食品有限公司|{other}"})
    said = text_of(page)
    # A party more, while the clerk scans: the paper is sealed for the line that he chose.
    here, lease = f"{COUNTER}/{number_in(page)}", place_of(page, "租赁合同")
    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert department is not None
    caller = await hub.database.read(lambda tx: counter_caller(tx, department.id))
    third = PartyInput("seller", "示例市朝露食品有限公司", "001", valid_uscc("91990100MA0000003"))
    clerk = {"id": "clerk", "name": "李办事"}
    await hub.handling.amending.amend(caller, number_in(page), Amendment(1, clerk, add=[third]))
    assert "租赁合同" in text_of(await desk.get(f"{here}/scan/{lease}"))
    assert "✓ 免交，已证明 电子证照" in said
    assert "? 身份未能确认" in said
    assert "出让方 2" in said
    person = citizen_id("990102", date(1988, 3, 5), 21)
    assert "本角色不能是这类主体" in text_of(await opened(desk, **{"id.seller": f"陈晓示|{person}"}))


async def test_asking_all_the_same_takes_a_reason_and_names_the_rule(desk: Desk, hub: Hub) -> None:
    page = await opened(desk)
    here = f"{COUNTER}/{number_in(page)}"
    assert "仍要求当事人提供" in text_of(page)
    form = {"line": "licence|applicant", "reason": "instructed"}
    said = await desk.post(f"{here}/insist", form_on=here, **form)
    assert "本部门核发，不得要求提供，已告知主管" in text_of(said)
    assert "仍要求提供 本部门内部要求" in lines_of(said)["营业执照"]
    assert "受理人员仍请您提供" in text_of(await desk.get(f"{here}/sheet"))
    assert [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "ask.made"] == ["instructed"]
    for wrong in ({"reason": "because"}, {"line": "nothing|applicant"}):
        assert (await desk.post(f"{here}/insist", form_on=here, **(form | wrong))).status_code in {400, 422}


async def test_an_engineer_makes_the_counter_on_a_page_or_proposes_one(place: Place, hub: Hub) -> None:
    systems = "/console/consumer/systems"
    async with at_desk(place, hub, AMR, Role.CONSUMER_ENGINEER, name="engineer") as engineer:
        assert "提出设为受理台" in text_of(await engineer.get(f"{systems}/{INTAKE}"))
        proposed = await engineer.post(f"{systems}/{INTAKE}/desk", to="counter")
        assert "已提出" in text_of(proposed)
        made = await engineer.post(f"{systems}/counter")
        assert "是本部门的受理台" in text_of(made)
        again = await engineer.post(f"{systems}/counter")
        assert "本部门已有受理台" in text_of(again)
        assert "建立受理台" not in text_of(again)


async def test_bad_input_is_told_where_it_stands_and_a_number_is_never_in_an_address(desk: Desk, hub: Hub) -> None:
    early = await desk.post(COUNTER, form_on=COUNTER, q=NUMBER)
    assert (early.status_code, NUMBER in early.text) == (422, False)
    assert "请先选事项" in text_of(early)
    wrong = await opened(desk, NUMBER[:-1])
    assert "位数不对" in text_of(wrong)
    nameless = await opened(desk, NUMBER)
    assert "请输入姓名或名称" in text_of(nameless)
    assert "error" not in nameless.text.partition("<main")[2].partition("</main>")[0]
    typed = await opened(desk, NUMBER, **{"name.applicant": NAME})
    (case,) = await hub.database.read(lambda tx: tx.execute(select(table(CaseRow))).all())
    assert case.corroboration == []  # nobody showed a card
    assert "免交，已证明" in lines_of(typed)["营业执照"]
    stranger = await opened(desk, f"示例市晨光食品有限责任公司|{NUMBER}")
    assert "身份未能确认" in lines_of(stranger)["营业执照"]
    assert "先说明或核对" in text_of(await desk.get(f"{COUNTER}/{number_in(stranger)}/sheet"))
    assert (await desk.get(f"{COUNTER}/new/nothing")).status_code == 404
    assert not [url for url in desk.sent if NUMBER in url]


async def test_one_form_sent_twice_is_one_case_and_another_key_is_another(desk: Desk, hub: Hub) -> None:
    path = f"{COUNTER}/new/{MATTER}"
    form = {"once": "0" * 32, "id.applicant": CARD}
    first = await desk.post(path, form_on=path, **form)
    second = await desk.post(path, form_on=path, **form)
    assert number_in(first) == number_in(second)
    third = await opened(desk)
    assert number_in(third) != number_in(first)
    disclosed = [entry for entry in await ledger(hub) if entry.kind == "disclosure"]
    assert len(disclosed) == 2


async def test_another_departments_clerk_and_another_role_see_nothing(place: Place, hub: Hub, desk: Desk) -> None:
    case_no = number_in(await opened(desk))
    paths = [f"{COUNTER}/{case_no}{rest}" for rest in ("", "/lines", "/sheet")]
    async with clerk_of(place, hub, POLICE, "other") as other:
        assert "本部门还没有受理台" in text_of(await other.get(COUNTER))
        assert (await other.get(paths[0])).status_code == 409
        await hub.systems.make_counter(COMMAND, "公安受理台", "", department=POLICE)
        for path in paths:
            assert (await other.get(path)).status_code == 404
        for act in ("ask", "close", "facts"):
            assert (await other.post(f"{COUNTER}/{case_no}/{act}", form_on=COUNTER)).status_code == 404
    async with at_desk(place, hub, AMR, Role.OWNER_ENGINEER, name="engineer") as engineer:
        for path in (COUNTER, *paths):
            assert (await engineer.get(path)).status_code == 403


async def test_a_withdrawn_grant_leaves_a_reason_and_no_evidence(desk: Desk, hub: Hub) -> None:
    page = await opened(desk)
    (found,) = await hub.database.read(list_grants)
    await hub.registry.change_grant(found.id, GrantState.WITHDRAWN)
    again = await opened(desk)
    assert "共享授权已撤回" in lines_of(again)["营业执照"]
    assert "免交，已证明" in lines_of(page)["营业执照"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三", "张*"), ("欧阳示例", "欧阳**"), ("欧阳", "欧*"), ("王", "王")],
)
def test_a_name_is_masked_behind_the_surname(name: str, shown: str) -> None:
    assert masked_name(name) == shown
