"""A department's people look after the batches that its systems send; rejected rows go to its engineer alone."""

import csv
import io
from collections import Counter
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from catalog.tables import table
from hub.access.actors import Role
from hub.collection.reasons import TEXTS
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from tests.access.people import Visitor, add, visitor
from tests.collection.test_batches import Sender, reasons
from tests.drills.register import write_register
from tests.support import POLICE, Place

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
BASE = "/console/owner/batches"


async def entries(hub: Hub) -> int:
    query = select(func.count()).select_from(table(LedgerEntryRow))
    return await hub.database.read(lambda tx: int(tx.execute(query).scalar_one()))


async def test_progress_reasons_and_the_rejected_rows_of_a_batch(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    register = write_register(tmp_path / "register.csv", rows=120)
    sender = Sender(client, await place.headers(client))
    batch = await sender.send(register.path)
    path = f"{BASE}/{batch}"
    for name, role, department in (
        ("engineer", Role.OWNER_ENGINEER, None),
        ("approver", Role.OWNER_APPROVER, None),
        ("auditor", Role.AUDITOR, "none"),
        ("police", Role.OWNER_ENGINEER, POLICE),
    ):
        where = {} if department is None else {"department": None if department == "none" else department}
        await add(hub, name, role, **where)

    async def signed_in(opened: Visitor, name: str) -> Visitor:
        await opened.sign_in(name)
        return opened

    async with visitor(place, hub) as opened:
        engineer = await signed_in(opened, "engineer")
        waiting = await engineer.get(f"{path}/progress")
        assert 'value="0"' in waiting.text
        assert "x-done" not in waiting.headers
        assert (await engineer.get(f"{path}/report.csv")).status_code == 409
        await hub.jobs.sweep()
        done = await engineer.get(f"{path}/progress")
        assert 'value="100"' in done.text
        assert done.headers["x-done"] == "1"
        page = (await engineer.get(path)).text
        before = await entries(hub)
        lines = (await engineer.get(f"{path}/report.jsonl")).text
        counted = Counter(code for codes in reasons(lines).values() for code in set(codes))
        for code, number in counted.items():
            assert f'{TEXTS[code][0]}</th><td><code>{code}</code></td><td class="number">{number}</td>' in page
        sheet = await engineer.get(f"{path}/report.csv")
        assert sheet.headers["content-disposition"] == f'attachment; filename="rejects-{batch}.csv"'
        rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
        assert [int(row["row"]) for row in rows] == list(reasons(lines))
        assert await entries(hub) == before + 2  # each of the two was taken away by somebody
    for name, seen, taken in (("approver", 200, 403), ("auditor", 200, 403), ("police", 404, 404)):
        async with visitor(place, hub) as opened:
            other = await signed_in(opened, name)
            listed = (await other.get(BASE)).text
            assert (batch in listed) is (seen == 200), name
            assert (await other.get(path)).status_code == seen, name
            assert (await other.get(f"{path}/report.jsonl")).status_code == taken, name
    assert await entries(hub) == before + 2
