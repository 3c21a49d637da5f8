"""Grants of interfaces and for use ex officio; what an owner changes acts at once, in every process."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.grants import GrantState
from catalog.tables import GrantRow, table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.drills import town as drills
from tests.exchange.conftest import INTERFACE, Town, grant, register, town
from tests.registry.asking import Desk, publish, staff
from tests.registry.asking import interface as residence
from tests.support import AMR, INTAKE, MATTER, NARROW, POLICE, PURPOSE, Place, grant_definition, open_case, pull

__all__ = ["register", "town"]
OFFICIAL = {"kind": "ex_officio", "officers": ["op-1", "op-2"], "quota_per_day": 3}


def of_interface(**changes: Any) -> dict[str, Any]:
    return {
        "system": INTAKE,
        "interface": "residence_by_id",
        "fields": ["name"],
        "matters": [MATTER],
        "purpose": PURPOSE,
        "legal_basis": "政务数据共享条例",
        "valid_until": "2035-01-01T00:00:00+08:00",
    } | changes


# Writing one


async def test_the_owner_of_an_interface_grant_is_its_department(desk: Desk) -> None:
    grant_id = await desk.hub.registry.add_grant(of_interface())
    found = await desk.hub.registry.grants.get(desk.owner, grant_id)
    assert (found.owner, found.system, found.in_force) == (POLICE, INTAKE, True)
    assert found.as_json()["resource_kind"] == "interface"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": ["name", "remarks"]}, "not shared, by the interface's terms: ['remarks']"),
        ({"fields": ["shoe_size"]}, "the interface has no fields ['shoe_size']"),
        ({"owner": AMR}, "the owner of an interface is its own department"),
        ({"interface": "nowhere"}, "unknown system or published interface"),
        ({"system": "nobody"}, "unknown system or published interface"),
        ({"type": "business_licence"}, "either type or interface"),
        ({"kind": "curiosity"}, "kind is application or ex_officio"),
        ({"officers": ["op-1"]}, "officers are named for the kind ex_officio only"),
        ({"kind": "ex_officio", "quota_per_day": 5}, "needs officers"),
        ({"kind": "ex_officio", "officers": ["op-1"]}, "needs a quota_per_day"),
    ],
)
@pytest.mark.sampled
async def test_a_grant_the_terms_do_not_allow_is_refused(desk: Desk, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        await desk.hub.registry.add_grant(of_interface(**changes))
    assert message in str(caught.value)
    assert await desk.hub.database.read(lambda tx: len(tx.execute(select(table(GrantRow).c.id)).all())) == 1


async def test_an_interface_that_is_not_live_cannot_be_granted(desk: Desk) -> None:
    await publish(desk.hub, residence("in_test"), state="test")
    with pytest.raises(DefinitionError, match="published interface"):
        await desk.hub.registry.add_grant(of_interface(interface="in_test"))


# Who changes one


async def test_an_approver_of_the_owner_changes_it_with_a_reason_and_the_holder_is_told(desk: Desk) -> None:
    grants = desk.hub.registry.grants
    grant_id = await desk.hub.registry.add_grant(of_interface(system="civil-counter"))
    with pytest.raises(DefinitionError):
        await grants.change_by(desk.owner, grant_id, GrantState.SUSPENDED, " ")
    engineer = await staff(desk.hub, POLICE, "engineer", Role.OWNER_ENGINEER)
    for actor, error in (
        (desk.stranger, MissingError),
        (desk.asker, MissingError),
        (desk.operator, ForbiddenError),
        (desk.auditor, ForbiddenError),
        (engineer, ForbiddenError),
    ):
        with pytest.raises(error):
            await grants.change_by(actor, grant_id, GrantState.WITHDRAWN, "x")
    await grants.change_by(desk.owner, grant_id, GrantState.SUSPENDED, "用途不符")
    assert [notice.code for notice in await desk.hub.sharing.notices.list(desk.asker)] == ["grant.suspended"]
    assert (await grants.get(desk.asker, grant_id)).in_force is False


async def test_both_sides_operator_and_auditor_see_a_grant_and_nobody_else(desk: Desk) -> None:
    grants = desk.hub.registry.grants
    grant_id = await desk.hub.registry.add_grant(of_interface(system="civil-counter"))
    for actor in (desk.owner, desk.asker, desk.operator, desk.auditor, COMMAND):
        assert grant_id in {item.id for item in await grants.list(actor)}
    assert grant_id not in {item.id for item in await grants.list(desk.stranger)}
    with pytest.raises(MissingError):
        await grants.get(desk.stranger, grant_id)


# At once, everywhere


async def elsewhere(place: Place, *arguments: str) -> None:
    """A command in a process of its own, which must succeed."""
    await asyncio.to_thread(drills.Town(place, place.home.parent).run, *arguments)


@pytest.mark.both
async def test_suspending_in_another_process_acts_on_the_next_query_and_resuming_too(town: Town) -> None:
    case_no = await town.case()
    for _ in range(2):
        assert (await town.ask(case_no))["outcome"] == "satisfied"
    await elsewhere(town.place, "grant", "suspend", town.grant_id, "--reason", "核查")
    await refused(town, case_no, "grant_suspended")
    await elsewhere(town.place, "grant", "resume", town.grant_id)
    assert (await town.ask(case_no))["outcome"] == "satisfied"
    await elsewhere(town.place, "grant", "withdraw", town.grant_id, "--reason", "到期前终止")
    await refused(town, case_no, "grant_withdrawn")


async def refused(town: Town, case_no: str, why: str) -> None:
    asked = len(town.register.asked)
    answer = await town.query(case_no)
    assert (answer.status_code, answer.json()["why"]) == (403, why)
    assert len(town.register.asked) == asked, "the source was not asked"


@pytest.mark.both
async def test_withdrawing_in_another_process_while_the_source_is_asked_withholds_the_answer(town: Town) -> None:
    town.register.mood = "gated"
    asking = asyncio.create_task(town.query())
    await town.register.arrived.wait()
    async with town.place.open() as other:
        await other.registry.change_grant(town.grant_id, GrantState.WITHDRAWN)
    town.register.gate.set()
    answer = await asking
    assert "records" not in answer.json() or answer.json()["records"] == []
    assert answer.json().get("outcome") != "satisfied"


async def test_a_type_grant_withdrawn_in_another_process_gives_nothing_more(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert await outcome(client, headers, case_no) == ("satisfied", "satisfied")
    grant_id = (await hub.registry.grants.list(COMMAND))[0].id
    await elsewhere(place, "grant", "withdraw", grant_id, "--reason", "终止")
    assert await outcome(client, headers, case_no) == ("not_granted", "grant_withdrawn")


async def test_a_grant_serves_until_its_last_instant_and_not_after(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client, NARROW)
    case_no = await open_case(client, headers)
    until = hub.clock() + timedelta(seconds=3)
    await hub.registry.add_grant(grant_definition(hub, system=NARROW, valid_until=until.isoformat()))
    before = await outcome(client, headers, case_no)
    await asyncio.sleep(max(0.0, (until - hub.clock()).total_seconds()) + 0.01)
    after = await outcome(client, headers, case_no)
    assert (before, after) == (("satisfied", "satisfied"), ("not_granted", "grant_not_in_force"))


async def outcome(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str) -> tuple[str, str]:
    answer = await pull(client, headers, case_no, requirements=["licence"])
    found = answer.json()["requirements"][0]
    return found["outcome"], found["why"]["code"]


# Ex officio


async def test_ex_officio_needs_a_grant_of_its_own_and_a_named_officer(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    official = {"kind": "ex_officio", "operator": {"id": "op-1", "name": "李办事"}}
    other = official | {"operator": {"id": "op-9", "name": "张旁观"}}
    assert (await outcome(client, headers, await open_case(client, headers, **official)))[1] == "no_grant"
    await hub.registry.add_grant(grant_definition(hub, legal_basis="行政处罚法第五十五条", **OFFICIAL))
    assert await outcome(client, headers, await open_case(client, headers, **official)) == ("satisfied", "satisfied")
    refusal = await outcome(client, headers, await open_case(client, headers, **other))
    assert refusal == ("not_granted", "officer_not_named")


async def test_quotas_of_both_kinds_are_counted_apart(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await hub.registry.add_grant(grant_definition(hub, system=NARROW, quota_per_day=2))
    await hub.registry.add_grant(grant_definition(hub, system=NARROW, **OFFICIAL))
    headers = await place.headers(client, NARROW)
    application = await open_case(client, headers)
    official = await open_case(client, headers, kind="ex_officio")
    codes = [(await outcome(client, headers, application))[1] for _ in range(3)]
    assert codes == ["satisfied", "satisfied", "quota_exhausted"]
    codes = [(await outcome(client, headers, official))[1] for _ in range(4)]
    assert codes == ["satisfied", "satisfied", "satisfied", "quota_exhausted"]


async def test_a_query_ex_officio_names_its_officer_too(town: Town) -> None:
    named = await town.case(kind="ex_officio")
    stranger = await town.case(kind="ex_officio", operator={"id": "op-9", "name": "张旁观"})
    await refused(town, named, "no_grant")
    await town.hub.registry.add_grant(grant(**OFFICIAL))
    assert (await town.ask(named))["outcome"] == "satisfied"
    await refused(town, stranger, "officer_not_named")
    assert INTERFACE in {item.grant.resource for item in await town.hub.registry.grants.list(COMMAND)}
