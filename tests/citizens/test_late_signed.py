"""Who orders that looks are shown late: three persons, for a time, longer only anew; nobody reads whom it is about."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.citizens.late.desk import orders_to_sign
from hub.citizens.late.tables import LateOrderRow
from hub.citizens.late.values import OneHandError, OrderError, OrderOverError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.access.people import add
from tests.access.test_staff_api import bearer
from tests.citizens.conftest import Watch
from tests.citizens.late_orders import STRUCK, department, ordered, somebody, wanted
from tests.hub.city import HOME, PERSON
from tests.hub.test_erasure import erase
from tests.support import ENTERPRISE, POLICE, Place

LEADERS = (Role.OWNER_APPROVER, Role.DECIDER)


async def waiting_for(hub: Hub, *actors: Actor) -> list[int]:
    """How many orders each is told to sign."""
    return await hub.database.read(lambda tx: [orders_to_sign(tx, actor) for actor in actors])


async def each_fault_is_named(hub: Hub, leader: Actor) -> None:
    for change, pointer in (
        ({"reason": "curious"}, "/reason"),
        ({"legal_basis": " "}, "/legal_basis"),
        ({"until": date(2020, 1, 1)}, "/until"),
        ({"until": hub.clock().date() + timedelta(days=200)}, "/until"),
        ({"until": date.max}, "/until"),
        ({"id_number": "110105194912310021"}, "/id_number"),
        ({"matter": ""}, "/matter"),
    ):
        with pytest.raises(OrderError) as refused:
            await hub.late.ordering.propose(leader, wanted(hub, **change))
        assert refused.value.pointer == pointer


@pytest.mark.embedded
async def test_three_persons_sign_it_for_a_time_and_longer_only_anew(hub: Hub, watch: Watch) -> None:
    here, ordering = await department(hub), hub.late.ordering
    first, second, auditor = somebody(here, Role.DECIDER), somebody(here, *LEADERS), somebody(None, Role.AUDITOR)
    await each_fault_is_named(hub, first)
    for nobody in (somebody(None, Role.OPERATOR), somebody(here, Role.CLERK), somebody(None, Role.DECIDER)):
        with pytest.raises(ForbiddenError):
            await ordering.propose(nobody, wanted(hub))
    made = await ordering.propose(first, wanted(hub))
    with pytest.raises(OrderOverError):  # not before the second
        await ordering.sign(auditor, made.id)
    with pytest.raises(OneHandError):
        await ordering.second(first, made.id)
    elsewhere = somebody(await department(hub, POLICE), *LEADERS)
    with pytest.raises(ForbiddenError):  # that there is one is nobody's who has no hand in it
        await hub.late.desk.listed(somebody(here, Role.CLERK))
    for step in (ordering.second, ordering.refuse, ordering.lift):
        with pytest.raises(MissingError):
            await step(elsewhere, made.id)
    assert await hub.late.desk.listed(elsewhere) == []
    with pytest.raises(MissingError):
        await hub.late.desk.one(elsewhere, made.id)
    await ordering.second(second, made.id)
    others = somebody(here, Role.AUDITOR), replace(second, roles=auditor.roles)  # his own department's; his own
    assert await waiting_for(hub, auditor, *others) == [1, 0, 0]
    for nobody, error in (
        (Actor("staff", second.id, "", None, frozenset({Role.AUDITOR})), OneHandError),
        (somebody(None, Role.OPERATOR), ForbiddenError),
    ):
        with pytest.raises(error):
            await ordering.sign(nobody, made.id)
    live = await ordering.sign(auditor, made.id)
    with pytest.raises(OrderOverError):
        await ordering.refuse(auditor, made.id)

    again = wanted(hub, 180, extends=live.id, id_type="", id_number="", matter="")
    with pytest.raises(MissingError):  # an auditor sees it; it is no order of the department for which he decides
        await ordering.propose(somebody(elsewhere.department_id, Role.DECIDER, Role.AUDITOR), again)
    longer = await ordering.propose(first, again)
    await ordering.second(second, longer.id)
    longer = await ordering.sign(auditor, longer.id)
    assert (longer.since, longer.matter, longer.lookup_hash) == (live.since, live.matter, live.lookup_hash)
    for _ in range(3):  # as far as the cap goes
        watch.ahead += timedelta(days=175)
        further = await ordering.propose(first, wanted(hub, 182, extends=longer.id))
        await ordering.second(second, further.id)
        longer = await ordering.sign(auditor, further.id)
    watch.ahead += timedelta(days=175)
    with pytest.raises(OrderError, match="end"):
        await ordering.propose(first, wanted(hub, 182, extends=longer.id))
    assert longer.since is not None
    assert longer.until - longer.since <= timedelta(days=732)
    seen = await hub.late.desk.listed(auditor)
    assert {item.order.state.value for item in seen} == {"live", "extended"}
    assert {item.whom for item in seen} == {STRUCK}  # of the extensions, too
    assert {item.whom for item in await hub.late.desk.listed(somebody(None, Role.OPERATOR))} == {""}

    stale = await ordering.propose(first, wanted(hub))
    watch.ahead += timedelta(days=4)
    with pytest.raises(OrderOverError):
        await ordering.second(second, stale.id)


@pytest.mark.embedded
async def test_rows_that_somebody_wrote_keep_no_order_from_its_end(hub: Hub, watch: Watch) -> None:
    rows = table(LateOrderRow)
    orders = [await ordered(hub, wanted(hub))]
    (written,) = await hub.database.read(lambda tx: tx.execute(select(rows)).all())
    forged = [dict(written._mapping) | {"id": str(UUID(int=place))} for place in range(1, 200)]
    await hub.database.write(lambda tx: tx.execute(insert(rows), forged))
    orders.append(await ordered(hub, wanted(hub)))
    watch.ahead += timedelta(days=31)
    await hub.late.ending.sweep()
    states = select(rows.c.state).where(rows.c.id.in_(orders))
    assert await hub.database.read(lambda tx: tx.execute(states).scalars().all()) == ["ended", "ended"]


@pytest.mark.embedded
async def test_when_its_person_is_erased_an_order_shows_nobody_his_number(hub: Hub) -> None:
    await ordered(hub, wanted(hub, id_type=ENTERPRISE["id_type"], id_number=ENTERPRISE["id_number"]))
    await ordered(hub, wanted(hub))
    auditor = somebody(None, Role.AUDITOR)
    assert all(item.whom for item in await hub.late.desk.listed(auditor))
    await erase(hub)
    assert [item.whom for item in await hub.late.desk.listed(auditor)] == [STRUCK, ""]


@pytest.mark.embedded
async def test_by_the_api_three_tokens_sign_it_and_whom_it_is_about_is_said_to_nobody(place: Place, hub: Hub) -> None:
    leader, other = await add(hub, "leader", Role.DECIDER), await add(hub, "other", Role.OWNER_APPROVER)
    auditor = await add(hub, "auditor", Role.AUDITOR, department=None)
    path, body = "/api/v1/late-orders", {"reason": "tax", "legal_basis": "税收征收管理法", "matter": HOME}
    body |= {key: PERSON[key] for key in ("id_type", "id_number")}
    body["until"] = (hub.clock() + timedelta(days=9)).date().isoformat()
    async with place.client(hub) as client:
        one, two, three = [await bearer(hub, staff) for staff in (leader, other, auditor)]
        assert (await client.post(path, json=body)).status_code == 401
        wrong = await client.post(path, json=body | {"reason": "curious"}, headers=one)
        assert (wrong.status_code, wrong.json()["errors"]) == (422, [{"pointer": "/reason", "rule": "unknown"}])
        made = await client.post(path, json=body, headers=one)
        assert made.status_code == 201, made.text
        steps = f"{path}/{made.json()['id']}"
        assert (await client.post(f"{steps}/second", headers=one)).status_code == 403
        assert (await client.post(f"{steps}/sign", headers=three)).status_code == 409
        seconded = await client.post(f"{steps}/second", headers=two)
        signed = await client.post(f"{steps}/sign", headers=three)
        assert (seconded.json()["signatures"], signed.json()["signatures"]) == (2, 3), signed.text
        assert (signed.json()["state"], signed.json()["until"]) == ("live", body["until"])
        listed = await client.get(path, headers=three)
        assert [item["id"] for item in listed.json()["orders"]] == [made.json()["id"]]
        lifted = await client.post(f"{steps}/lift", headers=two)
        assert lifted.json()["state"] == "lifted"
        assert (await client.post(f"{steps}/refuse", headers=two)).status_code == 409
        for answer in (made, seconded, signed, listed, lifted):
            assert PERSON["id_number"] not in answer.text
        assert (await client.get("/api/v1/ledger/late-orders?year=2020")).json()["lifted"] == 1
