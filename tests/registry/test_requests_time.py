"""The clock of a request: it stands still while the asker supplies, is extended once, and a late answer says so."""

import pytest

from hub.access.actors import COMMAND
from hub.registry.requests.errors import IncompleteError, StepError
from hub.registry.requests.values import State
from tests.registry.asking import Desk, Hands, filing


async def test_the_owner_asks_once_and_his_clock_stands_still_meanwhile(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    assert filed.remaining == 10
    hands.to(days=3)  # Thursday: three working days used
    asked = await requests.ask_more(desk.owner, filed.request.id, "请补充场景说明")
    assert (asked.request.state, asked.as_json()["waits_for"]) == (State.MORE_ASKED, "asker")
    with pytest.raises(StepError):
        await requests.approve(desk.owner, filed.request.id)
    hands.to(days=14)
    with pytest.raises(IncompleteError):
        await requests.supply(desk.asker, filed.request.id, filing(hands, scene=""))
    supplied = await requests.supply(desk.asker, filed.request.id, filing(hands, scene="复审时核对"))
    assert supplied.request.filing.scene == "复审时核对"
    assert supplied.remaining == 7
    with pytest.raises(StepError) as again:
        await requests.ask_more(desk.owner, filed.request.id, "还有一项")
    assert again.value.why == "asked_before"
    assert (await requests.approve(desk.owner, filed.request.id)).request.state is State.GRANTED


async def test_the_time_is_extended_once_in_time_with_reason_and_approval(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    with pytest.raises(IncompleteError) as caught:
        await requests.extend(desk.owner, filed.request.id, "", "")
    assert [fault.code for fault in caught.value.faults] == ["reason_missing", "approval_missing"]
    extended = await requests.extend(desk.owner, filed.request.id, "须会商", "局长办公会纪要3号")
    assert extended.remaining == 20
    with pytest.raises(StepError) as again:
        await requests.extend(desk.owner, filed.request.id, "再延", "同上")
    assert again.value.why == "extended_before"


async def test_an_overdue_answer_is_still_an_answer_and_says_that_it_is_late(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    hands.to(days=15, hour=0)
    late = await requests.get(desk.owner, filed.request.id)
    assert (late.overdue, late.remaining) == (True, -1)
    for step in (
        requests.ask_more(desk.owner, filed.request.id, "?"),
        requests.extend(desk.owner, filed.request.id, "x", "y"),
    ):
        with pytest.raises(StepError) as caught:
            await step
        assert caught.value.why == "overdue"
    for actor in (desk.owner, desk.operator, COMMAND):
        assert [item.request.id for item in await requests.list(actor, overdue=True)] == [filed.request.id]
    assert await requests.list(desk.stranger, overdue=True) == []
    assert (await requests.approve(desk.owner, filed.request.id)).request.decision["late"] is True
    assert await requests.list(desk.operator, overdue=True) == []
