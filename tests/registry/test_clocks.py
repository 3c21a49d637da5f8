"""Clocks run: reminders come when they are due, once, to those who must act; what lapses ends."""

from datetime import timedelta

from hub.registry.requests.values import State
from hub.runtime import open_hub
from tests.registry.asking import Desk, Hands, filing
from tests.support import Place


async def told(desk: Desk) -> dict[str, list[str]]:
    """Who has which notices about time."""
    notices = desk.hub.sharing.notices
    found = {}
    for name in ("owner", "asker", "operator", "stranger"):
        codes = [item.code for item in await notices.list(getattr(desk, name))]
        found[name] = [code for code in codes if code.endswith((".near", ".over", ".lapse"))]
    return found


async def test_the_owner_is_reminded_before_and_everybody_after(desk: Desk, hands: Hands) -> None:
    await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    hands.to(days=10)  # Thursday of the second week
    await desk.hub.jobs.sweep()
    assert await told(desk) == {"owner": [], "asker": [], "operator": [], "stranger": []}
    hands.to(days=11)  # Friday: that day and Monday are left
    await desk.hub.jobs.sweep()
    assert await told(desk) == {"owner": ["request.near"], "asker": [], "operator": [], "stranger": []}
    hands.to(days=15, hour=0)
    await desk.hub.jobs.sweep()
    over = ["request.over"]
    assert await told(desk) == {
        "owner": ["request.over", "request.near"],
        "asker": over,
        "operator": over,
        "stranger": [],
    }


async def test_an_answer_stops_the_clock(desk: Desk, hands: Hands) -> None:
    filed = await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    await desk.hub.sharing.requests.approve(desk.owner, filed.request.id)
    hands.to(days=20)
    assert await desk.hub.jobs.sweep() > 0
    assert await told(desk) == {"owner": [], "asker": [], "operator": [], "stranger": []}


async def test_an_extended_clock_reminds_at_its_new_end_only(desk: Desk, hands: Hands) -> None:
    filed = await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    await desk.hub.sharing.requests.extend(desk.owner, filed.request.id, "须会商", "纪要3号")
    hands.to(days=15)
    await desk.hub.jobs.sweep()
    assert (await told(desk))["owner"] == []
    hands.to(days=45)  # whatever holidays April has
    await desk.hub.jobs.sweep()
    assert (await told(desk))["owner"] == ["request.over"]


async def test_nothing_supplied_in_time_ends_the_request_by_rule(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    await requests.ask_more(desk.owner, filed.request.id, "请补充")
    hands.to(days=11)
    await desk.hub.jobs.sweep()
    assert (await told(desk))["asker"] == ["request.near"]
    hands.to(days=15)
    await desk.hub.jobs.sweep()
    gone = await requests.get(desk.asker, filed.request.id)
    assert gone.request.state is State.LAPSED
    assert gone.steps[-1].actor == {"kind": "rule", "id": "time-limit"}
    assert (await told(desk))["asker"] == ["request.lapse", "request.near"]


async def test_a_reminder_that_runs_twice_tells_once(desk: Desk, hands: Hands) -> None:
    filed = await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    due = filed.request.due_at
    assert due is not None
    payload = {"about": "request", "id": filed.request.id, "due_at": due.isoformat(), "stage": "near"}
    for _ in range(2):
        await desk.hub.sharing.reminders.deliver(payload)
    assert (await told(desk))["owner"] == ["request.near"]
    await desk.hub.sharing.reminders.deliver(payload | {"due_at": (due + timedelta(days=1)).isoformat()})
    assert (await told(desk))["owner"] == ["request.near"]


async def test_a_hub_that_was_down_reminds_when_it_is_back(place: Place, desk: Desk, hands: Hands) -> None:
    await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    hands.to(days=30)
    async with open_hub(place.settings(), clock=hands) as later:
        await later.jobs.sweep()
    over = ["request.over"]
    assert await told(desk) == {"owner": over, "asker": over, "operator": over, "stranger": []}


async def test_a_demand_reminds_its_owner_and_then_everybody_until_it_is_answered(desk: Desk, hands: Hands) -> None:
    demands = desk.hub.catalogue.demands
    wanted = {"what": "户籍成员信息", "legal_basis": "政务数据共享条例", "contact": "信息科"}
    answered = await demands.file(desk.asker, wanted)
    open_one = await demands.file(desk.asker, wanted)
    await demands.refuse(desk.owner, answered.demand.id, "不掌握")
    hands.to(days=11)
    await desk.hub.jobs.sweep()
    assert await told(desk) == {"owner": ["demand.near"], "asker": [], "operator": [], "stranger": []}
    hands.to(days=15)
    await desk.hub.jobs.sweep()
    over = ["demand.over"]
    assert await told(desk) == {
        "owner": ["demand.over", "demand.near"],
        "asker": over,
        "operator": over,
        "stranger": [],
    }
    (notice,) = [item for item in await desk.hub.sharing.notices.list(desk.asker) if item.code == "demand.over"]
    assert (notice.object_kind, notice.object_id) == ("demand", open_one.demand.id)


async def test_a_demand_that_nobody_has_reminds_the_operator_alone(desk: Desk, hands: Hands) -> None:
    wanted = {"what": "卫星云图", "legal_basis": "政务数据共享条例", "contact": "信息科"}
    await desk.hub.catalogue.demands.file(desk.asker, wanted)
    hands.to(days=11)
    await desk.hub.jobs.sweep()
    assert await told(desk) == {"owner": [], "asker": [], "operator": ["demand.near"], "stranger": []}


async def test_a_dispute_reminds_both_sides_and_then_the_operator(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    filed = await sharing.requests.file(desk.asker, filing(hands))
    await sharing.requests.refuse(desk.owner, filed.request.id, "无需", "条例")
    await sharing.disputes.open(desk.asker, filed.request.id, "需要")
    hands.to(days=11)
    await desk.hub.jobs.sweep()
    near = ["dispute.near"]
    assert await told(desk) == {"owner": near, "asker": near, "operator": [], "stranger": []}
    hands.to(days=15)
    await desk.hub.jobs.sweep()
    assert (await told(desk))["operator"] == ["dispute.over"]
