"""What one operator proposes happens when another confirms it, as it was proposed, within three days, once."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.registry.requests.errors import ProposalOverError, SamePersonError
from hub.registry.sharing import CALENDAR, DEPARTMENT, HAND_OVER, MATTER, MERGE, RULES, SYSTEM
from hub.registry.tables import ProposalRow
from hub.runtime import open_hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.keys import SoftwareSigner
from tests.registry.asking import CIVIL, Desk, Hands, filing, matter
from tests.support import POLICE, Place, valid_uscc

WANTED = {"what": "户籍成员信息", "legal_basis": "政务数据共享条例", "contact": "信息科"}
NEW = valid_uscc("11990000MB0000009")
MERGER = {"from": POLICE, "into": CIVIL, "as_of": "2026-11-01", "legal_basis": "机构改革方案"}
PAYLOAD = {"code": NEW, "name": {"zh": "新设局", "en": "A new bureau"}}


async def known(desk: Desk) -> bool:
    return await desk.hub.database.read(lambda tx: find_department(tx, NEW)) is not None


async def test_a_department_exists_only_after_the_second_operator(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    assert not await known(desk)
    with pytest.raises(SamePersonError):
        await proposals.confirm(desk.operator, made.id)
    done = await proposals.confirm(desk.second, made.id)
    assert await known(desk)
    assert (done.state, done.proposed_by["id"], done.decided_by["id"]) == ("executed", "operator", "second")
    with pytest.raises(ProposalOverError):
        await proposals.confirm(desk.second, made.id)


async def test_the_command_line_is_one_person_not_two(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(COMMAND, DEPARTMENT, PAYLOAD, "机构改革")
    with pytest.raises(SamePersonError):
        await proposals.confirm(COMMAND, made.id)
    await proposals.confirm(desk.operator, made.id)
    assert await known(desk)


async def test_systems_and_matters_of_others_too(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    names = {"zh": "x", "en": "x"}
    system = {
        "department": CIVIL,
        "client_id": "made-by-two",
        "name": names,
        "keys": [SoftwareSigner.generate().public.jwk],
    }
    for action, payload in ((SYSTEM, system), (MATTER, matter("BY-TWO", CIVIL))):
        made = await proposals.propose(desk.operator, action, payload, "代为登记")
        await proposals.confirm(desk.second, made.id)
    assert [item.state for item in await proposals.list(desk.auditor)] == ["executed", "executed"]


async def test_a_merger_takes_two_operators(desk: Desk, hands: Hands) -> None:
    sharing, departments = desk.hub.sharing, desk.hub.catalogue.departments
    with pytest.raises(SamePersonError):
        await departments.merge(desk.operator, POLICE, CIVIL, as_of=hands.now.date(), legal_basis="机构改革方案")
    filed = await sharing.requests.file(desk.asker, filing(hands))
    made = await sharing.proposals.propose(desk.operator, MERGE, MERGER, "机构改革")
    assert (await sharing.requests.get(desk.asker, filed.request.id)).request.owner_code == POLICE
    moved = (await sharing.proposals.confirm(desk.second, made.id)).result["moved"]
    assert (moved["interfaces"], moved["sources"], moved["waiting"]) == (1, 1, 1)
    assert (await sharing.requests.get(desk.asker, filed.request.id)).request.owner_code == CIVIL
    (told,) = await departments.history(COMMAND, POLICE)
    assert (told["from"], told["into"], told["kind"], told["as_of"]) == (POLICE, CIVIL, "merge", "2026-11-01")


async def test_a_part_is_handed_over_by_two_operators(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    part = MERGER | {"sources": ["source-of-residence_by_id"]}
    made = await proposals.propose(desk.operator, HAND_OVER, part, "职责划转")
    assert (await proposals.confirm(desk.second, made.id)).result["moved"]["interfaces"] == 1
    giver = await desk.hub.database.read(lambda tx: find_department(tx, POLICE))
    assert giver is not None
    assert not giver.closed


async def test_it_lapses_after_three_days(desk: Desk, hands: Hands) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    hands.now += timedelta(days=3)
    with pytest.raises(ProposalOverError) as caught:
        await proposals.confirm(desk.second, made.id)
    assert caught.value.state == "expired"
    assert await proposals.list(desk.second, only_open=True) == []
    assert not await known(desk)


async def test_a_rejected_one_is_over(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    await proposals.reject(desk.second, made.id, "名称有误")
    with pytest.raises(ProposalOverError):
        await proposals.confirm(desk.second, made.id)
    assert not await known(desk)


async def test_nobody_else_proposes_confirms_or_looks(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    for actor in (desk.owner, desk.asker, desk.auditor):
        with pytest.raises(ForbiddenError):
            await proposals.propose(actor, DEPARTMENT, PAYLOAD, "机构改革")
        with pytest.raises(ForbiddenError):
            await proposals.confirm(actor, made.id)
        with pytest.raises(ForbiddenError):
            await proposals.reject(actor, made.id, "x")
    with pytest.raises(ForbiddenError):
        await proposals.list(desk.owner)
    with pytest.raises(MissingError):
        await proposals.confirm(desk.second, "00000000-0000-7000-8000-000000000000")


async def test_what_was_changed_in_the_database_is_not_confirmed(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    changed = json.dumps(PAYLOAD | {"name": {"zh": "甲", "en": "A"}})
    statement = text("UPDATE proposals SET payload = :payload")
    await desk.hub.database.write(lambda tx: tx.execute(statement, {"payload": changed}))
    with pytest.raises(IntegrityBrokenError):
        await proposals.confirm(desk.second, made.id)
    assert not await known(desk)


async def test_neither_a_later_end_nor_another_reason_by_sql_is_confirmed(desk: Desk, hands: Hands) -> None:
    """The second person reads why; and what lapsed is not lengthened."""
    proposals = desk.hub.sharing.proposals
    made = await proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    later, rows = made.expires_at + timedelta(days=30), table(ProposalRow)
    cases = ((0, "另一个理由", IntegrityBrokenError), (3, "机构改革", ProposalOverError))
    for days, reason, error in cases:
        hands.now += timedelta(days=days)
        changed = update(rows).values(reason=reason, created_at=later, expires_at=later)
        await desk.hub.database.write(lambda tx, changed=changed: tx.execute(changed))
        with pytest.raises(error):
            await proposals.confirm(desk.second, made.id)
    assert not await known(desk)


@pytest.mark.both
async def test_two_second_operators_at_once_make_the_change_once(place: Place, desk: Desk, hands: Hands) -> None:
    made = await desk.hub.sharing.proposals.propose(desk.operator, DEPARTMENT, PAYLOAD, "机构改革")
    third = desk.auditor.__class__("staff", "third", "third", None, desk.second.roles)
    async with open_hub(place.settings(), clock=hands) as other:
        done = await asyncio.gather(
            desk.hub.sharing.proposals.confirm(desk.second, made.id),
            other.sharing.proposals.confirm(third, made.id),
            return_exceptions=True,
        )
    assert sorted(type(item).__name__ for item in done) == ["Proposal", "ProposalOverError"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("hub.erase", {}),
        (DEPARTMENT, {}),
        (MATTER, {"code": "x"}),
        (CALENDAR, {"year": 2028}),
        (RULES, {"in_force_from": "soon"}),
        ("dispute.decide", {"request": "x", "verdict": "maybe"}),
        (MERGE, MERGER | {"as_of": "tomorrow"}),
        (MERGE, MERGER | {"systems": ["x"]}),
        (HAND_OVER, MERGER),
        (HAND_OVER, MERGER | {"sources": "source-of-residence_by_id"}),
    ],
)
@pytest.mark.sampled
async def test_what_could_never_be_made_is_refused_at_once(desk: Desk, action: str, payload: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        await desk.hub.sharing.proposals.propose(desk.operator, action, payload, "x")


async def test_a_change_that_fails_leaves_the_proposal_open(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    wrong = {"code": "not a code", "name": {"zh": "x", "en": "x"}}
    made = await proposals.propose(desk.operator, DEPARTMENT, wrong, "x")
    with pytest.raises(Exception, match="identifier"):
        await proposals.confirm(desk.second, made.id)
    assert [item.id for item in await proposals.list(desk.second, only_open=True)] == [made.id]


# Clocks


async def test_a_new_set_of_limits_governs_what_is_filed_from_its_day_on(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    before = await sharing.requests.file(desk.asker, filing(hands))
    clocks = await desk.hub.database.read(sharing.clocks.in_force)
    rules = clocks.rules[-1].as_json() | {"in_force_from": (hands.now + timedelta(days=1)).date().isoformat()}
    rules |= {"source": "市政务数据共享办法", "confirmed": True}
    rules["working_days"]["answer"] = 5
    made = await sharing.proposals.propose(desk.operator, RULES, rules, "地方规定")
    await sharing.proposals.confirm(desk.second, made.id)
    hands.to(days=1)
    after = await sharing.requests.file(desk.asker, filing(hands, purpose="核验申请人婚姻情况"))
    assert (after.remaining, after.rules.source) == (5, "市政务数据共享办法")
    kept = await sharing.requests.get(desk.asker, before.request.id)
    assert (kept.remaining, kept.rules.source) == (9, clocks.rules[-1].source)


async def test_an_announced_calendar_moves_the_clocks_that_run(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    filed = await sharing.requests.file(desk.asker, filing(hands))
    due = filed.request.due_at
    assert due is not None
    assert filed.request.due_assumed
    other = await sharing.requests.file(desk.asker, filing(hands, purpose="核验申请人婚姻情况"))
    await sharing.requests.refuse(desk.owner, other.request.id, "无需该信息", "条例第四条")
    disputed = (await sharing.disputes.open(desk.asker, other.request.id, "法定职责需要")).due_at
    demand = await desk.hub.catalogue.demands.file(desk.asker, WANTED)
    assert disputed == demand.demand.due_at == due  # ten working days from the same morning
    holiday = (hands.now + timedelta(days=2)).date()
    year = {"year": holiday.year, "source": "国务院办公厅通知", "holidays": [holiday.isoformat()]}
    made = await sharing.proposals.propose(desk.operator, CALENDAR, year, "已公布")
    assert (await sharing.proposals.confirm(desk.second, made.id)).result == {"year": holiday.year, "recounted": 3}
    moved = await sharing.requests.get(desk.asker, filed.request.id)
    later = due + timedelta(days=1)
    assert (moved.request.due_at, moved.request.due_assumed) == (later, False)
    dispute = await sharing.disputes.of(desk.asker, other.request.id)
    assert dispute is not None
    assert dispute.due_at == later
    assert (await desk.hub.catalogue.demands.show(desk.asker, demand.demand.id)).demand.due_at == later
    await sharing.disputes.escalate(desk.asker, other.request.id, "协商未果")  # a step finds it where the count left it
    hands.to(days=15)
    await desk.hub.jobs.sweep()
    over = [item.code for item in await sharing.notices.list(desk.owner) if item.code.endswith(".over")]
    assert over == []


async def test_a_setting_nobody_confirmed_is_not_believed(desk: Desk, hands: Hands) -> None:
    sharing = desk.hub.sharing
    year = {"year": 2040, "source": "x", "holidays": ["2040-01-01"]}
    made = await sharing.proposals.propose(desk.operator, CALENDAR, year, "x")
    await sharing.proposals.confirm(desk.second, made.id)
    await desk.hub.database.write(lambda tx: tx.execute(text("UPDATE clock_settings SET kind = 'rules'")))
    with pytest.raises(IntegrityBrokenError):
        await sharing.requests.file(desk.asker, filing(hands))
