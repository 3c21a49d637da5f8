"""Somebody who shows a code takes part in a life event: named by the hub, once, and told for what."""

from datetime import timedelta

import pytest

from hub.access.actors import COMMAND
from hub.citizens.acting.proposed import Proposed
from hub.citizens.acting.values import Scope
from hub.intake.counter.family_reading import people_of
from hub.intake.families import store
from hub.runtime import Hub
from tests.citizens.conftest import session, signed_in
from tests.citizens.others import NEIGHBOUR, begun, resident
from tests.families.conftest import town
from tests.families.town import Town, event, family_body
from tests.hub.city import PERSON
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, PUBLIC_URL

pytestmark = pytest.mark.embedded
__all__ = ["town"]


async def test_a_code_takes_part_in_a_life_event(town: Town, hub: Hub) -> None:
    holder = await signed_in(hub)
    made = await hub.citizens.presentations.look(holder, await hub.citizens.presentations.make(holder, AMR))
    code = made.code  # type: ignore[union-attr]
    body = family_body(parties=[{"role": "shop", **ENTERPRISE}], presented=[{"role": "agent", "code": code}])
    first = await town.post("/families", body, **{"Idempotency-Key": "k"})
    assert first.status_code == 201, first.text
    again = await town.post("/families", body, **{"Idempotency-Key": "k"})
    assert again.json()["family_no"] == first.json()["family_no"]
    assert PERSON["id_number"] not in first.text + again.text
    other = body | {"external_no": "W-9"}
    problem(await town.post("/families", other), status=422, slug="presentation-refused")
    problem(await town.post("/families", other | {"parties": [], "presented": []}), status=422, slug="invalid-request")
    taken = {"Cookie": f"yz_holder={await session(hub)}"}
    told = (await town.client.get(f"{PUBLIC_URL}/api/v1/me/accesses", headers=taken)).json()["accesses"]
    assert [(item["kind"], item["matter"]) for item in told if item["kind"] == "presentation.taken"] == [
        ("presentation.taken", "开餐馆")
    ]


async def test_a_code_is_used_up_though_a_question_decides_about_every_case(town: Town, hub: Hub) -> None:
    joined = [{"matter": "TAX", "parties": {"payer": "shop"}, "when": "facts.signed"}]
    await hub.life_events.add(COMMAND, event(code="MAYBE", matters=joined))
    holder = await signed_in(hub)
    presentations = hub.citizens.presentations
    made = await presentations.make(holder, AMR)
    code = (await presentations.look(holder, made)).code  # type: ignore[union-attr]
    body = family_body(
        event="MAYBE", parties=[{"role": "shop", **ENTERPRISE}], presented=[{"role": "agent", "code": code}]
    )
    first = await town.post("/families", body)
    assert (first.status_code, first.json()["cases"]) == (201, []), first.text
    (told,), _ = await presentations.listed(holder)
    assert (told.state, told.case_no) == ("taken", first.json()["family_no"])
    problem(await town.post("/families", body | {"external_no": "W-9"}), status=422, slug="presentation-refused")


async def test_who_acts_for_another_opens_a_family_and_is_the_agent_in_its_cases(town: Town, hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    joined = [
        {"matter": "FOOD", "parties": {"applicant": "agent"}},
        {"matter": "TAX", "parties": {"payer": "agent"}, "when": "facts.signed"},
    ]
    await hub.life_events.add(COMMAND, event(code="FOR", matters=joined))
    until = hub.clock().date() + timedelta(days=30)
    may = Proposed(
        NEIGHBOUR["id_number"], NEIGHBOUR["name"], frozenset({Scope.FILE}), frozenset({"FOR"}), until, "出差"
    )
    delegation = await hub.citizens.others.delegating.give(holder, may)
    key = (await begun(hub, neighbour, "delegate")).key

    async def code() -> str:
        made = await hub.citizens.others.acting.present(neighbour, key, AMR)
        return (await hub.citizens.presentations.look(neighbour, made)).code  # type: ignore[union-attr]

    body = family_body(event="FOR", parties=[], presented=[{"role": "agent", "code": await code()}])
    problem(await town.post("/families", body | {"event": "SHOP"}), status=422, slug="presentation-refused")
    opened = await town.post("/families", body)
    assert opened.status_code == 201, opened.text
    family = opened.json()
    assert [case["matter"] for case in family["cases"]] == ["FOOD"]
    assert NEIGHBOUR["name"] not in opened.text
    answered = await town.post(f"/families/{family['family_no']}/facts", {"facts": {"signed": True}})
    assert [case["matter"] for case in answered.json()["cases"]] == ["FOOD", "TAX"]
    for case in answered.json()["cases"]:
        found = (await town.get(f"/cases/{case['case_no']}")).json()
        parties = {party["party"]: party for party in found["parties"]}
        (agent,) = [party for party in parties.values() if party.get("acts_for")]
        assert (agent["role"], parties[agent["acts_for"]]["role"]) == (
            "acting_agent",
            {"FOOD": "applicant", "TAX": "payer"}[case["matter"]],
        )
    number = family["family_no"]
    assert (await town.pulled(number))["family_no"] == number
    assert (await town.get(f"/families/{number}/form")).status_code == 200
    stored = await hub.database.read(lambda tx: store.find_family(tx, number))
    assert stored is not None
    whole = await hub.database.read(lambda tx: hub.families.reader.whole(tx, stored))
    assert [person.name for person in people_of(whole, "zh-CN")] == ["陈**", "吴**"], "the counter sees who acts"
    looked, _ = await hub.citizens.accesses.listed(holder)
    filed = [(one.matter, one.person) for one in looked if one.kind == "acting.filed"]
    assert filed == [(("开餐馆", "Open a restaurant"), NEIGHBOUR["name"])]
    late = body | {"external_no": "W-2", "presented": [{"role": "agent", "code": await code()}]}
    await hub.citizens.others.delegating.withdraw(holder, delegation)
    problem(await town.post("/families", late), status=422, slug="presentation-refused")
