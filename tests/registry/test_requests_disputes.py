"""The ladder of a dispute, and that only two operators decide it."""

import pytest

from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.registry.requests.decision import Approval
from hub.registry.requests.errors import IncompleteError, SamePersonError, StepError
from hub.registry.requests.values import State
from hub.registry.sharing import DISPUTE
from hub.storage.errors import MissingError
from tests.registry.asking import Desk, Hands, filing


async def refused(desk: Desk, hands: Hands) -> str:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    await requests.refuse(desk.owner, filed.request.id, "无需该信息", "条例第四条")
    return filed.request.id


async def decide(desk: Desk, request_id: str, verdict: str) -> str:
    proposals = desk.hub.sharing.proposals
    payload = {"request": request_id, "verdict": verdict, "reason": "经协调", "legal_basis": "条例第二十七条"}
    made = await proposals.propose(desk.operator, DISPUTE, payload, "争议处理")
    return str((await proposals.confirm(desk.second, made.id)).result["stage"])


async def test_a_refusal_goes_up_the_ladder_rung_by_rung_each_with_its_clock(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    request_id = await refused(desk, hands)
    opened = await sharing.disputes.open(desk.asker, request_id, "法定职责需要")
    calendar = await desk.hub.database.read(lambda tx: sharing.clocks.in_force(tx).calendar)
    assert (opened.stage, opened.due_at) == ("negotiating", calendar.due(hands.now, 10).at)
    raised = await sharing.disputes.escalate(desk.owner, request_id, "协商未果")
    assert (raised.stage, raised.due_at) == ("coordinating", calendar.due(hands.now, 15).at)
    assert await decide(desk, request_id, "for_owner") == "decided"
    appealed = await sharing.disputes.escalate(desk.asker, request_id, "提请上级")
    assert (appealed.stage, appealed.due_at) == ("superior", calendar.due(hands.now, 30).at)
    assert await decide(desk, request_id, "for_asker") == "closed"
    found = await sharing.requests.get(desk.owner, request_id)
    assert (found.request.state, found.remaining) == (State.SUBMITTED, 10)
    assert [step.step for step in found.steps] == [
        "file", "refuse", "dispute.open", "dispute.escalate", "dispute.decide", "dispute.appeal", "dispute.close",
        "reopen",
    ]  # fmt: skip
    for late in (
        sharing.requests.extend(desk.owner, request_id, "x", "y"),
        sharing.requests.ask_more(desk.owner, request_id, "x"),
    ):
        with pytest.raises(StepError):
            await late


async def test_a_settlement_by_the_owner_reopens_and_by_the_asker_lets_it_stand(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    request_id = await refused(desk, hands)
    await sharing.disputes.open(desk.asker, request_id, "法定职责需要")
    assert (await sharing.disputes.settle(desk.asker, request_id, "接受")).outcome == {"verdict": "for_owner"}
    assert (await sharing.requests.get(desk.asker, request_id)).request.state is State.REFUSED
    await sharing.disputes.open(desk.asker, request_id, "情况有变")
    await sharing.disputes.settle(desk.owner, request_id, "同意重新办理")
    assert (await sharing.requests.get(desk.asker, request_id)).request.state is State.SUBMITTED
    assert (await sharing.requests.approve(desk.owner, request_id)).request.state is State.GRANTED


async def test_a_wider_answer_after_a_dispute_replaces_the_narrow_grant(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    filed = await sharing.requests.file(desk.asker, filing(hands))
    request_id = filed.request.id
    cut = Approval(fields=("name",), reasons={"fields/address": "不必要"})
    narrow = (await sharing.requests.approve(desk.owner, request_id, cut)).request.grant_id
    await sharing.disputes.open(desk.asker, request_id, "须核对地址")
    await sharing.disputes.settle(desk.owner, request_id, "同意")
    wide = (await sharing.requests.approve(desk.owner, request_id)).request.grant_id
    shown = {item.id: item.state.value for item in await desk.hub.registry.grants.list(desk.asker)}
    assert shown == {narrow: "withdrawn", wide: "live"}


async def test_there_must_be_something_to_dispute_and_once_at_a_time(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    filed = await sharing.requests.file(desk.asker, filing(hands))
    with pytest.raises(StepError) as caught:
        await sharing.disputes.open(desk.asker, filed.request.id, "太慢")
    assert caught.value.why == "nothing_to_dispute"
    hands.to(days=15, hour=0)
    opened = await sharing.disputes.open(desk.asker, filed.request.id, "逾期未答复")
    assert opened.stage == "negotiating"
    with pytest.raises(StepError) as again:
        await sharing.disputes.open(desk.colleague, filed.request.id, "逾期未答复")
    assert again.value.why == "disputed_already"


async def test_after_the_last_word_there_is_no_dispute_about_the_same(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    request_id = await refused(desk, hands)
    await sharing.disputes.open(desk.asker, request_id, "需要")
    await sharing.disputes.escalate(desk.asker, request_id, "未果")
    await decide(desk, request_id, "for_owner")
    with pytest.raises(StepError) as caught:
        await sharing.disputes.open(desk.asker, request_id, "需要")
    assert caught.value.why == "decided_already"
    with pytest.raises(StepError):
        await decide(desk, request_id, "for_asker")


async def test_others_neither_move_nor_see_it(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    request_id = await refused(desk, hands)
    for actor in (desk.owner, desk.stranger):
        with pytest.raises(MissingError):
            await sharing.disputes.open(actor, request_id, "x")
    await sharing.disputes.open(desk.asker, request_id, "x")
    with pytest.raises(MissingError):
        await sharing.disputes.settle(desk.stranger, request_id, "x")
    with pytest.raises(ForbiddenError):
        await sharing.disputes.settle(desk.operator, request_id, "x")
    with pytest.raises(IncompleteError):
        await sharing.disputes.escalate(desk.asker, request_id, " ")
    assert await sharing.disputes.list(desk.stranger) == []
    assert await sharing.disputes.of(desk.stranger, request_id) is None
    for actor in (desk.owner, desk.asker, desk.operator, COMMAND):
        assert [item.request_id for item in await sharing.disputes.list(actor)] == [request_id]


async def test_one_operator_alone_decides_nothing(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    request_id = await refused(desk, hands)
    await sharing.disputes.open(desk.asker, request_id, "x")
    await sharing.disputes.escalate(desk.asker, request_id, "y")
    payload = {"request": request_id, "verdict": "for_asker", "reason": "经协调", "legal_basis": "条例"}
    made = await sharing.proposals.propose(desk.operator, DISPUTE, payload, "争议处理")
    with pytest.raises(SamePersonError):
        await sharing.proposals.confirm(desk.operator, made.id)
    with pytest.raises(ForbiddenError):
        await sharing.proposals.confirm(desk.owner, made.id)
    found = await sharing.disputes.of(desk.asker, request_id)
    assert found is not None
    assert found.stage == "coordinating"
