"""A case is amended under its change number, and nobody's part of it that was disclosed."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from tests.hub.city import ledger
from tests.serving import problem
from tests.support import ENTERPRISE, MATTER, Place, matter_definition, open_case, pull

ANNA, BODO = {"id": "op-1", "name": "李办事"}, {"id": "op-2", "name": "王办事"}
PAPER = {"kind": "mandate_paper", "at": "2026-11-22T09:00:00+08:00", "reference": "授权委托书 7"}
WRONG = ENTERPRISE | {"name": "示例市朝阳食品有限公司"}


@pytest.fixture
async def headers(place: Place, hub: Hub, client: httpx2.AsyncClient) -> dict[str, str]:
    roles = ["applicant", {"role": "seller", "many": True, "without_id": True}, {"role": "agent", "agent": True}]
    facts = {"staff": {"kind": "integer", "title": {"zh": "从业人数", "en": "Staff"}}}
    await hub.registry.add_matter(matter_definition() | {"roles": roles, "facts": facts})
    return await place.headers(client)


async def amend(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str, **body: Any) -> httpx2.Response:
    whole = {"change_no": 1, "operator": ANNA} | body
    return await client.post(f"/api/v1/cases/{case_no}/amend", json=whole, headers=headers)


def outcomes(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {item["code"]: item["outcome"] for item in answer.json()["requirements"]}


@pytest.mark.embedded
async def test_of_two_clerks_at_one_case_the_second_is_told_by_whom_and_when_and_nothing_is_merged(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    case_no = await open_case(client, headers)
    first = await amend(client, headers, case_no, operator=BODO, facts={"staff": 6})
    assert first.status_code == 200, first.text
    assert first.json()["change_no"] == 2
    late = await amend(client, headers, case_no, parties={"add": [{"role": "seller", "name": "陈小示"}]})
    said = problem(late, status=409, slug="case-changed")
    assert (said["change_no"], said["operator"]) == (2, BODO["id"])
    assert said["changed_at"]
    shown = (await client.get(f"/api/v1/cases/{case_no}", headers=headers)).json()
    assert [party["party"] for party in shown["parties"]] == ["applicant"]
    # An answer to a question is a change too: whoever read the case before it is told.
    await client.post(f"/api/v1/cases/{case_no}/facts", json={"facts": {"staff": 7}}, headers=headers)
    problem(await amend(client, headers, case_no, change_no=2, facts={"staff": 8}), status=409, slug="case-changed")
    again = await amend(client, headers, case_no, change_no=3, facts={"staff": 8})
    assert again.json()["change_no"] == 4
    kinds = [entry for entry in await ledger(hub) if entry.detail.get("case_no") == case_no]
    amended = [entry.detail for entry in kinds if entry.kind == "case.amend"]
    assert [entry["operator"]["id"] for entry in amended] == ["op-2", "op-1"]
    assert amended[0]["facts"] == ["staff"]


@pytest.mark.embedded
async def test_a_name_is_corrected_until_something_was_disclosed_about_the_party(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    case_no = await open_case(client, headers, parties=[{"role": "applicant", **WRONG}])
    assert outcomes(await pull(client, headers, case_no))["licence"] == "identity_unconfirmed"
    corrected = await amend(client, headers, case_no, parties={"correct": {"applicant": ENTERPRISE}})
    assert corrected.status_code == 200, corrected.text
    assert outcomes(await pull(client, headers, case_no))["licence"] == "satisfied"
    late = await amend(client, headers, case_no, change_no=2, parties={"correct": {"applicant": WRONG}})
    assert problem(late, status=422, slug="invalid-party")["errors"] == [
        {"pointer": "/parties/correct", "rule": "disclosed"}
    ]
    more = {"add": [{"role": "seller", "name": "陈小示"}, {"role": "seller", "name": "陈大示"}]}
    added = await amend(client, headers, case_no, change_no=2, parties=more, subjects=[{"kind": "unit", "code": "1"}])
    assert added.status_code == 200, added.text
    shown = (await client.get(f"/api/v1/cases/{case_no}", headers=headers)).json()
    assert [party["party"] for party in shown["parties"]] == ["applicant", "seller", "seller#2"]
    out = await amend(client, headers, case_no, change_no=3, parties={"remove": ["seller"]})
    assert [party["party"] for party in out.json()["parties"]] == ["applicant", "seller#2"]
    fewer = await amend(client, headers, case_no, change_no=4, subjects=[])
    assert problem(fewer, status=422, slug="invalid-fact")["errors"][0]["rule"] == "disclosed"


@pytest.mark.embedded
async def test_an_answer_to_a_question_takes_the_decision_from_a_pull_that_was_judged_without_it(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case_no = await open_case(client, headers)
    course = hub.evidence._course.decide

    async def meanwhile(*given: Any, **named: Any) -> bytes:
        said = await client.post(f"/api/v1/cases/{case_no}/facts", json={"facts": {}}, headers=headers)
        assert said.status_code == 200
        return await course(*given, **named)

    monkeypatch.setattr(type(hub.evidence._course), "decide", lambda _self, *given, **named: meanwhile(*given, **named))
    problem(await pull(client, headers, case_no), status=409, slug="in-flight")


@pytest.mark.embedded
async def test_an_amendment_takes_the_decision_from_a_pull_that_was_judged_by_the_case_before_it(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case_no = await open_case(client, headers)
    seen: list[int] = []
    course = hub.evidence._course.decide

    async def meanwhile(*given: Any, **named: Any) -> bytes:
        seen.append((await amend(client, headers, case_no, parties={"correct": {"applicant": WRONG}})).status_code)
        return await course(*given, **named)

    monkeypatch.setattr(type(hub.evidence._course), "decide", lambda _self, *given, **named: meanwhile(*given, **named))
    answer = await pull(client, headers, case_no)
    monkeypatch.undo()
    assert seen == [200]
    problem(answer, status=409, slug="in-flight")
    assert outcomes(await pull(client, headers, case_no))["licence"] == "identity_unconfirmed"
    assert not [entry for entry in await ledger(hub) if entry.kind == "disclosure" and entry.case_id]


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("body", "slug", "pointer", "rule"),
    [
        ({"parties": {"correct": {"seller": WRONG}}}, "invalid-party", "/parties/correct", "no_such_party"),
        ({"parties": {"remove": ["applicant"]}}, "invalid-party", "/parties", "missing_role:applicant"),
        ({"parties": {"add": [{"role": "x", "name": "一"}]}}, "invalid-party", "/parties/add/0/role", "unknown_role"),
        ({"parties": {"add": [{"role": "applicant", "name": "一"}]}}, "invalid-party", "/parties/add/0/role",
         "repeated_role"),
        ({"parties": {"add": [{"role": "agent", "name": "一"}]}}, "invalid-party", "/parties/add/0/id_number",
         "missing"),
        ({"parties": {"add": [{"role": "agent", **ENTERPRISE}]}}, "invalid-party", "/parties/add/0/acts_for",
         "missing"),
        ({"facts": {"unheard": 1}}, "invalid-fact", "/facts", "unknown_fact"),
    ],
)  # fmt: skip
async def test_an_amendment_is_checked_as_an_opening_is(
    client: httpx2.AsyncClient, headers: dict[str, str], body: dict[str, Any], slug: str, pointer: str, rule: str
) -> None:
    case_no = await open_case(client, headers)
    answer = await amend(client, headers, case_no, **body)
    assert problem(answer, status=422, slug=slug)["errors"] == [{"pointer": pointer, "rule": rule}]


@pytest.mark.embedded
async def test_an_agent_comes_later_with_the_paper_that_shows_his_mandate(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    case_no = await open_case(client, headers)
    agent = {"role": "agent", **ENTERPRISE, "acts_for": "applicant", "mandate": "mandate_paper"}
    without = await amend(client, headers, case_no, parties={"add": [agent]})
    assert problem(without, status=422, slug="invalid-party")["errors"][0]["rule"] == "not_corroborated"
    come = await amend(client, headers, case_no, parties={"add": [agent]}, corroboration=[PAPER])
    assert come.status_code == 200, come.text
    assert come.json()["parties"][0]["acts_for"] == "applicant"
    assert come.json()["matter"] == MATTER
    closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    assert closed.status_code == 200
    problem(await amend(client, headers, case_no, change_no=2), status=409, slug="case-closed")


async def test_of_two_clerks_at_the_same_moment_one_is_told_of_the_other(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    case_no = await open_case(client, headers)
    both = (amend(client, headers, case_no, operator=who, facts={"staff": 6}) for who in (ANNA, BODO))
    answers = await asyncio.gather(*both)
    (lost,) = (answer for answer in answers if answer.status_code != 200)
    (won,) = (answer for answer in answers if answer.status_code == 200)
    winner = BODO if answers.index(won) else ANNA
    assert problem(lost, status=409, slug="case-changed")["operator"] == winner["id"]
    steps = text("SELECT count(*) FROM case_steps")
    assert await hub.database.read(lambda tx: tx.execute(steps).scalar_one()) == 1
