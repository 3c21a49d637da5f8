"""The form check: everything that is missing or wrong is named at once, each at its place."""

from typing import Any

import pytest

from hub.registry.requests.check import is_vague
from hub.registry.requests.errors import IncompleteError
from hub.registry.requests.wording import CODES
from tests.registry.asking import Desk, Hands, filing, interface, publish

pytestmark = pytest.mark.embedded


async def codes(desk: Desk, hands: Hands, **changes: Any) -> dict[str, str]:
    faults = await desk.hub.sharing.requests.check(desk.asker, filing(hands, **changes))
    assert all(fault.zh and fault.en for fault in faults)
    return {f"{fault.pointer} {fault.code}": str(fault.params.get("reason", "")) for fault in faults}


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


def test_every_fault_has_its_words() -> None:
    assert {"malformed", "field_not_shared", "cut_without_reason"} <= CODES
