"""Asking the person all the same: the rule that it breaks, on the ledger, and before the supervisor."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.intake.asks.reasons import REASONS, RULES, Reason
from hub.runtime import Hub
from tests.serving import problem
from tests.support import MATTER, NARROW, Place, grant_definition, matter_definition, open_case, pull, valid_uscc

pytestmark = pytest.mark.embedded


async def asked(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str, **body: Any) -> dict[str, Any]:
    sent = {"requirement": "licence", "reason": "original_wanted"} | body
    answer = await client.post(f"/api/v1/cases/{case_no}/asks", json=sent, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def rule_of(answer: dict[str, Any]) -> str | None:
    return answer["rule"] and answer["rule"]["code"]


async def test_each_rule_is_named_and_what_the_hub_did_not_find_may_be_asked_for(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    # The department that asks issues licences itself; identity cards lie with another one.
    first = await asked(client, headers, case_no)
    assert (rule_of(first), first["outcome"]) == ("own_department", None)
    assert rule_of(await asked(client, headers, case_no, requirement="agent_identity")) == "findable"
    await pull(client, headers, case_no)
    again = await asked(client, headers, case_no, reason="offered")
    assert (rule_of(again), again["outcome"]) == ("own_department", "satisfied")
    # No such party: the law does not want it of this case.
    absent = await asked(client, headers, case_no, requirement="agent_identity", reason="instructed")
    assert (rule_of(absent), absent["outcome"]) == ("no_basis", "not_applicable")

    stranger = {"role": "applicant", "name": "示例甲", "id_type": "001", "id_number": valid_uscc("91990100MA0000003")}
    lost = await open_case(client, headers, external_no="lost", parties=[stranger])
    await pull(client, headers, lost)
    assert rule_of(await asked(client, headers, lost)) is None, "the hub looked and could not say"

    told = (await client.get(f"/api/v1/cases/{case_no}/asks", headers=headers | {"Accept-Language": "en"})).json()
    assert len(told["asks"]) == 4
    assert told["asks"][0]["rule"]["text"] == "the asking department issues it itself"
    assert [item["key"] for item in told["reasons"]] == ["1", "2", "3", "4", "5", "6", "9"]
    assert (set(REASONS), len(RULES)) == (set(Reason), 4)


async def test_what_was_shown_within_its_days_counts_as_handed_in(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    definition = matter_definition()
    licence, *others = definition["requirements"]
    elsewhere = definition | {
        "code": "FOOD2",
        "requirements": [licence | {"reuse_days": 30}, *others],
        "department": "11990100MB00000132",
    }
    await hub.registry.add_department(
        {"code": "11990100MB00000132", "name": {"zh": "消防", "en": "Fire"}, "issues": []}
    )
    await hub.registry.add_matter(elsewhere)
    await hub.registry.add_matter(definition | {"requirements": [licence | {"reuse_days": 30}, *others]})
    headers = await place.headers(client)
    before = await open_case(client, headers, external_no="before")
    await pull(client, headers, before)
    after = await open_case(client, headers, external_no="after")
    # AMR issues licences, and that rule comes first; so nobody issues them for a moment.
    await hub.database.write(lambda tx: tx.execute(text("UPDATE departments SET issues = '[]'")))
    assert rule_of(await asked(client, headers, after)) == "submitted"
    await hub.database.write(lambda tx: tx.execute(text("UPDATE ledger_entries SET recorded_at = recorded_at - 3456000000000 WHERE kind = 'disclosure'")))  # fmt: skip  # noqa: E501
    assert rule_of(await asked(client, headers, after, reason="offered")) is None, "forty days ago"


async def test_the_same_ask_is_one_and_the_supervisor_hears_of_it(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    first, second = [await asked(client, headers, case_no) for _ in range(2)]
    assert first == second
    entries = "SELECT count(*) FROM ledger_entries WHERE kind = 'ask.made'"
    notices = "SELECT role, department_id IS NULL FROM notices WHERE code = 'ask.made' ORDER BY role"
    assert await hub.database.read(lambda tx: tx.execute(text(entries)).scalar()) == 1
    told = await hub.database.read(lambda tx: [tuple(row) for row in tx.execute(text(notices))])
    assert told == [("operator", 1), ("owner_approver", 0)]

    report = await hub.asks.report(COMMAND, days=30, language="zh-CN")
    assert (report["asks"], report["against_rules"]) == (1, 1)
    assert report["counts"][0] | {"department": ""} == {
        "department": "", "matter_code": MATTER, "code": "licence", "rule": "own_department",
        "reason": "original_wanted", "count": 1,
    }  # fmt: skip
    assert report["newest"][0]["case_no"] == case_no
    elsewhere = Actor("staff", "s", "s", "01a20390-b00c-72bb-903f-1ec83bdab169", frozenset({Role.OWNER_APPROVER}))
    assert (await hub.asks.report(elsewhere, days=30, language="en"))["asks"] == 0
    with pytest.raises(ForbiddenError):
        await hub.asks.report(Actor("staff", "s", "s", None, frozenset({Role.OWNER_ENGINEER})), days=1, language="en")

    path = f"/api/v1/cases/{case_no}/asks"
    for body, status, slug in (
        ({"requirement": "licence", "reason": "because"}, 422, "invalid-request"),
        ({"requirement": "unheard", "reason": "other"}, 422, "requirement-not-listed"),
        ({"requirement": "licence", "reason": "other", "party": "seller"}, 422, "invalid-party"),
    ):
        problem(await client.post(path, json=body, headers=headers), status=status, slug=slug)
    other = await place.headers(client, NARROW)
    sent = {"requirement": "licence", "reason": "other"}
    problem(await client.post(path, json=sent, headers=other), status=404, slug="case-not-found")
    await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    problem(await client.post(path, json=sent, headers=headers), status=409, slug="case-closed")


async def test_what_the_simulator_says_a_grant_would_save_it_saves(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)

    async def simulated() -> dict[str, Any]:
        for external_no in ("one-1", "two-1"):
            case_no = await open_case(client, headers, external_no=f"{external_no}-{len(cases)}")
            cases.append(case_no)
            await pull(client, headers, case_no)
        return await hub.simulating.simulate(COMMAND, days=1, weights={"one": 10})

    cases: list[str] = []
    found = await simulated()
    assert (found["cases"], found["papers_asked"], found["not_by_one"]) == (10, 10, 0)
    (saving,) = found["next"]
    assert saving | {"name": ""} == {
        "added": "grant", "code": "11990000MB0000002Q001", "papers": 10, "cases": 10, "name": "",
    }  # fmt: skip
    fields = ["name", "uscc", "established_on", "business_scope", "legal_representative"]
    await hub.registry.add_grant(grant_definition(hub, fields=fields))
    after = await simulated()
    assert (after["cases"], after["papers_asked"]) == (20, 10), "the cases that came then are asked for nothing"
