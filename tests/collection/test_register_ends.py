"""A row that stays and says 吊销 ends its licence: from files, by one process or several, feeds, one key, uploads."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from certificates.profile import CIVIL_ZONE
from hub.access.actors import COMMAND, Role
from hub.collection.batches.order import BatchOrder
from hub.collection.feeds.following import Opened
from hub.collection.mapping_file import read_mapping
from hub.collection.reading.reader import Format
from hub.collection.report import Totals
from hub.collection.service import CollectionOrder
from hub.issuing.touched import Touch
from hub.runtime import Hub
from tests.collection.conftest import HEADER
from tests.collection.test_feeds import FEED, _counts
from tests.collection.test_feeds import register as register  # noqa: PLC0414  # a fixture
from tests.collection.test_uploads import AS_OF, line, person
from tests.collection.test_workshop import _service
from tests.hub.test_single_instance import LATER, OFFICE, claims, department, told
from tests.registry.department import source
from tests.support import AMR, Place, open_case, pull, valid_uscc

STATUS: dict[str, Any] = {
    "column": "登记状态",
    "standing": ["存续"],
    "withdraw": ["吊销"],
    "revoke": ["撤销"],
    "cancel": ["注销"],
    "since": "终止日期",
}
COMPANIES = [valid_uscc(f"9199010099000070{place}") for place in range(5)]


def mapping(folder: Path) -> Path:
    columns = {"企业名称": "name", "统一社会信用代码": "uscc", "注册日期": "established_on", "注册地址": "address"}
    columns |= {"法人代表": "legal_representative", "经营范围": "business_scope"}
    path = folder / "mapping.json"
    path.write_text(json.dumps({"version": 1, "columns": columns, "status": STATUS}, ensure_ascii=False))
    return path


def register_of(folder: Path, *states: tuple[str, str], name: str = "register.csv") -> Path:
    path = folder / name
    rows = [f"{line(uscc)},{state},{since}" for uscc, (state, since) in zip(COMPANIES, states, strict=False)]
    path.write_text("\n".join((f"{HEADER},登记状态,终止日期", *rows)) + "\n", encoding="utf-8")
    return path


def order_of(folder: Path, path: Path, *, as_of: datetime) -> CollectionOrder:
    return CollectionOrder(
        type="business_licence", issuer=AMR, files=[path], mapping=mapping(folder), as_of=as_of,
        report_dir=folder / f"report-{path.stem}",
    )  # fmt: skip


async def status_of(hub: Hub, uscc: str) -> list[str]:
    hashed = hub.vault.lookup_hash("holder", "001", uscc)
    query = text(
        "SELECT v.status FROM certificate_versions v JOIN certificates c ON c.id = v.certificate_id"
        " JOIN subjects s ON s.id = c.subject_id WHERE s.lookup_hash = :hashed ORDER BY v.version"
    )
    return await hub.database.read(lambda tx: list(tx.execute(query, {"hashed": hashed}).scalars()))


@pytest.mark.sampled
@pytest.mark.parametrize("processes", [2, 1])
async def test_rows_that_ended_end_their_licences_and_nothing_else(
    hub: Hub, place: Place, tmp_path: Path, processes: int
) -> None:
    service = _service(hub, place, processes)
    now = datetime.now(UTC)
    today = now.astimezone(CIVIL_ZONE).date()
    later = (today + timedelta(days=9)).isoformat()
    first = register_of(tmp_path, ("存续", ""), ("存续", ""), ("存续", ""), ("存续", ""), ("注销", ""))
    begun = await service.collect(order_of(tmp_path, first, as_of=now - timedelta(hours=2)))
    assert begun.totals == Totals(issued=4, unchanged=1), "what had ended before is never issued"

    second = register_of(
        tmp_path, ("吊销", today.isoformat()), ("撤销", "2001-01-01"), ("注销", later), ("迁出", ""), ("注销", ""),
        name="second.csv",
    )  # fmt: skip
    ended = await service.collect(order_of(tmp_path, second, as_of=now - timedelta(hours=1)))
    assert ended.totals == Totals(ended=2, rejected=2, unchanged=1)
    lines = [item async for item in await hub.touched.stream(COMMAND, Touch(run=ended.run_id))]
    assert [item["acts"] for item in lines] == [["withdraw"], ["revoke"]], "what it ended, and not what it saw again"
    reasons = json.loads((ended.report.parent / "summary.json").read_text())["reasons"]
    assert reasons == {"ends_later": 1, "register_state": 1}
    found = [await status_of(hub, uscc) for uscc in COMPANIES]
    assert found == [["withdrawn"], ["revoked"], ["valid"], ["valid"], []]

    again = await service.collect(replace(order_of(tmp_path, second, as_of=now), report_dir=tmp_path / "again"))
    assert again.totals == Totals(rejected=2, unchanged=3), "and not twice"
    stale = await service.collect(
        replace(order_of(tmp_path, first, as_of=now - timedelta(hours=3)), report_dir=tmp_path / "stale")
    )
    assert stale.totals.issued == 0
    assert [await status_of(hub, uscc) for uscc in COMPANIES] == found, "an older extract revives nothing"


async def test_it_ends_on_the_registers_day_and_whoever_was_shown_it_is_told(
    hub: Hub, place: Place, client: httpx2.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uscc = COMPANIES[0]
    now = datetime.now(UTC)
    first = register_of(tmp_path, ("存续", ""))
    await hub.collection.files.collect(order_of(tmp_path, first, as_of=now - timedelta(hours=2)))
    headers = await place.headers(client)
    party = {"role": "applicant", "id_type": "001", "id_number": uscc, "name": "示例县甲乙商贸有限公司"}
    pulled = await pull(client, headers, await open_case(client, headers, parties=[party]))
    assert pulled.json()["requirements"][0]["outcome"] == "satisfied", pulled.text

    later = now + timedelta(days=3)
    for service in (hub.issuing, hub.collection.files):
        monkeypatch.setattr(service, "_clock", lambda: later)
    since = later.astimezone(CIVIL_ZONE).date() - timedelta(days=1)
    second = register_of(tmp_path, ("吊销", since.isoformat()), name="second.csv")
    await hub.collection.files.collect(order_of(tmp_path, second, as_of=later))
    query = text("SELECT v.identifier FROM certificate_versions v WHERE v.status = 'withdrawn'")
    (identifier,) = await hub.database.read(lambda tx: list(tx.execute(query).scalars()))
    (event,) = (await hub.transitions.history(COMMAND, identifier)).lifetime.events
    assert (event.reason_code, event.by["kind"], event.operation) == ("register_revoked", "rule", "withdraw")
    assert event.effective_at == datetime.combine(since, time.min, CIVIL_ZONE)
    outbox = text("SELECT count(*) FROM outbox WHERE kind = 'use.changed'")
    assert await hub.database.read(lambda tx: tx.execute(outbox).scalar()) == 1
    refused = await pull(client, headers, await open_case(client, headers, parties=[party]))
    assert refused.json()["requirements"][0]["outcome"] != "satisfied"


@pytest.mark.embedded
async def test_feeds_reconciliation_and_one_key_hear_it_too(
    hub: Hub, place: Place, client: httpx2.AsyncClient, register: sqlite3.Connection, tmp_path: Path
) -> None:
    register.execute("ALTER TABLE register ADD COLUMN state TEXT DEFAULT '1'")
    selected = "SELECT name, uscc, since, scope, address, changed, state FROM register"
    feed: dict[str, Any] = {
        "operation": {"statement": f"{selected} WHERE changed >= :since AND uscc > :after ORDER BY uscc LIMIT :size"},
        "full": {"statement": f"{selected} WHERE uscc > :after ORDER BY uscc LIMIT :size"},
        "by_holder": {"statement": f"{selected} WHERE uscc >= :id_number ORDER BY uscc LIMIT 2"},  # a careless source
        "mapping": FEED["mapping"] | {"status": {"column": "state", "standing": ["1"], "cancel": ["9"]}},
    }
    path = Path(register.execute("PRAGMA database_list").fetchone()[2])
    await hub.sources.add(COMMAND, source(path) | {"code": FEED["source"]})
    await hub.collection.feeds.declare(COMMAND, FEED | feed)
    await hub.collection.feeds.run(FEED["code"])
    mine, other, third = (valid_uscc(f"91990100MA{8000000 + number:07d}") for number in (5, 6, 7))
    changed = "UPDATE register SET state = '9', changed = '2026-03-01T00:00:00Z' WHERE uscc = ?"
    for uscc in (mine, other):
        register.execute(changed, (uscc,))
    register.commit()

    opened: Opened = await hub.collection.feeds.open(FEED["code"])
    counts = await _counts(hub, tmp_path, opened)
    assert (counts.ended, counts.differing, counts.agree) == (2, 0, False)

    headers = await place.headers(client)
    party = {"role": "applicant", "id_type": "001", "id_number": mine, "name": "示例5号商行有限公司"}
    case_no = await open_case(client, headers, parties=[party])
    body = {"case_no": case_no, "party": "applicant"}
    answer = await client.post("/api/v1/batches/by-holder", json=body, headers=headers)
    assert [item["outcome"] for item in answer.json()["outcomes"]] == ["ended"], answer.text
    assert await status_of(hub, mine) == ["cancelled"]
    assert await status_of(hub, other) == ["valid"], "the row of somebody else ends nothing"

    register.execute(changed, (third,))
    register.commit()
    result = await hub.collection.feeds.run(FEED["code"])
    assert result.totals.ended == 2
    assert [await status_of(hub, uscc) for uscc in (mine, other, third)] == [["cancelled"]] * 3
    touched = [item async for item in await hub.touched.stream(COMMAND, Touch(source=FEED["source"]))]
    assert sum(item["acts"] == ["cancel"] for item in touched) == 3
    assert (await _counts(hub, tmp_path, opened)).ended == 0


@pytest.mark.embedded
async def test_an_upload_proposes_the_column_looks_and_ends(hub: Hub, tmp_path: Path) -> None:
    approver = await person(hub, "approver", Role.OWNER_APPROVER)
    begun = register_of(tmp_path, ("存续", ""))
    await hub.collection.files.collect(order_of(tmp_path, begun, as_of=AS_OF - timedelta(days=1)))
    order = BatchOrder(type="business_licence", issuer=AMR, as_of=datetime.now(UTC), format=Format.CSV)
    batch = (await hub.collection.batches.create(approver, order)).batch.id
    sent = register_of(tmp_path, ("吊销", ""), ("迁出", ""), name="sent.csv")
    await hub.collection.batches.put_part(approver, batch, 1, sent.read_bytes())
    view = await hub.collection.uploads.read(approver, batch)
    assert view.batch.ordered["mapping"]["status"]["column"] == "登记状态"
    looked = (await hub.collection.uploads.look(approver, batch)).rows
    assert [row.effect.value for row in looked] == ["ended", "refused"]
    assert await status_of(hub, COMPANIES[0]) == ["valid"]
    await hub.collection.batches.start(approver, batch)
    await hub.jobs.sweep()
    assert await status_of(hub, COMPANIES[0]) == ["withdrawn"]


async def test_who_loses_one_and_is_granted_another_in_one_extract_holds_one(hub: Hub, tmp_path: Path) -> None:
    """Of a type of which a holder has one, the old record ends before the new one is weighed."""
    await department(hub)
    assert await told(hub, claims("A1", 1)) == ["issued"]
    record = claims("A2", 1)
    rows = [("A2", "正常"), ("A1", "注销")]
    held = [",".join((number, record["name"], record["citizen_id"], LATER, "一级", state)) for number, state in rows]
    path = tmp_path / "permits.csv"
    path.write_text("\n".join(("编号,姓名,公民身份号码,有效期至,等级,状态", *held)) + "\n", encoding="utf-8")
    columns = {
        "编号": "permit_no",
        "姓名": "name",
        "公民身份号码": "citizen_id",
        "有效期至": "valid_until",
        "等级": "grade",
    }
    status = {"column": "状态", "standing": ["正常"], "cancel": ["注销"]}
    rules = read_mapping(json.dumps({"version": 1, "columns": columns, "status": status}).encode())
    order = CollectionOrder(
        type="carer_permit",
        issuer=OFFICE,
        files=[path],
        mapping=rules,
        as_of=datetime.now(UTC),
        report_dir=tmp_path / "r",
    )
    assert (await hub.collection.files.collect(order)).totals == Totals(issued=1, ended=1)
