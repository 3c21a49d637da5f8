"""Publishing an interface: written by one person, tried, approved by another, and never changed once it is live."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import interface_store
from catalog.errors import DefinitionError
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.registry.errors import Lack, NoticeError, NotReadyError, StateError, TwoPersonsError
from hub.registry.interfaces import Version
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from tests.registry.department import CODE, OTHER, People, entries, interface, people, register, source
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, PURPOSE

GOOD = {"uscc": ENTERPRISE["id_number"]}
ROW = {"name": "某公司", "uscc": OTHER, "day": "2020-01-02", "zt": "1"}
ANSWER = {"uscc": OTHER, "name": "某公司", "established_on": "2020-01-02", "status": "存续", "is_active": True}


@pytest.fixture
async def staff(hub: Hub, tmp_path: Path) -> People:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    return await people(hub)


async def tested(hub: Hub, staff: People, **changes: Any) -> Version:
    """A version that only approval keeps from being live."""
    version = await hub.interfaces.draft(staff.engineer, interface(**changes))
    await hub.interfaces.to_test(staff.engineer, CODE)
    result = await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    assert result.passed, result
    return version


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


async def test_a_live_test_shows_masks_and_leaves_no_value_behind(
    hub: Hub, staff: People, capfd: pytest.CaptureFixture[str]
) -> None:
    await hub.interfaces.draft(staff.engineer, interface())
    result = await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    (record,) = result.records
    assert record["name"] == "示***(11)"
    assert record["is_active"] is True
    remembered = await hub.interfaces.show(staff.engineer, CODE)
    told = str(result.as_json()) + repr(result) + str(remembered.as_json()["trials"]) + "".join(capfd.readouterr())
    for value in (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019-03-01"):
        assert value not in told


async def test_a_live_test_that_finds_nobody_proves_nothing(hub: Hub, staff: People) -> None:
    await hub.interfaces.draft(staff.engineer, interface())
    await hub.interfaces.to_test(staff.engineer, CODE)
    nobody = "91990100MA00000994"
    result = await hub.trials.try_out(staff.engineer, CODE, params={"uscc": nobody})
    assert (result.passed, result.code) == (False, "no_record")
    with pytest.raises(NotReadyError) as refused:
        await hub.interfaces.take_live(staff.approver, CODE)
    assert refused.value.lacks == (Lack("trial", "missing"),)


async def test_a_live_test_says_where_the_mapping_fails(hub: Hub, staff: People) -> None:
    mapping = interface()["mapping"]
    broken = mapping | {
        "fields": mapping["fields"] | {"name": "NAME", "status": {"from": "zt", "codes": {"9": "存续"}}}
    }
    await hub.interfaces.draft(staff.engineer, interface(mapping=broken))
    result = await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    assert result.code == "contract"
    assert {(fault.field, fault.code) for fault in result.faults} == {
        ("name", "column_missing"),
        ("status", "code_unknown"),
    }


async def test_somebody_elses_row_and_two_rows_do_not_pass(hub: Hub, staff: People) -> None:
    everything = {"statement": "SELECT name, uscc, day, zt FROM enterprises WHERE :uscc <> ''"}
    await hub.interfaces.draft(staff.engineer, interface(operation=everything))
    assert (await hub.trials.try_out(staff.engineer, CODE, params=GOOD)).code == "other_record"
    await hub.interfaces.draft(staff.engineer, interface(operation=everything, echoes={}, identity_name=None))
    assert (await hub.trials.try_out(staff.engineer, CODE, params=GOOD)).code == "several_records"


async def test_parameters_that_do_not_fit_are_refused_before_the_source_is_asked(hub: Hub, staff: People) -> None:
    await hub.interfaces.draft(staff.engineer, interface())
    with pytest.raises(NotReadyError) as refused:
        await hub.trials.try_out(staff.engineer, CODE, params={"uscc": 5, "who": "x"})
    assert set(refused.value.lacks) == {Lack("/params/uscc", "type"), Lack("/params", "additionalProperties")}
    assert await entries(hub, "interface.trial") == 0


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


async def test_a_change_after_the_test_must_be_tested_again(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.interfaces.draft(staff.engineer, interface(summary={"zh": "改", "en": "Changed"}))
    with pytest.raises(StateError):
        await hub.interfaces.take_live(staff.approver, CODE)
    await hub.interfaces.to_test(staff.engineer, CODE)
    with pytest.raises(NotReadyError, match="trial: missing"):
        await hub.interfaces.take_live(staff.approver, CODE)


async def test_a_change_of_the_source_after_the_test_must_be_tested_again(
    hub: Hub, staff: People, tmp_path: Path
) -> None:
    await tested(hub, staff)
    await hub.sources.change(COMMAND, source(tmp_path / "register.sqlite3", contact="x"))
    with pytest.raises(NotReadyError, match="trial: missing"):
        await hub.interfaces.take_live(staff.approver, CODE)


async def test_a_sample_with_a_row_stands_for_a_live_test(hub: Hub, staff: People) -> None:
    sample = {"params": {"uscc": OTHER}, "row": ROW, "answer": ANSWER}
    await hub.interfaces.draft(staff.engineer, interface(samples=[sample]))
    await hub.interfaces.to_test(staff.engineer, CODE)
    await hub.interfaces.take_live(staff.approver, CODE)


async def test_everything_that_is_missing_is_told_at_once(hub: Hub, staff: People) -> None:
    mapping = interface()["mapping"]
    await hub.interfaces.draft(
        staff.engineer,
        interface(
            operation={"statement": "SELECT 1 AS one WHERE :name = :name"},
            mapping=mapping | {"fields": {**mapping["fields"], "nobody": "x"}},
            samples=[{"answer": {}}],
        ),
    )
    lacks = await hub.interfaces.check(staff.engineer, CODE)
    assert {lack.pointer for lack in lacks} >= {"/params/uscc", "/operation"}
    assert any("mapping/fields/nobody" in lack.pointer + lack.rule for lack in lacks)
    with pytest.raises(NotReadyError):
        await hub.interfaces.to_test(staff.engineer, CODE)


@pytest.mark.parametrize(
    ("sample", "pointer"),
    [
        ({"params": {"uscc": 5}}, "/samples/0/params/uscc"),
        ({"answer": {}}, "/samples/0"),
        ({"params": GOOD, "answer": {"name": "x"}}, "/samples/0/answer/uscc"),
        ({"params": GOOD, "row": {"name": "x"}}, "/samples/0/row/uscc"),
        ({"params": GOOD, "answer": ANSWER | {"is_active": "yes"}}, "/samples/0/answer/is_active"),
        ({"params": GOOD, "row": ROW, "answer": ANSWER | {"name": "b"}}, "/samples/0/row"),
    ],
)
async def test_a_sample_must_fit_the_schema(hub: Hub, staff: People, sample: dict[str, Any], pointer: str) -> None:
    await hub.interfaces.draft(staff.engineer, interface(samples=[sample]))
    assert pointer in {lack.pointer for lack in await hub.interfaces.check(staff.engineer, CODE)}


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


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "no-such-source"},
        {"department": "11990000MB0000099X"},
        {"fields": {}},
        {"mapping": {"version": 1, "fields": {"status": {"from": "zt", "codes": {True: "存续"}}}}},
        {"catalogue": {"since": object()}},
    ],
)
async def test_what_cannot_be_read_is_no_draft(hub: Hub, staff: People, changes: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        await hub.interfaces.draft(staff.engineer, interface(**changes))
    assert await hub.interfaces.list(staff.engineer) == []


async def test_an_interface_of_a_disabled_source_is_not_published(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.sources.disable(COMMAND, "amr-register", reason="迁移")
    with pytest.raises(NotReadyError, match="/source: disabled"):
        await hub.interfaces.take_live(staff.approver, CODE)
