"""Which system is a department's counter: made by its engineer, or by two persons where it has grants already."""

import pytest

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.intake.counter.acting import counter_caller
from hub.intake.errors import NoCounterError
from hub.registry.desks import SYSTEM_DESK
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.hub.command import yizheng
from tests.registry.asking import department_id
from tests.support import AMR, INTAKE, NARROW, POLICE, Place

pytestmark = pytest.mark.embedded


async def somebody(hub: Hub, role: Role, code: str = AMR, name: str = "somebody") -> Actor:
    return Actor("staff", name, name, await department_id(hub, code), frozenset({role}))


async def caller(hub: Hub, code: str = AMR) -> str:
    owner = await department_id(hub, code)
    return (await hub.database.read(lambda tx: counter_caller(tx, owner))).client_id


async def test_a_system_with_grants_becomes_a_counter_by_two_persons(hub: Hub) -> None:
    engineer = await somebody(hub, Role.CONSUMER_ENGINEER)
    wanted = {"client_id": INTAKE, "counter": True}
    foreign = await somebody(hub, Role.CONSUMER_ENGINEER, POLICE)
    for wrong in (foreign, await somebody(hub, Role.CLERK)):
        with pytest.raises(ForbiddenError):
            await hub.sharing.proposals.propose(wrong, SYSTEM_DESK, wanted, "窗口")
    with pytest.raises(ForbiddenError):
        await hub.systems.set_counter(engineer, INTAKE, counter=True)
    proposed = await hub.sharing.proposals.propose(engineer, SYSTEM_DESK, wanted, "窗口受理")
    with pytest.raises(NoCounterError):
        await caller(hub)
    await hub.sharing.proposals.confirm(await somebody(hub, Role.OWNER_APPROVER, name="approver"), proposed.id)
    assert await caller(hub) == INTAKE
    seen = await hub.systems.get(engineer, INTAKE)
    assert seen.counter


async def test_a_department_has_one_counter_and_a_new_one_has_no_grants(hub: Hub) -> None:
    clerk, engineer = await somebody(hub, Role.CLERK, POLICE), await somebody(hub, Role.CONSUMER_ENGINEER, POLICE)
    with pytest.raises(ForbiddenError):
        await hub.systems.make_counter(clerk, "公安受理台", "")
    made = await hub.systems.make_counter(engineer, "公安受理台", "")
    assert await caller(hub, POLICE) == made
    with pytest.raises(DefinitionError, match="has a counter"):
        await hub.systems.make_counter(COMMAND, "又一个", "", department=POLICE)
    await hub.systems.set_active(engineer, made, active=False)
    with pytest.raises(NoCounterError):
        await caller(hub, POLICE)


async def test_a_counter_ends_and_another_system_takes_its_place(hub: Hub) -> None:
    await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    with pytest.raises(DefinitionError, match="has a counter"):
        await hub.systems.set_counter(COMMAND, NARROW, counter=True)
    await hub.systems.set_counter(COMMAND, INTAKE, counter=False)
    await hub.systems.set_counter(COMMAND, NARROW, counter=True)
    assert await caller(hub) == NARROW
    with pytest.raises(MissingError):
        await hub.systems.set_counter(COMMAND, "nobody", counter=True)


async def test_the_command_makes_a_counter_or_takes_a_system_for_one(place: Place, hub: Hub) -> None:
    made = await yizheng(place, "system", "counter", "--department", POLICE, "--json")
    assert made.code == 0, made.err
    assert await caller(hub, POLICE) == made.json()["client_id"]
    assert (await yizheng(place, "system", "counter", INTAKE)).code == 0
    assert await caller(hub) == INTAKE
    second = await yizheng(place, "system", "counter", NARROW)
    assert (second.code, "has a counter already" in second.err) == (65, True)
    assert (await yizheng(place, "system", "counter", INTAKE, "--end")).code == 0
    assert (await yizheng(place, "system", "counter", "nobody")).code == 65
    assert (await yizheng(place, "system", "counter")).code == 64
