"""What the owner's pages stand on: drafts of forms, samples of a source, tests before registering, use."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.clock import BEIJING
from hub.registry.sampling import guess
from hub.registry.tables import FormDraftRow
from hub.registry.usage import Usage
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, Town, town
from tests.exchange.conftest import register as served_register
from tests.registry.department import SOURCE, entries, people, source
from tests.registry.department import register as register_file
from tests.support import ENTERPRISE, INTAKE, MATTER

register = served_register
__all__ = ["register", "town"]
LOOK_UP = {"statement": "SELECT name, uscc, day, zt FROM enterprises WHERE uscc = :uscc"}


async def test_a_draft_is_kept_for_the_department_encrypted_and_in_order(hub: Hub) -> None:
    staff = await people(hub)
    draft_id = await hub.drafts.begin(staff.engineer, "source", {"definition": {"z": 1, "a": 2}})
    await hub.drafts.save(staff.both, draft_id, {"secrets": {"password": "canary-4711"}, "step": 2})
    kept = await hub.drafts.save(staff.engineer, draft_id, {"step": None})
    assert kept.content == {"definition": {"z": 1, "a": 2}, "secrets": {"password": "canary-4711"}}
    assert list((await hub.drafts.get(staff.both, draft_id)).content["definition"]) == ["z", "a"]
    (row,) = await hub.database.read(lambda tx: tx.execute(select(table(FormDraftRow))).all())
    assert b"canary" not in row.sealed
    assert "canary" not in repr(kept)


async def test_a_draft_of_another_department_does_not_exist(hub: Hub) -> None:
    staff = await people(hub)
    draft_id = await hub.drafts.begin(staff.engineer, "source", {})
    for attempt in (hub.drafts.get(staff.stranger, draft_id), hub.drafts.remove(staff.stranger, draft_id)):
        with pytest.raises(MissingError):
            await attempt
    with pytest.raises(ForbiddenError):
        await hub.drafts.get(staff.approver, draft_id)
    assert await hub.drafts.list(staff.stranger, "source") == []
    await hub.drafts.remove(staff.engineer, draft_id)
    assert await hub.drafts.list(staff.engineer, "source") == []


async def test_a_draft_has_a_limit(hub: Hub) -> None:
    staff = await people(hub)
    with pytest.raises(DefinitionError):
        await hub.drafts.begin(staff.engineer, "source", {"text": "x" * 300_000})


async def test_a_sample_shows_columns_and_guesses_and_no_value(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    await hub.sources.add(COMMAND, source(register_file(tmp_path)))
    assert await hub.sampling.params(staff.engineer, SOURCE, LOOK_UP) == ("uscc",)
    found = await hub.sampling.sample(staff.engineer, SOURCE, LOOK_UP, {"uscc": ENTERPRISE["id_number"]})
    assert (found.code, found.rows) == ("", 1)
    assert {column.name: column.kind for column in found.columns} == {
        "name": "text", "uscc": "uscc", "day": "date", "zt": "text",
    }  # fmt: skip
    assert all(ENTERPRISE["name"] not in column.shown for column in found.columns)
    assert ENTERPRISE["name"] not in repr(found)
    assert await entries(hub, "source.sample") == 1


async def test_a_sample_is_the_owners_and_reads_only(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    await hub.sources.add(COMMAND, source(register_file(tmp_path)))
    with pytest.raises(MissingError):
        await hub.sampling.sample(staff.stranger, SOURCE, LOOK_UP, {"uscc": "x"})
    with pytest.raises(ForbiddenError):
        await hub.sampling.sample(staff.approver, SOURCE, LOOK_UP, {"uscc": "x"})
    with pytest.raises(DefinitionError, match="operation/statement: not_select"):
        await hub.sampling.params(staff.engineer, SOURCE, {"statement": "DELETE FROM enterprises"})
    missing = await hub.sampling.sample(staff.engineer, SOURCE, {"statement": "SELECT * FROM nowhere"}, {})
    assert missing.code
    assert missing.columns == ()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], "text"),
        ([1, 2], "integer"),
        ([True], "boolean"),
        ([1, True], "text"),
        (["2019年3月1日", "2020-01-02", "20200102"], "date"),
        (["2020-01-02 03:04:05"], "datetime"),
        (["2019年3月1日", "unknown"], "text"),
        ([ENTERPRISE["id_number"].lower()], "uscc"),
        (["91990100MA0000001X"], "text"),
        ([{"a": 1}], "json"),
    ],
)
def test_a_guess_is_made_only_when_every_value_agrees(values: list[object], kind: str) -> None:
    assert guess(values) == kind


async def test_a_source_is_tested_before_it_is_registered(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    path = register_file(tmp_path)
    with pytest.raises(DefinitionError, match="YIZHENG_SOURCE_FOLDERS"):
        await hub.sources.test(staff.engineer, source(path), {})
    with pytest.raises(MissingError):
        await hub.sources.test(
            staff.stranger, source(path) | {"connection": ELSEWHERE, "targets": ["db.example.com:5432"]}, {}
        )
    assert await hub.sources.list(staff.engineer) == []


ELSEWHERE = {"dialect": "postgresql", "host": "db.example.com", "port": 5432, "database": "x", "user": "x"}


async def used(town: Town, **named: str) -> Usage:
    staff = await people(town.hub)
    today = town.hub.clock().astimezone(BEIJING).date()
    return await town.hub.usage.between(staff.approver, today - timedelta(days=1), today, **named)


async def test_use_is_told_with_purpose_and_outcome_and_without_persons(town: Town) -> None:
    await town.ask()
    await town.query(fields=["shareholder"])
    found = await used(town)
    outcomes = {key[1:]: count for key, count in found.counts.items()}
    assert outcomes[INTERFACE, INTAKE, MATTER, "satisfied"] == 1
    assert sum(outcomes.values()) == 2
    told = repr(found)
    assert ENTERPRISE["name"] not in told
    assert ENTERPRISE["id_number"] not in told
    assert SECRET_SHARE not in told
    assert {use.purpose for use in found.uses} == {"办理食品经营许可"}
    assert (await used(town, resource="another")).counts == {}
    assert sum((await used(town, system=INTAKE)).counts.values()) == 2


async def test_another_department_sees_no_use_of_what_it_does_not_own(town: Town) -> None:
    await town.ask()
    staff = await people(town.hub)
    today = town.hub.clock().astimezone(BEIJING).date()
    assert (await town.hub.usage.between(staff.stranger, today, today)).counts == {}
    assert (await town.hub.usage.between(staff.auditor, today, today)).counts != {}
    with pytest.raises(DefinitionError):
        await town.hub.usage.between(staff.approver, today - timedelta(days=400), today)
