"""One holder, one current certificate of a type that says so: whoever asks, in one batch or at one moment."""

import asyncio
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, delete, select, update

from catalog.store import find_department
from catalog.tables import table
from certificates.definitions.loading import load_type, shipped_types
from certificates.errors import ActError
from certificates.stores.certificates import scan_versions
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.access.actors import COMMAND
from hub.collection.batches.looking import first_rows, weigh
from hub.collection.mapping import Mapping
from hub.collection.reading.reader import Format
from hub.collection.service import CollectionOrder
from hub.issuing.files import identifiers_of
from hub.issuing.plan import NEW, Record, keyed
from hub.issuing.single_instance import HOLDER_HAS_ONE, one_each
from hub.issuing.transitions.acts import Act
from hub.ledger.guards import check_guards
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.support import Place, issue, valid_uscc

OFFICE = valid_uscc("11990000MB0000099")
TYPE = f"""
slug: carer_permit
code: {OFFICE}001
name: {{zh: 示例护理许可, en: Sample carer permit}}
kind: certificate
defining_authority: {{name: 护理办公室（示例）, uscc: {OFFICE}}}
holder_kinds: ["111"]
holder: {{id_type: "111", id: citizen_id, name: name}}
record_key: permit_no
validity: {{claim: valid_until}}
confirms_identity: false
complete: true
single_instance: true
custody: library
claims:
  permit_no: {{title: {{zh: 编号, en: Number}}, format: code, required: true, disclosure: always}}
  name: {{title: {{zh: 姓名, en: Name}}, format: text, required: true, disclosure: selective}}
  citizen_id: {{title: {{zh: 公民身份号码, en: Citizen ID}}, format: citizen_id, required: true, disclosure: selective}}
  valid_until: {{title: {{zh: 有效期至, en: Valid until}}, format: date, required: true, disclosure: always}}
  grade: {{title: {{zh: 等级, en: Grade}}, format: text, required: true, disclosure: selective}}
mapping:
  version: 1
  absent: [""]
  columns: {{编号: permit_no, 姓名: name, 公民身份号码: citizen_id, 有效期至: valid_until, 等级: grade}}
"""
PAST, LATER = "2021-05-01", "2099-05-01"
WHY = {"reason": "示例事由", "legal_basis": "示例依据"}
VERSIONS, CERTIFICATES = table(CertificateVersionRow), table(CertificateRow)


def claims(number: str, person: int, *, until: str = LATER, grade: str = "一级") -> dict[str, Any]:
    number_of = citizen_id("990102", date(1980, 1, 2), person)
    return {"permit_no": number, "name": "示例人", "citizen_id": number_of, "valid_until": until, "grade": grade}


async def department(hub: Hub) -> None:
    await hub.registry.add_type(TYPE)
    await hub.registry.add_department({"code": OFFICE, "name": {"zh": "护理", "en": "x"}, "issues": ["carer_permit"]})


async def told(hub: Hub, *records: dict[str, Any]) -> list[str]:
    decisions = await issue(hub, *records, slug="carer_permit", issuer=OFFICE)
    return [item.reason or item.effect.value for item in decisions]


async def begin(hub: Hub, record: dict[str, Any], operation: str = "issue", **more: Any) -> str:
    act = Act.read({"operation": operation, "claims": record, "reason_code": "other", **WHY, **more})
    outcome = await hub.transitions.begin(COMMAND, "carer_permit", act, issuer=OFFICE)
    return str(outcome.identifier)


async def act(hub: Hub, identifier: str, operation: str, **more: Any) -> None:
    asked = Act.read({"operation": operation, "reason_code": "other", **WHY, **more})
    await hub.transitions.act(COMMAND, identifier, asked)


async def test_of_two_records_of_one_holder_the_first_is_issued(hub: Hub) -> None:
    await department(hub)
    first = [claims("A1", 1), claims("A2", 1), claims("B1", 2), claims("C1", 3, until=PAST), claims("C2", 3)]
    assert await told(hub, *first) == ["issued", HOLDER_HAS_ONE, "issued", "issued", "issued"]
    # Again, and changed: a version of what he has is none beside it. What is of the past alone is let in.
    again = [claims("A1", 1, grade="二级"), claims("A2", 1), claims("B0", 2, until=PAST), claims("C2", 3)]
    assert await told(hub, *again) == ["updated", HOLDER_HAS_ONE, "issued", "unchanged"]
    # What has ended goes on only where nothing stands in its place.
    longer = [claims("C1", 3), claims("C3", 3), claims("D1", 4)]
    assert await told(hub, *longer) == [HOLDER_HAS_ONE, HOLDER_HAS_ONE, "issued"]


@pytest.mark.embedded
async def test_a_record_that_changes_hands_is_a_licence_of_its_new_holder(hub: Hub) -> None:
    await department(hub)
    assert await told(hub, claims("A1", 1), claims("B1", 2)) == ["issued", "issued"]
    # To somebody who has one; to somebody who has none; and what its former holder gets then.
    assert await told(hub, claims("A1", 2)) == [HOLDER_HAS_ONE]
    assert await told(hub, claims("A1", 3), claims("A2", 1)) == ["updated", HOLDER_HAS_ONE]
    assert await told(hub, claims("A2", 1), claims("A1", 3)) == ["issued", "unchanged"]

    def statuses(tx: Connection) -> Counter[str]:
        versions = [item for item in scan_versions(tx, None, 50) if item.issuer_code == OFFICE]
        check_guards(tx, hub.vault, versions=versions)
        return Counter(item.status for item in versions)

    assert await hub.database.read(statuses) == {"valid": 3, "superseded": 1}
    for person in (1, 2, 3):
        held = await identifiers_of(hub, "111", claims("", person)["citizen_id"])
        assert [item["status"] for item in held].count("valid") == 1


@pytest.mark.embedded
async def test_what_has_ended_makes_room_and_what_waits_does_not(hub: Hub) -> None:
    await department(hub)
    one = await begin(hub, claims("A1", 1))
    for ending in ("cancel", "withdraw", "revoke"):
        with pytest.raises(ActError, match=HOLDER_HAS_ONE):
            await begin(hub, claims("A2", 1))
        await act(hub, one, "suspend")
        assert await told(hub, claims("A3", 1)) == [HOLDER_HAS_ONE]
        await act(hub, one, ending)
        one = await begin(hub, claims(f"A-{ending}", 1))
    past = await begin(hub, claims("P1", 1, until=PAST))
    with pytest.raises(ActError, match=HOLDER_HAS_ONE):
        await act(hub, past, "renew", claims=claims("P1", 1))
    await act(hub, one, "change", claims=claims("A-revoke", 1, grade="二级"))
    # A record whose certificate was taken is not begun anew beside another one, nor taken over from elsewhere.
    with pytest.raises(ActError, match=HOLDER_HAS_ONE):
        await begin(hub, claims("A1", 1))
    origin = {"identifier": "elsewhere-1", "number": "1", "released": "示例函1号"}
    with pytest.raises(ActError, match=HOLDER_HAS_ONE):
        await begin(hub, claims("A9", 1), "transfer_in", origin=origin, reason_code="moved")


async def test_at_one_moment_one_of_them_is_issued(place: Place, hub: Hub) -> None:
    await department(hub)
    await told(hub, claims("B0", 2, until=PAST))  # known to the hub; 1 is new to it
    async with place.open() as other:
        for person in (1, 2):
            both = [told(at, claims(f"{person}-{n}-{at is hub}", person)) for n in range(3) for at in (hub, other)]
            found = Counter(reason for (reason,) in await asyncio.gather(*both))
            assert found == {"issued": 1, HOLDER_HAS_ONE: 5}


@pytest.mark.embedded
async def test_an_intent_stands_in_the_way_also_in_a_sheaf(hub: Hub) -> None:
    await department(hub)
    issued, issuer = hub.types.find("carer_permit"), await hub.database.read(lambda tx: find_department(tx, OFFICE))
    assert issued is not None
    assert issuer is not None
    now = hub.clock()
    row = keyed(Record(claims("A1", 1), now, now.date()), issued.type, OFFICE, hub.vault)
    intended = await hub.issuing.intend([row], issued=issued, issuer=issuer)
    assert await told(hub, claims("A2", 1)) == [HOLDER_HAS_ONE]
    (item,) = intended.unsigned

    def sheaf(tx: Connection) -> None:  # its certificate is there, its version is not
        tx.execute(delete(VERSIONS).where(VERSIONS.c.id == item.version_id))
        tx.execute(update(CERTIFICATES).where(CERTIFICATES.c.id == item.certificate_id).values(current_version=1))
        assert tx.execute(select(VERSIONS.c.id).where(VERSIONS.c.certificate_id == item.certificate_id)).all() == []

    await hub.database.write(sheaf)
    assert await told(hub, claims("A2", 1), claims("B1", 2)) == [HOLDER_HAS_ONE, "issued"]


@pytest.mark.embedded
async def test_a_register_is_told_which_rows_and_so_is_who_looks_beforehand(hub: Hub, tmp_path: Path) -> None:
    await department(hub)
    await told(hub, claims("A1", 1))
    rows = [claims("A2", 1), claims("B1", 2), claims("B2", 2)]
    issued, issuer = hub.types.find("carer_permit"), await hub.database.read(lambda tx: find_department(tx, OFFICE))
    assert issued is not None
    assert issuer is not None
    columns = {claim: column for column, claim in issued.type.default_mapping.items()}
    lines = [",".join(columns.values()), *(",".join(str(row[claim]) for claim in columns) for row in rows)]
    path = tmp_path / "permits.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    read, header = first_rows(path, Format.CSV, None)
    looked = await hub.database.read(
        lambda tx: weigh(
            tx, read, header, mapping=Mapping.of_type(issued.type), kind=issued.type, issuer=issuer, vault=hub.vault,
            as_of=hub.clock(), today=hub.clock().date(),
        )
    )  # fmt: skip
    assert [[reason.code for reason in row.why.reasons] for row in looked] == [[HOLDER_HAS_ONE], [], [HOLDER_HAS_ONE]]
    order = CollectionOrder(type="carer_permit", issuer=OFFICE, files=[path], report_dir=tmp_path / "report")
    totals = (await hub.collection.files.collect(order)).totals
    assert (totals.issued, totals.rejected) == (1, 2)
    report = (tmp_path / "report" / "rejects.csv").read_text(encoding="utf-8-sig")
    assert report.count("请先办理延续、变更或注销") == report.count("renew, change or cancel it first") == 2


def test_nothing_is_asked_where_the_record_is_the_holder_nor_without_the_switch() -> None:
    nobody = cast("Connection", None)  # whoever asks it anything fails
    free = load_type(TYPE.replace("single_instance: true", "single_instance: false"))
    own = load_type(TYPE.replace("record_key: permit_no", "record_key: citizen_id"))
    for kind in (free, own, shipped_types()["business_licence"]):
        decisions = [NEW, NEW]
        assert one_each(nobody, kind, "x", [], decisions, today=date(2026, 1, 1)).decisions is decisions
    with pytest.raises(IndexError):
        one_each(nobody, load_type(TYPE), "x", [], [NEW], today=date(2026, 1, 1))
