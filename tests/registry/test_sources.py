"""Registering sources: described once, secrets never seen again, nothing reached that was not declared and allowed."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.source_store import find_source
from catalog.tables import SourceSecretRow, table
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.exchange.pool import read_secrets
from hub.registry.errors import StateError
from hub.runtime import Hub
from hub.storage.errors import ConflictError, IntegrityBrokenError, MissingError
from tests.registry.department import SOURCE, entries, people, register, source
from tests.support import AMR, Place

PASSWORD = "s3cret-canary-7f"


def postgres(**changes: Any) -> dict[str, Any]:
    connection = {"dialect": "postgresql", "host": "db.invalid", "port": 5432, "database": "db", "user": "reader"}
    return {
        "code": "amr-postgres",
        "department": AMR,
        "name": {"zh": "登记库", "en": "Register"},
        "kind": "sql",
        "connection": connection | {"password": "secret:db_password"},
        "targets": ["db.invalid:5432"],
    } | changes


async def test_a_source_is_registered_probed_and_listed_for_its_department_only(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    assert await hub.sources.add(COMMAND, source(register(tmp_path))) == SOURCE
    assert (await hub.sources.probe(staff.engineer, SOURCE)).ok
    (seen,) = await hub.sources.list(staff.engineer)
    assert (seen.code, seen.state, seen.health is not None and seen.health.ok) == (SOURCE, "active", True)
    assert [item.code for item in await hub.sources.list(staff.auditor)] == [SOURCE]
    assert await hub.sources.list(staff.stranger) == []
    with pytest.raises(MissingError):
        await hub.sources.show(staff.stranger, SOURCE)
    with pytest.raises(MissingError):
        await hub.sources.probe(staff.stranger, SOURCE)
    assert await entries(hub, "source.add") == 1


async def test_a_source_that_does_not_answer_is_an_outcome(hub: Hub, tmp_path: Path) -> None:
    path = register(tmp_path)
    await hub.sources.add(COMMAND, source(path))
    path.unlink()
    found = await hub.sources.probe(COMMAND, SOURCE)
    assert not found.ok
    assert found.code
    shown = await hub.sources.show(COMMAND, SOURCE)
    assert shown.health == found


async def test_only_an_engineer_of_the_department_registers(hub: Hub) -> None:
    staff = await people(hub)
    with pytest.raises(MissingError):
        await hub.sources.add(staff.stranger, postgres())
    for nobody in (staff.approver, staff.auditor):
        with pytest.raises(ForbiddenError):
            await hub.sources.add(nobody, postgres())
    await hub.sources.add(staff.engineer, postgres())
    with pytest.raises(ConflictError):
        await hub.sources.add(staff.engineer, postgres())


async def test_a_secret_is_used_and_replaced_and_never_shown(hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    staff = await people(hub)
    await hub.sources.add(staff.engineer, postgres())
    before = await hub.sources.show(staff.engineer, "amr-postgres")
    assert [(item.name, item.changed_at) for item in before.secrets] == [("db_password", None)]
    await hub.sources.put_secret(staff.engineer, "amr-postgres", "db_password", "first")
    await hub.sources.put_secret(staff.engineer, "amr-postgres", "db_password", PASSWORD)
    after = await hub.sources.show(staff.engineer, "amr-postgres")
    assert after.secrets[0].changed_at is not None
    assert after.row_version == before.row_version + 2  # opened adapters notice
    stored = await hub.database.read(lambda tx: find_source(tx, "amr-postgres"))
    assert stored is not None
    assert await hub.database.read(lambda tx: read_secrets(tx, stored.id, hub.vault)) == {"db_password": PASSWORD}
    row = await hub.database.read(lambda tx: tx.execute(select(table(SourceSecretRow))).one())
    assert PASSWORD.encode() not in b"".join([row.sealed, row.data_key])
    await hub.sources.probe(staff.engineer, "amr-postgres")
    everything = repr(after) + str(after.as_json()) + "".join(capfd.readouterr())
    assert PASSWORD not in everything


async def test_a_secret_moved_to_another_row_does_not_open(hub: Hub) -> None:
    await hub.sources.add(COMMAND, postgres())
    await hub.sources.put_secret(COMMAND, "amr-postgres", "db_password", PASSWORD)
    await hub.sources.put_secret(COMMAND, "amr-postgres", "other", "x")
    secrets = table(SourceSecretRow)

    def swap(tx: Any) -> None:
        one, two = tx.execute(select(secrets).order_by(secrets.c.name)).all()
        for row, other in ((one, two), (two, one)):
            tx.execute(secrets.update().where(secrets.c.id == row.id).values(sealed=other.sealed))

    await hub.database.write(swap)
    stored = await hub.database.read(lambda tx: find_source(tx, "amr-postgres"))
    assert stored is not None
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(lambda tx: read_secrets(tx, stored.id, hub.vault))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"targets": []}, "connection/host leads to a host"),
        ({"targets": ["db.invalid:5433"]}, "connection/host leads to a host"),
        ({"targets": ["db.invalid:5432", "127.0.0.1:5432"]}, "targets/1 lies in a network"),
        ({"targets": ["db.invalid:5432", "169.254.169.254:80"]}, "targets/1 lies in a network"),
        ({"kind": "rest", "connection": {"url": "https://user:pass@db.invalid/"}}, "has credentials in the URL"),
        ({"kind": "rest", "connection": {"url": "https://other.example/"}}, "connection/url leads to a host"),
        ({"connection": {"dialect": "postgresql", "host": "db.invalid", "password": "x"}}, "password must refer"),
        ({"connection": {"dialect": "nosuch", "database": "x"}}, "connection/dialect: enum"),
        ({"kind": "carrier-pigeon"}, "kind is one of"),
        ({"limits": {"total_seconds": 9999}}, "limits/total_seconds"),
        ({"department": "11990000MB0000099X"}, "unknown department"),
    ],
)  # fmt: skip
@pytest.mark.sampled
async def test_an_unacceptable_source_is_refused_with_its_place(hub: Hub, changes: dict[str, Any], where: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(where)):
        await hub.sources.add(COMMAND, postgres(**changes))


async def test_staff_reach_files_only_in_folders_that_the_operator_opened(place: Place, tmp_path: Path) -> None:
    opened, closed = tmp_path / "exports", tmp_path / "private"
    for folder in (opened, closed):
        folder.mkdir()
        register(folder)
    (opened / "link.sqlite3").symlink_to(closed / "register.sqlite3")
    async with place.open(source_folders=(opened,)) as hub:
        engineer = (await people(hub)).engineer
        for path in (
            closed / "register.sqlite3",
            opened / ".." / "private" / "register.sqlite3",
            opened / "link.sqlite3",
        ):
            with pytest.raises(DefinitionError, match="YIZHENG_SOURCE_FOLDERS"):
                await hub.sources.add(engineer, source(path))
        index = {"folder": str(opened), "glob": "*.csv", "format": "csv", "index_dir": str(closed)}
        with pytest.raises(DefinitionError, match="index_dir"):
            await hub.sources.add(engineer, source(opened, kind="files", connection=index))
        await hub.sources.add(engineer, source(opened / "register.sqlite3"))


async def test_a_private_network_is_open_only_where_the_operator_says_so(place: Place) -> None:
    private = postgres(targets=["127.0.0.1:5432"])
    private["connection"]["host"] = "127.0.0.1"
    async with place.open() as hub:
        with pytest.raises(DefinitionError, match="targets/0"):
            await hub.sources.add(COMMAND, private)
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub:
        await hub.sources.add(COMMAND, private)


async def test_a_change_must_know_what_it_changes(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    path = register(tmp_path)
    await hub.sources.add(COMMAND, source(path))
    changed = source(path, contact="新联系人")
    assert await hub.sources.change(COMMAND, changed, row_version=1) == 2
    with pytest.raises(ConflictError):
        await hub.sources.change(COMMAND, changed, row_version=1)
    with pytest.raises(DefinitionError, match="kind and department stay"):
        await hub.sources.change(
            COMMAND, postgres(code=SOURCE, kind="rest", connection={"url": "https://db.invalid:5432"})
        )
    with pytest.raises(MissingError):
        await hub.sources.disable(staff.stranger, SOURCE, reason="because")
    assert (await hub.sources.show(COMMAND, SOURCE)).declared["contact"] == "新联系人"


@pytest.mark.both
async def test_two_changes_at_once_do_not_both_win(hub: Hub, tmp_path: Path) -> None:
    path = register(tmp_path)
    await hub.sources.add(COMMAND, source(path))
    attempts = [hub.sources.change(COMMAND, source(path, contact=str(index)), row_version=1) for index in range(4)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert [item for item in outcomes if not isinstance(item, Exception)] == [2]


async def test_a_disabled_source_is_not_reached(hub: Hub, tmp_path: Path) -> None:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    await hub.sources.disable(COMMAND, SOURCE, reason="迁移机房")
    assert (await hub.sources.probe(COMMAND, SOURCE)).code == "disabled"
    with pytest.raises(StateError):
        await hub.sources.disable(COMMAND, SOURCE, reason="again")
    with pytest.raises(DefinitionError):
        await hub.sources.disable(COMMAND, SOURCE, reason=" ")
    await hub.sources.enable(COMMAND, SOURCE)
    assert (await hub.sources.probe(COMMAND, SOURCE)).ok


async def test_a_secret_has_a_name_and_a_bounded_value_and_can_be_removed(hub: Hub) -> None:
    await hub.sources.add(COMMAND, postgres())
    for name, value in (("../x", "v"), ("", "v"), ("ok", ""), ("ok", "x" * 20_000)):
        with pytest.raises(DefinitionError):
            await hub.sources.put_secret(COMMAND, "amr-postgres", name, value)
    await hub.sources.put_secret(COMMAND, "amr-postgres", "ok", "v")
    await hub.sources.remove_secret(COMMAND, "amr-postgres", "ok")
    with pytest.raises(MissingError):
        await hub.sources.remove_secret(COMMAND, "amr-postgres", "ok")
