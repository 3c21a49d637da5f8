"""Bulk runs: under a campaign and a grant that says so, one entry and one row a subject, released by somebody else."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from catalog.errors import DefinitionError
from catalog.grants import GrantState
from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.clock import utc_now
from hub.exchange.tables import BulkRunRow, BulkSubjectRow
from hub.intake.compose import item_hash
from hub.intake.errors import CaseClosedError, GrantEndedError
from hub.ledger.receipts import read_receipt
from hub.ledger.tables import LedgerEntryRow
from hub.registry.errors import StateError, TwoPersonsError
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.canonical import strict_loads
from signing.jose import read_header, verify_jws
from tests.exchange.bulking import (
    OFFICER,
    approver,
    ask,
    ask_lines,
    begin,
    bulk_grant,
    campaign,
    fetch,
    firm,
    released,
    row_of,
    rows_in,
    see,
    work,
)
from tests.exchange.conftest import SECRET_SHARE, Town
from tests.support import AMR, INTAKE, NARROW, POLICE

EMBEDDED = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
"""What one database shows as well as two."""
ENTRIES, RUNS, SUBJECTS = table(LedgerEntryRow), table(BulkRunRow), table(BulkSubjectRow)


@pytest.fixture
async def bulk(town: Town) -> Town:
    """The town, with the campaign's grant."""
    town.grant_id = await town.hub.registry.add_grant(bulk_grant())
    return town


async def count(town: Town, *kinds: str) -> int:
    query = select(func.count()).select_from(ENTRIES).where(ENTRIES.c.kind.in_(kinds))
    return int(await town.hub.database.read(lambda tx: tx.execute(query).scalar_one()))


async def test_a_list_becomes_a_released_file_with_one_entry_and_one_row_a_subject(bulk: Town) -> None:
    known, silent = [firm(place) for place in range(20)], firm(99)
    bulk.register.rows |= {party["id_number"]: [row_of(party)] for party in known}
    bulk.register.rows[firm(3)["id_number"]] = [row_of(firm(3), 企业名称="示例市别家有限公司")]
    parties = [*known, silent]
    lines = b"".join(json.dumps(party, ensure_ascii=False).encode() + b"\n" for party in parties)
    answer = await ask_lines(bulk, await campaign(bulk), lines, fields=["uscc", "is_active"])
    assert answer.status_code == 202, answer.text
    run = answer.json()["run"]
    assert answer.headers["location"] == f"/api/v1/bulk/{run}"
    await work(bulk)
    seen = await see(bulk, run)
    outcomes = {"satisfied": 19, "identity_unconfirmed": 2}
    assert (seen["state"], seen["progress"]["outcomes"], seen["progress"]["per_cent"]) == ("finished", outcomes, 100)
    assert (await fetch(bulk, run)).status_code == 409
    await bulk.hub.bulk.releases.release(await approver(bulk), run)
    file = (await fetch(bulk, run)).content
    rows = rows_in(file)
    assert sorted(row["number"] for row in rows) == list(range(len(parties)))
    assert [row["number"] for row in rows] != list(range(len(parties)))
    for row in rows:
        party = parties[row["number"]]
        assert {name: row[name] for name in party} == party
        fields = [{"uscc": party["id_number"], "is_active": True}] if row["outcome"] == "satisfied" else []
        assert row["records"] == fields
    assert SECRET_SHARE.encode() not in file
    assert await count(bulk, "disclosure") == 19
    assert len({row["entry"] for row in rows}) == len(parties)
    assert len(bulk.register.asked) == len(parties)


@EMBEDDED
async def test_the_manifest_is_signed_over_counts_digest_recipient_case_grant_and_receipt(bulk: Town) -> None:
    run = await released(bulk)
    token = (await fetch(bulk, run, "manifest")).json()["manifest"]
    assert (await fetch(bulk, run, "manifest")).json()["manifest"] == token
    keys = bulk.hub.desk.public_keys()
    verified = verify_jws(token, key=keys[read_header(token)["kid"]], typ="bulk-manifest+jwt", max_bytes=65536)
    claims = strict_loads(verified.payload, max_bytes=65536)
    file = await fetch(bulk, run)
    assert claims["sha256"] == hashlib.sha256(file.content).hexdigest()
    assert (claims["aud"], claims["grant"], claims["outcomes"]) == ("intake", bulk.grant_id, {"satisfied": 3})
    assert claims["case_no"] == (await see(bulk, run))["case_no"]
    receipt = read_receipt(claims["receipt"], key=keys[read_header(claims["receipt"])["kid"]])
    kind = select(ENTRIES.c.kind).where(ENTRIES.c.id == receipt["entry"])
    assert await bulk.hub.database.read(lambda tx: tx.execute(kind).scalar()) == "bulk.release"
    row = rows_in(file.content)[0]
    content = {name: row[name] for name in row if name not in {"id_type", "id_number", "name", "entry", "time"}}
    assert len(item_hash(content)) == 64


@EMBEDDED
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"officer": "op-9"}, "officer_not_named"),
        ({"purpose": "别的用途"}, "purpose_not_granted"),
        ({"fields": ["shareholder"]}, "field-not-granted"),
        ({"case": {"kind": "application"}}, "invalid-question"),
        ({"case": {"operator": {"id": "op-9", "name": "张旁观"}}}, "officer_not_named"),
        ({"count": 101}, "bulk_too_many"),
    ],
)
async def test_who_may_not_is_refused_on_the_ledger(bulk: Town, changes: dict[str, Any], problem: str) -> None:
    case_no = await campaign(bulk, **changes.pop("case", {}))
    before = await count(bulk, "refusal")
    answer = await ask(bulk, case_no, [firm(place) for place in range(changes.pop("count", 2))], **changes)
    assert answer.status_code in {403, 422}, answer.text
    assert problem in answer.text
    assert await count(bulk, "refusal") == before + 1
    assert bulk.register.asked == []


@EMBEDDED
async def test_a_grant_that_does_not_say_bulk_gives_none(town: Town) -> None:
    await town.hub.registry.add_grant(bulk_grant() | {"bulk": False, "bulk_subjects": None})
    answer = await ask(town, await campaign(town), [firm(1)])
    assert answer.json()["why"] == "bulk_not_granted"


@EMBEDDED
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": "application", "officers": []}, "for the kind ex_officio only"),
        ({"bulk_subjects": None}, "bulk needs bulk_subjects"),
        ({"bulk_subjects": 100_001}, "bulk needs bulk_subjects"),
        ({"bulk": False}, "bulk_subjects belongs to bulk"),
        ({"bulk": "yes"}, "bulk is true or false"),
    ],
)
async def test_bulk_in_a_grant_is_ex_officio_with_its_own_maximum(
    town: Town, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(DefinitionError, match=fault):
        await town.hub.registry.add_grant(bulk_grant(**changes))


@EMBEDDED
async def test_every_fault_of_a_list_is_told_by_its_place_and_nothing_is_kept(bulk: Town) -> None:
    case_no = await campaign(bulk)
    wrong = [firm(1), firm(2) | {"id_number": "91990100MA0000002X"}, {"name": ""}, firm(4) | {"id_type": "111"}]
    answer = await ask(bulk, case_no, wrong)
    assert answer.status_code == 422
    assert [fault["pointer"].split("/")[2] for fault in answer.json()["errors"]] == ["1", "2", "3"]
    twice = await ask(bulk, case_no, [firm(1), firm(2), firm(1)])
    assert twice.json()["errors"] == [{"pointer": "/parties/2", "rule": "repeated"}]
    broken = await ask_lines(bulk, case_no, b'{"name": "x"\n')
    assert broken.json()["errors"][0]["pointer"] == "/parties/0"
    assert "91990100MA0000002X" not in answer.text
    for rows in (RUNS, SUBJECTS):
        query = select(func.count()).select_from(rows)
        assert await bulk.hub.database.read(lambda tx, query=query: tx.execute(query).scalar()) == 0  # type: ignore[misc]


@pytest.mark.both
async def test_the_same_key_is_the_same_run_and_another_list_under_it_is_refused(bulk: Town) -> None:
    case_no = await campaign(bulk)
    first, again = [await ask(bulk, case_no, [firm(1)], key="k-1") for _ in range(2)]
    assert first.json()["run"] == again.json()["run"]
    assert (await ask(bulk, case_no, [firm(2)], key="k-1")).status_code == 409
    one, other = await asyncio.gather(*(ask(bulk, case_no, [firm(3)], key="k-2") for _ in range(2)))
    assert one.json()["run"] == other.json()["run"]


@pytest.mark.both
async def test_no_more_runs_at_once_than_the_operator_allows(bulk: Town) -> None:
    await begin(bulk)
    await begin(bulk)
    case_no = await campaign(bulk)
    assert (await ask(bulk, case_no, [firm(1)])).json()["state"] == "too_many"
    await work(bulk)
    assert (await ask(bulk, case_no, [firm(1)])).status_code == 202


@EMBEDDED
async def test_nobody_else_knows_of_a_run(bulk: Town) -> None:
    run = await released(bulk)
    narrow = await bulk.place.headers(bulk.client, NARROW)
    for what in ("", "/file", "/manifest"):
        answer = await bulk.client.get(f"/api/v1/bulk/{run}{what}", headers=narrow)
        assert answer.status_code == 404, what
    assert (await bulk.client.post(f"/api/v1/bulk/{run}/cancel", headers=narrow)).status_code == 404
    assert (await bulk.client.get("/api/v1/bulk", headers=narrow)).json() == {"runs": []}
    for what in ("release", "refuse"):
        asked = await bulk.client.post(f"/api/v1/bulk/{run}/{what}", json={"reason": "x"}, headers=bulk.headers)
        assert asked.status_code in {403, 409}, asked.text
    with pytest.raises(MissingError):
        await bulk.hub.bulk.releases.get(await approver(bulk, code=POLICE), run)


async def test_only_an_approver_of_the_owner_who_did_not_ask_releases_once(bulk: Town) -> None:
    run = await begin(bulk, officer=OFFICER)
    await work(bulk)
    releases = bulk.hub.bulk.releases
    with pytest.raises(ForbiddenError):
        await releases.release(await approver(bulk, role=Role.OWNER_ENGINEER), run)
    with pytest.raises(MissingError):
        await releases.release(await approver(bulk, code=POLICE), run)
    staff = await bulk.hub.staff.add(
        COMMAND,
        {"user_name": OFFICER, "display_name": "李办事", "department": AMR, "roles": ["owner_approver"]},
    )
    with pytest.raises(TwoPersonsError):
        await releases.release(staff.actor(), run)
    assert [view.run.id for view in await releases.list(await approver(bulk), side="owner", waiting=True)] == [run]
    view = await releases.release(await approver(bulk), run, "专项检查")
    assert view.as_json()["decision"]["reason"] == "专项检查"
    with pytest.raises(StateError):
        await releases.release(await approver(bulk), run)


@EMBEDDED
async def test_a_refusal_has_its_reason_and_deletes_the_file(bulk: Town) -> None:
    run = await begin(bulk)
    await work(bulk)
    releases = bulk.hub.bulk.releases
    with pytest.raises(DefinitionError):
        await releases.refuse(await approver(bulk), run, " ")
    await releases.refuse(await approver(bulk), run, "名单超出检查范围")
    seen = await see(bulk, run)
    assert (seen["state"], seen["decision"]["reason"]) == ("refused", "名单超出检查范围")
    assert (await fetch(bulk, run)).status_code == 409
    await bulk.hub.bulk.ending.sweep()
    assert bulk.hub.objects.names(f"bulk/{run}/") == []


async def test_each_download_is_on_the_ledger_and_ends_with_case_or_grant(bulk: Town) -> None:
    run = await released(bulk)
    for _ in range(2):
        assert (await fetch(bulk, run)).status_code == 200
    assert (await count(bulk, "bulk.download"), (await see(bulk, run))["downloads"]) == (2, 2)
    before = await count(bulk, "refusal")
    await bulk.hub.registry.change_grant(bulk.grant_id, GrantState.SUSPENDED)
    assert (await fetch(bulk, run)).status_code == 403
    await bulk.hub.registry.change_grant(bulk.grant_id, GrantState.LIVE)
    assert (await fetch(bulk, run)).status_code == 200
    case_no = (await see(bulk, run))["case_no"]
    await bulk.client.post(f"/api/v1/cases/{case_no}/close", headers=bulk.headers)
    assert (await fetch(bulk, run)).status_code == 409
    assert await count(bulk, "refusal") == before + 2


@pytest.mark.parametrize("what", ["case", "grant", "system"])
async def test_what_ends_in_the_middle_refuses_the_rest_and_releases_nothing(bulk: Town, what: str) -> None:
    bulk.register.mood = "gated"
    run = await begin(bulk, 40)
    working = asyncio.create_task(work(bulk))
    await bulk.register.arrived.wait()
    if what == "case":
        case_no = (await see(bulk, run))["case_no"]
        await bulk.client.post(f"/api/v1/cases/{case_no}/close", headers=bulk.headers)
    elif what == "grant":
        await bulk.hub.registry.change_grant(bulk.grant_id, GrantState.WITHDRAWN)
    else:
        await bulk.hub.systems.set_active(COMMAND, INTAKE, active=False)
    bulk.register.gate.set()
    await working
    await bulk.hub.systems.set_active(COMMAND, INTAKE, active=True)
    seen = await see(bulk, run)
    ended = {
        "case": ("case_closed", "refused"),
        "grant": ("grant_withdrawn", "not_granted"),
        "system": ("client_disabled", "refused"),
    }[what]
    assert (seen["state"], seen["problem"]["code"]) == ("stopped", ended[0])
    assert seen["progress"]["outcomes"] == {ended[1]: 40}
    assert await count(bulk, "disclosure") == 0
    assert len(set(bulk.register.asked)) <= 16
    with pytest.raises(StateError):
        await bulk.hub.bulk.releases.release(await approver(bulk), run)


@pytest.mark.parametrize("what", ["case", "grant"])
async def test_what_has_ended_since_is_not_released(bulk: Town, what: str) -> None:
    run = await begin(bulk)
    await work(bulk)
    if what == "case":
        case_no = (await see(bulk, run))["case_no"]
        await bulk.client.post(f"/api/v1/cases/{case_no}/close", headers=bulk.headers)
    else:
        await bulk.hub.registry.change_grant(bulk.grant_id, GrantState.WITHDRAWN)
    with pytest.raises(CaseClosedError if what == "case" else GrantEndedError):
        await bulk.hub.bulk.releases.release(await approver(bulk), run)


@EMBEDDED
async def test_a_failing_source_is_an_outcome_of_its_subjects(bulk: Town) -> None:
    bulk.register.mood = "html"
    run = await begin(bulk, 2)
    await work(bulk)
    seen = await see(bulk, run)
    assert (seen["state"], seen["progress"]["outcomes"]) == ("finished", {"source_unavailable": 2})


@EMBEDDED
async def test_cancelled_nothing_of_it_leaves_and_the_list_is_forgotten(bulk: Town) -> None:
    run = await begin(bulk)
    assert (await bulk.client.post(f"/api/v1/bulk/{run}/cancel", headers=bulk.headers)).json()["state"] == "stopped"
    await work(bulk)
    assert bulk.register.asked == []
    await bulk.hub.bulk.ending.sweep()
    query = select(func.count()).select_from(SUBJECTS)
    assert await bulk.hub.database.read(lambda tx: tx.execute(query).scalar()) == 0
    assert (await bulk.client.post(f"/api/v1/bulk/{run}/cancel", headers=bulk.headers)).status_code == 409


async def test_past_its_days_file_and_subjects_are_deleted(bulk: Town) -> None:
    run = await released(bulk)
    expires = (await see(bulk, run))["expires_at"]
    assert expires[:10] == (utc_now() + timedelta(days=7)).date().isoformat()
    ending = bulk.hub.bulk.ending
    assert await ending.sweep() == 0
    ending._clock = lambda: utc_now() + timedelta(days=7, minutes=1)  # a week later
    assert await ending.sweep() == 1
    assert bulk.hub.objects.names(f"bulk/{run}/") == []
    query = select(func.count()).select_from(SUBJECTS)
    assert await bulk.hub.database.read(lambda tx: tx.execute(query).scalar()) == 0
    assert (await fetch(bulk, run)).status_code == 409
    assert (await see(bulk, run))["state"] == "expired"


@EMBEDDED
async def test_list_and_file_lie_sealed(bulk: Town) -> None:
    run = await released(bulk)
    name = firm(0)["name"].encode()
    stored = [bulk.hub.objects.get(item) for item in bulk.hub.objects.names(f"bulk/{run}/")]
    assert stored
    assert not any(name in data for data in stored)
    rows = await bulk.hub.database.read(lambda tx: tx.execute(select(SUBJECTS.c.sealed, SUBJECTS.c.result)).all())
    assert rows
    assert not any(name in cell for row in rows for cell in row)


@EMBEDDED
async def test_a_release_written_into_the_database_releases_nothing(bulk: Town) -> None:
    run = await begin(bulk)
    await work(bulk)
    forged = update(RUNS).where(RUNS.c.id == run).values(state="released")
    await bulk.hub.database.write(lambda tx: tx.execute(forged))
    with pytest.raises(IntegrityBrokenError):
        await bulk.hub.bulk.releases.get(await approver(bulk), run)
    assert (await fetch(bulk, run)).status_code == 502
