"""A life event asks for each paper once, and for what one case gives not at all: the next takes it once it exists."""

import json

import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND
from tests.families.town import Town, cases, event, matter, told
from tests.support import AMR, ENTERPRISE, POLICE, requirement

pytestmark = pytest.mark.embedded


async def test_all_cases_are_opened_at_once_and_each_paper_is_asked_once(town: Town) -> None:
    opened = await town.family(facts={"signed": True})
    assert list(cases(opened)) == ["FOOD", "SIGN", "TAX"]
    assert {item["department"] for item in opened["cases"]} == {AMR, POLICE}
    assert opened["order"] == [["FOOD", "TAX"], ["SIGN"]]
    asked = await town.pulled(opened["family_no"])
    # The licence was found for both matters; the agent's card nobody may read, and two matters want it: one paper.
    papers = {(item["title"], item["party"]): item for item in asked["still_needed"]}
    assert set(papers) == {("法定代表人", "shop"), ("经办人身份证", "agent")}
    assert [item["matter"] for item in papers["经办人身份证", "agent"]["for"]] == ["FOOD", "TAX"]
    assert asked["papers"] == 2
    # What the first case will give is asked of nobody.
    assert [(item["matter"], item["code"], item["from"]) for item in asked["waiting"]] == [("SIGN", "food", ["FOOD"])]
    assert cases(asked)["SIGN"]["waits_for"] == ["FOOD"]
    assert asked["notice"][0] == "开餐馆：请一次性补齐以下材料："
    assert "经办人身份证" in "".join(asked["notice"])
    assert "用于：食品经营许可、TAX事项" in "".join(asked["notice"])
    assert ENTERPRISE["name"] not in str(asked)
    assert await town.view(opened["family_no"]) == asked


async def test_a_licence_that_one_case_gives_is_evidence_for_the_next_the_moment_it_exists(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    before = await town.pulled(number)
    await town.give_food_licence()
    await town.work()
    view = await town.view(number)
    assert (view["waiting"], view["papers"]) == ([], before["papers"])
    assert cases(view)["SIGN"]["cleared"] == 1
    path = f"/cases/{cases(view)['SIGN']['case_no']}/events"
    (renewed,) = [item for item in told(await town.get(path))["events"] if item["event"] == "evidence.renewed"]
    answer = told(await town.client.get(renewed["evidence"], headers=town.headers))
    assert answer["requirements"][0]["evidence"]["claims"]["licence_no"] == "JY1"
    # Once: a licence for somebody else, or a second look, changes nothing.
    entries = "SELECT count(*) FROM ledger_entries WHERE kind = 'family.advance'"
    await town.hub.family_asking.advance({"family": (await town.rows("SELECT id FROM case_families"))[0].id})
    assert (await town.rows(entries))[0][0] == 1


async def test_what_two_cases_may_give_and_two_requirements_want_is_waited_for_and_each_is_told(town: Town) -> None:
    food = [[{"type": town.food_type, "fields": ["licence_no"]}]]
    wants = (requirement(code, title, "applicant", food) for code, title in (("food", "食品证"), ("more", "经营证")))
    await town.hub.registry.add_matter(matter("SIGN", POLICE, "applicant", *wants))
    licence = [[{"type": "11990000MB0000002Q001", "fields": ["name"]}]]
    await town.hub.registry.add_matter(
        matter("SECOND", POLICE, "applicant", requirement("licence", "营业执照", "applicant", licence),
               results=[{"type": town.food_type}])
    )  # fmt: skip
    second = {"matter": "SECOND", "parties": {"applicant": "shop"}}
    await town.hub.life_events.add(COMMAND, event(matters=[*event()["matters"], second]))
    number = (await town.family(facts={"signed": True}))["family_no"]
    view = await town.pulled(number)
    assert {(item["code"], *item["from"]) for item in view["waiting"]} == {
        ("food", "FOOD", "SECOND"),
        ("more", "FOOD", "SECOND"),
    }
    await town.give_food_licence()
    await town.work()
    events = told(await town.get(f"/cases/{cases(view)['SIGN']['case_no']}/events"))["events"]
    assert [(item["event"], item["code"]) for item in events] == [
        ("evidence.renewed", "food"),
        ("evidence.renewed", "more"),
    ]


async def test_what_came_while_the_system_was_out_of_use_is_asked_for_when_it_is_back(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    await town.pulled(number)
    await town.work()
    ((client_id,),) = await town.rows("SELECT client_id FROM systems WHERE id = (SELECT system_id FROM case_families)")
    await town.hub.systems.set_active(COMMAND, client_id, active=False)
    await town.give_food_licence()
    await town.work()
    await town.hub.systems.set_active(COMMAND, client_id, active=True)
    later = "UPDATE outbox SET due_at = created_at WHERE payload LIKE '%again%'"
    await town.hub.database.write(lambda tx: tx.execute(text(later)) and None)
    await town.work()
    assert (await town.view(number))["waiting"] == []


async def test_what_waits_is_found_again_where_the_process_that_asked_died(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    await town.pulled(number)
    await town.hub.database.write(lambda tx: tx.execute(text("DELETE FROM family_waits")) and None)
    await town.give_food_licence()  # nobody is known to wait for it
    (look,) = [item for item in await town.rows("SELECT payload, kind FROM outbox") if item.kind == "family.advance"]
    await town.hub.family_asking.advance(json.loads(look.payload))
    await town.work()
    view = await town.view(number)
    assert (view["waiting"], cases(view)["SIGN"]["cleared"]) == ([], 1)
