"""Batches over HTTP: parts in any order, one outcome a row however often the process dies, nobody else's to see."""

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from catalog.tables import table
from certificates.tables import CertificateRow
from hub.access.actors import COMMAND
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from tests.collection.formats import FORMATS, write
from tests.drills.register import Register, write_register
from tests.support import AMR, INTAKE, NARROW, POLICE, Place, valid_uscc

AS_OF = "2026-01-01T00:00:00Z"
ENTRIES = table(LedgerEntryRow)
CERTIFICATES = table(CertificateRow)
_RUN = """
import asyncio, sys
from datetime import timedelta
from hub.clock import utc_now
from hub.runtime import open_hub
from hub.settings import Settings

async def main():
    ahead = timedelta(seconds=int(sys.argv[1]))
    async with open_hub(Settings(), clock=lambda: utc_now() + ahead) as hub:
        await hub.jobs.sweep()

asyncio.run(main())
"""


def _work(place: Place, turn: int, crash_at: str = "") -> int:
    """Run due jobs in a process of its own, a lease later each turn; answers how it ended."""
    environment = place.environment() | {"YIZHENG_CRASH_AT": crash_at}
    command = [sys.executable, "-c", _RUN, str(turn * 90)]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


class Sender:
    """A system that sends registers."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def create(self, *, key: str | None = None, **changes: Any) -> httpx2.Response:
        body = {"type": "business_licence", "issuer": AMR, "as_of": AS_OF, "format": "csv"} | changes
        more = {"Idempotency-Key": key} if key else {}
        return await self.client.post("/api/v1/batches", json=body, headers=self.headers | more)

    async def part(self, batch: str, number: int, data: bytes, **headers: str) -> httpx2.Response:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        sent = self.headers | {"Content-Digest": f"sha-256=:{digest}:"} | headers
        return await self.client.put(f"/api/v1/batches/{batch}/parts/{number}", content=data, headers=sent)

    async def start(self, batch: str) -> httpx2.Response:
        return await self.client.post(f"/api/v1/batches/{batch}/start", headers=self.headers)

    async def get(self, batch: str, what: str = "") -> httpx2.Response:
        return await self.client.get(f"/api/v1/batches/{batch}{what}", headers=self.headers)

    async def send(self, path: Path, *, cut: int = 20_000, **changes: Any) -> str:
        """A started batch of a file."""
        batch = str((await self.create(**changes)).json()["batch"])
        data = await asyncio.to_thread(path.read_bytes)
        for number, begin in enumerate(range(0, len(data), cut), 1):
            answer = await self.part(batch, number, data[begin : begin + cut])
            assert answer.status_code == 200, answer.text
        answer = await self.start(batch)
        assert answer.status_code == 202, answer.text
        return batch


@pytest.fixture
async def sender(place: Place, client: httpx2.AsyncClient) -> Sender:
    return Sender(client, await place.headers(client))


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return write_register(tmp_path / "register.csv", rows=950)


def kept(hub: Hub) -> list[Path]:
    folder = hub.settings.home / "objects" / "batches"
    return [path for path in folder.rglob("*") if path.is_file()]


def reasons(report: str) -> dict[int, list[str]]:
    entries = [json.loads(line) for line in report.splitlines()]
    assert len({entry["row"] for entry in entries}) == len(entries)
    return {entry["row"]: [reason["code"] for reason in entry["reasons"]] for entry in entries}


async def test_a_register_sent_in_parts_is_collected_and_every_row_accounted_for(
    hub: Hub, sender: Sender, register: Register
) -> None:
    batch = await sender.send(register.path)
    assert (await sender.get(batch)).json()["state"] == "queued"
    assert (await sender.get(batch, "/report")).status_code == 409
    await hub.jobs.sweep()
    found = (await sender.get(batch)).json()
    assert found["state"] == "finished"
    issued = register.rows - len(register.rejected)
    assert found["progress"]["per_cent"] == 100
    assert found["progress"]["rows"] == register.rows
    assert (found["progress"]["issued"], found["progress"]["rejected"]) == (issued, len(register.rejected))
    report = await sender.get(batch, "/report")
    assert report.headers["content-type"] == "application/x-ndjson"
    assert sorted(reasons(report.text)) == list(register.rejected)
    assert found["reasons"] == Counter(code for codes in reasons(report.text).values() for code in set(codes))
    again = await sender.send(register.path)
    await hub.jobs.sweep()
    assert (await sender.get(again)).json()["progress"]["unchanged"] == issued


@pytest.mark.parametrize("name", FORMATS)
async def test_a_batch_may_be_in_any_of_the_formats_with_a_mapping_of_its_own(
    hub: Hub, sender: Sender, tmp_path: Path, name: str
) -> None:
    header = ["名", "码", "日", "围", "址"]
    rows = [["示例市甲有限公司", valid_uscc("91990100MA0000010"), "2020-01-02", "销售", "示例路1号"]]
    path = write(tmp_path / f"r.{name}", header, [*rows, ["乙", "坏", "2020-01-02", "销售", "示例路2号"]], dates=[2])
    columns = dict(zip(header, ["name", "uscc", "established_on", "business_scope", "address"], strict=True))
    whole = path.read_bytes()
    batch = await sender.send(
        path,
        format=name,
        mapping={"version": 1, "columns": columns},
        total_bytes=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        cut=1000,
    )
    await hub.jobs.sweep()
    found = (await sender.get(batch)).json()
    assert (found["problem"], found["state"]) == (None, "finished")
    assert (found["progress"]["issued"], found["progress"]["rejected"]) == (1, 1)


async def test_parts_come_in_any_order_again_and_corrected(hub: Hub, sender: Sender, register: Register) -> None:
    batch = (await sender.create()).json()["batch"]
    data = register.path.read_bytes()
    half = len(data) // 2
    assert (await sender.part(batch, 2, data[half:])).status_code == 200
    answer = await sender.start(batch)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "missing_part")
    assert (await sender.part(batch, 1, b"wrong")).status_code == 200
    for _ in range(2):
        assert (await sender.part(batch, 1, data[:half])).status_code == 200
    parts = (await sender.get(batch)).json()["parts"]
    assert [(part["number"], part["bytes"]) for part in parts] == [(1, half), (2, len(data) - half)]
    assert (await sender.start(batch)).status_code == 202
    assert (await sender.part(batch, 1, data[:half])).status_code == 409
    await hub.jobs.sweep()
    assert (await sender.get(batch)).json()["progress"]["rows"] == register.rows
    assert (await sender.start(batch)).status_code == 409


async def test_a_part_that_was_replaced_takes_no_room(hub: Hub, sender: Sender) -> None:
    batch = (await sender.create()).json()["batch"]
    for data in (b"first", b"second", b"second"):
        assert (await sender.part(batch, 1, data)).status_code == 200
        assert len(kept(hub)) == 1
    at_once = await asyncio.gather(*(sender.part(batch, 1, bytes([65 + turn]) * 2000) for turn in range(8)))
    assert {answer.status_code for answer in at_once} == {200}
    assert len(kept(hub)) == 1
    assert (await sender.get(batch)).json()["parts"][0]["bytes"] == 2000


async def test_a_part_is_what_its_headers_say_or_refused(sender: Sender) -> None:
    batch = (await sender.create()).json()["batch"]
    answer = await sender.part(batch, 1, b"abc", **{"Content-Digest": "sha-256=:AAAA:"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "content-digest")
    for header in ("", "md5=:AAAA:", "sha-256=AAAA"):
        assert (await sender.part(batch, 1, b"abc", **{"Content-Digest": header})).status_code == 400
    assert (await sender.part(batch, 0, b"abc")).status_code == 422
    assert (await sender.part(batch, 257, b"abc")).status_code == 422
    assert (await sender.part(batch, 1, b"")).status_code == 422
    assert (await sender.part(batch, 1, b"x" * 8_388_609)).status_code == 413
    assert (await sender.part(batch, 1, b"x" * 8_388_608)).status_code == 200
    assert (await sender.start((await sender.create()).json()["batch"])).json()["errors"][0]["rule"] == "no_parts"


async def test_one_key_opens_one_batch(sender: Sender) -> None:
    first, again = await sender.create(key="k-1"), await sender.create(key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["batch"] == again.json()["batch"]
    assert (await sender.create(key="k-1", format="jsonl")).status_code == 409
    assert (await sender.create(key="k-2")).json()["batch"] != first.json()["batch"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"issuer": POLICE}, 404),
        ({"type": "no_such_type"}, 404),
        ({"type": "identity_card"}, 403),
        ({"as_of": "2099-01-01T00:00:00Z"}, 422),
        ({"as_of": "2026-01-01T00:00:00"}, 422),
        ({"format": "xls"}, 422),
        ({"sheet": "登记"}, 422),
        ({"total_bytes": 10**12}, 422),
        ({"mapping": {"version": 1, "columns": {"名": "nonsense"}}}, 422),
        ({"mapping": {"version": 1, "columns": {"名": "name"}}}, 422),
        ({"mapping": {"columns": 1}}, 422),
        ({"more": 1}, 422),
    ],
)
async def test_what_cannot_be_collected_is_refused_when_it_is_announced(
    sender: Sender, changes: dict[str, Any], status: int
) -> None:
    assert (await sender.create(**changes)).status_code == status


async def test_nobody_else_sees_a_batch(place: Place, client: httpx2.AsyncClient, sender: Sender) -> None:
    batch = (await sender.create()).json()["batch"]
    for headers, status in ((await place.headers(client, NARROW), 404), ({}, 401)):
        other = Sender(client, headers)
        assert (await other.part(batch, 1, b"abc")).status_code == status
        assert (await other.start(batch)).status_code == status
        assert (await other.get(batch)).status_code == status
        assert (await other.get(batch, "/report")).status_code == status


async def test_a_register_that_cannot_be_read_fails_with_its_reason_and_nothing_is_issued(
    hub: Hub, sender: Sender, tmp_path: Path
) -> None:
    before = await hub.database.read(lambda tx: tx.execute(select(func.count()).select_from(CERTIFICATES)).scalar())
    path = tmp_path / "r.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    problems = []
    different: list[dict[str, Any]] = [{}, {"format": "xlsx"}, {"sha256": "0" * 64}]
    for changes in different:
        batch = await sender.send(path, **changes)
        await hub.jobs.sweep()
        found = (await sender.get(batch)).json()
        assert found["state"] == "failed"
        assert (await sender.get(batch, "/report")).text == ""
        problems.append(found["problem"]["code"])
    assert problems == ["unknown_columns", "declared", "sha256"]
    after = await hub.database.read(lambda tx: tx.execute(select(func.count()).select_from(CERTIFICATES)).scalar())
    assert after == before


@pytest.mark.embedded
async def test_a_batch_of_a_stopped_type_ends_and_says_so(hub: Hub, sender: Sender, register: Register) -> None:
    await hub.halts.halt(COMMAND, "business_licence", reason="审查", legal_basis="示例")
    batch = await sender.send(register.path)
    await hub.jobs.sweep()
    found = (await sender.get(batch)).json()
    assert (found["state"], found["problem"]["code"]) == ("failed", "type_halted")


async def test_parts_and_report_lie_sealed_and_are_forgotten(place: Place, register: Register) -> None:
    ahead = timedelta()
    async with place.open() as hub, place.client(hub) as client:
        sender = Sender(client, await place.headers(client))
        batch = await sender.send(register.path)
        assert len(kept(hub)) > 3
        await hub.jobs.sweep()
        assert {path.name.partition("-")[0] for path in kept(hub)} == {"report"}
        assert all("商贸".encode() not in path.read_bytes() for path in kept(hub))
        assert not (hub.settings.home / "reports" / "batches" / batch).exists()
        idle = (await sender.create()).json()["batch"]
        await sender.part(idle, 1, b"abc")
        assert await hub.collection.batches.sweep() == 0
        hub.collection.batches._clock = lambda: datetime.now(UTC) + ahead
        for days, left in ((8, {"report"}), (31, set())):
            ahead = timedelta(days=days)
            assert await hub.collection.batches.sweep() == 1
            assert {path.name.partition("-")[0] for path in kept(hub)} == left
        for gone in (batch, idle):
            assert (await sender.get(gone)).json()["state"] == "expired"
            assert (await sender.get(gone, "/report")).status_code == 409


async def test_start_and_end_are_on_the_ledger(hub: Hub, sender: Sender, register: Register) -> None:
    await sender.send(register.path)
    await hub.jobs.sweep()
    kinds = await hub.database.read(lambda tx: list(tx.execute(select(ENTRIES.c.kind)).scalars()))
    assert [kind for kind in kinds if kind.startswith("collection.")] == [
        "collection.batch.start",
        "collection.batch.end",
    ]


async def test_a_batch_killed_anywhere_ends_as_if_it_had_not_been(place: Place, register: Register) -> None:
    async with place.open() as hub, place.client(hub) as client:
        batch = await Sender(client, await place.headers(client)).send(register.path)
    points = ("batch_committed:2", "batch_committed:4", "started:1", "reported:1", "finished:1")
    for turn, point in enumerate(points):
        assert await asyncio.to_thread(_work, place, turn, f"collect.{point}") == -9, point
    assert await asyncio.to_thread(_work, place, len(points)) == 0
    async with place.open() as hub, place.client(hub) as client:
        sender = Sender(client, await place.headers(client, INTAKE))
        found = (await sender.get(batch)).json()
        assert found["state"] == "finished"
        rejected = len(register.rejected)
        assert (found["progress"]["issued"], found["progress"]["rejected"]) == (register.rows - rejected, rejected)
        assert sorted(reasons((await sender.get(batch, "/report")).text)) == list(register.rejected)
        assert {path.name.partition("-")[0] for path in kept(hub)} == {"report"}
