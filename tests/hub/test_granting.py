"""Granting a case with the licence that comes of it: one step, one commit; a crash leaves no decision without it."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND, Actor, Role
from hub.intake.handling.deciding import GRANTED, Decision
from hub.intake.handling.errors import CaseChangedError
from hub.intake.handling.granting import Licence
from hub.intake.handling.steps import by_staff
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from hub.storage import crash
from tests.families.town import AGENT, cases, event, family_body, matter, told
from tests.hub.acting import amr, officer, strict_type
from tests.hub.desk import Desk, at_desk, text_of
from tests.hub.test_case_form import CONFIRMED
from tests.serving import problem
from tests.support import (
    AMR,
    ENTERPRISE,
    POLICE,
    PURPOSE,
    Place,
    case_body,
    enterprise_claims,
    grant_definition,
    issue,
    requirement,
    valid_uscc,
)

pytestmark = pytest.mark.embedded
QUEUE = "/console/approve"
LICENCE = "11990000MB0000002Q001"
NAME, NUMBER = "示例市新办面馆有限公司", valid_uscc("91990100MA0000077")
FORM = [
    {"field": "name", "term": "company_name", "party": "company"},
    {"field": "where", "title": {"zh": "开在哪里", "en": "Where"}, "party": "company"},
]
CONFIRMS = {
    "l0.issue": "1",
    "l0.c.name": NAME,
    "l0.c.uscc": NUMBER,
    "l0.c.established_on": "2026-11-22",
    "l0.c.business_scope": "餐饮服务",
    "l0.c.address": "示例市学院路7号",
}


@dataclass
class Bureau:
    """A company is being founded: the case of its licence, which a bank waits for."""

    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]
    decider: Desk
    family_no: str
    case_no: str

    @property
    def here(self) -> str:
        return f"{QUEUE}/{self.case_no}"

    async def granted(self, **fields: str) -> str:
        page = await self.decider.post(f"{self.here}/grant", form_on=QUEUE, **(CONFIRMS | fields))
        return text_of(page)

    async def view(self) -> dict[str, Any]:
        return told(await self.client.get(f"/api/v1/families/{self.family_no}", headers=self.headers))

    async def work(self) -> None:
        while await self.hub.jobs.sweep():
            pass

    async def written(self, kind: str) -> int:
        query = text("SELECT count(*) FROM ledger_entries WHERE kind = :kind")
        return int(await self.hub.database.read(lambda tx: tx.execute(query, {"kind": kind}).scalar_one()))

    async def decided(self) -> dict[str, Any]:
        """What the decision said."""
        query = text("SELECT detail FROM case_steps WHERE step = 'decide'")
        found: dict[str, Any] = json.loads(await self.hub.database.read(lambda tx: tx.execute(query).scalar_one()))
        return found


async def post(client: httpx2.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    answer = await client.post(f"/api/v1{path}", json=body, headers=headers)
    return told(answer, answer.status_code if answer.status_code < 300 else 200)


@pytest.fixture
async def bureau(place: Place, hub: Hub, client: httpx2.AsyncClient) -> AsyncIterator[Bureau]:
    identity, licence = ([[{"type": code, "fields": ["name"]}]] for code in ("11990000MB0000003U001", LICENCE))
    company = {"role": "company", "without_id": True}
    result = {"type": LICENCE, "party": "company", "fill": {"address": "where"}}
    await hub.registry.add_matter(
        matter("FOUND", AMR, "founder", requirement("who", "身份证", "founder", identity),
               roles=["founder", company], results=[result], form=FORM, signatures=["founder"])
    )  # fmt: skip
    bank = requirement("licence", "营业执照", "company", licence)
    await hub.registry.add_matter(matter("BANK", POLICE, "company", bank, roles=[company]))
    await hub.registry.add_grant(grant_definition(hub, matters=["BANK"]))
    joined = [{"matter": "FOUND", "parties": {"founder": "agent", "company": "shop"}}]
    joined.append({"matter": "BANK", "parties": {"company": "shop"}})
    await hub.life_events.add(COMMAND, event(matters=joined, facts={}, signatures=["agent"]))
    headers = await place.headers(client)
    body = family_body(parties=[{"role": "shop", "name": NAME}, {"role": "agent", **AGENT}])
    opened = await post(client, "/families", body, headers)
    number = opened["family_no"]
    await post(client, f"/families/{number}/evidence", {"purpose": PURPOSE}, headers)
    case_no = cases(opened)["FOUND"]["case_no"]
    await post(client, f"/cases/{case_no}/accept", {"operator": {"id": "op-1", "name": "李办事"}}, headers)
    async with at_desk(place, hub, AMR, Role.DECIDER, name="decider") as decider:
        yield Bureau(hub, client, headers, decider, number, case_no)


async def sign_the_form(bureau: Bureau) -> None:
    path = f"/api/v1/families/{bureau.family_no}/form"
    said = {"answers": {"shop.FOUND.where": "示例市学院路7号", "shop.company_name": NAME}}
    form = told(await bureau.client.put(path, json=said, headers=bureau.headers))
    signing = {"party": "agent", "digest": form["digest"], "confirmation": CONFIRMED}
    told(await bureau.client.post(f"{path}/sign", json=signing, headers=bureau.headers))


def value_of(page: httpx2.Response, name: str) -> str:
    field = rf'<(?:input id="l0\.c\.{name}"[^>]* value="([^"]*)"|textarea id="l0\.c\.{name}"[^>]*>\n([^<]*)<)'
    found = re.search(field, page.text)
    return unescape(found[1] or found[2] or "") if found else "?"


async def test_the_draft_is_filled_and_what_is_confirmed_is_issued_with_the_decision(bureau: Bureau) -> None:
    await sign_the_form(bureau)
    page = text_of(await bureau.decider.get(bureau.here))
    assert "准予后，下一步核对并颁发：营业执照" in page
    assert "一件事：开餐馆 等待本办件结果：BANK事项" in page
    draft = await bureau.decider.post(f"{bureau.here}/decide", form_on=QUEUE, outcome="granted")
    assert (value_of(draft, "name"), value_of(draft, "address"), value_of(draft, "uscc")) == (
        NAME,
        "示例市学院路7号",
        "",
    )
    assert "来自：办件当事人、当事人签署的表单" in text_of(draft)
    assert await bureau.written("evidence.read") == 1  # to fill it is a look

    wrong = await bureau.granted(**{"l0.c.uscc": NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")})
    assert "统一社会信用代码：" in wrong
    assert await bureau.written("case.decide") == 0
    done = await bureau.granted()
    assert "已准予，证照已颁发" in done
    (identifier,) = re.findall(r"1\.2\.156[0-9A-Za-z.*-]+", done)
    verdict = await bureau.hub.verification.verify(await read_document(bureau.hub, identifier), audience=None)
    assert verdict.reason == "ok"
    assert (await bureau.decided())["results"] == [identifier]
    await bureau.work()
    view = await bureau.view()  # the company has its number, and the bank its answer
    assert (cases(view)["BANK"]["cleared"], view["waiting"]) == (1, [])
    assert "决定：准予" in text_of(await bureau.decider.get(bureau.here))


@pytest.mark.parametrize("at", ["issue.intending", "issue.intended"])
async def test_a_crash_leaves_no_decision_without_its_licence(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    decider = Actor("staff", bureau.decider.staff_id, "x", await amr(bureau.hub), frozenset({Role.DECIDER}))
    claims = {name.removeprefix("l0.c."): value for name, value in CONFIRMS.items() if name.startswith("l0.c.")}
    monkeypatch.setattr(crash, "_target", at)
    monkeypatch.setattr(crash, "_remaining", 1)
    monkeypatch.setattr(crash, "_signal", None)  # no signal at all: the way ends here, and the process goes on
    with pytest.raises(TypeError):
        await bureau.hub.handling.granting.grant(
            by_staff(decider), bureau.case_no, [Licence(LICENCE, claims)], Decision(GRANTED)
        )
    monkeypatch.undo()
    decisions = await bureau.written("case.decide")
    assert decisions == (at == "issue.intended")
    assert await bureau.hub.issuing.finish() == decisions  # as at the next start
    await bureau.work()
    assert cases(await bureau.view())["BANK"]["cleared"] == decisions


async def test_a_licence_is_made_out_to_a_party_of_the_case_and_where_records_differ_nothing_is_chosen(
    bureau: Bureau,
) -> None:
    held = requirement("licence", "营业执照", "applicant", [[{"type": LICENCE, "fields": ["name", "uscc", "address"]}]])
    form = [{"field": "address", "term": "company_address"}]
    await bureau.hub.registry.add_matter(
        matter("MOVE", AMR, "applicant", held, roles=["applicant"], form=form, results=[{"type": LICENCE}])
    )
    await bureau.hub.registry.add_grant(grant_definition(bureau.hub, matters=["MOVE"]))
    opened = await post(bureau.client, "/cases", case_body(matter="MOVE"), bureau.headers)
    path = f"/cases/{opened['case_no']}"
    await post(bureau.client, f"{path}/evidence", {"purpose": PURPOSE}, bureau.headers)
    said = {"answers": {"applicant.company_address": "示例市学院路7号"}}
    filled = told(await bureau.client.put(f"/api/v1{path}/form", json=said, headers=bureau.headers))
    signing = {"party": "applicant", "digest": filled["digest"], "confirmation": CONFIRMED}
    told(await bureau.client.post(f"/api/v1{path}/form/sign", json=signing, headers=bureau.headers))
    await post(bureau.client, f"{path}/accept", {"operator": {"id": "op-1", "name": "李办事"}}, bureau.headers)
    here = f"{QUEUE}/{opened['case_no']}"
    draft = await bureau.decider.post(f"{here}/decide", form_on=QUEUE, outcome="granted")
    assert (value_of(draft, "uscc"), value_of(draft, "address")) == (ENTERPRISE["id_number"], "")
    assert "记录不一致，请选定后填写 示例市学院路7号 当事人签署的表单 示例市中心路1号" in text_of(draft)
    other = await bureau.decider.post(f"{here}/grant", form_on=QUEUE, **CONFIRMS)
    assert "持证主体与办件当事人不一致" in text_of(other)
    await issue(bureau.hub, enterprise_claims(name=NAME, uscc=NUMBER))
    [theirs, *_] = await identifiers_of(bureau.hub, "001", NUMBER)  # younger than the case, and somebody else's
    named = {"outcome": "granted", "results": theirs["identifier"]}
    assert "标识不是本部门颁发的证照" in text_of(await bureau.decider.post(f"{here}/decide", form_on=QUEUE, **named))
    read = re.search(r'name="change_no" value="([0-9]+)"', draft.text)
    assert read
    stale = {"change_no": str(int(read[1]) - 1), "l0.c.uscc": ENTERPRISE["id_number"]}
    assert "办件已有变化" in text_of(await bureau.decider.post(f"{here}/grant", form_on=QUEUE, **(CONFIRMS | stale)))
    assert await bureau.written("case.decide") == 0


async def test_only_what_comes_of_the_case_is_issued_to_its_party_and_once(bureau: Bureau) -> None:
    issued = await bureau.written("certificate.issue")
    other = await bureau.decider.post(f"{bureau.here}/decide", form_on=QUEUE, outcome="granted", without="1")
    assert "决定：准予" in text_of(other)
    again = await bureau.decider.post(f"{bureau.here}/grant", form_on=QUEUE, **CONFIRMS)
    assert again.status_code == 409
    assert await bureau.written("certificate.issue") == issued


async def test_where_the_type_wants_two_the_decision_waits_with_the_licence(bureau: Bureau) -> None:
    await strict_type(bureau.hub)
    asked = await bureau.granted()
    assert "已提出，须由本部门审批人员复核" in asked
    assert "等待本部门审批人员复核" in text_of(await bureau.decider.get(bureau.here))
    assert await bureau.written("case.decide") == 0
    assert "已经提出，正等待复核" in await bureau.granted()
    boss = officer("boss", department=await amr(bureau.hub))
    waiting = bureau.hub.transitions.waiting
    (act,) = await waiting.waiting(boss)
    assert (await waiting.view(boss, act.id)).case_no == bureau.case_no
    made = await waiting.confirm(boss, act.id)
    decided = await bureau.decided()
    assert (decided["results"], decided["second"]["id"]) == ([made.identifier], "boss")
    await bureau.work()
    assert cases(await bureau.view())["BANK"]["cleared"] == 1


async def test_what_was_changed_since_it_was_asked_for_is_not_confirmed(bureau: Bureau) -> None:
    await strict_type(bureau.hub)
    claims = {name.removeprefix("l0.c."): value for name, value in CONFIRMS.items() if name.startswith("l0.c.")}
    body = {"operator": {"id": "op-2", "name": "王审批"}, "outcome": "granted", "results": ["1.2.156.3005.2.nothing"]}
    body["licences"] = [{"type": "business_licence", "claims": claims}]
    nothing = await bureau.client.post(f"/api/v1/cases/{bureau.case_no}/decide", json=body, headers=bureau.headers)
    problem(nothing, status=422, slug="ask-incomplete")  # nobody confirms what could not be decided
    assert "已提出，须由本部门审批人员复核" in await bureau.granted()
    case = told(await bureau.client.get(f"/api/v1/cases/{bureau.case_no}", headers=bureau.headers))
    said = {"change_no": case["change_no"], "operator": {"id": "op-1", "name": "李办事"}}
    said["parties"] = {"correct": {"company": {"name": "示例市另一家面馆有限公司"}}}
    await post(bureau.client, f"/cases/{bureau.case_no}/amend", said, bureau.headers)
    boss = officer("boss", department=await amr(bureau.hub))
    waiting = bureau.hub.transitions.waiting
    (act,) = await waiting.waiting(boss)
    with pytest.raises(CaseChangedError):
        await waiting.confirm(boss, act.id)
    assert await bureau.written("case.decide") == 0


async def test_a_departments_own_system_grants_and_issues_in_one_call(bureau: Bureau) -> None:
    path = f"/cases/{bureau.case_no}/decide"
    claims = {name.removeprefix("l0.c."): value for name, value in CONFIRMS.items() if name.startswith("l0.c.")}
    body = {"operator": {"id": "op-2", "name": "王审批"}, "outcome": "granted"}
    wrong = {"licences": [{"type": "identity_card", "claims": claims}]}
    foreign = await bureau.client.post(f"/api/v1{path}", json=body | wrong, headers=bureau.headers)
    assert foreign.status_code in {403, 422}, foreign.text
    licences = {"licences": [{"type": "business_licence", "claims": claims}]}
    refused = await bureau.client.post(
        f"/api/v1{path}", json=body | licences | {"outcome": "refused", "reason": "x"}, headers=bureau.headers
    )
    problem(refused, status=422, slug="ask-incomplete")
    made = await post(bureau.client, path, body | licences, bureau.headers)
    assert (made["stage"], made["decision"], len(made["issued"])) == ("decided", "granted", 1)
    assert (await bureau.decided())["results"] == made["issued"]
    await bureau.work()
    assert cases(await bureau.view())["BANK"]["cleared"] == 1
