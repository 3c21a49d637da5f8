"""A campaign over a matter: a list of holders becomes one decision each, without a value, released by every owner."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from catalog.grants import GrantState
from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.access.actors import Role
from hub.clock import new_id
from hub.exchange.bulk.matter_work import SIZE
from hub.intake.errors import GrantEndedError
from hub.issuing.files import identifiers_of
from hub.ledger.tables import LedgerEntryRow
from hub.registry.errors import StateError
from hub.storage.errors import MissingError
from signing.canonical import strict_loads
from signing.jose import read_header, verify_jws
from tests.access.people import add, visitor
from tests.exchange.bulking import OFFICER, approver, fetch, firm, rows_in, see, work
from tests.exchange.conftest import Town
from tests.hub.test_owed import rows
from tests.serving import problem
from tests.support import AMR, PURPOSE, enterprise_claims, grant_definition, issue, requirement

pytestmark = pytest.mark.embedded
CODE, ENTRIES = "SUBSIDY", table(LedgerEntryRow)


def claims_of(party: dict[str, str]) -> dict[str, Any]:
    return enterprise_claims(name=party["name"], uscc=party["id_number"])


def definition() -> dict[str, Any]:
    licence = {"type": "11990000MB0000002Q001", "fields": ["name", "uscc"]}
    return {
        "code_system": "test",
        "code": CODE,
        "name": {"zh": "稳岗补贴", "en": "Subsidy"},
        "department": AMR,
        "roles": ["applicant", "agent"],
        "facts": {"in_time": {"kind": "boolean", "title": {"zh": "是否按期", "en": "In time?"}}},
        "requirements": [
            requirement("licence", "营业执照", "applicant", [[licence]]) | {"material": "BT-01"},
            requirement("address", "经营地址", "applicant", [[licence | {"fields": ["address"]}]])
            | {"when": "facts.in_time"},
            requirement("agent_identity", "经办人", "agent", [[licence]]),
        ],
    }


def bulk_grant(town: Town, **changes: Any) -> dict[str, Any]:
    terms = {"kind": "ex_officio", "officers": [OFFICER], "quota_per_day": 10_000, "bulk": True, "bulk_subjects": 100}
    return grant_definition(town.hub, **terms | {"matters": [CODE]} | changes)


@pytest.fixture
async def campaign(town: Town) -> Town:
    """Three firms with a licence, and a matter with a bulk grant for it."""
    await town.hub.registry.add_matter(definition())
    town.grant_id = await town.hub.registry.add_grant(bulk_grant(town))
    for place in range(3):
        await issue(town.hub, claims_of(firm(place)))
    return town


async def begin(town: Town, parties: list[dict[str, Any]], **options: Any) -> httpx2.Response:
    facts = options.pop("facts", {"in_time": True})
    case_no = options.pop("case_no", None) or await town.case(kind="ex_officio", matter=CODE, facts=facts)
    body = {"case_no": case_no, "purpose": PURPOSE, "officer": OFFICER, "parties": parties} | options
    key = {"Idempotency-Key": body.pop("key")} if "key" in body else {}
    return await town.client.post(f"/api/v1/matters/{CODE}/bulk", json=body, headers=town.headers | key)


async def run_of(town: Town, parties: list[dict[str, Any]], **options: Any) -> str:
    answer = await begin(town, parties, **options)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run"])


async def test_each_holder_gets_one_decision_one_entry_and_no_value(campaign: Town) -> None:
    parties = [firm(0), firm(1) | {"name": "别的名字"}, firm(2), firm(77)]
    suspended = await identifiers_of(campaign.hub, "001", firm(2)["id_number"])
    await campaign.hub.status.change(str(suspended[0]["identifier"]), Operation.SUSPEND, reason="r", legal_basis="l")
    case_no = await campaign.case(kind="ex_officio", matter=CODE, facts={"in_time": True})
    run = await run_of(campaign, parties, key="once", case_no=case_no)
    assert await run_of(campaign, parties, key="once", case_no=case_no) == run
    await work(campaign)
    seen = await see(campaign, run)
    assert (seen["state"], seen["matter"], seen["interface"], seen["requirements"]) == (
        "finished", CODE, None, ["licence", "address"],
    )  # fmt: skip
    assert seen["progress"]["outcomes"] == {"satisfied": 1, "identity_unconfirmed": 3}
    problem(await fetch(campaign, run), status=409, slug="wrong-state")
    await campaign.hub.bulk.releases.release(await approver(campaign), run)
    file = (await fetch(campaign, run)).content
    found = {row["number"]: row for row in rows_in(file)}
    assert [found[place]["id_number"] for place in range(4)] == [party["id_number"] for party in parties]
    assert [found[place]["outcome"] for place in range(4)] == [
        "satisfied", "identity_unconfirmed", "identity_unconfirmed", "identity_unconfirmed",
    ]  # fmt: skip
    assert found[0]["requirements"] == [
        {"code": "licence", "outcome": "satisfied", "why": "satisfied", "material": "BT-01"},
        {"code": "address", "outcome": "satisfied", "why": "satisfied"},
    ]
    assert found[1]["requirements"] == found[2]["requirements"] == found[3]["requirements"]  # alike
    assert enterprise_claims()["address"].encode() not in file
    entries = [item.kind for item in await rows(campaign, "SELECT kind FROM ledger_entries ORDER BY id")]
    assert entries.count("disclosure") == 1
    assert entries.count("refusal") == 3
    query = select(ENTRIES.c.subject_id).where(ENTRIES.c.kind == "disclosure")
    assert await campaign.hub.database.read(lambda tx: tx.execute(query).scalar()) is not None
    token = (await fetch(campaign, run, "manifest")).json()["manifest"]
    key = campaign.hub.desk.public_keys()[read_header(token)["kid"]]
    claims = strict_loads(verify_jws(token, key=key, typ="bulk-manifest+jwt", max_bytes=65536).payload, max_bytes=65536)
    assert (claims["matter"], claims["requirements"], claims["grants"]) == (
        CODE, ["licence", "address"], [campaign.grant_id],
    )  # fmt: skip


async def test_what_the_case_has_not_answered_clears_nobody(campaign: Town) -> None:
    run = await run_of(campaign, [firm(0)], facts={})
    await work(campaign)
    assert (await see(campaign, run))["progress"]["outcomes"] == {"ambiguous": 1}


async def test_what_rests_on_other_answers_is_asked_in_a_case(campaign: Town) -> None:
    """That the list names no agent does not say that there is none."""
    declared = definition()
    licence, address, _ = declared["requirements"]
    names = {"role": "agent", "id_type": "001", "id_number": "uscc", "name": "name"}
    alone = address | {"code": "alone", "when": "!parties.agent.present"}
    none = address | {"code": "none", "when": "parties.agent.present"}
    await campaign.hub.registry.add_matter(declared | {"requirements": [licence | {"gives": [names]}, alone, none]})
    run = await run_of(campaign, [firm(0)])
    await work(campaign)
    assert (await see(campaign, run))["progress"]["outcomes"] == {"pending": 1}
    await campaign.hub.bulk.releases.release(await approver(campaign), run)
    found = {item["code"]: item["outcome"] for item in rows_in((await fetch(campaign, run)).content)[0]["requirements"]}
    assert found == {"licence": "satisfied", "alone": "pending", "none": "pending"}


async def test_a_run_that_dies_goes_on_and_one_whose_grant_ends_gives_nothing(campaign: Town) -> None:
    parties = [firm(place) for place in range(SIZE + 2)]
    run = await run_of(campaign, parties)
    job = {"run": run, "turn": 0}
    await asyncio.gather(campaign.hub.bulk.runner.run(job), campaign.hub.bulk.runner.run(job))
    assert (await see(campaign, run))["progress"]["answered"] == len(parties)
    decided = "SELECT kind FROM ledger_entries WHERE kind IN ('disclosure', 'refusal')"
    assert len(await rows(campaign, decided)) == len(parties)

    second = await run_of(campaign, parties[:2])
    await campaign.hub.registry.change_grant(campaign.grant_id, GrantState.WITHDRAWN)
    await work(campaign)
    seen = await see(campaign, second)
    assert (seen["state"], seen["problem"]["code"]) == ("stopped", "grant_withdrawn")
    assert seen["progress"]["outcomes"] == {"not_granted": 2}
    await campaign.hub.bulk.ending.sweep()
    with pytest.raises(GrantEndedError):
        await campaign.hub.bulk.releases.release(await approver(campaign), run)


async def test_every_department_that_owns_what_is_told_releases_it(campaign: Town) -> None:
    other = "11990000MB0000003U"
    await campaign.hub.registry.add_grant(bulk_grant(campaign, type="identity_card", owner=other, fields=["name"]))
    declared = definition()
    person = {"type": "11990000MB0000003U001", "fields": ["name"]}
    declared["requirements"].append(requirement("identity", "身份证", "applicant", [[person]]))
    await campaign.hub.registry.add_matter(declared)
    run = await run_of(campaign, [firm(0)])
    await work(campaign)
    ours = await approver(campaign)
    releases = campaign.hub.bulk.releases
    view = await releases.release(ours, run)
    shown = view.as_json()
    assert (shown["state"], shown["decision"]) == ("finished", None)
    assert shown["releases"] == {"wanted": 2, "given": 1}
    problem(await fetch(campaign, run), status=409, slug="wrong-state")
    with pytest.raises(StateError):
        await releases.release(ours, run)
    stranger = replace(ours, department_id=new_id())
    with pytest.raises(MissingError):
        await releases.release(stranger, run)
    await add(campaign.hub, "approver", Role.OWNER_APPROVER, department=other)
    async with visitor(campaign.place, campaign.hub) as theirs:
        await theirs.sign_in("approver")
        assert run in (await theirs.client.get("/console/owner/bulk")).text
        page = (await theirs.client.get(f"/console/owner/bulk/{run}")).text
        assert "营业执照、经营地址、身份证" in page
        assert firm(0)["name"] not in page
        assert (await theirs.post(f"/console/owner/bulk/{run}/release", {"reason": "同意"})).status_code == 303
        assert "同意" in (await theirs.client.get(f"/console/owner/bulk/{run}")).text
    assert (await see(campaign, run))["releases"] == {"wanted": 2, "given": 2}
    assert (await fetch(campaign, run)).status_code == 200
    kinds = [item.kind for item in await rows(campaign, "SELECT kind FROM ledger_entries WHERE kind LIKE 'bulk%'")]
    assert sorted(kinds) == ["bulk.agree", "bulk.ask", "bulk.download", "bulk.finish", "bulk.release"]


@pytest.mark.parametrize(
    ("options", "status", "slug", "told"),
    [
        ({"officer": "op-9"}, 403, "not-granted", "officer_not_named"),
        ({"purpose": "别的用途"}, 403, "not-granted", "purpose_not_granted"),
        ({"requirements": ["agent_identity"]}, 422, "invalid-question", "not_listed"),
        ({"parties": [firm(0), firm(0)]}, 422, "invalid-request", "repeated"),
        ({"parties": [firm(0) | {"id_number": "91990100MA0000001X"}]}, 422, "invalid-request", "check"),
        ({"parties": [firm(place) for place in range(101)]}, 403, "not-granted", "bulk_too_many"),
        ({"parties": []}, 422, "invalid-request", ""),
    ],
    ids=["officer", "purpose", "requirement", "twice", "number", "many", "nobody"],
)
async def test_what_a_campaign_may_not_be(
    campaign: Town, options: dict[str, Any], status: int, slug: str, told: str
) -> None:
    refused = await begin(campaign, **{"parties": [firm(0)]} | options)
    assert told in json.dumps(problem(refused, status=status, slug=slug))
    assert (await campaign.client.get("/api/v1/bulk", headers=campaign.headers)).json() == {"runs": []}


async def test_a_campaign_wants_a_campaign_case_of_its_matter_and_a_grant_that_says_bulk(campaign: Town) -> None:
    for case_no, why in (
        (await campaign.case(matter=CODE), "not_ex_officio"),
        (await campaign.case(kind="ex_officio"), "of_another_matter"),
    ):
        refused = await begin(campaign, [firm(0)], case_no=case_no)
        assert problem(refused, status=422, slug="invalid-question")["errors"][0]["rule"] == why
    decided = await campaign.case(kind="ex_officio", matter=CODE, external_no="decided", facts={"in_time": True})
    begun = await run_of(campaign, [firm(0)], case_no=decided)
    for step, said in (("accept", {}), ("decide", {"outcome": "granted"})):
        body = {"operator": {"id": OFFICER, "name": "李办事"}} | said
        done = await campaign.client.post(f"/api/v1/cases/{decided}/{step}", json=body, headers=campaign.headers)
        assert done.status_code == 200, done.text
    problem(await begin(campaign, [firm(0)], case_no=decided), status=409, slug="case-closed")
    await work(campaign)
    assert (await see(campaign, begun))["progress"]["outcomes"] == {"refused": 1}, "nothing is read for it any more"
    await campaign.hub.registry.change_grant(campaign.grant_id, GrantState.WITHDRAWN)
    plain = {"bulk": False, "bulk_subjects": None}
    await campaign.hub.registry.add_grant({k: v for k, v in (bulk_grant(campaign) | plain).items() if v is not None})
    refused = await begin(campaign, [firm(0)])
    assert problem(refused, status=403, slug="not-granted")["why"] in {"bulk_not_granted", "grant_withdrawn"}
