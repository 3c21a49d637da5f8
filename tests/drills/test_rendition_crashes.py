"""Drill 4 for pages: kill -9 between any two steps of making one, start again, and there is one page, whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.rendering.tables import CertificateRenditionRow
from hub.issuing.files import identifiers_of, read_document
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import open_hub
from tests.drills.processes import KILLED, Running
from tests.support import Place, enterprise_claims, issue, valid_uscc

AT_RENDERING = ("rendition.intended", "rendition.signed", "rendition.stored", "rendition.put")
RENDITIONS, ENTRIES = table(CertificateRenditionRow), table(LedgerEntryRow)


@pytest.mark.embedded
async def test_a_page_killed_anywhere_is_finished_once(place: Place, tmp_path: Path) -> None:
    numbers = [valid_uscc(f"91990100MA000010{place}") for place in range(len(AT_RENDERING))]
    async with place.open() as hub:
        await issue(hub, *(enterprise_claims(uscc=number, name=f"示例公司{number}") for number in numbers))
        wanted = [(await identifiers_of(hub, "001", number))[0]["identifier"] for number in numbers]
    running = []
    for point, identifier in zip(AT_RENDERING, wanted, strict=True):
        environment = place.environment() | {"YIZHENG_CRASH_AT": point}
        arguments = ["certificate", "export", identifier, str(tmp_path / point), "--format", "pdf"]
        running.append(Running(arguments, environment, out=tmp_path / f"{point}.out", err=tmp_path / f"{point}.err"))
    assert [process.wait(60) for process in running] == [KILLED] * len(AT_RENDERING)
    async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) + timedelta(minutes=1)) as hub:
        rows = await hub.database.read(lambda tx: tx.execute(select(RENDITIONS)).all())
        assert [row.state for row in rows] == ["filed"] * len(AT_RENDERING)  # opening finished them
        first = [await read_document(hub, identifier, "pdf") for identifier in wanted]
        assert all(page.startswith(b"%PDF-1.7") for page in first)
        assert [await read_document(hub, identifier, "pdf") for identifier in wanted] == first
        made = select(ENTRIES.c.id).where(ENTRIES.c.kind == "certificate.render")
        assert len(await hub.database.read(lambda tx: tx.execute(made).all())) == len(AT_RENDERING)
        assert len(await hub.database.read(lambda tx: tx.execute(select(RENDITIONS)).all())) == len(AT_RENDERING)
