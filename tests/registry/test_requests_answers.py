"""Answers: whole, narrowed with a reason for each cut, refused with a reason; by rule where the terms say so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.grants import Grant, GrantState, ResourceKind
from catalog.store import read_grants
from hub.registry.requests.decision import Approval
from hub.registry.requests.errors import IncompleteError, StepError
from hub.registry.requests.values import State
from hub.registry.requests.views import RequestView
from tests.registry.asking import SUBSIDY, Desk, Hands, filing


async def grant_of(desk: Desk, found: RequestView) -> Grant:
    grants = await desk.hub.database.read(lambda tx: read_grants(tx, [str(found.request.grant_id)]))
    assert len(grants) == 1
    return grants[0]


async def test_a_whole_approval_makes_a_live_grant(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands, corroboration=["card_read"]))
    granted = await requests.approve(desk.owner, filed.request.id)
    assert granted.request.state is State.GRANTED
    assert (granted.remaining, granted.request.due_at) == (None, None)
    assert granted.request.decision["narrowed"] is False
    grant = await grant_of(desk, granted)
    assert (grant.resource_kind, grant.resource) == (ResourceKind.INTERFACE, "residence_by_id")
    assert grant.state is GrantState.LIVE
    assert grant.terms.fields == {"name", "address"}
    assert (grant.terms.matters, grant.terms.quota_per_day, grant.terms.corroboration) == (
        {SUBSIDY},
        500,
        {"card_read"},
    )
    assert grant.valid_from == hands.now
    assert grant.valid_until == hands.now + timedelta(days=365)
    assert [step.step for step in granted.steps] == ["file", "approve"]


async def test_a_narrowed_approval_says_why_for_each_cut(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    until = hands.now + timedelta(days=100)
    approval = Approval(fields=("name",), quota_per_day=50, valid_until=until, corroboration=("card_read",))
    with pytest.raises(IncompleteError) as caught:
        await requests.approve(desk.owner, filed.request.id, approval)
    assert {fault.pointer: fault.code for fault in caught.value.faults} == dict.fromkeys(
        ("/reasons/fields/address", "/reasons/quota_per_day", "/reasons/valid_until", "/reasons/corroboration"),
        "cut_without_reason",
    )
    reasons = {
        "fields/address": "窗口只需姓名",
        "quota_per_day": "日均二十件",
        "valid_until": "试行",
        "corroboration": "须本人到场",
    }
    narrowed = await requests.approve(
        desk.owner,
        filed.request.id,
        replace(approval, reasons=reasons),
    )
    assert narrowed.request.decision["cuts"] == reasons
    grant = await grant_of(desk, narrowed)
    assert (grant.terms.fields, grant.terms.quota_per_day, grant.valid_until) == ({"name"}, 50, until)
    assert grant.terms.corroboration == {"card_read"}


@pytest.mark.parametrize(
    ("approval", "found"),
    [
        (Approval(fields=("name", "address", "is_resident")), "/fields/2 not_asked_for"),
        (Approval(matters=(SUBSIDY, "FOOD")), "/matters/1 not_asked_for"),
        (Approval(quota_per_day=501, reasons={"quota_per_day": "x"}), "/quota_per_day not_asked_for"),
        (Approval(fields=(), reasons={"fields/name": "x", "fields/address": "x"}), "/fields nothing_left"),
        (Approval(matters=(), reasons={f"matters/{SUBSIDY}": "x"}), "/matters nothing_left"),
    ],
)
@pytest.mark.sampled
async def test_a_decision_adds_nothing_and_leaves_something(
    desk: Desk, hands: Hands, approval: Approval, found: str
) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    with pytest.raises(IncompleteError) as caught:
        await requests.approve(desk.owner, filed.request.id, approval)
    assert [f"{fault.pointer} {fault.code}" for fault in caught.value.faults] == [found]
    assert (await requests.get(desk.owner, filed.request.id)).request.state is State.SUBMITTED


async def test_a_refusal_needs_reason_and_legal_basis(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    with pytest.raises(IncompleteError) as caught:
        await requests.refuse(desk.owner, filed.request.id, " ", "")
    assert [fault.code for fault in caught.value.faults] == ["reason_missing", "legal_basis_missing"]
    refused = await requests.refuse(desk.owner, filed.request.id, "无需该信息即可办理", "条例第四条")
    assert refused.request.state is State.REFUSED
    assert refused.request.grant_id is None
    assert refused.request.decision == {"reason": "无需该信息即可办理", "legal_basis": "条例第四条", "late": False}
    with pytest.raises(StepError) as late:
        await requests.approve(desk.owner, filed.request.id)
    assert late.value.state == "refused"


async def test_unconditional_fields_are_granted_at_once_by_rule(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands, fields=["is_resident"]))
    assert filed.request.state is State.GRANTED
    assert filed.request.decision["by_rule"] is True
    assert [(step.step, step.actor["kind"]) for step in filed.steps] == [("file", "staff"), ("approve", "rule")]
    told = await desk.hub.sharing.notices.list(desk.owner)
    assert "request.rule" in {notice.code for notice in told}


async def test_one_conditional_field_or_use_ex_officio_takes_a_decision(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    mixed = await requests.file(desk.asker, filing(hands, fields=["is_resident", "name"]))
    assert mixed.request.state is State.SUBMITTED
    official = filing(hands, fields=["is_resident"], kind="ex_officio", officers=["op-1"])
    assert (await requests.file(desk.asker, official)).request.state is State.SUBMITTED


async def test_terms_by_rule_are_no_way_around_the_form_check(desk: Desk, hands: Hands) -> None:
    with pytest.raises(IncompleteError):
        await desk.hub.sharing.requests.file(desk.asker, filing(hands, fields=["is_resident"], legal_basis=...))
