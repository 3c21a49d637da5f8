"""More of a city on top of the template: a person with every kind of record, a matter that asks for all of them.

Values of fields that no grant covers are canaries: none of them may be seen anywhere.
"""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx2
from sqlalchemy import Connection, event, select

from catalog.tables import table
from certificates.lifecycle.states import Operation
from certificates.tables import SubjectRow
from hub.intake.tables import CaseRow
from hub.issuing.files import identifiers_of
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import LOG_KEY, Hub
from hub.sample.numbers import citizen_id
from hub.storage.vault import DataKey
from tests.support import (
    AMR,
    INTAKE,
    POLICE,
    PURPOSE,
    TYPES,
    Place,
    grant_definition,
    issue,
    open_case,
    pull,
    requirement,
    valid_uscc,
)

CIVIL = "11990000MB0000004Y"
ESTATE = "11990000MB00000052"
PERMITS = valid_uscc("11990000MB0000009")
MARRIAGE, TITLE, PERMIT = f"{CIVIL}001", f"{ESTATE}001", f"{PERMITS}001"
IDENTITY = "11990000MB0000003U001"
HOME = "HOME"
PERSON = {"id_type": "111", "id_number": citizen_id("990102", date(1988, 3, 5), 21), "name": "陈晓示"}
STRANGER = {"id_type": "111", "id_number": citizen_id("990103", date(1979, 7, 9), 33), "name": "陈晓示"}
CANARIES = ("金丝雀街七号", "金丝雀族", "金丝雀配偶", "金丝雀抵押", "金丝雀备注")

PERMIT_TYPE = f"""
slug: residence_permit
code: {PERMIT}
name: {{zh: 居住证, en: Residence permit}}
kind: certificate
defining_authority: {{name: 居住证办公室（示例）, uscc: {PERMITS}}}
holder_kinds: ["111"]
holder: {{id_type: "111", id: citizen_id, name: name}}
record_key: citizen_id
validity: {{claim: valid_until}}
confirms_identity: false
complete: true
single_instance: true
custody: library
claims:
  name: {{title: {{zh: 姓名, en: Name}}, format: text, required: true, disclosure: selective}}
  citizen_id: {{title: {{zh: 公民身份号码, en: Citizen ID}}, format: citizen_id, required: true, disclosure: selective}}
  valid_until: {{title: {{zh: 有效期至, en: Valid until}}, format: date, required: true, disclosure: always}}
  remark: {{title: {{zh: 备注, en: Remark}}, format: text, required: true, disclosure: selective}}
mapping:
  version: 1
  absent: [""]
  columns: {{姓名: name, 公民身份号码: citizen_id, 有效期至: valid_until, 备注: remark}}
"""


@dataclass(frozen=True)
class City:
    """A hub with more in it, and a caller."""

    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]

    async def ask(self, code: str, *, holder: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        """The item that answers one requirement in a new case of this person."""
        answer = await self.pull(code, holder=holder, **body)
        assert answer.status_code == 200, answer.text
        item: dict[str, Any] = answer.json()["requirements"][0]
        return item

    async def pull(self, code: str, *, holder: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
        parties = [{"role": "applicant", **(holder or PERSON)}]
        case_no = await open_case(self.client, self.headers, matter=HOME, parties=parties)
        return await pull(self.client, self.headers, case_no, requirements=[code], **body)


async def grow(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    """Types, departments, a matter, grants, and an identity card for PERSON."""
    for slug in ("marriage_certificate", "real_estate_title"):
        await hub.registry.add_type((TYPES / f"{slug}.yaml").read_text(encoding="utf-8"))
    await hub.registry.add_type(PERMIT_TYPE)
    for code, issued in ((CIVIL, MARRIAGE), (ESTATE, TITLE), (PERMITS, PERMIT)):
        await hub.registry.add_department({"code": code, "name": {"zh": code, "en": code}, "issues": [issued]})
    needs = {
        "marriage": {"type": MARRIAGE, "fields": ["name", "registered_on"]},
        "title": {"type": TITLE, "fields": ["title_no", "location"]},
        "permit": {"type": PERMIT, "fields": ["name", "valid_until"]},
        "identity": {"type": IDENTITY, "fields": ["name"]},
    }
    await hub.registry.add_matter(
        {
            "code_system": "test",
            "code": HOME,
            "name": {"zh": "购房", "en": "Buying a home"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": [requirement(code, code, "applicant", [[need]]) for code, need in needs.items()],
        }
    )
    owners = {"marriage": CIVIL, "title": ESTATE, "permit": PERMITS, "identity": POLICE}
    for code, need in needs.items():
        await hub.registry.add_grant(
            grant_definition(
                hub, type=need["type"], owner=owners[code], fields=need["fields"], matters=[HOME], purpose=PURPOSE
            )
        )
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    return City(place, hub, client, await place.headers(client, INTAKE))


def identity_claims(**changes: Any) -> dict[str, Any]:
    return {
        "name": PERSON["name"],
        "sex": "男",
        "ethnicity": CANARIES[1],
        "birth_date": "1988-03-05",
        "address": CANARIES[0],
        "citizen_id": PERSON["id_number"],
        "issued_by": "示例市公安局",
        "valid_since": "2016-01-01",
        "valid_until": "2036-01-01",
    } | changes


def marriage_claims(**changes: Any) -> dict[str, Any]:
    return {
        "certificate_no": "J990102-2019-000001",
        "registered_on": "2019-05-20",
        "registered_by": "示例区民政局",
        "name": PERSON["name"],
        "citizen_id": PERSON["id_number"],
        "spouse_name": CANARIES[2],
        "spouse_id_number": citizen_id("990104", date(1990, 1, 2), 42),
    } | changes


def title_claims(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "title_no": number,
        "unit_no": "9901020010010000" + "1" * 12,
        "owner_name": PERSON["name"],
        "owner_id_type": "111",
        "owner_id_number": PERSON["id_number"],
        "ownership": "单独所有",
        "location": "示例区一路2号",
        "right_type": "房屋所有权",
        "usage": "住宅",
        "area_sqm": "88.5",
        "encumbrance": CANARIES[3],
        "registered_on": "2018-01-01",
    } | changes


def permit_claims(**changes: Any) -> dict[str, Any]:
    return {
        "name": PERSON["name"],
        "citizen_id": PERSON["id_number"],
        "valid_until": "2035-06-30",
        "remark": CANARIES[4],
    } | changes


@dataclass(frozen=True)
class Opened:
    """A ledger entry with its content."""

    id: str
    kind: str
    subject_id: str | None
    case_id: str | None
    detail: dict[str, Any]


async def ledger(hub: Hub, *, since: Iterable[Opened] = ()) -> list[Opened]:
    """All entries, or those that are not among `since`, opened with the hub's keys."""
    known = {entry.id for entry in since}
    secret = hub.keys.secret(LOG_KEY)
    log_key = DataKey(secret.value, wrapped=b"", kek_kid=secret.kid)
    entries, subjects, cases = table(LedgerEntryRow), table(SubjectRow), table(CaseRow)

    def unit(tx: Connection) -> list[Opened]:
        persons = {row.id: row for row in tx.execute(select(subjects.c.id, subjects.c.data_key, subjects.c.kek_kid))}
        handled = {row.id: row for row in tx.execute(select(cases.c.id, cases.c.data_key, cases.c.kek_kid))}
        found = []
        for row in tx.execute(select(entries).order_by(entries.c.id)):
            if row.id in known:
                continue
            holder = persons.get(row.subject_id) or handled.get(row.case_id)
            key = hub.vault.data_key(holder.data_key, holder.kek_kid) if holder else log_key
            content = open_detail(row.id, row.detail, row.commitment, key=key)
            assert content["kind"] == row.kind
            found.append(Opened(row.id, row.kind, row.subject_id, row.case_id, content["detail"]))
        return found

    return await hub.database.read(unit)


async def one_refusal(hub: Hub, before: list[Opened], *secrets: str, kind: str = "refusal") -> dict[str, Any]:
    """The detail of the one entry since `before`; nothing in it is a secret, and nothing was disclosed."""
    added = [entry for entry in await ledger(hub, since=before) if not entry.kind.startswith(("case.", "debt."))]
    assert [entry.kind for entry in added] == [kind]
    shows_nothing(json.dumps(added[0].detail, ensure_ascii=False), *secrets)
    return added[0].detail


def shows_nothing(text: str, *secrets: str) -> None:
    """No canary and no ID number in this text, escaped or not."""
    for secret in (*CANARIES, PERSON["id_number"], STRANGER["id_number"], *secrets):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text


@asynccontextmanager
async def statements(hub: Hub) -> AsyncIterator[list[str]]:
    """Every SQL statement that reaches the driver."""
    engine: Any = hub.database
    engine = engine._engine
    engine = getattr(engine, "sync_engine", engine)
    seen: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", record)


async def change_status(hub: Hub, holder: dict[str, str], type_code: str, operation: Operation) -> None:
    """Suspend, resume or revoke what a holder has of a type."""
    held = await identifiers_of(hub, holder["id_type"], holder["id_number"])
    found = {item["type"]: item["identifier"] for item in held}
    await hub.status.change(found[type_code], operation, reason="test", legal_basis="test")
