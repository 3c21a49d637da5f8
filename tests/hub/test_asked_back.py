"""Ambiguity as a typed question: what may be chosen, and going on with what was."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.hub.city import (
    CANARIES,
    ESTATE,
    HOME,
    PERSON,
    STRANGER,
    TITLE,
    City,
    grow,
    identity_claims,
    ledger,
    title_claims,
)
from tests.serving import problem
from tests.support import AMR, POLICE, PURPOSE, Place, grant_definition, issue, open_case, pull, requirement

pytestmark = pytest.mark.embedded


@pytest.fixture
async def city(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    """A person with two homes, and another who has one."""
    grown = await grow(place, hub, client)
    for number, day in (("A-1", "2018-01-01"), ("A-2", "2020-02-02")):
        await issue(hub, title_claims(number, registered_on=day), slug="real_estate_title", issuer="11990000MB00000052")
    other = {"owner_name": STRANGER["name"], "owner_id_number": STRANGER["id_number"]}
    claims = identity_claims(name=STRANGER["name"], citizen_id=STRANGER["id_number"])
    await issue(hub, claims, slug="identity_card", issuer=POLICE)
    await issue(hub, title_claims("B-1", **other), slug="real_estate_title", issuer="11990000MB00000052")
    return grown


async def case_of(city: City, number: str, holder: dict[str, str] = PERSON) -> str:
    parties = [{"role": "applicant"} | holder]
    return await open_case(city.client, city.headers, matter=HOME, parties=parties, external_no=number)


async def asked(city: City, case_no: str, *answers: dict[str, Any]) -> dict[str, Any]:
    more = {"answers": list(answers)} if answers else {}
    answer = await pull(city.client, city.headers, case_no, requirements=["title"], **more)
    assert answer.status_code == 200, answer.text
    item: dict[str, Any] = answer.json()["requirements"][0]
    return item


async def test_of_several_licences_one_is_chosen_and_the_pull_goes_on(city: City) -> None:
    case_no = await case_of(city, "1")
    item = await asked(city, case_no)
    assert (item["outcome"], item["why"]["code"]) == ("ambiguous", "several_certificates")
    question = item["question"]
    assert (question["kind"], [set(choice) for choice in question["choices"]]) == (
        "choose",
        [{"choice", "issued_on"}] * 2,
    )
    first, second = (choice["choice"] for choice in question["choices"])
    assert not any(secret in str(question) for secret in (*CANARIES, PERSON["id_number"], "A-1", "一路"))
    (entry,) = [entry for entry in await ledger(city.hub) if entry.kind == "refusal"]
    assert entry.detail["choices"] == [first, second]

    token = question["resume_token"]
    found = await asked(city, case_no, {"resume_token": token, "choice": second})
    assert (found["outcome"], found["evidence"]["certificate"]["identifier"]) == ("satisfied", second)
    assert "question" not in found
    remembered = await asked(city, case_no)
    assert remembered["evidence"]["certificate"]["identifier"] == second
    again = await asked(city, case_no, {"resume_token": token, "choice": first})
    assert again["evidence"]["certificate"]["identifier"] == first
    replayed = await city.hub.replaying.replay(COMMAND, case_no, "en")
    assert replayed["counts"] == {"same": 4, "different": 0, "not_replayable": 0}
    shown = (await city.client.get(f"/api/v1/cases/{case_no}", headers=city.headers)).json()
    assert [(one["requirement"], one["choice"]) for one in shown["choices"]] == [("title", first)]
    (row,) = await city.hub.database.read(lambda tx: tx.execute(text("SELECT choices FROM cases")).all())
    assert first.encode() not in bytes(row.choices)


async def test_a_choice_reaches_no_further_than_its_question(city: City) -> None:
    case_no, other = await case_of(city, "1"), await case_of(city, "2", STRANGER)
    strangers = (await asked(city, other))["evidence"]["certificate"]["identifier"]
    question = (await asked(city, case_no))["question"]
    token = question["resume_token"]
    refused = await asked(city, case_no, {"resume_token": token, "choice": strangers})
    assert (refused["outcome"], "evidence" in refused) == ("ambiguous", False)
    assert [choice["choice"] for choice in refused["question"]["choices"]] == [
        choice["choice"] for choice in question["choices"]
    ]
    for case, wrong in ((other, token), (case_no, token[:-2] + "AA"), (case_no, "nothing")):
        body = {"answers": [{"resume_token": wrong, "choice": question["choices"][0]["choice"]}]}
        answer = await pull(city.client, city.headers, case, requirements=["title"], **body)
        errors = problem(answer, status=422, slug="invalid-fact")["errors"]
        assert errors == [{"pointer": "/answers/0/resume_token", "rule": "unknown_question"}]


async def test_facts_of_the_case_say_which_licence_is_meant(city: City) -> None:
    narrowed = {
        "type": TITLE, "fields": ["location"], "reads": ["title_no"], "where": {"title_no": "facts.title"},
    }  # fmt: skip
    matter = {
        "code_system": "test", "code": "ONE_HOME", "name": {"zh": "办证", "en": "A home"}, "department": AMR,
        "roles": ["applicant"], "facts": {"title": {"kind": "text", "title": {"zh": "权证号", "en": "Title number"}}},
        "requirements": [requirement("title", "权属", "applicant", [[narrowed]])],
    }  # fmt: skip
    await city.hub.registry.add_matter(matter)
    terms = {"owner": ESTATE, "fields": ["location", "title_no"], "matters": ["ONE_HOME"], "purpose": PURPOSE}
    await city.hub.registry.add_grant(grant_definition(city.hub, type=TITLE, **terms))
    found = {}
    for number in ("A-1", "A-2", "A-3"):
        parties = [{"role": "applicant"} | PERSON]
        case_no = await open_case(city.client, city.headers, matter="ONE_HOME", parties=parties, external_no=number)
        item = await asked(city, case_no)
        answers = {"resume_token": item["question"]["resume_token"], "facts": {"title": number}}
        found[number] = await asked(city, case_no, answers)
        replayed = await city.hub.replaying.replay(COMMAND, case_no, "en")
        assert replayed["counts"] == {"same": 2, "different": 0, "not_replayable": 0}
    assert [item["outcome"] for item in found.values()] == ["satisfied", "satisfied", "no_source"]
    first, second = (found[number]["evidence"]["certificate"]["identifier"] for number in ("A-1", "A-2"))
    assert first != second
    assert "title_no" not in found["A-1"]["evidence"]["claims"]
