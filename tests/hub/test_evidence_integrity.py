"""Rows edited behind the hub's back (threat S9): an integrity problem, on the ledger, with an alarm; no evidence."""

import json
import uuid

import httpx2
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from catalog.grants import GrantState
from certificates.lifecycle.states import Operation
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from tests.hub.city import ESTATE, STRANGER, grow, ledger, shows_nothing, title_claims
from tests.support import ENTERPRISE, NARROW, POLICE, Place, enterprise_claims, issue, open_case, pull, valid_uscc

REPRESENTATIVE = "王晨光"


GRANT_EDITS: dict[str, str] = {
    "state": "UPDATE grants SET state = 'live'",
    "wider_fields": "UPDATE grants SET terms = '{terms}'",
    "purpose": "UPDATE grants SET purpose = '别的用途'",
    "longer": "UPDATE grants SET valid_until = valid_until + 1000000000000",
    "earlier": "UPDATE grants SET valid_from = valid_from - 1000000000000",
    "other_system": "UPDATE grants SET system_id = (SELECT id FROM systems WHERE client_id = 'narrow')",
    "other_owner": "UPDATE grants SET owner_department_id = (SELECT id FROM departments WHERE code = '" + POLICE + "')",
    "other_kind": "UPDATE grants SET kind = 'ex_officio'",
    "version": "UPDATE grants SET row_version = row_version + 1",
    "entry": "UPDATE grants SET ledger_entry_id = (SELECT id FROM ledger_entries ORDER BY id LIMIT 1)",
    "mac": "UPDATE grants SET mac = (SELECT mac FROM certificate_versions)",
}
WIDE = {
    "fields": ["name", "uscc", "address", "legal_representative"],
    "matters": ["FOOD"],
    "legal_basis": "x",
    "quota_per_day": None,
    "corroboration": [],
}


@pytest.mark.parametrize("name", GRANT_EDITS)
@pytest.mark.sampled
async def test_an_edited_grant_discloses_nothing(place: Place, hub: Hub, client: httpx2.AsyncClient, name: str) -> None:
    client_id = NARROW if name == "other_system" else "intake"
    kind = "ex_officio" if name == "other_kind" else "application"
    headers = await place.headers(client, client_id)
    case_no = await open_case(client, headers, kind=kind)
    if name == "state":
        await _withdraw(hub)
    await _sql(hub, GRANT_EDITS[name].replace("{terms}", json.dumps(WIDE)))
    await _integrity(hub, client, headers, case_no)


async def test_a_grant_made_by_sql_discloses_nothing(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    columns = "owner_department_id, type_code, kind, terms, purpose, state, valid_from, valid_until"
    guard = "row_version, ledger_entry_id, mac"
    await _sql(
        hub,
        f"INSERT INTO grants (id, system_id, {columns}, {guard}) SELECT '{uuid.uuid4()}',"
        f" (SELECT id FROM systems WHERE client_id = 'narrow'), {columns}, {guard} FROM grants",
    )
    headers = await place.headers(client, NARROW)
    await _integrity(hub, client, headers, await open_case(client, headers))


async def test_an_older_grant_put_back_with_its_older_mac_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await _kept(hub, "grants")
    await _withdraw(hub)
    await _put_back(hub, "grants", "state, row_version, ledger_entry_id, mac")
    await _integrity(hub, client, headers, case_no)


async def test_a_stored_answer_is_not_given_under_an_edited_grant(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    first = await pull(client, headers, case_no, requirements=["licence"])
    again = f"/api/v1/evidence-requests/{first.json()['evidence_request_id']}"
    await _withdraw(hub)
    await _sql(hub, "UPDATE grants SET state = 'live'")
    answer = await client.get(again, headers=headers)
    assert answer.status_code == 502
    assert "中心路" not in answer.text


VERSION_EDITS: dict[str, str] = {
    "status": "UPDATE certificate_versions SET status = 'valid'",
    "name_hash": "UPDATE certificate_versions SET name_hash = (SELECT name_hash FROM case_parties)",
    "valid_until": "UPDATE certificate_versions SET valid_until = '2044-01-01'",
    "as_of": "UPDATE certificate_versions SET as_of = (SELECT recorded_at FROM ledger_entries ORDER BY id LIMIT 1)",
    "valid_from": "UPDATE certificate_versions SET valid_from = '2001-01-01'",
    "identifier": "UPDATE certificate_versions SET identifier = 'x'",
    "status_index": "UPDATE certificate_versions SET status_index = status_index - 1",
    "payload_digest": "UPDATE certificate_versions SET payload_digest = mac",
    "version": "UPDATE certificate_versions SET row_version = 2",
    "entry": "UPDATE certificate_versions SET ledger_entry_id = (SELECT id FROM ledger_entries ORDER BY id LIMIT 1)",
    "mac": "UPDATE certificate_versions SET mac = (SELECT mac FROM grants)",
    "type": "UPDATE certificates SET type_code = '" + POLICE + "001'",
}


@pytest.mark.parametrize("name", VERSION_EDITS)
@pytest.mark.sampled
async def test_an_edited_licence_row_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, name: str
) -> None:
    headers = await place.headers(client)
    holder = ENTERPRISE | ({"name": "别家公司"} if name == "name_hash" else {})
    case_no = await open_case(client, headers, parties=[{"role": "applicant", **holder}])
    if name == "status":
        await _revoke(hub)
    await _sql(hub, VERSION_EDITS[name])
    await _integrity(hub, client, headers, case_no)


async def test_an_older_status_put_back_with_its_older_mac_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await _kept(hub, "certificate_versions")
    await _revoke(hub)
    await _put_back(hub, "certificate_versions", "status, row_version, ledger_entry_id, mac")
    await _integrity(hub, client, headers, case_no)


async def test_a_licence_pointed_at_another_holder_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    other = valid_uscc("91990100MA0000002")
    await issue(hub, enterprise_claims(name="示例市另家公司", uscc=other, address="示例市密路8号"))
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    hashes = "SELECT lookup_hash FROM case_parties"
    await _sql(hub, f"UPDATE certificates SET subject_id = (SELECT id FROM subjects WHERE lookup_hash = ({hashes}))")
    await _integrity(hub, client, headers, case_no, "密路")


async def test_swapped_documents_are_an_alarm_and_no_answer(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    """The row is right and the file is another person's: it does not open."""
    city = await grow(place, hub, client)
    await issue(hub, title_claims("T1"), slug="real_estate_title", issuer=ESTATE)
    await issue(
        hub,
        title_claims("T2", owner_name=STRANGER["name"], owner_id_number=STRANGER["id_number"], location="金丝雀巷"),
        slug="real_estate_title",
        issuer=ESTATE,
    )
    await _sql(
        hub,
        "UPDATE certificate_versions SET document = (SELECT document FROM certificate_versions v JOIN certificates c"
        " ON c.id = v.certificate_id JOIN subjects s ON s.id = c.subject_id WHERE c.type_code = '"
        f"{ESTATE}001' ORDER BY v.id DESC LIMIT 1)",
    )
    before = await ledger(hub)
    with capture_logs() as logs:
        item = await city.ask("title")
    assert (item["outcome"], item["why"]["code"]) == ("source_unavailable", "integrity")
    assert [line["event"] for line in logs if line.get("alarm")] == ["stored_licence_broken"]
    shows_nothing(json.dumps([item, logs], ensure_ascii=False), "金丝雀巷")
    added = await ledger(hub, since=before)
    assert sorted(entry.kind for entry in added if not entry.kind.startswith("case.")) == ["debt.open", "refusal"]
    shows_nothing(json.dumps([entry.detail for entry in added], ensure_ascii=False), "金丝雀巷")


async def _withdraw(hub: Hub) -> None:
    found = await hub.database.read(lambda tx: tx.execute(text("SELECT id FROM grants")).scalar_one())
    await hub.registry.change_grant(str(found), GrantState.WITHDRAWN)


async def _revoke(hub: Hub) -> None:
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    await hub.status.change(held["identifier"], Operation.REVOKE, reason="test", legal_basis="test")


async def _sql(hub: Hub, statement: str) -> None:
    changed = await hub.database.write(lambda tx: tx.execute(text(statement)).rowcount)
    assert changed >= 1


async def _kept(hub: Hub, name: str) -> None:
    await hub.database.write(lambda tx: tx.execute(text(f"CREATE TABLE kept AS SELECT * FROM {name}")))


async def _put_back(hub: Hub, name: str, columns: str) -> None:
    await _sql(hub, f"UPDATE {name} SET ({columns}) = (SELECT {columns} FROM kept WHERE kept.id = {name}.id)")


async def _integrity(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str], case_no: str, *secrets: str
) -> None:
    """All requirements are refused with an integrity problem, on the ledger, with an alarm."""
    before = await ledger(hub)
    secrets = (REPRESENTATIVE, "中心路", ENTERPRISE["id_number"], *secrets)
    for asked in ({}, {"requirements": ["licence"]}, {"requirements": ["representative"]}):
        with capture_logs() as logs:
            answer = await pull(client, headers, case_no, **asked)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (502, "integrity")
        shows_nothing(answer.text + json.dumps(logs, ensure_ascii=False), *secrets)
        assert [line["event"] for line in logs if line.get("alarm")] == ["guarded_row_broken"]
    added = await ledger(hub, since=before)
    assert [(entry.kind, entry.detail["reason"]) for entry in added] == [("refusal", "integrity")] * 3
