"""A drifting source is closed after a few answers, with an alarm, and opened by its owner after a live test."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.interface_store import StoredInterface, find_version
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.exchange.contract import Difference
from hub.registry.errors import NotReadyError, StateError
from hub.registry.tables import AlarmRow
from hub.runtime import Hub
from tests.registry.department import CODE, entries, interface, people, register, rewrite, source
from tests.support import ENTERPRISE, Place

RENAMED = Difference("name", "column_missing")
RETYPED = Difference("status", "code_unknown")
BAD_NUMBER = Difference("uscc", "id_check_digit")
LEARNT_SECONDS = 0.9


@pytest.fixture
async def stored(hub: Hub, tmp_path: Path) -> StoredInterface:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    await hub.interfaces.draft(COMMAND, interface())
    found = await hub.database.read(lambda tx: find_version(tx, CODE, 1))
    assert found is not None
    return found


async def test_three_equal_differences_in_a_row_close_the_version(
    hub: Hub, stored: StoredInterface, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = [await hub.drift.observe(stored, RENAMED) for _ in range(3)]
    assert seen == [False, False, True]
    assert await hub.drift.quarantined(stored.id)
    alarms = table(AlarmRow)
    alarm = await hub.database.read(lambda tx: tx.execute(select(alarms)).one())
    assert (alarm.field, alarm.code, alarm.lifted_at) == ("name", "column_missing", None)
    assert await hub.drift.observe(stored, RENAMED)
    assert await entries(hub, "interface.quarantine") == 1
    logged = "".join(capfd.readouterr())
    assert logged.count("interface_quarantined") == 1
    assert ENTERPRISE["name"] not in logged


async def test_a_good_answer_or_another_difference_begins_anew(hub: Hub, stored: StoredInterface) -> None:
    for difference in (RENAMED, RENAMED, None, RENAMED, RENAMED, RETYPED, RETYPED, RENAMED):
        assert not await hub.drift.observe(stored, difference)


async def test_a_bad_record_asked_for_again_and_again_closes_nothing(hub: Hub, stored: StoredInterface) -> None:
    for _ in range(10):
        assert not await hub.drift.observe(stored, BAD_NUMBER)
        assert not await hub.drift.observe(stored, RETYPED, question=b"the same question")


async def test_a_bad_record_in_between_does_not_save_a_drifting_source(hub: Hub, stored: StoredInterface) -> None:
    seen = [await hub.drift.observe(stored, item) for item in (RENAMED, BAD_NUMBER, RENAMED, BAD_NUMBER, RENAMED)]
    assert seen[-1]


@pytest.mark.both
async def test_a_quarantine_and_its_end_count_in_another_process_within_a_second(place: Place, tmp_path: Path) -> None:
    params = {"uscc": ENTERPRISE["id_number"]}
    async with place.open(drift_faults=1) as hub, place.open() as other:
        await hub.sources.add(COMMAND, source(register(tmp_path)))
        await hub.interfaces.draft(COMMAND, interface())
        found = await hub.database.read(lambda tx: find_version(tx, CODE, 1))
        assert found is not None
        assert not await other.drift.quarantined(found.id)
        assert await hub.drift.observe(found, RENAMED)
        await asyncio.sleep(LEARNT_SECONDS)
        assert await other.drift.quarantined(found.id)
        assert (await other.trials.try_out(COMMAND, CODE, params=params)).passed
        await other.trials.lift(COMMAND, CODE)
        await asyncio.sleep(LEARNT_SECONDS)
        assert not await hub.drift.quarantined(found.id)


async def test_a_quarantine_holds_after_a_restart(place: Place, tmp_path: Path) -> None:
    async with place.open(drift_faults=1) as hub:
        await hub.sources.add(COMMAND, source(register(tmp_path)))
        await hub.interfaces.draft(COMMAND, interface())
        found = await hub.database.read(lambda tx: find_version(tx, CODE, 1))
        assert found is not None
        assert await hub.drift.observe(found, RENAMED)
    async with place.open() as hub:
        assert await hub.drift.quarantined(found.id)


async def test_the_owner_opens_it_again_after_a_good_live_test(
    hub: Hub, stored: StoredInterface, tmp_path: Path
) -> None:
    staff = await people(hub)
    path = tmp_path / "register.sqlite3"
    with pytest.raises(StateError):
        await hub.trials.lift(staff.engineer, CODE)
    params = {"uscc": ENTERPRISE["id_number"]}
    assert (await hub.trials.try_out(staff.engineer, CODE, params=params)).passed
    rewrite(path, "UPDATE enterprises SET zt = '7'")
    for _ in range(3):
        await hub.drift.observe(stored, RETYPED)
    result = await hub.trials.try_out(staff.engineer, CODE, params=params)
    assert [(fault.field, fault.code) for fault in result.faults] == [("status", "code_unknown")]
    with pytest.raises(NotReadyError):
        await hub.trials.lift(staff.engineer, CODE)
    shown = await hub.interfaces.show(staff.engineer, CODE)
    assert shown.quarantine is not None
    assert (shown.quarantine.field, shown.quarantine.code) == ("status", "code_unknown")
    rewrite(path, "UPDATE enterprises SET zt = '1'")
    assert (await hub.trials.try_out(staff.engineer, CODE, params=params)).passed
    await hub.trials.lift(staff.engineer, CODE)
    assert not await hub.drift.quarantined(stored.id)
    assert (await hub.interfaces.show(staff.engineer, CODE)).quarantine is None
    assert await entries(hub, "interface.lifted") == 1
