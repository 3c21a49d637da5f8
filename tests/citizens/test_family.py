"""Somebody who shows a code takes part in a life event: named by the hub, once, and told for what."""

from datetime import timedelta

import pytest

from hub.access.actors import COMMAND
from hub.citizens.acting.asked import Asked
from hub.citizens.acting.values import Scope
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


async def test_who_acts_for_another_opens_no_family_with_his_code(town: Town, hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    until = hub.clock().date() + timedelta(days=30)
    asked = Asked(NEIGHBOUR["id_number"], NEIGHBOUR["name"], frozenset({Scope.FILE}), None, until, "出差")
    await hub.citizens.others.delegating.give(holder, asked)
    key = (await begun(hub, neighbour, "delegate")).key
    made = await hub.citizens.others.acting.present(neighbour, key, AMR)
    code = (await hub.citizens.presentations.look(neighbour, made)).code  # type: ignore[union-attr]
    body = family_body(parties=[{"role": "shop", **ENTERPRISE}], presented=[{"role": "agent", "code": code}])
    refused = problem(await town.post("/families", body), status=422, slug="invalid-party")
    assert refused["errors"] == [{"pointer": "/parties", "rule": "acting_in_family"}]
