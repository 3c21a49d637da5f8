"""Requirements that wait for the answers to others: what is passed on, what is not, and what nobody knows."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.grants import GrantState
from catalog.matters.reading import read_matter
from catalog.store import list_grants
from certificates.definitions.loading import shipped_types
from hub.access.actors import COMMAND
from hub.intake.facts import fed
from hub.sample.numbers import citizen_id
from tests.exchange.conftest import Town, add_source, definition, publish
from tests.exchange.declared import TITLE, field
from tests.exchange.register import Register, serving
from tests.hub.city import identity_claims, ledger
from tests.support import AMR, INTAKE, POLICE, PURPOSE, Place, grant_definition, issue, pull

pytestmark = pytest.mark.embedded
ANNA = {"id_type": "111", "id_number": citizen_id("990102", date(1988, 3, 5), 21), "name": "陈晓示"}
BODO = {"id_type": "111", "id_number": citizen_id("990104", date(1990, 1, 2), 43), "name": "林金丝"}
CARLO = {"id_type": "111", "id_number": citizen_id("990105", date(1991, 1, 2), 63), "name": "周别人"}
CANARY = "金丝雀街道"
MATTER = "LOAN"
MARRIAGE = {"interface": "marriage", "fields": ["married"], "reads": ["spouse_name", "spouse_number"]}
GIVES = [{"role": "spouse", "id_type": "111", "id_number": "spouse_number", "name": "spouse_name"}]


def interface(code: str, source: str, *fields: str, **changes: Any) -> dict[str, Any]:
    """A question about a person, by number."""
    told = {name: field() for name in (*fields, "number")}
    if "married" in fields:
        told["married"] = field({"type": "boolean"})
    mapping: dict[str, Any] = {name: name for name in told}
    if "married" in fields:
        mapping["married"] = {"from": "married", "as": "boolean"}
    declared = definition(
        code=code,
        source=source,
        params={"number": {"title": TITLE, "from": "party.id_number", "id_type": "111"}},
        fields=told,
        echoes={"number": "number"},
        operation={"method": "GET", "path": "/" + code + "/{number}", "rows": "/data"},
        mapping={"version": 1, "absent": [""], "fields": mapping},
    )
    del declared["identity_name"]
    return declared | changes


def asked_for(code: str, party: str, *needs: dict[str, Any], **more: Any) -> dict[str, Any]:
    title = {"zh": code, "en": code}
    return {
        "code": code,
        "title": title,
        "party": party,
        "legal_basis": "条例第一条",
        "alternatives": [list(needs)],
    } | more


def loan(*requirements: dict[str, Any], roles: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "code_system": "test",
        "code": MATTER,
        "name": {"zh": "贷款", "en": "Loan"},
        "department": AMR,
        "roles": roles or ["applicant", "spouse"],
        "requirements": list(requirements),
    } | more


MARRIED = asked_for("marriage", "applicant", MARRIAGE, yields={"married": "boolean"}, gives=GIVES)
INCOME = {"interface": "income", "fields": ["monthly"]}
SPOUSES = asked_for("spouse_income", "spouse", INCOME, when="claims.marriage.married")
OWN = asked_for("own_income", "applicant", INCOME)


def record(person: dict[str, str], **more: str) -> list[dict[str, Any]]:
    """A row as both registers have it; an empty cell is none."""
    own = {"number": person["id_number"], "monthly": f"{person['name']}的收入", "street": CANARY}
    return [dict.fromkeys(("married", "spouse_name", "spouse_number"), "") | own | more]


def wed(other: dict[str, str]) -> dict[str, str]:
    return {"married": "1", "spouse_name": other["name"], "spouse_number": other["id_number"]}


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    """Two registers, of marriages and of incomes, behind one address; Anna is married to Bodo."""
    rows = {ANNA["id_number"]: record(ANNA, **wed(BODO)), BODO["id_number"]: record(BODO, married="1")}
    async with (
        serving(Register(rows)) as register,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, interface("marriage", "register", "married", "spouse_name", "spouse_number"))
        await publish(hub, interface("income", "register", "monthly"))
        for person in (ANNA, BODO, CARLO):
            claims = identity_claims(name=person["name"], citizen_id=person["id_number"])
            await issue(hub, claims, slug="identity_card", issuer=POLICE)
        yield Town(place, hub, client, await place.headers(client), register, "")


async def furnish(town: Town, *requirements: dict[str, Any], quota: int | None = None, **more: Any) -> None:
    """`quota`: of incomes."""
    await town.hub.registry.add_matter(loan(*requirements, **more))
    for code, fields in (("marriage", ["married", "spouse_name", "spouse_number"]), ("income", ["monthly"])):
        await town.hub.registry.add_grant(
            {
                "system": INTAKE,
                "interface": code,
                "owner": AMR,
                "fields": fields,
                "matters": [MATTER],
                "purpose": PURPOSE,
                "legal_basis": "条例",
                "valid_until": "2035-01-01T00:00:00+08:00",
                "quota_per_day": quota if code == "income" else None,
            }
        )


async def case_of(town: Town, *others: tuple[str, dict[str, str]], number: str = "1") -> str:
    parties = [{"role": role} | who for role, who in (("applicant", ANNA), *others)]
    return await town.case(matter=MATTER, parties=parties, external_no=number)


async def answered(town: Town, case_no: str | None = None, **body: Any) -> dict[str, Any]:
    answer = await pull(town.client, town.headers, case_no or await case_of(town), **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def asked_by(town: Town, met: Callable[[], bool]) -> None:
    """Until the register has heard what it is to hear."""
    async with asyncio.timeout(10):
        while not met():
            town.register.arrived.clear()
            await town.register.arrived.wait()


def outcomes(answer: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item["code"]: (item["outcome"], item["why"]["code"]) for item in answer["requirements"]}


async def test_a_register_names_the_spouse_and_the_spouse_is_asked_about(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    answer = await answered(town)
    assert set(outcomes(answer).values()) == {("satisfied", "satisfied")}
    spouse, own, married = answer["requirements"]
    assert spouse["evidence"]["claims"] == {"monthly": f"{BODO['name']}的收入"}
    assert own["evidence"]["claims"] == {"monthly": f"{ANNA['name']}的收入"}
    assert married["evidence"]["claims"] == {"married": True}
    entries = {entry.detail["requirement"]: entry for entry in await ledger(town.hub) if entry.kind == "disclosure"}
    assert entries["spouse_income"].detail["named_by"] == "marriage"
    assert entries["spouse_income"].subject_id not in {None, entries["own_income"].subject_id}
    everything = json.dumps([answer, [entry.detail for entry in entries.values()]], ensure_ascii=False)
    # What is read for the hub's own eyes stands nowhere; Bodo's name is in his own income alone.
    assert [secret for secret in (BODO["id_number"], CANARY, "spouse_number") if secret in everything] == []
    told = await town.client.get(f"/api/v1/cases/{answer['case_no']}", headers=town.headers)
    assert "spouse" not in told.text, "who was named lives as long as the pull"
    # Whoever asks for the last alone is answered what it waits for, too.
    alone = await answered(town, await case_of(town, number="2"), requirements=["spouse_income"])
    assert list(outcomes(alone)) == ["spouse_income", "marriage"]


async def test_the_plan_shows_the_waves_and_asks_nobody(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    case_no = await case_of(town)
    body = {"purpose": PURPOSE}
    told = (await town.client.post(f"/api/v1/cases/{case_no}/plan", json=body, headers=town.headers)).json()
    assert told["waves"] == [["own_income", "marriage"], ["spouse_income"]]
    spouse, own, _ = told["requirements"]
    assert (spouse["applies"], spouse["missing"], spouse["after"]) == (None, [], ["marriage"])
    assert own["ways"] == [{"types": [], "interfaces": ["income"], "granted": True}]
    assert (told["questions"], town.register.asked) == ([], [])
    guide = {"kind": "guide", "facts": {}}
    lines = (await town.client.post(f"/api/v1/matters/{MATTER}/guide", json=guide, headers=town.headers)).json()
    assert [line["code"] for line in lines["spared"]] == ["own_income", "marriage"]
    assert (lines["open"][0]["code"], lines["open"][0]["why"]) == ("spouse_income", "取决于：marriage")


async def test_what_waits_for_nobody_is_asked_at_once_and_the_rest_when_its_answer_is_there(town: Town) -> None:
    again = asked_for("own_income_again", "applicant", INCOME)  # what two want of one party is asked once
    await furnish(town, MARRIED, OWN, again, SPOUSES)
    town.register.mood = "gated"
    running = asyncio.create_task(answered(town))
    await asked_by(town, lambda: len(town.register.asked) == 2)
    assert town.register.asked == [ANNA["id_number"]] * 2
    town.register.gate.set()
    assert set(outcomes(await running).values()) == {("satisfied", "satisfied")}
    assert town.register.asked == [ANNA["id_number"]] * 2 + [BODO["id_number"]]


async def test_who_is_not_married_has_no_spouse_and_none_is_looked_for(town: Town) -> None:
    await furnish(town, MARRIED, SPOUSES)
    town.register.rows[ANNA["id_number"]] = record(ANNA, married="0")
    assert outcomes(await answered(town))["spouse_income"] == ("not_applicable", "condition_not_met")
    town.register.rows[ANNA["id_number"]] = []
    rule = SPOUSES | {"when": 'outcomes.marriage != "declared_none"'}
    await furnish(town, MARRIED, rule)
    found = outcomes(await answered(town, await case_of(town, number="2")))
    assert found == {
        "marriage": ("declared_none", "no_record"),
        "spouse_income": ("not_applicable", "condition_not_met"),
    }


@pytest.mark.parametrize(
    "when", ["claims.marriage.married", 'outcomes.marriage == "satisfied"', "parties.spouse.present"]
)
async def test_while_an_answer_is_owed_so_is_what_waits_for_it(town: Town, when: str) -> None:
    await furnish(town, MARRIED, SPOUSES | {"when": when})
    town.register.mood = "html"
    answer = await answered(town)
    assert outcomes(answer) == {
        "marriage": ("source_unavailable", "source_faulty"),
        "spouse_income": ("source_unavailable", "waits_for"),
    }
    assert (answer["still_needed"], len(answer["owed"])) == ([], 2)
    town.register.mood = "well"
    owed = f"/api/v1/cases/{answer['case_no']}/owed"
    for debt in (await town.client.get(owed, headers=town.headers)).json()["owed"]:
        await town.hub.paying.pay(COMMAND, debt["id"])
    paid = (await town.client.get(owed, headers=town.headers)).json()["owed"]
    assert {debt["code"]: (debt["state"], debt["outcome"]) for debt in paid} == {
        "marriage": ("paid", "satisfied"),
        "spouse_income": ("paid", "satisfied"),
    }


async def test_what_nobody_will_ever_tell_rules_nothing_out(town: Town) -> None:
    """No grant over marriages: whether there is a spouse stays unknown, and the one in the case is asked about."""
    await furnish(
        town,
        MARRIED | {"alternatives": [[MARRIAGE | {"reads": ["number"], "fields": ["married"]}]], "gives": []},
        SPOUSES,
    )
    found = outcomes(await answered(town, await case_of(town, ("spouse", BODO))))
    assert found == {"marriage": ("not_granted", "field_not_granted"), "spouse_income": ("satisfied", "satisfied")}
    nobody = outcomes(await answered(town, await case_of(town, number="2")))
    assert nobody["spouse_income"] == ("ambiguous", "party_missing")


async def test_a_register_that_names_another_than_the_case_does_is_a_question(town: Town) -> None:
    await furnish(town, MARRIED, SPOUSES)
    found = await answered(town, await case_of(town, ("spouse", CARLO)))
    assert outcomes(found)["spouse_income"] == ("ambiguous", "party_differs")
    assert CARLO["id_number"] not in town.register.asked
    same = await answered(town, await case_of(town, ("spouse", BODO), number="2"))
    assert outcomes(same)["spouse_income"] == ("satisfied", "satisfied")


async def test_who_is_named_is_checked_as_everybody_is(town: Town) -> None:
    await furnish(town, MARRIED, SPOUSES)
    town.register.rows[ANNA["id_number"]] = record(ANNA, **(wed(BODO) | {"spouse_name": "另一个人"}))
    assert outcomes(await answered(town))["spouse_income"] == ("identity_unconfirmed", "identity_unconfirmed")
    assert BODO["id_number"] not in town.register.asked
    town.register.rows[ANNA["id_number"]] = record(ANNA, **(wed(BODO) | {"spouse_number": "没有号码"}))
    found = outcomes(await answered(town, await case_of(town, number="2")))
    assert found["spouse_income"] == ("ambiguous", "party_missing")
    # A spouse whom nobody can read is not nobody, nor is one of whom an answer never spoke.
    await furnish(town, MARRIED, SPOUSES | {"when": "parties.spouse.present"})
    found = outcomes(await answered(town, await case_of(town, number="3")))
    assert found["spouse_income"] == ("ambiguous", "party_missing")
    silent = MARRIED | {"alternatives": [[INCOME], [MARRIAGE]]}
    await furnish(town, silent, SPOUSES | {"when": "parties.spouse.present"})
    found = outcomes(await answered(town, await case_of(town, number="4")))
    assert found == {"marriage": ("satisfied", "satisfied"), "spouse_income": ("ambiguous", "party_missing")}


async def test_of_two_answers_that_name_somebody_at_once_neither_is_forgotten(town: Town) -> None:
    """The same person in two roles, by one answer: also his card is there once, and no question between two."""
    card = asked_for("card", "guarantor", {"type": shipped_types()["identity_card"].code, "fields": ["name"]})
    again = asked_for("again", "applicant", MARRIAGE, gives=[GIVES[0] | {"role": "guarantor"}])
    spouses = {key: value for key, value in SPOUSES.items() if key != "when"}
    await furnish(town, MARRIED, again, spouses, card, roles=["applicant", "spouse", "guarantor"])
    terms = {"type": "identity_card", "owner": POLICE, "fields": ["name"], "matters": [MATTER]}
    await town.hub.registry.add_grant(grant_definition(town.hub, **terms))
    assert set(outcomes(await answered(town)).values()) == {("satisfied", "satisfied")}


def test_how_many_there_are_is_not_known_from_those_whom_the_case_names() -> None:
    roles = ["applicant", {"role": "spouse", "many": True}]
    matter = read_matter(
        loan(MARRIED, asked_for("deed", "applicant", INCOME, when="parties.spouse.count > 1"), roles=roles)
    )
    assert fed(matter, {"parties.spouse.present": True, "parties.spouse.count": 1}) == {"parties.spouse.present": True}


async def test_of_what_turns_out_not_to_apply_no_quota_is_used(town: Town) -> None:
    await furnish(town, MARRIED, SPOUSES, quota=1)
    for number, (married, outcome) in enumerate((("0", "not_applicable"), ("1", "satisfied"), ("1", "not_granted"))):
        town.register.rows[ANNA["id_number"]] = record(ANNA, **(wed(BODO) | {"married": married}))
        found = outcomes(await answered(town, await case_of(town, number=str(number))))
        assert found["spouse_income"][0] == outcome


@pytest.mark.parametrize(("quota", "outcome"), [(None, "satisfied"), (1, "not_granted")])
async def test_several_that_a_register_names_are_each_asked_about(town: Town, quota: int | None, outcome: str) -> None:
    owners = [{"role": "spouse", "many": True}]
    await publish(town.hub, interface("owners", "register", "spouse_name", "spouse_number", many=True))
    need = {"interface": "owners", "fields": ["number"], "reads": ["spouse_name", "spouse_number"]}
    await furnish(
        town,
        asked_for("owners", "applicant", need, gives=GIVES),
        asked_for("spouse_income", "spouse", INCOME),
        roles=["applicant", *owners],
        quota=quota,
    )
    await town.hub.registry.add_grant(
        {
            "system": INTAKE,
            "interface": "owners",
            "owner": AMR,
            "matters": [MATTER],
            "purpose": PURPOSE,
            "fields": ["number", "spouse_name", "spouse_number"],
            "legal_basis": "条例",
            "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )
    town.register.rows[CARLO["id_number"]] = record(CARLO)
    town.register.rows[ANNA["id_number"]] = record(ANNA, **wed(BODO)) + record(ANNA, **wed(CARLO))
    answer = await answered(town)
    parties = {item["party"]: item["outcome"] for item in answer["requirements"] if item["code"] == "spouse_income"}
    assert parties == {"spouse": outcome, "spouse#2": outcome}
    if quota is None:  # who is which does not hang on the order of a register's rows: a debt is one of theirs
        town.register.rows[ANNA["id_number"]].reverse()
        for before, after in zip(
            answer["requirements"], (await answered(town, answer["case_no"]))["requirements"], strict=True
        ):
            assert (before["party"], before["evidence"]["claims"]) == (after["party"], after["evidence"]["claims"])


async def test_what_is_withheld_at_the_last_moment_takes_along_what_rests_on_it(town: Town) -> None:
    """The grant over marriages ends while the spouse's income is on its way: that income would tell of the marriage."""
    await furnish(town, MARRIED, SPOUSES)
    grants = await town.hub.database.read(list_grants)
    marriage = next(item for item in grants if item.resource == "marriage")
    town.register.held = BODO["id_number"]
    running = asyncio.create_task(answered(town))
    await asked_by(town, lambda: BODO["id_number"] in town.register.asked)
    await town.hub.registry.change_grant(marriage.id, GrantState.WITHDRAWN)
    town.register.gate.set()
    answer = await running
    assert outcomes(answer) == {
        "marriage": ("not_granted", "grant_withdrawn"),
        "spouse_income": ("ambiguous", "waits_for"),
    }
    assert BODO["name"] not in json.dumps(answer, ensure_ascii=False)


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        (
            (MARRIED | {"when": 'outcomes.spouse_income == "satisfied"'}, SPOUSES),
            "circular: marriage → spouse_income → marriage",
        ),
        ((MARRIED | {"when": 'outcomes.marriage == "satisfied"'},), "circular: marriage → marriage"),
        ((MARRIED | {"party": "spouse"},), "circular: marriage → marriage"),
        ((SPOUSES,), "it may not read claims.marriage.married"),
        ((MARRIED | {"yields": {"street": "text"}},), "which none of its needs reads"),
        ((MARRIED | {"yields": {"married": "bool"}},), "a kind is one of"),
        ((MARRIED | {"gives": [GIVES[0] | {"role": "seller"}]},), "no further role"),
        ((asked_for("x", "applicant", {"interface": "i", "type": "t", "fields": ["a"]}),), "a type or an interface"),
        ((asked_for("x", "applicant", {"interface": "i", "fields": []}),), "at least one field"),
    ],
)
def test_what_could_never_be_judged_is_refused_when_it_is_read(requirements: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        read_matter(loan(*requirements))
