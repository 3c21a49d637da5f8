"""Staff upload a register: a dry look writes nothing, a second person where one is due, nobody else's to see."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, update

from catalog.tables import table
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import catalogue_text
from certificates.tables import CertificateRow
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.collection.batches.corrections import ADDED, corrections
from hub.collection.batches.looking import LOOKED, columns_of, first_rows
from hub.collection.batches.order import PART_BYTES, BatchOrder
from hub.collection.batches.store import BatchState
from hub.collection.errors import MappingError
from hub.collection.proposing import proposed
from hub.collection.reading.reader import Format
from hub.collection.tables import CollectionBatchRow
from hub.registry.errors import StateError
from hub.registry.requests.errors import NoSecondPersonError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.web.console.library.uploading import UPLOAD
from tests.access.people import add, visitor
from tests.access.test_staff_api import bearer
from tests.collection.conftest import HEADER
from tests.collection.test_batches import Sender
from tests.support import AMR, POLICE, PUBLIC_URL, Place, valid_uscc

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = [valid_uscc(f"9199010099000010{place}") for place in range(3)]


def line(uscc: str, name: str = "示例县甲乙商贸有限公司", day: str = "2020-01-02") -> str:
    return f"{name},{uscc},{day},有限责任公司,甲某,100(万元人民币),日用百货销售,示例省,示例市,示例省示例市示例路1号"


def register(*rows: str, header: str = HEADER) -> bytes:
    return "".join(row + "\n" for row in (header, *rows)).encode()


ROWS = register(*map(line, GOOD), line(GOOD[0][:-1] + "?"), line(GOOD[1], day="二月三十"))


async def person(hub: Hub, name: str, role: Role, department: str = AMR) -> Actor:
    return (await add(hub, name, role, department=department)).actor()


async def uploaded(hub: Hub, actor: Actor, data: bytes = ROWS, form: Format = Format.CSV) -> str:
    order = BatchOrder(type="business_licence", issuer=AMR, as_of=AS_OF, format=form)
    batch = (await hub.collection.batches.create(actor, order)).batch.id
    await hub.collection.batches.put_part(actor, batch, 1, data)
    await hub.collection.uploads.read(actor, batch)
    return batch


async def issued(hub: Hub) -> int:
    query = select(func.count()).select_from(table(CertificateRow))
    return await hub.database.read(lambda tx: int(tx.execute(query).scalar_one()))


async def state(hub: Hub, actor: Actor, batch: str) -> tuple[BatchState, Any]:
    found = (await hub.collection.batch_desk.view(actor, batch)).batch
    return found.state, found.totals


async def test_an_upload_is_looked_at_confirmed_by_a_second_person_and_collected(hub: Hub) -> None:
    engineer = await person(hub, "engineer", Role.OWNER_ENGINEER)
    before = await issued(hub)
    batch = await uploaded(hub, engineer)
    look = await hub.collection.uploads.look(engineer, batch)
    assert [row.effect.value for row in look.rows] == ["issued"] * 3 + ["refused"] * 2
    assert [reason.code for reason in look.rows[4].why.reasons] == ["date_spelling"]
    with pytest.raises(NoSecondPersonError):  # an engineer issues nothing alone, and nobody could confirm it
        await hub.collection.batches.start(engineer, batch)
    approver = await person(hub, "approver", Role.OWNER_APPROVER)
    with pytest.raises(MissingError):  # until it is handed over, it is his alone
        await hub.collection.uploads.look(approver, batch)
    assert (await hub.collection.batches.start(engineer, batch)).batch.state is BatchState.UNCONFIRMED
    await hub.jobs.sweep()
    assert await issued(hub) == before
    with pytest.raises(ForbiddenError):
        await hub.collection.uploads.confirm(engineer, batch)
    stranger = await person(hub, "police", Role.OWNER_APPROVER, POLICE)
    for use in (hub.collection.uploads.confirm, hub.collection.uploads.look, hub.collection.uploads.discard):
        with pytest.raises(MissingError):
            await use(stranger, batch)
    assert len((await hub.collection.uploads.look(approver, batch)).rows) == 5
    await hub.collection.uploads.confirm(approver, batch)
    await hub.jobs.sweep()
    ended, totals = await state(hub, approver, batch)
    assert (ended, totals.issued, totals.rejected) == (BatchState.FINISHED, 3, 2)
    assert await issued(hub) == before + 3


async def test_rejected_rows_are_corrected_and_uploaded_again(hub: Hub) -> None:
    approver = await person(hub, "approver", Role.OWNER_APPROVER)
    batch = await uploaded(hub, approver)
    assert (await hub.collection.batches.start(approver, batch)).batch.state is BatchState.QUEUED
    await hub.jobs.sweep()
    columns = HEADER.split(",")
    report = await hub.collection.batch_desk.report(approver, batch)
    sheet = b"".join(corrections(columns, Format.CSV, report))
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert [(row[ADDED[1]], row[ADDED[2]]) for row in rows] == [("4", ""), ("5", "")]
    fixed = sheet.replace((GOOD[0][:-1] + "?").encode(), valid_uscc("91990100990000109").encode())
    again = await uploaded(hub, approver, fixed.replace("二月三十".encode(), b"2020-02-28"))
    look = await hub.collection.uploads.look(approver, again)
    assert [row.effect.value for row in look.rows] == ["issued", "updated"]
    await hub.collection.batches.start(approver, again)
    await hub.jobs.sweep()
    totals = (await state(hub, approver, again))[1]
    assert (totals.issued, totals.updated, totals.rejected) == (1, 1, 0)


@pytest.mark.embedded
async def test_a_type_of_two_persons_is_confirmed_by_another_approver_and_rows_changed_behind_it_are_noticed(
    hub: Hub,
) -> None:
    text = catalogue_text("business_licence")
    await hub.registry.add_type(text.replace("custody: library", "maker_checker: true\ncustody: library"))
    first = await person(hub, "first", Role.OWNER_APPROVER)
    second = await person(hub, "second", Role.OWNER_APPROVER)
    batch = await uploaded(hub, first)
    assert (await hub.collection.batches.start(first, batch)).batch.state is BatchState.UNCONFIRMED
    with pytest.raises(SamePersonError):
        await hub.collection.uploads.confirm(first, batch)
    before = await issued(hub)
    rows = table(CollectionBatchRow)
    await hub.database.write(lambda tx: tx.execute(update(rows).values(state="queued")) and None)
    with pytest.raises(IntegrityBrokenError):
        await hub.collection.batch_runner.run({"batch": batch})
    assert await issued(hub) == before
    await hub.database.write(lambda tx: tx.execute(update(rows).values(state="unconfirmed")) and None)
    await hub.collection.uploads.discard(second, batch)
    assert (await state(hub, first, batch))[0] is BatchState.EXPIRED
    with pytest.raises(StateError):
        await hub.collection.uploads.confirm(second, batch)


@pytest.mark.embedded
async def test_a_mapping_is_proposed_from_the_header_corrected_and_kept(hub: Hub) -> None:
    approver = await person(hub, "approver", Role.OWNER_APPROVER)
    header = HEADER.replace("企业名称", "公司全名").replace("注册日期", "Established  On")
    batch = await uploaded(hub, approver, register(*map(line, GOOD), header=header))
    with pytest.raises(MappingError) as refused:
        await hub.collection.uploads.look(approver, batch)
    assert refused.value.where == "claims/name"
    proposal = (await hub.collection.batches.view(approver, batch)).batch.ordered["mapping"]["columns"]
    await hub.collection.uploads.choose(approver, batch, proposal | {"公司全名": "name"})
    rows = (await hub.collection.uploads.look(approver, batch)).rows
    assert {row.claims["name"] for row in rows} == {"示例县甲乙商贸有限公司"}


def test_columns_are_proposed_by_names_and_titles_and_no_claim_twice(business_licence: CertificateType) -> None:
    assert proposed(business_licence, ["NAME", "企业名称", "备注", ""]) == {"企业名称": "name"}
    assert proposed(business_licence, ["法定代表人（姓名）", "ＵＳＣＣ"]) == {
        "法定代表人（姓名）": "legal_representative",
        "ＵＳＣＣ": "uscc",
    }


def test_a_correction_sheet_has_the_cells_of_every_format_and_no_formula() -> None:
    why = [{"code": "missing", "text_zh": "必填项为空"}]
    rows = ['=1+1,-5,"a,b"', '{"甲":"x","乙":7}', "half a row"]
    for raw, form, cells in zip(
        rows,
        (Format.XLSX, Format.JSON_LINES, Format.CSV),
        (["'=1+1", "-5", "a,b"], ["x", "7", ""], ["", "", ""]),
        strict=True,
    ):
        piece = json.dumps({"raw": raw, "row": 9, "reasons": why}).encode()
        columns = ["甲", "乙", "丙", ADDED[0]][: 4 if form is Format.JSON_LINES else 3]
        sheet = b"".join(corrections(columns, form, iter([piece])))
        header, row = csv.reader(io.StringIO(sheet.decode("utf-8-sig")))
        assert header == ["甲", "乙", "丙", *ADDED]
        assert row == [*cells, "必填项为空", "9", raw if form is Format.CSV else ""]


@pytest.mark.embedded
async def test_a_long_file_is_stored_sealed_in_parts_and_nothing_is_taken_from_another_page(
    place: Place, hub: Hub
) -> None:
    await add(hub, "approver", Role.OWNER_APPROVER)
    data = register(*(line(GOOD[0], name="示例" * 40_000) for _ in range(40)))  # 10 MB
    assert PART_BYTES < len(data) < 2 * PART_BYTES
    objects = hub.settings.home / "objects" / "batches"
    async with visitor(place, hub) as opened:
        await opened.sign_in("approver")
        given = {"type": "11990000MB0000002Q001", "as_of": "2026-01-01", "csrf": await opened.csrf()}
        files = {"file": ("register.csv", data, "text/csv")}
        own = {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}
        for fields, headers in ((given | {"csrf": "x"}, own), (given, {"Sec-Fetch-Site": "cross-site"})):
            answer = await opened.client.post(UPLOAD, data=fields, files=files, headers=headers)
            assert answer.status_code == 403
        assert not objects.exists() or not [*objects.rglob("part-*")]
        answer = await opened.client.post(UPLOAD, data=given, files=files, headers=own)
        assert answer.status_code == 303, answer.text
        page = await opened.get(answer.headers["location"])
        assert "超过长度上限" in page.text
    stored = [*objects.rglob("part-*")]
    assert len(stored) == 2
    assert not any("示例".encode() in path.read_bytes() for path in stored)


@pytest.mark.embedded
async def test_staff_do_the_same_by_api(hub: Hub, client: httpx2.AsyncClient, tmp_path: Path) -> None:
    engineer, approver = (
        await add(hub, "engineer", Role.OWNER_ENGINEER),
        await add(hub, "approver", Role.OWNER_APPROVER),
    )
    stranger = await add(hub, "police", Role.OWNER_APPROVER, department=POLICE)
    mine, second, other = [await bearer(hub, staff) for staff in (engineer, approver, stranger)]
    file = tmp_path / "register.csv"
    file.write_bytes(ROWS)
    path = f"/api/v1/batches/{await Sender(client, mine).send(file)}"
    look = (await client.get(f"{path}/look", headers=second)).json()
    assert [row["effect"] for row in look["rows"]] == ["issued"] * 3 + ["rejected"] * 2
    assert (await client.get(path, headers=mine)).json()["state"] == "unconfirmed"
    for act in ("start", "confirm", "discard"):
        assert (await client.post(f"{path}/{act}", headers=other)).status_code == 404
    assert (await client.get(path, headers=other)).status_code == 404
    assert (await client.post(f"{path}/confirm", headers=second)).status_code == 202
    await hub.jobs.sweep()
    assert (await client.get(path, headers=mine)).json()["progress"]["issued"] == 3
    assert len((await client.get(f"{path}/report", headers=mine)).text.splitlines()) == 2


def test_a_look_at_json_lines_reads_no_more_than_their_beginning(tmp_path: Path) -> None:
    file = tmp_path / "register.jsonl"
    rows = [json.dumps({"uscc": str(number), "name": "x" * 1000}) for number in range(3000)]
    file.write_text("\n".join([*rows, json.dumps({"late": "1"})]) + "\n", encoding="utf-8")
    assert columns_of(file, Format.JSON_LINES, None) == ("uscc", "name")
    found, _ = first_rows(file, Format.JSON_LINES, None)
    assert [row.number for row in found] == list(range(1, LOOKED + 1))
