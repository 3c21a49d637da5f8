"""The cases of a life event are opened at once, those that a question decides later; what is wrong opens none."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND
from tests.families.town import AGENT, YESTERDAY, Town, cases, event, family_body, matter, told
from tests.serving import problem
from tests.support import ENTERPRISE, NARROW, POLICE, Place, matter_definition, requirement

pytestmark = pytest.mark.embedded


async def test_an_open_question_opens_a_case_when_it_is_answered(town: Town) -> None:
    opened = await town.family()
    assert (list(cases(opened)), opened["undecided"]) == (["FOOD", "TAX"], ["SIGN"])
    assert [item["fact"] for item in opened["questions"]] == ["signed"]
    path = f"/families/{opened['family_no']}/facts"
    view = told(await town.post(path, {"facts": {"signed": True}}))
    assert (list(cases(view)), view["undecided"], view["questions"]) == (["FOOD", "SIGN", "TAX"], [], [])
    # Taking it back closes nothing: the case is there, and its department decides.
    assert len(told(await town.post(path, {"facts": {"signed": None}}))["cases"]) == 3
    problem(await town.post(path, {"facts": {"secret": 1}}), status=422, slug="invalid-fact")
    problem(await town.post(path, {"facts": {"signed": "yes"}}), status=422, slug="invalid-fact")


async def test_a_matter_that_a_department_withdrew_is_named_and_the_others_go_on(town: Town) -> None:
    # On that day the matter was not in force, as after the day on which it ends.
    opened = await town.family(facts={"signed": False}, filed_on=(YESTERDAY - timedelta(days=9)).isoformat())
    assert (opened["withdrawn"], list(cases(opened))) == (["TAX"], ["FOOD"])
    assert [item.role for item in await town.rows("SELECT role FROM notices WHERE code LIKE 'event.%'")] == ["operator"]
    assert list(cases(await town.family(facts={"signed": False}))) == ["FOOD", "TAX"]
    later = matter("PARK", POLICE, "applicant", requirement("x", "食品经营许可证", "applicant", [[
        {"type": town.food_type, "fields": ["licence_no"]}]]), in_force_from="2999-01-01")  # fmt: skip
    await town.hub.registry.add_matter(later)
    with pytest.raises(DefinitionError, match="no matter PARK is in force"):
        await town.hub.life_events.add(COMMAND, event(matters=[{"matter": "PARK", "parties": {"applicant": "shop"}}]))


async def test_an_event_whose_matters_changed_since_still_serves(town: Town) -> None:
    # A ring that a later version closes: nobody waits, or all would for each other.
    await town.hub.registry.add_matter(
        matter_definition() | {"results": [{"type": town.food_type}], "prerequisites": ["SIGN"]}
    )
    view = await town.pulled((await town.family(facts={"signed": True}))["family_no"])
    assert (view["waiting"], view["order"]) == ([], [["FOOD", "SIGN", "TAX"]])
    # A later version wants somebody whom the event does not have: named, and the others are opened.
    stranger = requirement("food", "食品经营许可证", "owner", [[{"type": town.food_type, "fields": ["licence_no"]}]])
    await town.hub.registry.add_matter(matter("SIGN", POLICE, "owner", stranger))
    opened = await town.family(facts={"signed": True})
    assert (opened["withdrawn"], list(cases(opened))) == (["SIGN"], ["FOOD", "TAX"])


async def test_what_is_wrong_with_a_family_opens_no_case(place: Place, town: Town) -> None:
    before = (await town.rows("SELECT count(*) FROM cases"))[0][0]
    problem(await town.post("/families", family_body(event="NOTHING")), status=422, slug="unknown-event")
    stranger = family_body(parties=[{"role": "shop", **ENTERPRISE}, {"role": "seller", **AGENT}])
    refused = problem(await town.post("/families", stranger), status=422, slug="invalid-party")
    assert refused["errors"] == [{"pointer": "/parties/1/role", "rule": "unknown_role"}]
    wrong = family_body(parties=[{"role": "agent", **AGENT}, {"role": "shop", **ENTERPRISE, "id_number": "9199"}])
    refused = problem(await town.post("/families", wrong), status=422, slug="invalid-party")
    assert refused["errors"][0]["pointer"] == "/parties/1/id_number"
    nobody = family_body(parties=[{"role": "agent", **AGENT}])
    problem(await town.post("/families", nobody), status=422, slug="invalid-party")
    assert (await town.rows("SELECT count(*) FROM cases"))[0][0] == before

    body = family_body(external_no="F-1")
    first = told(await town.post("/families", body, **{"Idempotency-Key": "k1"}), 201)
    again = told(await town.post("/families", body, **{"Idempotency-Key": "k1"}), 201)
    assert again["family_no"] == first["family_no"]
    other = await town.post("/families", body | {"channel": "online"}, **{"Idempotency-Key": "k1"})
    problem(other, status=409, slug="idempotency-key-reused")
    problem(await town.post("/families", body), status=409, slug="duplicate-case")
    narrow = await place.headers(town.client, NARROW)
    stranger_look = await town.client.get(f"/api/v1/families/{first['family_no']}", headers=narrow)
    problem(stranger_look, status=404, slug="family-not-found")


async def test_an_event_that_somebody_wrote_opens_nothing(town: Town) -> None:
    def tamper(tx: Any) -> None:
        tx.execute(text("UPDATE life_events SET definition = replace(definition, 'facts.signed', '!facts.signed')"))

    await town.hub.database.write(tamper)
    problem(await town.post("/families", family_body()), status=502, slug="integrity")
    assert told(await town.get("/life-events"))["life_events"] == []
