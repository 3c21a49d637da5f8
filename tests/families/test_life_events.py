"""Life events themselves: what a guide says of one, and who may write them."""

import json
from pathlib import Path

import pytest
import yaml

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.intake.families.publishing import PUBLISH
from tests.families.town import Town, event, told
from tests.hub.command import yizheng
from tests.registry.asking import staff
from tests.serving import problem
from tests.support import AMR, POLICE, Place

pytestmark = pytest.mark.embedded


async def test_a_ring_is_not_taken_in(town: Town) -> None:
    ring = [{"matter": "FOOD", "parties": {"applicant": "shop"}, "after": ["SIGN"]}, *event()["matters"][1:]]
    with pytest.raises(DefinitionError, match="circular: "):
        await town.hub.life_events.add(COMMAND, event(matters=ring))


async def test_the_guide_of_an_event_says_what_to_bring_once(town: Town) -> None:
    found = told(await town.post("/life-events/RESTAURANT/guide", {"facts": {"signed": True}}))
    assert [item["title"] for item in found["given"]] == ["食品经营许可证"]
    assert {item["title"] for item in found["spared"]} >= {"营业执照"}
    assert (found["order"], found["signatures"]) == ([["FOOD", "TAX"], ["SIGN"]], 1)
    open_question = told(await town.post("/life-events/RESTAURANT/guide", {}))
    assert [item["fact"] for item in open_question["questions"]] == ["signed"]
    stranger = {"parties": ["nobody"]}
    problem(await town.post("/life-events/RESTAURANT/guide", stranger), status=422, slug="invalid-fact")
    problem(await town.post("/life-events/NOTHING/guide", {}), status=404, slug="not-found")
    (listed,) = told(await town.get("/life-events"))["life_events"]
    assert listed == told(await town.get("/life-events/RESTAURANT"))


async def test_one_of_the_leading_department_writes_an_event_and_another_approves(town: Town) -> None:
    proposals = town.hub.sharing.proposals
    engineer = await staff(town.hub, AMR, "engineer", Role.OWNER_ENGINEER)
    approver = await staff(town.hub, AMR, "approver", Role.OWNER_APPROVER)
    elsewhere = await staff(town.hub, POLICE, "elsewhere", Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
    two = {"definition": yaml.safe_dump(event(matters=event()["matters"][::2]), allow_unicode=True)}
    taken_over = {"definition": yaml.safe_dump(event(department=POLICE), allow_unicode=True)}
    for payload in (two, taken_over):
        with pytest.raises(ForbiddenError):
            await proposals.propose(elsewhere, PUBLISH, payload, "别的部门的")
    ring = event(matters=[{"matter": "FOOD", "parties": {"applicant": "shop"}, "after": ["FOOD"]}])
    with pytest.raises(DefinitionError, match="circular: FOOD → FOOD"):
        await proposals.propose(engineer, PUBLISH, {"definition": yaml.safe_dump(ring, allow_unicode=True)}, "x")
    made = await proposals.propose(engineer, PUBLISH, two, "招牌另办")
    with pytest.raises(ForbiddenError):
        await proposals.confirm(engineer, made.id)
    assert (await proposals.confirm(approver, made.id)).result == {"event": "RESTAURANT"}
    assert [item.code for item in (await town.hub.life_events.find("RESTAURANT")).matters] == ["FOOD", "TAX"]


async def test_events_by_command(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    one = event(facts={}, matters=[{"matter": "FOOD", "parties": {"applicant": "shop"}}])
    file.write_text(json.dumps(one), encoding="utf-8")
    assert (await yizheng(place, "event", "add", str(file), "--json")).json() == {"added": ["RESTAURANT"]}
    (listed,) = (await yizheng(place, "event", "list", "--json")).json()["life_events"]
    assert [item["matter"] for item in listed["matters"]] == ["FOOD"]
    assert "需提供" in (await yizheng(place, "event", "guide", "RESTAURANT")).out
    file.write_text(json.dumps(one | {"matters": [{"matter": "NONE"}]}), encoding="utf-8")
    refused = await yizheng(place, "event", "add", str(file))
    assert (refused.code, "no matter NONE is in force" in refused.err) == (65, True)
