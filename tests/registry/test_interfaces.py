"""The life of an interface: written by one person, approved by another, never changed once live, ended with notice."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from catalog import interface_store
from catalog.errors import DefinitionError
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.registry.errors import NoticeError, StateError, TwoPersonsError
from hub.registry.interface_drafting import Version
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from tests.registry.department import CODE, GOOD, SOURCE, People, entries, interface, tested
from tests.support import AMR, INTAKE, MATTER, POLICE, PURPOSE


async def test_the_whole_way_from_draft_to_live(hub: Hub, staff: People) -> None:
    assert await hub.interfaces.draft(staff.engineer, interface()) == Version(CODE, 1)
    assert await hub.interfaces.check(staff.engineer, CODE) == ()
    await hub.interfaces.to_test(staff.engineer, CODE)
    result = await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    assert (result.passed, result.rows, result.columns) == (True, 1, ("name", "uscc", "day", "zt"))
    assert await hub.interfaces.take_live(staff.approver, CODE) == Version(CODE, 1)
    live = await hub.database.read(lambda tx: interface_store.answering_interface(tx, CODE, now=datetime.now(UTC)))
    assert live is not None
    assert live.published_at is not None
    shown = await hub.interfaces.show(staff.engineer, CODE)
    assert [event.kind for event in shown.events] == ["draft", "test", "live"]
    for kind in ("interface.draft", "interface.test", "interface.trial", "interface.live"):
        assert await entries(hub, kind) == 1


async def test_whoever_wrote_it_cannot_approve_it(hub: Hub, staff: People) -> None:
    await hub.interfaces.draft(staff.both, interface())
    await hub.interfaces.to_test(staff.engineer, CODE)
    await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    with pytest.raises(TwoPersonsError):
        await hub.interfaces.take_live(staff.both, CODE)
    with pytest.raises(ForbiddenError):
        await hub.interfaces.take_live(staff.engineer, CODE)
    await hub.interfaces.take_live(staff.approver, CODE)


async def test_the_command_line_may_do_both(hub: Hub, staff: People) -> None:
    await hub.interfaces.draft(COMMAND, interface())
    await hub.interfaces.to_test(COMMAND, CODE)
    assert (await hub.trials.try_out(COMMAND, CODE, params=GOOD)).passed
    await hub.interfaces.take_live(COMMAND, CODE)


async def test_another_department_sees_and_changes_nothing(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    stranger = staff.stranger
    for attempt in (
        hub.interfaces.show(stranger, CODE),
        hub.interfaces.export(stranger, CODE),
        hub.interfaces.check(stranger, CODE),
        hub.interfaces.take_live(stranger, CODE),
        hub.interfaces.withdraw(stranger, CODE, reason="x"),
        hub.interfaces.draft(stranger, interface()),
        hub.trials.try_out(stranger, CODE, params=GOOD),
        hub.trials.quality(stranger, CODE, rows=[]),
        hub.trials.report(stranger, CODE),
        hub.trials.lift(stranger, CODE),
    ):
        with pytest.raises(MissingError):
            await attempt
    assert await hub.interfaces.list(stranger) == []
    assert len(await hub.interfaces.list(staff.auditor)) == 1
    with pytest.raises(ForbiddenError):
        await hub.trials.try_out(staff.auditor, CODE, params=GOOD)


async def test_a_live_version_never_changes_and_the_next_one_supersedes_it(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.interfaces.take_live(staff.approver, CODE)
    assert await hub.interfaces.copy(staff.engineer, CODE) == Version(CODE, 2)
    with pytest.raises(StateError):
        await hub.interfaces.copy(staff.engineer, CODE)
    assert await tested(hub, staff, cache_seconds=60) == Version(CODE, 2)
    first = await hub.interfaces.show(staff.engineer, CODE, 1)
    assert (first.state, first.declared.get("cache_seconds")) == ("live", None)
    await hub.interfaces.take_live(staff.approver, CODE)
    first = await hub.interfaces.show(staff.engineer, CODE, 1)
    assert first.state == "deprecated"
    assert first.ends_at is not None
    assert first.ends_at - datetime.now(UTC) > timedelta(days=29)
    newest = await hub.database.read(lambda tx: interface_store.answering_interface(tx, CODE, now=datetime.now(UTC)))
    assert newest is not None
    assert newest.version == 2


@pytest.mark.both
async def test_two_approvals_at_once_publish_once(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    attempts = [hub.interfaces.take_live(staff.approver, CODE) for _ in range(4)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert [item for item in outcomes if not isinstance(item, Exception)] == [Version(CODE, 1)]
    assert all(isinstance(item, ConflictError | StateError | Version) for item in outcomes)
    assert await entries(hub, "interface.live") == 1


async def test_an_end_needs_notice_and_names_who_must_be_told(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.interfaces.take_live(staff.approver, CODE)
    await hub.registry.add_grant(
        {
            "system": INTAKE,
            "interface": CODE,
            "owner": AMR,
            "fields": ["name"],
            "matters": [MATTER],
            "purpose": PURPOSE,
            "legal_basis": "政务数据共享条例",
            "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )
    soon = datetime.now(UTC) + timedelta(days=3)
    with pytest.raises(NoticeError) as refused:
        await hub.interfaces.deprecate(staff.approver, CODE, ends_at=soon, reason="系统下线")
    ends_at = refused.value.earliest + timedelta(days=1)
    with pytest.raises(DefinitionError):
        await hub.interfaces.deprecate(staff.approver, CODE, ends_at=ends_at, reason="")
    (holder,) = await hub.interfaces.deprecate(staff.approver, CODE, ends_at=ends_at, reason="系统下线")
    assert (holder.client_id, holder.department) == (INTAKE, AMR)
    await hub.interfaces.reinstate(staff.approver, CODE)
    assert (await hub.interfaces.show(staff.engineer, CODE)).ends_at is None
    (holder,) = await hub.interfaces.withdraw(staff.approver, CODE, reason="法律依据废止")
    assert (await hub.interfaces.show(staff.engineer, CODE)).state == "withdrawn"
    with pytest.raises(StateError):
        await hub.interfaces.withdraw(staff.approver, CODE, reason="again")


async def test_a_draft_is_discarded_by_its_engineer_and_a_live_version_is_not(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.interfaces.take_live(staff.approver, CODE)
    with pytest.raises(ForbiddenError):
        await hub.interfaces.withdraw(staff.engineer, CODE, reason="x")
    await hub.interfaces.copy(staff.engineer, CODE)
    await hub.interfaces.withdraw(staff.engineer, CODE, reason="作废")
    assert (await hub.interfaces.show(staff.engineer, CODE, 1)).state == "live"


async def test_an_exported_interface_is_the_interface_that_was_written(hub: Hub, staff: People) -> None:
    text = yaml.safe_dump(interface(), allow_unicode=True, sort_keys=False)
    await hub.interfaces.draft(staff.engineer, yaml.safe_load(text))
    exported = await hub.interfaces.export(staff.engineer, CODE)
    assert yaml.safe_load(exported) == interface()
    assert list(yaml.safe_load(exported)) == list(interface())
    before = (await hub.interfaces.show(staff.engineer, CODE)).digest
    await hub.interfaces.draft(staff.engineer, yaml.safe_load(exported))
    assert (await hub.interfaces.show(staff.engineer, CODE)).digest == before


async def test_after_a_succession_the_successor_goes_on_where_the_giver_stopped(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.interfaces.take_live(staff.approver, CODE)
    published = await hub.interfaces.show(staff.approver, CODE)
    departments, day = hub.catalogue.departments, date(2026, 11, 1)
    await departments.merge(COMMAND, AMR, POLICE, as_of=day, legal_basis="机构改革方案")
    view = await hub.interfaces.show(staff.stranger, CODE)
    assert (view.department, view.declared["department"], view.digest) == (POLICE, POLICE, published.digest)
    assert (await hub.interfaces.list(staff.stranger))[0].summary()["department"] == POLICE
    assert await hub.interfaces.copy(staff.stranger, CODE) == Version(CODE, 2)
    assert (await hub.interfaces.show(staff.stranger, CODE, 2)).declared["department"] == POLICE
    assert await hub.interfaces.check(staff.stranger, CODE) == ()
    exported = yaml.safe_load(await hub.interfaces.export(staff.stranger, CODE, 1))
    assert await hub.interfaces.draft(staff.stranger, exported) == Version(CODE, 2)
    found = await hub.sources.show(staff.stranger, SOURCE)
    assert found.declared["department"] == POLICE
    assert await hub.sources.change(COMMAND, found.declared | {"contact": "科技科"}) == found.row_version + 1
