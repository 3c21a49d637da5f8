"""Before an interface is live it can be read, nothing of it is missing, and it was tried as it is."""

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND
from hub.registry.errors import Lack, NotReadyError, StateError
from hub.runtime import Hub
from hub.web.console.owner.words import rule_words
from tests.registry.department import CODE, GOOD, OTHER, People, entries, interface, source, tested
from tests.support import ENTERPRISE

ROW = {"name": "某公司", "uscc": OTHER, "day": "2020-01-02", "zt": "1"}
ANSWER = {"uscc": OTHER, "name": "某公司", "established_on": "2020-01-02", "status": "存续", "is_active": True}


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
@pytest.mark.sampled
async def test_a_sample_must_fit_the_schema(hub: Hub, staff: People, sample: dict[str, Any], pointer: str) -> None:
    await hub.interfaces.draft(staff.engineer, interface(samples=[sample]))
    assert pointer in {lack.pointer for lack in await hub.interfaces.check(staff.engineer, CODE)}


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
@pytest.mark.sampled
async def test_what_cannot_be_read_is_no_draft(hub: Hub, staff: People, changes: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        await hub.interfaces.draft(staff.engineer, interface(**changes))
    assert await hub.interfaces.list(staff.engineer) == []


async def test_an_interface_of_a_disabled_source_is_not_published(hub: Hub, staff: People) -> None:
    await tested(hub, staff)
    await hub.sources.disable(COMMAND, "amr-register", reason="迁移")
    with pytest.raises(NotReadyError, match="/source: disabled"):
        await hub.interfaces.take_live(staff.approver, CODE)


@pytest.mark.parametrize(
    ("catalogue", "pointer"),
    [
        ({"category": "法人"}, "/catalogue/category"),
        ({"colour": "red"}, "/catalogue/colour"),
        ({"keywords": "营业执照"}, "/catalogue/keywords"),
        ({"openness": "perhaps"}, "/catalogue/openness"),
    ],
)
@pytest.mark.sampled
async def test_what_the_catalogue_could_not_show_is_missing(
    hub: Hub, staff: People, catalogue: dict[str, Any], pointer: str
) -> None:
    await hub.interfaces.draft(staff.engineer, interface(catalogue=catalogue))
    (lack,) = await hub.interfaces.check(staff.engineer, CODE)
    assert lack.pointer == pointer
    zh, en = rule_words(lack.pointer, lack.rule)
    assert pointer.strip("/") in zh
    assert en != zh
    with pytest.raises(NotReadyError):
        await hub.interfaces.to_test(staff.engineer, CODE)
