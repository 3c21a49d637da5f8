"""Asking for access and answering: every step, who may take it, and what it leaves behind."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.grants import Grant, GrantState, ResourceKind
from catalog.store import read_grants
from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.registry.requests_check import is_vague
from hub.registry.requests_decision import Approval
from hub.registry.requests_errors import IncompleteError, OwnRequestError, StepError
from hub.registry.requests_values import State
from hub.registry.requests_views import RequestView
from hub.registry.requests_wording import CODES
from hub.runtime import LOG_KEY, open_hub
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey
from tests.registry.asking import SUBSIDY, Desk, Hands, filing, interface, publish, staff
from tests.support import AMR, Place


async def codes(desk: Desk, hands: Hands, **changes: Any) -> dict[str, str]:
    faults = await desk.hub.sharing.requests.check(desk.asker, filing(hands, **changes))
    assert all(fault.zh and fault.en for fault in faults)
    return {f"{fault.pointer} {fault.code}": str(fault.params.get("reason", "")) for fault in faults}


async def grant_of(desk: Desk, found: RequestView) -> Grant:
    grants = await desk.hub.database.read(lambda tx: read_grants(tx, [str(found.request.grant_id)]))
    assert len(grants) == 1
    return grants[0]


# The form check


async def test_a_complete_request_has_no_fault(desk: Desk, hands: Hands) -> None:
    assert await codes(desk, hands) == {}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"fields": ["name", "shoe_size"]}, "/fields/1 field_unknown"),
        ({"fields": ["remarks"]}, "/fields/0 field_not_shared"),
        ({"fields": []}, "/fields fields_missing"),
        ({"fields": "name"}, "/fields malformed"),
        ({"interface": "nothing_by_id"}, "/interface resource_unknown"),
        ({"interface": ...}, " resource_missing"),
        ({"type": "business_licence"}, " resource_missing"),
        ({"matters": ["NOWHERE"]}, "/matters/0 matter_unknown"),
        ({"matters": ["FOOD"]}, "/matters/0 matter_of_another_department"),
        ({"matters": ...}, "/matters matters_missing"),
        ({"purpose": ...}, "/purpose purpose_missing"),
        ({"purpose": "工作需要"}, "/purpose purpose_vague"),
        ({"purpose": "x" * 201}, "/purpose malformed"),
        ({"legal_basis": " "}, "/legal_basis legal_basis_missing"),
        ({"scene": ...}, "/scene scene_missing"),
        ({"contact": ...}, "/contact contact_missing"),
        ({"quota_per_day": ...}, "/quota_per_day quota_missing"),
        ({"quota_per_day": 0}, "/quota_per_day malformed"),
        ({"quota_per_day": True}, "/quota_per_day malformed"),
        ({"valid_until": ...}, "/valid_until validity_missing"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "/valid_until validity_past"),
        ({"valid_until": "2099-01-01T00:00:00Z"}, "/valid_until validity_too_long"),
        ({"valid_until": "2030-01-01"}, "/valid_until malformed"),
        ({"valid_from": "2098-06-01T00:00:00Z"}, "/valid_until validity_past"),
        ({"corroboration": ["a_hunch"]}, "/corroboration/0 corroboration_unknown"),
        ({"kind": "ex_officio"}, "/officers officers_missing"),
        ({"officers": ["op-1"]}, "/officers officers_unasked"),
        ({"kind": "curiosity"}, "/kind malformed"),
        ({"urgent": True}, " member_unknown"),
    ],
)
async def test_a_slip_is_one_fault_at_its_place(desk: Desk, hands: Hands, changes: dict[str, Any], found: str) -> None:
    assert list(await codes(desk, hands, **changes)) == [found]


async def test_every_fault_is_named_at_once_and_nothing_is_stored(desk: Desk, hands: Hands) -> None:
    wrong = {"fields": ["remarks", "shoe_size"], "matters": ["FOOD"], "legal_basis": ..., "purpose": "业务需要"}
    wrong |= {"quota_per_day": ..., "valid_until": "2099-01-01T00:00:00Z"}
    with pytest.raises(IncompleteError) as caught:
        await desk.hub.sharing.requests.file(desk.asker, filing(hands, **wrong))
    assert [fault.code for fault in caught.value.faults] == [
        "field_not_shared",
        "field_unknown",
        "matter_of_another_department",
        "purpose_vague",
        "legal_basis_missing",
        "quota_missing",
        "validity_too_long",
    ]
    closed = caught.value.faults[0].as_json()
    assert closed["params"] == {"reason": "涉及治安管理", "legal_basis": "居民身份证法第十九条"}
    assert await desk.hub.sharing.requests.list(desk.asker) == []


@pytest.mark.parametrize(
    ("purpose", "vague"),
    [("工作需要使用", True), ("内部使用", True), ("For work.", True), ("查询", True), ("办理低保金", False),
     ("核验工作需要的居住证明", False), ("Checks residence for a subsidy", False)],
)  # fmt: skip
def test_a_purpose_that_fits_everything_is_vague(purpose: str, vague: object) -> None:
    assert is_vague(purpose) is vague


async def test_an_interface_that_is_not_live_cannot_be_asked_for(desk: Desk, hands: Hands) -> None:
    await publish(desk.hub, interface("in_test", source="other"), state="test")
    assert list(await codes(desk, hands, interface="in_test")) == ["/interface resource_unknown"]


async def test_one_open_request_for_the_same_is_enough(desk: Desk, hands: Hands) -> None:
    await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    assert list(await codes(desk, hands)) == [" asked_already"]
    assert await codes(desk, hands, purpose="核验申请人婚姻情况") == {}


# Who may


async def test_only_the_systems_own_department_asks_for_it(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    with pytest.raises(MissingError):
        await requests.file(desk.stranger, filing(hands))
    with pytest.raises(ForbiddenError):
        await requests.file(desk.operator, filing(hands))
    with pytest.raises(MissingError):
        await requests.file(desk.asker, filing(hands, system="nobody"))


async def test_a_request_exists_for_both_sides_operator_and_auditor_only(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    for actor in (desk.asker, desk.owner, desk.operator, desk.auditor, COMMAND):
        assert (await requests.get(actor, filed.request.id)).request.id == filed.request.id
        assert [item.request.id for item in await requests.list(actor)] == [filed.request.id]
    assert await requests.list(desk.stranger) == []
    with pytest.raises(MissingError):
        await requests.get(desk.stranger, filed.request.id)


async def test_only_an_approver_of_the_owner_decides(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    for actor, error in (
        (desk.stranger, MissingError),
        (desk.asker, MissingError),
        (desk.colleague, MissingError),
        (desk.operator, ForbiddenError),
        (desk.auditor, ForbiddenError),
    ):
        with pytest.raises(error):
            await requests.approve(actor, filed.request.id)
    for actor in (desk.owner, desk.stranger):
        with pytest.raises(MissingError):
            await requests.withdraw(actor, filed.request.id)
    assert (await requests.get(desk.owner, filed.request.id)).request.state is State.SUBMITTED


async def test_whoever_asked_does_not_decide_even_in_the_own_department(desk: Desk, hands: Hands) -> None:
    hub = desk.hub
    both = await staff(hub, AMR, "both", Role.CONSUMER_ENGINEER, Role.OWNER_APPROVER)
    other = await staff(hub, AMR, "other", Role.OWNER_APPROVER)
    own = filing(hands, system="intake", matters=["FOOD"], interface=..., type="business_licence", fields=["name"])
    filed = await hub.sharing.requests.file(both, own)
    with pytest.raises(OwnRequestError):
        await hub.sharing.requests.approve(both, filed.request.id)
    assert (await hub.sharing.requests.approve(other, filed.request.id)).request.state is State.GRANTED


# Answers


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
        Approval(("name",), None, None, 50, until, ("card_read",), reasons),
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


async def test_the_asker_takes_an_open_request_back(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    gone = await requests.withdraw(desk.colleague, filed.request.id, "不再需要")
    assert gone.request.state is State.WITHDRAWN
    with pytest.raises(StepError):
        await requests.withdraw(desk.asker, filed.request.id)


async def test_two_approvers_at_once_make_one_decision(place: Place, desk: Desk, hands: Hands) -> None:
    filed = await desk.hub.sharing.requests.file(desk.asker, filing(hands))
    request_id = filed.request.id
    async with open_hub(place.settings(), clock=hands) as other:
        done = await asyncio.gather(
            desk.hub.sharing.requests.approve(desk.owner, request_id),
            other.sharing.requests.refuse(desk.other_owner, request_id, "不予同意", "条例第四条"),
            desk.hub.sharing.requests.approve(desk.other_owner, request_id),
            other.sharing.requests.approve(desk.owner, request_id),
            return_exceptions=True,
        )
    assert sum(not isinstance(item, BaseException) for item in done) == 1
    assert all(isinstance(item, StepError) for item in done if isinstance(item, BaseException))
    found = await desk.hub.sharing.requests.get(desk.owner, request_id)
    assert len(found.steps) == 2


# By rule


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


# What is left behind


async def test_every_step_is_a_ledger_entry_naming_who_took_it(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    await requests.ask_more(desk.owner, filed.request.id, "请补充")
    await requests.supply(desk.colleague, filed.request.id, filing(hands))
    done = await requests.approve(desk.other_owner, filed.request.id)
    entries = table(LedgerEntryRow)
    secret = desk.hub.keys.secret(LOG_KEY)
    key = DataKey(secret.value, wrapped=b"", kek_kid=secret.kid)
    rows = await desk.hub.database.read(
        lambda tx: tx.execute(
            select(entries).where(entries.c.object_id == filed.request.id).order_by(entries.c.object_version)
        ).all()
    )
    found = [open_detail(row.id, row.detail, row.commitment, key=key) for row in rows]
    assert [(item["kind"], item["detail"]["actor"]["id"]) for item in found] == [
        ("grant.request.file", "asker"),
        ("grant.request.ask_more", "owner"),
        ("grant.request.supply", "colleague"),
        ("grant.request.approve", "other-owner"),
    ]
    assert [row.object_version for row in rows] == [1, 2, 3, 4]
    assert [step.ledger_entry_id for step in done.steps] == [row.id for row in rows]
    assert found[-1]["detail"]["grant"] == done.request.grant_id


async def test_both_sides_are_told_and_each_sees_only_its_own_notices(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    filed = await sharing.requests.file(desk.asker, filing(hands))
    await sharing.requests.approve(desk.owner, filed.request.id)
    assert [item.code for item in await sharing.notices.list(desk.owner)] == ["request.file"]
    mine = await sharing.notices.list(desk.asker)
    assert [item.code for item in mine] == ["request.approve"]
    assert mine[0].as_json()["object"] == {"kind": "grant_request", "id": filed.request.id}
    assert await sharing.notices.list(desk.stranger) == []
    with pytest.raises(MissingError):
        await sharing.notices.see(desk.stranger, mine[0].id)
    await sharing.notices.see(desk.asker, mine[0].id)
    assert await sharing.notices.list(desk.asker, unseen=True) == []


def test_every_fault_has_its_words() -> None:
    assert {"malformed", "field_not_shared", "cut_without_reason"} <= CODES
