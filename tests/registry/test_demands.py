"""Demands: to whom they go, what may follow what, whose they are, and what is written down of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.ledger.tables import LedgerEntryRow
from hub.registry.demands.states import OPEN, TRANSITIONS, State, Step
from hub.registry.requests.errors import IncompleteError, StepError
from hub.registry.tables import NoticeRow
from hub.runtime import Hub, open_hub
from hub.storage.errors import MissingError
from tests.registry.published import put
from tests.support import AMR, MATTER, POLICE, Place

CIVIL = "11990000MB0000004Y"
WANTED: dict[str, Any] = {
    "what": "户籍成员信息", "legal_basis": "政务数据共享条例", "contact": "信息中心 0990-1234567",
    "fields": ["户号", "姓名"],
}  # fmt: skip


async def staff(hub: Hub, code: str, *roles: Role) -> Actor:
    department = await hub.database.read(lambda tx: find_department(tx, code))
    assert department is not None
    return Actor("staff", f"staff-{code}", "staff", department.id, frozenset(roles))


async def asker(hub: Hub) -> Actor:
    return await staff(hub, AMR, Role.CONSUMER_ENGINEER)


async def owner(hub: Hub, code: str = POLICE) -> Actor:
    return await staff(hub, code, Role.OWNER_APPROVER)


async def entries(hub: Hub, demand_id: str) -> list[tuple[str, int]]:
    rows = table(LedgerEntryRow)
    query = select(rows.c.kind, rows.c.object_version).where(rows.c.object_id == demand_id).order_by(rows.c.id)
    return [(row.kind, row.object_version) for row in await hub.database.read(lambda tx: tx.execute(query).all())]


async def notices(hub: Hub, demand_id: str) -> list[str]:
    rows = table(NoticeRow)
    query = select(rows.c.code).where(rows.c.object_id == demand_id).order_by(rows.c.id)
    return [row.code for row in await hub.database.read(lambda tx: tx.execute(query).all())]


async def test_a_demand_reaches_the_likely_owner_with_a_clock(hub: Hub) -> None:
    view = await hub.catalogue.demands.file(await asker(hub), WANTED)
    assert (view.demand.state, view.asking, view.owner) == (State.ASSIGNED, AMR, POLICE)
    assert view.demand.due_at is not None
    assert view.demand.due_at > datetime.now(UTC) + timedelta(days=5)
    assert not view.overdue
    queue = await hub.catalogue.demands.list(await owner(hub), queue=True)
    assert [item.demand.id for item in queue] == [view.demand.id]
    assert await entries(hub, view.demand.id) == [("demand.file", 1)]
    assert await notices(hub, view.demand.id) == ["demand.waiting"]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("驾驶证", POLICE),
        ("出入境记录", POLICE),
        ("身份证照片", POLICE),
        ("婚姻登记", CIVIL),
        ("低保户名单", CIVIL),
        ("cremation", CIVIL),
    ],
)
@pytest.mark.sampled
async def test_duties_and_names_propose_the_owner(hub: Hub, what: str, code: str) -> None:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    hub.catalogue.search.notice()
    assert (await hub.catalogue.demands.file(await asker(hub), WANTED | {"what": what, "fields": []})).owner == code


async def test_a_department_says_its_own_duties(hub: Hub) -> None:
    demand = WANTED | {"what": "气瓶充装单位", "fields": []}
    assert (await hub.catalogue.demands.file(await asker(hub), demand)).owner is None
    engineer = await staff(hub, POLICE, Role.OWNER_ENGINEER)
    await hub.catalogue.departments.describe(engineer, POLICE, {"duties": ["气瓶充装"], "contact": "值班室"})
    hub.catalogue.search.notice()
    assert (await hub.catalogue.demands.file(await asker(hub), demand)).owner == POLICE


async def test_what_nobody_has_goes_to_the_operator(hub: Hub) -> None:
    view = await hub.catalogue.demands.file(await asker(hub), WANTED | {"what": "卫星云图", "fields": []})
    assert (view.demand.state, view.owner) == (State.UNASSIGNED, None)
    assert [item.demand.id for item in await hub.catalogue.demands.list(COMMAND, queue=True)] == [view.demand.id]
    assert await notices(hub, view.demand.id) == ["demand.unassigned"]
    assigned = await hub.catalogue.demands.assign(COMMAND, view.demand.id, POLICE, "由公安局答复")
    assert (assigned.demand.state, assigned.owner) == (State.ASSIGNED, POLICE)
    refused = await hub.catalogue.demands.refuse(await owner(hub), view.demand.id, "本部门不掌握")
    assert refused.demand.answer == {"reason": "本部门不掌握"}
    assert refused.demand.due_at is None
    assert await hub.catalogue.demands.list(COMMAND, queue=True) == []


async def test_every_fault_is_named_at_once(hub: Hub) -> None:
    with pytest.raises(IncompleteError) as caught:
        await hub.catalogue.demands.file(await asker(hub), {"fields": "姓名", "colour": 1, "note": "x" * 3000})
    assert {(fault.pointer, fault.code) for fault in caught.value.faults} == {
        ("/what", "what_missing"), ("/legal_basis", "legal_basis_missing"), ("/contact", "contact_missing"),
        ("/fields", "malformed"), ("/colour", "member_unknown"), ("/note", "malformed"),
    }  # fmt: skip
    with pytest.raises(DefinitionError):
        await hub.catalogue.demands.file(await asker(hub), WANTED | {"matter": "NONE"})
    assert (await hub.catalogue.demands.file(await asker(hub), WANTED | {"matter": MATTER})).owner == POLICE


async def test_published_as_something_that_is_there(hub: Hub) -> None:
    view = await hub.catalogue.demands.file(await asker(hub), WANTED)
    with pytest.raises(DefinitionError):
        await hub.catalogue.demands.publish(await owner(hub), view.demand.id, kind="interface", code="food_permits")
    await put(hub)
    done = await hub.catalogue.demands.publish(await owner(hub), view.demand.id, kind="interface", code="food_permits")
    assert done.demand.state is State.PUBLISHED
    assert done.demand.answer == {"kind": "interface", "code": "food_permits"}
    assert await notices(hub, view.demand.id) == ["demand.waiting", "demand.answered"]
    with pytest.raises(StepError):
        await hub.catalogue.demands.refuse(await owner(hub), view.demand.id, "太晚了")


async def test_not_ours_goes_on_and_at_last_to_the_operator(hub: Hub) -> None:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    hub.catalogue.search.notice()
    view = await hub.catalogue.demands.file(await asker(hub), WANTED)
    first_due = view.demand.due_at
    service = hub.catalogue.demands
    moved = await service.forward(await owner(hub), view.demand.id, "属民政部门职责", to=CIVIL)
    assert moved.owner == CIVIL
    assert moved.demand.due_at is not None
    assert first_due is not None
    assert moved.demand.due_at >= first_due
    with pytest.raises(MissingError):
        await service.refuse(await owner(hub), view.demand.id, "已非本部门")
    given_up = await service.forward(await owner(hub, CIVIL), view.demand.id, "不属本部门")
    assert (given_up.demand.state, given_up.owner) == (State.UNASSIGNED, None)
    assert [kind for kind, _ in await entries(hub, view.demand.id)] == [
        "demand.file", "demand.forward", "demand.give_up",
    ]  # fmt: skip
    shown = await service.show(await asker(hub), view.demand.id)
    assert [(item.step, item.reason) for item in shown.steps] == [
        ("file", ""), ("forward", "属民政部门职责"), ("give_up", "不属本部门"),
    ]  # fmt: skip


async def test_strangers_do_not_see_it_and_the_wrong_role_may_not(hub: Hub) -> None:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    view = await hub.catalogue.demands.file(await asker(hub), WANTED)
    demand_id, service = view.demand.id, hub.catalogue.demands
    for stranger in (await owner(hub, CIVIL), await staff(hub, CIVIL, *(set(Role) - {Role.OPERATOR, Role.AUDITOR}))):
        with pytest.raises(MissingError):
            await service.show(stranger, demand_id)
        with pytest.raises(MissingError):
            await service.refuse(stranger, demand_id, "x")
        with pytest.raises(MissingError):
            await service.withdraw(stranger, demand_id)
        assert await service.list(stranger) == await service.list(stranger, queue=True) == []
    engineer = await staff(hub, POLICE, Role.OWNER_ENGINEER)
    with pytest.raises(ForbiddenError):
        await service.refuse(engineer, demand_id, "x")
    with pytest.raises(ForbiddenError):
        await service.assign(await owner(hub), demand_id, CIVIL, "x")
    with pytest.raises(ForbiddenError):
        await service.file(await owner(hub), WANTED)
    auditor = Actor("staff", "a", "a", None, frozenset({Role.AUDITOR}))
    assert (await service.show(auditor, demand_id)).demand.id == demand_id
    with pytest.raises(ForbiddenError):
        await service.refuse(auditor, demand_id, "x")


@pytest.mark.parametrize("reason", ["", "  "])
async def test_a_refusal_has_a_reason(hub: Hub, reason: str) -> None:
    view = await hub.catalogue.demands.file(await asker(hub), WANTED)
    with pytest.raises(DefinitionError):
        await hub.catalogue.demands.refuse(await owner(hub), view.demand.id, reason)
    with pytest.raises(DefinitionError):
        await hub.catalogue.demands.forward(await owner(hub), view.demand.id, reason)


async def test_unanswered_is_overdue_for_the_operator(place: Place) -> None:
    later = timedelta()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Hub]:
        async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) + later) as hub:
            yield hub

    async with opened() as hub:
        await hub.catalogue.demands.file(await asker(hub), WANTED)
        assert [item.overdue for item in await hub.catalogue.demands.list(COMMAND, queue=True)] == [False]
        later = timedelta(days=60)
        assert [item.overdue for item in await hub.catalogue.demands.list(COMMAND, queue=True)] == [True]


def test_the_transition_table_ends_where_it_should() -> None:
    assert {state for state, _ in TRANSITIONS} == {None, *OPEN}
    assert {TRANSITIONS[key] for key in TRANSITIONS} == set(State)
    assert {step for _, step in TRANSITIONS} == set(Step)
