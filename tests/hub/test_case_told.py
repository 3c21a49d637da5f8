"""A system hears what happens in its cases, and can read what it missed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.intake.told.telling import TOLD, CaseEvent, tell
from tests.exchange.conftest import Town, add_source, definition, grant, publish, row
from tests.exchange.receiver import Receiver, listening
from tests.exchange.register import Register, serving
from tests.exchange.subscriber import Subscriber, work
from tests.exchange.test_indexed import furnish, standing
from tests.hub.test_owed import asked, close, collect, debts, get, rows
from tests.serving import problem
from tests.support import ENTERPRISE, NARROW, Place

EVENTS = ["debt.paid", "debt.overdue", "case.closed"]


@pytest.fixture
async def heard(place: Place) -> AsyncIterator[tuple[Town, Receiver]]:
    """A matter whose register is away, and a receiver of what happens in its cases."""
    networks = ("127.0.0.0/8", "::1/128")
    async with (
        serving(Register({ENTERPRISE["id_number"]: [row()]})) as register,
        listening() as receiver,
        place.open(egress_networks=networks, webhook_networks=networks) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, definition())
        await hub.registry.add_grant(grant(matters=["STANDING"]))
        town = Town(place, hub, client, await place.headers(client), register, "")
        await furnish(hub, standing(), "name", "standing")
        register.mood = "html"
        url = f"http://localhost:{receiver.port}/hook"  # by another name than the register's
        await Subscriber(place, hub, client, town.headers, receiver).subscribed(events=EVENTS, url=url)
        yield town, receiver


@pytest.mark.embedded
async def test_what_happens_in_a_case_is_told_once_and_can_be_read_again(heard: tuple[Town, Receiver]) -> None:
    town, receiver = heard
    case_no = await town.case(matter="STANDING", external_no="OWN-7")
    await asked(town, case_no)
    (debt,) = await debts(town, case_no)
    for _ in range(2):
        await town.hub.paying.remind({"debt": debt["id"], "stage": "over"})
    await close(town, case_no, when_paid=True)
    town.register.mood = "well"
    await collect(town, debt)
    await work(town.hub)
    (paid,) = await debts(town, case_no)

    listed = (await get(town, f"/api/v1/cases/{case_no}/events")).json()["events"]
    assert [(item["number"], item["event"]) for item in listed] == [
        (1, "debt.overdue"), (2, "debt.paid"), (3, "case.closed"),
    ]  # fmt: skip
    told = sorted(receiver.messages, key=lambda message: message["number"])
    assert [message["event"] for message in told] == ["debt.overdue", "debt.paid", "case.closed"]
    assert {(message["case_no"], message["external_no"]) for message in told} == {(case_no, "OWN-7")}
    assert [message["code"] for message in told] == ["standing", "standing", None]
    assert told[1]["evidence"] == listed[1]["evidence"] == paid["evidence"]
    assert [message["receipt_entry"] for message in told] == [item["ledger_entry"] for item in listed]
    said = repr(receiver.got) + repr(listed)
    assert not any(str(ENTERPRISE[name]) in said for name in ("id_number", "name"))

    (event,) = await rows(town, "SELECT id FROM case_events WHERE number = 1")
    await town.hub.exchange.webhooks.tell({"event": event.id})  # the job once more, as after a death
    await work(town.hub)
    assert len(receiver.messages) == 3
    assert [
        item["number"] for item in (await get(town, f"/api/v1/cases/{case_no}/events?after=2")).json()["events"]
    ] == [3]
    stranger = await town.client.get(
        f"/api/v1/cases/{case_no}/events", headers=await town.place.headers(town.client, NARROW)
    )
    problem(stranger, status=404, slug="case-not-found")


async def test_events_of_one_moment_are_numbered_without_gaps_and_unwished_ones_not_sent(
    heard: tuple[Town, Receiver],
) -> None:
    town, receiver = heard
    case_no = await town.case(matter="STANDING")
    (case,) = await rows(town, "SELECT id FROM cases")
    (entry,) = await rows(town, "SELECT id FROM ledger_entries WHERE kind = 'case.open'")
    now = town.hub.clock()

    async def told(about: str) -> bool:
        return await town.hub.database.write(
            lambda tx: tell(
                tx, str(case.id), CaseEvent.TASK_ANSWERED, entry_id=str(entry.id), now=now, code="standing", about=about
            )
        )

    written = await asyncio.gather(*(told(about) for about in ("a", "b", "c", "a", "b", "d")))
    assert sorted(written) == [False] * 2 + [True] * 4
    await work(town.hub)
    listed = (await get(town, f"/api/v1/cases/{case_no}/events")).json()["events"]
    assert [item["number"] for item in listed] == [1, 2, 3, 4]
    assert receiver.messages == []
    assert await rows(town, "SELECT id FROM outbox WHERE kind = :kind", kind=TOLD) == []
