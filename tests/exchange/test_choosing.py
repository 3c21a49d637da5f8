"""Several records of a source, and which one is meant: shown by labels, chosen by digest, remembered in the case."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from hub.access.actors import COMMAND
from tests.exchange.conftest import Town, add_source, definition, publish
from tests.exchange.declared import field
from tests.exchange.register import Register, serving
from tests.hub.city import ledger
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, INTAKE, PURPOSE, Place, enterprise_claims, issue, pull, requirement

pytestmark = pytest.mark.embedded
MATTER = "SHOPS"
NUMBER = str(ENTERPRISE["id_number"])
HIDDEN = "金丝雀产权人"
NEED = {"interface": "shops", "fields": ["area", "use"], "one": True}
FACTS = {
    "unit": {"kind": "text", "title": {"zh": "门牌号", "en": "Unit"}},
    "rented": {"kind": "boolean", "title": {"zh": "是否租赁", "en": "Rented"}},
}


def shop(unit: str, area: str, use: str = "餐饮") -> dict[str, Any]:
    return {"code": NUMBER, "unit": unit, "area": area, "use": use, "owner": HIDDEN}


def shops(**changes: Any) -> dict[str, Any]:
    """The units of a company. Whoever chooses sees which unit it is."""
    names = ("code", "unit", "area", "use", "owner")
    declared = definition(
        code="shops",
        fields={name: field() for name in names},
        echoes={"code": "uscc"},
        operation={"method": "GET", "path": "/shops/{uscc}", "rows": "/data"},
        mapping={"version": 1, "fields": {name: name for name in names}},
        many=True,
        labels=["unit", "owner"],
    )
    del declared["identity_name"]
    return declared | changes


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    async with (
        serving(Register({NUMBER: [shop("A-101", "90"), shop("B-2", "45")]})) as register,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, shops())
        await issue(hub, enterprise_claims())
        yield Town(place, hub, client, await place.headers(client), register, "")


async def furnish(town: Town, *needs: dict[str, Any], interface: str = "shops", **more: Any) -> None:
    asked = requirement("premises", "经营场所", "applicant", [list(needs) or [NEED]]) | more
    await town.hub.registry.add_matter(
        {
            "code_system": "test", "code": MATTER, "name": {"zh": "餐饮", "en": "Catering"}, "department": AMR,
            "roles": ["applicant"], "facts": FACTS, "requirements": [asked],
        }
    )  # fmt: skip
    await town.hub.registry.add_grant(
        {
            "system": INTAKE, "interface": interface, "owner": AMR, "matters": [MATTER], "purpose": PURPOSE,
            "fields": ["area", "use", "unit"], "legal_basis": "条例", "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )  # fmt: skip


async def sent(town: Town, case_no: str, *answers: dict[str, Any]) -> httpx2.Response:
    return await pull(town.client, town.headers, case_no, **({"answers": list(answers)} if answers else {}))


async def asked(town: Town, case_no: str, *answers: dict[str, Any]) -> dict[str, Any]:
    answer = await sent(town, case_no, *answers)
    assert answer.status_code == 200, answer.text
    item: dict[str, Any] = answer.json()["requirements"][0]
    return item


def said(item: dict[str, Any]) -> tuple[str, str]:
    return item["outcome"], item["why"]["code"]


async def replayed(town: Town, case_no: str) -> dict[str, int]:
    """How its decisions stand that are judged again: each is the same, though nobody keeps what a source said."""
    found = await town.hub.replaying.replay(COMMAND, case_no, "en")
    counts: dict[str, int] = {name: count for name, count in found["counts"].items() if count}
    return counts


async def remembered(town: Town, case_no: str) -> list[dict[str, str]]:
    shown = (await town.client.get(f"/api/v1/cases/{case_no}", headers=town.headers)).json()
    found: list[dict[str, str]] = shown.get("choices", [])
    return found


async def test_a_record_is_chosen_by_what_its_owner_lets_be_shown_and_is_not_asked_for_twice(town: Town) -> None:
    await furnish(town)
    case_no = await town.case(matter=MATTER)
    item = await asked(town, case_no)
    assert (said(item), "evidence" in item) == (("ambiguous", "several_records"), False)
    choices = item["question"]["choices"]
    assert item["asked_of"] == [{"interface": "shops", "department": AMR}]
    assert set(item["rule"]) == {"legal_basis"}
    # Of both labels one is granted; nothing else of the records is told.
    assert [choice["shown"] for choice in choices] == [{"unit": "A-101"}, {"unit": "B-2"}]
    everything = json.dumps([item, [entry.detail for entry in await ledger(town.hub)]], ensure_ascii=False)
    assert [secret for secret in (HIDDEN, "餐饮", "owner") if secret in everything] == []
    (entry,) = [entry for entry in await ledger(town.hub) if entry.kind == "refusal"]
    assert (entry.detail["shown"], entry.detail["choices"]) == (["unit"], [one["choice"] for one in choices])

    second = {"resume_token": item["question"]["resume_token"], "choice": choices[1]["choice"]}
    item = await asked(town, case_no, second)
    assert (said(item), item["evidence"]["claims"]) == (("satisfied", "satisfied"), {"area": "45", "use": "餐饮"})
    assert "further_evidence" not in item
    assert (await asked(town, case_no))["evidence"]["claims"]["area"] == "45", "nobody is asked again"
    (kept,) = await remembered(town, case_no)
    assert (kept["requirement"], kept["party"], kept["choice"]) == ("premises", "applicant", second["choice"])
    # Chosen anew, and taken back.
    first = {"resume_token": kept["resume_token"], "choice": choices[0]["choice"]}
    assert (await asked(town, case_no, first))["evidence"]["claims"]["area"] == "90"
    assert (await asked(town, case_no))["evidence"]["claims"]["area"] == "90"
    assert said(await asked(town, case_no, first | {"choice": None})) == ("ambiguous", "several_records")
    assert await remembered(town, case_no) == []
    assert await replayed(town, case_no) == {"same": 6}


async def test_a_choice_fits_the_record_as_it_was_and_no_other_case(town: Town) -> None:
    await furnish(town)
    case_no, other = await town.case(matter=MATTER), await town.case(matter=MATTER, external_no="2")
    question = (await asked(town, case_no))["question"]
    elsewhere = (await asked(town, other))["question"]
    chosen = {"resume_token": question["resume_token"], "choice": question["choices"][1]["choice"]}
    assert {one["choice"] for one in question["choices"]}.isdisjoint(one["choice"] for one in elsewhere["choices"])
    problem(await sent(town, other, chosen), status=422, slug="invalid-fact")
    for foreign in (elsewhere["choices"][1]["choice"], "某一条", "A" * 200):
        assert said(await asked(town, case_no, chosen | {"choice": foreign})) == ("ambiguous", "choice_gone")
    as_facts = {"resume_token": question["resume_token"], "facts": {"rented": True}}
    problem(await sent(town, case_no, as_facts), status=422, slug="invalid-fact")
    assert await remembered(town, case_no) == [], "what was never offered is not kept"
    assert said(await asked(town, case_no, chosen))[0] == "satisfied"
    # The record changes: it is not the one that was chosen. Alone left, the other is not taken for it.
    town.register.rows[NUMBER] = [shop("A-101", "90"), shop("B-2", "450")]
    assert said(await asked(town, case_no)) == ("ambiguous", "choice_gone")
    town.register.rows[NUMBER] = [shop("A-101", "90")]
    item = await asked(town, case_no)
    assert (said(item), [one["shown"] for one in item["question"]["choices"]]) == (
        ("ambiguous", "choice_gone"), [{"unit": "A-101"}],
    )  # fmt: skip
    town.register.rows[NUMBER] = [shop("A-101", "90")] * 2  # alike, and still two
    assert len({one["choice"] for one in (await asked(town, case_no))["question"]["choices"]}) == 2
    assert await replayed(town, case_no) == {"same": 8}


async def test_a_debt_is_paid_by_what_was_chosen(town: Town) -> None:
    await furnish(town)
    case_no = await town.case(matter=MATTER)
    question = (await asked(town, case_no))["question"]
    town.register.mood = "html"
    chosen = {"resume_token": question["resume_token"], "choice": question["choices"][0]["choice"]}
    assert said(await asked(town, case_no, chosen)) == ("source_unavailable", "source_faulty")
    debt = (await town.client.get(f"/api/v1/cases/{case_no}/owed", headers=town.headers)).json()["owed"][0]
    town.register.mood = "well"
    paid = await town.hub.paying.pay(COMMAND, debt["id"])
    assert (paid.state, paid.outcome) == ("paid", "satisfied")


async def test_facts_narrow_records_and_are_asked_for_by_a_token_that_goes_on(town: Town) -> None:
    await furnish(town, NEED | {"fields": ["area"], "reads": ["unit"], "where": {"unit": "facts.unit"}})
    case_no = await town.case(matter=MATTER)
    plan = (
        await town.client.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE}, headers=town.headers)
    ).json()
    assert (plan["requirements"][0]["missing"], [one["fact"] for one in plan["questions"]]) == (["unit"], ["unit"])
    item = await asked(town, case_no)
    question = item["question"]
    assert (said(item), [one["fact"] for one in question["facts"]]) == (("ambiguous", "facts_missing"), ["unit"])
    assert town.register.asked == []
    token = question["resume_token"]
    beyond = await sent(town, case_no, {"resume_token": token, "facts": {"rented": True}})
    assert problem(beyond, status=422, slug="invalid-fact")["errors"] == [
        {"pointer": "/answers/0/facts", "rule": "unknown_fact"}
    ]
    wrong = await sent(town, case_no, {"resume_token": token, "facts": {"unit": 7}})
    assert problem(wrong, status=422, slug="invalid-fact")["errors"][0]["pointer"] == "/answers/0/facts/unit"
    as_choice = await sent(town, case_no, {"resume_token": token, "choice": "B-2"})
    problem(as_choice, status=422, slug="invalid-fact")
    assert said(await asked(town, case_no)) == ("ambiguous", "facts_missing"), "nothing was taken of any"
    item = await asked(town, case_no, {"resume_token": token, "facts": {"unit": "ｂ-2".upper()}})
    assert (said(item), item["evidence"]["claims"]) == (("satisfied", "satisfied"), {"area": "45"})
    assert said(await asked(town, case_no)) == ("satisfied", "satisfied")
    # A unit that nobody has proves nothing and rules nothing out; two of one unit are still a question.
    item = await asked(town, case_no, {"resume_token": token, "facts": {"unit": "C-9"}})
    assert said(item) == ("no_source", "no_match")
    town.register.rows[NUMBER].append(shop("C-9", "1"))
    town.register.rows[NUMBER].append(shop("C-9", "2"))
    item = await asked(town, case_no)
    assert (said(item), len(item["question"]["choices"])) == (("ambiguous", "several_records"), 2)
    assert item["question"]["choices"][0]["shown"] == {}, "what is read for the hub's own eyes is shown to nobody"
    assert await replayed(town, case_no) == {"same": 6}


async def test_facts_answered_in_a_pull_and_the_pull_are_one(town: Town) -> None:
    await furnish(town, when="facts.rented")
    case_no = await town.case(matter=MATTER)
    item = await asked(town, case_no)
    token = item["question"]["resume_token"]
    assert (item["rule"]["condition"], item["asked_of"]) == ("是否租赁：是", [])
    headers = town.headers | {"Idempotency-Key": "one"}
    body = {"answers": [{"resume_token": token, "facts": {"rented": False}}]}
    first, again = [await pull(town.client, headers, case_no, **body) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    assert said(first.json()["requirements"][0]) == ("not_applicable", "condition_not_met")
    kinds = [entry.kind for entry in await ledger(town.hub)]
    assert sum("facts" in kind for kind in kinds) == 1, kinds
    for wrong in ({}, {"choice": "x", "facts": {"rented": True}}):
        answer = await sent(town, case_no, {"resume_token": token} | wrong)
        problem(answer, status=422, slug="invalid-request")


async def test_an_interface_that_tells_one_record_and_has_two_asks_which(town: Town) -> None:
    await publish(town.hub, shops(code="only_shop", many=False, labels=[]))
    await furnish(town, {"interface": "only_shop", "fields": ["area"]}, interface="only_shop")
    case_no = await town.case(matter=MATTER)
    item = await asked(town, case_no)
    question = item["question"]
    assert (said(item), [one["shown"] for one in question["choices"]]) == (
        ("ambiguous", "several_records"), [{}] * 2,
    )  # fmt: skip
    chosen = {"resume_token": question["resume_token"], "choice": question["choices"][0]["choice"]}
    assert said(await asked(town, case_no, chosen)) == ("satisfied", "satisfied")
    # Of many records nobody asks which, where a need wants them all; more than a list can hold are a question.
    await furnish(town, {"interface": "shops", "fields": ["area"]})
    item = await asked(town, await town.case(matter=MATTER, external_no="2"))
    assert (said(item), len(item["further_evidence"])) == (("satisfied", "satisfied"), 1)
    town.register.rows[NUMBER] = [shop(f"A-{number}", "1") for number in range(21)]
    await furnish(town)
    item = await asked(town, await town.case(matter=MATTER, external_no="3"))
    assert (said(item), "question" in item) == (("ambiguous", "several_records"), False)
