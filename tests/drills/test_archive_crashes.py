"""Drill 4 for archives: kill -9 between any two steps of making one, start again, and there is one archive, whole."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.archive.check import check_archive
from certificates.archive.package import read_zip
from certificates.verifying.verdict import Result
from hub.access.actors import COMMAND
from hub.archive.tables import CaseArchiveRow
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import open_hub
from tests.archive.made import closed_case
from tests.drills.processes import KILLED, Running
from tests.support import Place

AT_ARCHIVING = ("archive.intended", "archive.signed", "archive.put")
ARCHIVES, ENTRIES = table(CaseArchiveRow), table(LedgerEntryRow)


@pytest.mark.embedded
async def test_an_archive_killed_anywhere_is_finished_once(place: Place, tmp_path: Path) -> None:
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        cases = [await closed_case(hub, client, headers) for _ in AT_ARCHIVING]
    running = []
    for point, case_no in zip(AT_ARCHIVING, cases, strict=True):
        environment = place.environment() | {"YIZHENG_CRASH_AT": point}
        streams = {"out": tmp_path / f"{point}.out", "err": tmp_path / f"{point}.err"}
        running.append(Running(["archive", "make", case_no], environment, **streams))
    assert [process.wait(60) for process in running] == [KILLED] * len(AT_ARCHIVING)
    async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) + timedelta(minutes=2)) as hub:
        before = await hub.database.read(lambda tx: tx.execute(select(ARCHIVES.c.state)).scalars().all())
        assert sorted(before) == ["intended", "signed", "signed"]
        await hub.jobs.sweep()  # the orders of the closings are still there
        for case_no in cases:
            files = read_zip((await hub.archives.export(COMMAND, case_no)).data)
            verdict = check_archive(files, anchors=hub.stamps.anchors(), at=hub.clock())
            assert verdict.result is Result.PASSED
            assert json.loads(files["case.json"])["case_no"] == case_no
        made = select(ENTRIES.c.id).where(ENTRIES.c.kind == "case.archive")
        assert len(await hub.database.read(lambda tx: tx.execute(made).all())) == len(AT_ARCHIVING)
