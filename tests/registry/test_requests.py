"""Asking for access: who may take which step, and what every step leaves behind."""

import asyncio

import pytest
from sqlalchemy import select

from catalog.store import find_system_id
from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.registry.requests.errors import OwnRequestError, StepError
from hub.registry.requests.values import State
from hub.runtime import LOG_KEY, open_hub
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey
from hub.storage.vault import DataKey
from tests.registry.asking import Desk, Hands, filing, staff
from tests.support import AMR, INTAKE, Place


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


async def test_the_asker_takes_an_open_request_back(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands))
    gone = await requests.withdraw(desk.colleague, filed.request.id, "不再需要")
    assert gone.request.state is State.WITHDRAWN
    with pytest.raises(StepError):
        await requests.withdraw(desk.asker, filed.request.id)


@pytest.mark.both
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


@pytest.mark.both
async def test_twins_under_one_key_are_one_request(place: Place, desk: Desk, hands: Hands) -> None:
    system_id = await desk.hub.database.read(lambda tx: find_system_id(tx, INTAKE))
    assert system_id is not None
    key = RequestKey.of(system_id, "grant-requests", "k-1", b"{}")
    async with open_hub(place.settings(), clock=hands) as other:
        sides = (desk.hub, other, desk.hub, other)
        done = await asyncio.gather(
            *(hub.sharing.requests.file(desk.asker, filing(hands), request=key) for hub in sides)
        )
    assert len({view.request.id for view in done}) == 1


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
