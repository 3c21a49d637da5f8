"""What a case is about decides what is asked: conditions, open questions, days in force; and the plan of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import bindparam, text

from catalog.tables import Instant
from hub.runtime import Hub
from tests.serving import problem
from tests.support import MATTER, NARROW, PURPOSE, Place, case_body, matter_definition, open_case, pull

FACTS: dict[str, Any] = {
    "premises": {
        "kind": "text",
        "title": {"zh": "经营场所", "en": "Premises"},
        "choices": [
            {"value": "own", "zh": "自有", "en": "Own"},
            {"value": "rented", "zh": "租赁", "en": "Rented"},
        ],
    },
    "staff": {"kind": "integer", "title": {"zh": "从业人数", "en": "Staff"}},
}
CANARY = "rented"


async def ruled(hub: Hub, **changes: Any) -> None:
    """The matter with one requirement under a condition, and what more is said of that."""
    definition = matter_definition()
    licence, representative, agent = definition["requirements"]
    rule = {"when": 'facts.premises == "rented" && (facts.staff > 5 || parties.agent.present)'} | changes
    definition |= {"facts": FACTS, "requirements": [licence | rule, representative, agent]}
    await hub.registry.add_matter(definition)


def outcomes(answer: httpx2.Response) -> dict[str, tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return {item["code"]: (item["outcome"], item["why"]["code"]) for item in answer.json()["requirements"]}


async def test_a_requirement_is_asked_when_the_facts_say_so_and_never_ruled_out_by_what_is_unknown(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await ruled(hub)
    headers = await place.headers(client)
    case_no = await open_case(client, headers, facts={"staff": 6})
    first = await pull(client, headers, case_no)
    assert outcomes(first)["licence"] == ("ambiguous", "facts_missing")
    assert first.json()["requirements"][0]["why"]["params"] == {"facts": ["premises"]}
    assert "licence" in first.json()["still_needed"]
    question = first.json()["requirements"][0]["question"]
    assert (question["kind"], [item["fact"] for item in question["facts"]]) == ("fact", ["premises"])

    facts = f"/api/v1/cases/{case_no}/facts"
    answered = await client.post(facts, json={"facts": {"premises": CANARY}}, headers=headers)
    assert answered.status_code == 200, answered.text
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("satisfied", "satisfied")
    await client.post(facts, json={"facts": {"staff": 2}}, headers=headers)
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("not_applicable", "condition_not_met")
    await client.post(facts, json={"facts": {"staff": None}}, headers=headers)
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("ambiguous", "facts_missing")

    stored = text("SELECT facts, matter_code FROM cases WHERE case_no = :case_no")
    (row,) = await hub.database.read(lambda tx: tx.execute(stored, {"case_no": case_no}).all())
    assert CANARY.encode() not in bytes(row.facts)
    closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    assert closed.status_code == 200
    problem(await client.post(facts, json={"facts": {}}, headers=headers), status=409, slug="case-closed")


@pytest.mark.embedded
async def test_who_is_wanted_and_left_out_is_not_ruled_out(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    definition = matter_definition()
    *others, agent = definition["requirements"]
    agents = agent | {"when": "facts.by_agent || parties.agent.present"}
    asked = {"kind": "boolean", "title": {"zh": "是否委托办理", "en": "Through an agent"}}
    await hub.registry.add_matter(definition | {"facts": {"by_agent": asked}, "requirements": [*others, agents]})
    headers = await place.headers(client)
    found = {}
    for said in (None, True, False):
        facts = {} if said is None else {"by_agent": said}
        case_no = await open_case(client, headers, facts=facts, external_no=str(said))
        found[said] = outcomes(await pull(client, headers, case_no))["agent_identity"]
        planned = await client.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE}, headers=headers)
        assert planned.json()["requirements"][2]["applies"] is said
    assert found == {
        None: ("ambiguous", "facts_missing"),
        True: ("ambiguous", "party_missing"),
        False: ("not_applicable", "condition_not_met"),
    }


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("facts", "pointer", "rule"),
    [
        ({"unheard": 1}, "/facts", "unknown_fact"),
        ({"premises": "borrowed"}, "/facts/premises", "not_in_list"),
        ({"premises": True}, "/facts/premises", "kind:text"),
        ({"staff": True}, "/facts/staff", "kind:integer"),
        ({"staff": "6"}, "/facts/staff", "kind:integer"),
        ({"staff": {"more": 1}}, "/facts/staff", "kind:integer"),
    ],
)
async def test_a_fact_that_nobody_asked_for_or_of_another_kind_is_refused(
    place: Place, hub: Hub, client: httpx2.AsyncClient, facts: dict[str, Any], pointer: str, rule: str
) -> None:
    await ruled(hub)
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    answer = await client.post(f"/api/v1/cases/{case_no}/facts", json={"facts": facts}, headers=headers)
    assert problem(answer, status=422, slug="invalid-fact")["errors"] == [{"pointer": pointer, "rule": rule}]


@pytest.mark.embedded
async def test_a_case_is_judged_by_the_law_of_the_day_on_which_it_was_filed(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    today = datetime.now(UTC).astimezone().date()
    await ruled(hub, when=None, in_force_from=(today - timedelta(days=10)).isoformat())
    headers = await place.headers(client)
    before = await open_case(client, headers, filed_on=(today - timedelta(days=11)).isoformat(), external_no="1")
    since = await open_case(client, headers, external_no="2")
    assert outcomes(await pull(client, headers, before))["licence"] == ("not_applicable", "not_in_force")
    assert outcomes(await pull(client, headers, since))["licence"] == ("satisfied", "satisfied")
    for wrong in ((today + timedelta(days=2)).isoformat(), "2001-01-01"):
        body = {"facts": {}, "filed_on": wrong}
        answer = await client.post("/api/v1/cases", json=case_body(external_no="3") | body, headers=headers)
        assert problem(answer, status=422, slug="invalid-fact")["errors"][0]["pointer"] == "/filed_on"


@pytest.mark.embedded
async def test_a_licence_that_is_too_old_and_a_record_that_is_wanted_clear_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ruled(hub, when=None, max_age_days=30)
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("satisfied", "satisfied")
    later = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr(hub.evidence, "_clock", lambda: later)
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("no_source", "certificate_too_old")
    # Made younger by SQL, without the MAC that vouches for it: what counts is the day on which it was issued.
    younger = text("UPDATE certificate_versions SET as_of = :now, seen_mac = NULL").bindparams(
        bindparam("now", later, Instant())
    )
    await hub.database.write(lambda tx: tx.execute(younger))
    assert outcomes(await pull(client, headers, case_no))["licence"] == ("no_source", "certificate_too_old")


@pytest.mark.embedded
async def test_the_plan_says_what_would_be_asked_and_nothing_about_anybody(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await ruled(hub)
    headers = await place.headers(client)
    case_no = await open_case(client, headers, facts={"staff": 6})
    path = f"/api/v1/cases/{case_no}/plan"

    async def planned(**changes: str) -> dict[str, Any]:
        answer = await client.post(
            path, json={"purpose": PURPOSE} | changes, headers=headers | {"Accept-Language": "en"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    entries = text("SELECT count(*) FROM ledger_entries")
    before = await hub.database.read(lambda tx: tx.execute(entries).scalar())
    found = await planned()
    licence, representative, agent = found["requirements"]
    assert (licence["applies"], licence["missing"]) == (None, ["premises"])
    assert licence["ways"] == [{"types": ["11990000MB0000002Q001"], "granted": True}]
    assert (representative["applies"], representative["ways"][0]["granted"]) == (True, False)
    assert representative["why"]["code"] == "field_not_granted"
    assert (agent["applies"], agent["why"]["code"]) == (False, "party_absent")
    (question,) = found["questions"]
    assert (question["fact"], question["title"]) == ("premises", "Premises")
    assert [choice["title"] for choice in question["choices"]] == ["Own", "Rented"]
    assert (await planned(purpose="别的用途"))["requirements"][1]["why"]["code"] == "purpose_not_granted"
    assert await hub.database.read(lambda tx: tx.execute(entries).scalar()) == before, "nothing was disclosed"
    (told,) = (await client.get("/api/v1/matters", headers=headers)).json()["matters"]
    assert [fact["fact"] for fact in told["facts"]] == ["premises", "staff"]
    assert told["requirements"][0]["condition"].startswith("facts.premises")
    whole = (await client.get(f"/api/v1/matters/{MATTER}", headers=headers)).json()
    assert {name: whole[name] for name in told} == told
    stranger = await place.headers(client, NARROW)
    problem(await client.post(path, json={"purpose": PURPOSE}, headers=stranger), status=404, slug="case-not-found")
    assert found["matter"] == MATTER


@pytest.mark.embedded
async def test_a_situation_sets_facts_of_the_guide_and_the_plan_offers_it(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    definition = matter_definition()
    licence, *others = definition["requirements"]
    rule = {"when": 'facts.premises == "rented" && facts.staff > 5'}
    shop = {"code": "shop", "title": {"zh": "小店", "en": "Shop"}, "sets": {"premises": "rented", "staff": 3}}
    await hub.registry.add_matter(
        definition | {"facts": FACTS, "requirements": [licence | rule, *others], "situations": [shop]}
    )
    headers = await place.headers(client)
    guide = f"/api/v1/matters/{MATTER}/guide"
    for facts, spared in (({}, True), ({"staff": 9}, False)):  # what is said beside it stands
        told = await client.post(
            guide, json={"situation": "shop", "facts": facts, "kind": "checklist"}, headers=headers
        )
        assert (told.json()["checks"][0]["applies"] is False) is spared
    wrong = await client.post(guide, json={"situation": "unheard"}, headers=headers)
    assert problem(wrong, status=422, slug="invalid-fact")["errors"][0]["pointer"] == "/situation"
    case_no = await open_case(client, headers)
    planned = await client.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE}, headers=headers)
    (offered,) = planned.json()["situations"]
    assert (offered["code"], offered["sets"]) == ("shop", shop["sets"])
