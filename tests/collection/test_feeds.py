"""Feeds: a register is collected from its source, in pages, by watermark; a whole reading alone says what is gone."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catalog.errors import DefinitionError
from certificates.definitions.parts import OnMissing, RegisterRule
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.cli.common import Exit
from hub.collection.feeds.definition import Watermark
from hub.collection.feeds.following import Opened
from hub.collection.feeds.reading import comparable, since_of
from hub.collection.index_export import IndexOrder
from hub.collection.reconciliation.comparing import Counts
from hub.collection.reconciliation.reconciling import (
    NotWhollyReadError,
    Reconciler,
    ReconciliationOrder,
    TooManyMissingError,
)
from hub.collection.reconciliation.registers import of_feed
from hub.collection.report import Totals
from hub.runtime import Hub
from tests.collection.conftest import HEADER
from tests.collection.test_uploads import line
from tests.hub.command import yizheng
from tests.registry.department import source
from tests.support import AMR, TYPES, Place, open_case, valid_uscc

FEED: dict[str, Any] = {
    "code": "amr-licences",
    "source": "amr-register-db",
    "issuer": AMR,
    "type": "business_licence",
    "operation": {
        "statement": "SELECT name, uscc, since, scope, address, changed FROM register"
        " WHERE changed >= :since AND uscc > :after ORDER BY uscc LIMIT :size"
    },
    "full": {
        "statement": "SELECT name, uscc, since, scope, address FROM register"
        " WHERE uscc > :after ORDER BY uscc LIMIT :size"
    },
    "by_holder": {"statement": "SELECT name, uscc, since, scope, address FROM register WHERE uscc = :id_number"},
    "mapping": {
        "version": 1,
        "columns": {
            "name": {"claim": "name"},
            "uscc": {"claim": "uscc"},
            "since": {"claim": "established_on"},
            "scope": {"claim": "business_scope"},
            "address": {"claim": "address"},
        },
    },
    "watermark": {"column": "changed", "begin": "2020-01-01T00:00:00Z", "overlap_seconds": 3600},
    "size": 10,
}
ROWS = 35


@pytest.fixture
def register(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    folder = tmp_path / "register"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "register.sqlite3")) as database:
        columns = "uscc TEXT PRIMARY KEY, name TEXT, since TEXT, scope TEXT, address TEXT, changed TEXT"
        database.execute(f"CREATE TABLE register ({columns})")
        for number in range(ROWS):
            _put(database, number, "2026-01-01T00:00:00Z")
        yield database


def _put(database: sqlite3.Connection, number: int, changed: str, *, address: str = "示例市人民路1号") -> None:
    uscc = valid_uscc(f"91990100MA{8000000 + number:07d}")
    row = (uscc, f"示例{number}号商行有限公司", "2020-05-06", "食品销售", address, changed)
    database.execute("INSERT OR REPLACE INTO register VALUES (?, ?, ?, ?, ?, ?)", row)
    database.commit()


async def _declared(hub: Hub, register: sqlite3.Connection, **changes: Any) -> None:
    path = Path(register.execute("PRAGMA database_list").fetchone()[2])
    await hub.sources.add(COMMAND, source(path) | {"code": FEED["source"]})
    await hub.collection.feeds.declare(COMMAND, FEED | changes)


async def _counts(hub: Hub, folder: Path, opened: Opened, *, act: bool = False) -> Counts:
    rows = of_feed(hub.collection.feeds, opened, hub.vault)
    reconciler = Reconciler(
        hub.database, vault=hub.vault, log_key=hub.collection.feeds._log_key, clock=hub.clock, most_missing=0.1
    )
    report, origin = folder / "found.jsonl", f"source:{opened.feed.source}"
    order = ReconciliationOrder(issued=opened.issued, issuer=opened.issuer, report=report, origin=origin, act=act)
    return await reconciler.reconcile(rows, order)


async def test_a_source_is_collected_in_pages_and_then_by_what_changed(hub: Hub, register: sqlite3.Connection) -> None:
    await _declared(hub, register)
    first = await hub.collection.feeds.run(FEED["code"], COMMAND)
    assert first.totals.issued == ROWS
    _put(register, 3, "2026-01-02T00:00:00Z", address="示例市新华路9号")
    _put(register, ROWS, "2025-12-31T23:30:00Z")  # written late, under an instant that was passed already
    register.execute("DELETE FROM register WHERE uscc LIKE '%8000007%'")
    register.commit()
    second = await hub.collection.feeds.run(FEED["code"], COMMAND)
    assert (second.totals.updated, second.totals.issued) == (1, 1)
    third = await hub.collection.feeds.run(FEED["code"], COMMAND)
    assert replace(third.totals, unchanged=0) == Totals()
    assert third.totals.unchanged == 1, "only what lies behind the watermark less the overlap"
    (shown,) = await hub.collection.feed_desk.list(COMMAND)
    assert shown.run is not None
    assert shown.run["state"] == "finished"
    assert b"2026-01-02" not in (shown.stored.place or b"")


@pytest.mark.embedded
async def test_a_run_that_failed_goes_on_behind_its_last_page(hub: Hub, register: sqlite3.Connection) -> None:
    await _declared(hub, register)
    opened = await hub.collection.feeds.open(FEED["code"])
    guarded = await hub.pool.source(opened.source)
    asked: list[Any] = []
    ask = guarded.ask

    async def breaking(prepared: Any, params: Any, **more: Any) -> Any:
        asked.append(params["after"])
        if len(asked) == 3:
            raise RuntimeError("the source went away")
        return await ask(prepared, params, **more)

    guarded.ask = breaking  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        await hub.collection.feeds.run(FEED["code"])
    finished = await hub.collection.feeds.run(FEED["code"])
    assert finished.totals == Totals(issued=ROWS)
    assert asked[3] == asked[2] != ""


@pytest.mark.embedded
async def test_what_is_missing_is_acted_on_by_a_whole_reading_alone(
    hub: Hub, register: sqlite3.Connection, tmp_path: Path
) -> None:
    await _declared(hub, register)
    await hub.collection.feeds.run(FEED["code"])
    opened = await hub.collection.feeds.open(FEED["code"])
    before = await _counts(hub, tmp_path, opened)
    assert (before.orphans, before.equal, before.gaps, before.agree) == (1, ROWS, 0, False)  # one was there before
    register.execute("DELETE FROM register WHERE uscc LIKE '%8000007%'")
    register.commit()
    _put(register, 4, "2026-03-01T00:00:00Z", address="示例市新华路9号")
    _put(register, 90, "2026-03-01T00:00:00Z")
    found = await _counts(hub, tmp_path, opened)
    assert (found.orphans, found.differing, found.gaps, found.equal) == (2, 1, 1, ROWS - 2)
    report = tmp_path / "found.jsonl"
    assert report.stat().st_mode & 0o777 == 0o600
    assert "91990100" not in report.read_text().replace(AMR, "")
    assert (await _counts(hub, tmp_path, opened, act=True)).acted == 0, "the type keeps what is missing"

    kind = opened.issued.type
    rule = replace(kind.register_driven, on_missing=OnMissing.REVOKE)
    assert isinstance(rule, RegisterRule)
    revoking = replace(opened, issued=replace(opened.issued, type=replace(kind, register_driven=rule)))
    assert (await _counts(hub, tmp_path, revoking, act=True)).acted == 2
    assert (await _counts(hub, tmp_path, opened)).orphans == 0
    register.execute("DELETE FROM register WHERE uscc > '9199'")
    register.commit()
    with pytest.raises((TooManyMissingError, NotWhollyReadError)):
        await _counts(hub, tmp_path, revoking, act=True)


@pytest.mark.embedded
async def test_a_file_reconciles_by_hand_and_says_under_which_run_it_revoked(
    hub: Hub, place: Place, tmp_path: Path
) -> None:
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.add_type(declared + "\nregister_driven: {on_missing: revoke}\n")
    codes = [valid_uscc(f"91990100MA800000{place}") for place in range(3)]

    def written(*chosen: str) -> str:
        path = tmp_path / f"{len(chosen)}.csv"
        path.write_text("\n".join((HEADER, *(line(code) for code in chosen))) + "\n", encoding="utf-8")
        return str(path)

    about = ("--type", "business_licence", "--issuer", AMR)
    collected = await yizheng(place, "collect", *about, written(*codes[:2]), "--report", str(tmp_path / "report"))
    assert collected.code == 0, collected.err
    act = ("collect", "reconcile", *about, "--act-on-missing", "--json")
    cut = await yizheng(place, *act, written(codes[0]))
    assert (cut.code, "2 of 3" in cut.err) == (Exit.REFUSED, True)
    done = await yizheng(place, *act, written(*codes))
    told = done.json()
    assert (done.code, told["gaps"], told["orphans"], told["acted"]) == (Exit.FAILED, 1, 1, 1)
    run = told["origin"].removeprefix("run:")
    touched = await yizheng(place, "certificate", "touched", "--run", run)
    assert "revoke" in touched.out, touched.err


@pytest.mark.embedded
async def test_a_feed_is_refused_where_the_hub_could_not_run_it(hub: Hub, register: sqlite3.Connection) -> None:
    await _declared(hub, register)
    for wrong in (
        {"operation": {"statement": "SELECT uscc FROM register WHERE name = :name"}},
        {"size": 0},
        {"unheard": 1},
        {"watermark": {"column": "changed", "more": 1}},
    ):
        with pytest.raises(DefinitionError):
            await hub.collection.feeds.declare(COMMAND, FEED | wrong)


async def test_one_key_collects_what_the_sources_know_of_a_party(
    hub: Hub, place: Place, client: httpx2.AsyncClient, register: sqlite3.Connection
) -> None:
    await _declared(hub, register)
    headers = await place.headers(client)
    uscc = valid_uscc("91990100MA8000005")
    party = {"role": "applicant", "id_type": "001", "id_number": uscc, "name": "示例5号商行有限公司"}
    case_no = await open_case(client, headers, parties=[party])
    body = {"case_no": case_no, "party": "applicant"}
    seen = []
    for _ in range(2):
        answer = await client.post("/api/v1/batches/by-holder", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        seen += [item["outcome"] for item in answer.json()["outcomes"]]
    assert seen == ["issued", "unchanged"]
    assert uscc not in answer.text

    await hub.collection.feeds.declare(COMMAND, {name: value for name, value in FEED.items() if name != "by_holder"})
    answer = await client.post("/api/v1/batches/by-holder", json=body, headers=headers)
    assert [item["outcome"] for item in answer.json()["outcomes"]] == ["not_allowed"]
    nobody = await client.post("/api/v1/batches/by-holder", json=body | {"party": "spouse"}, headers=headers)
    stranger = await client.post("/api/v1/batches/by-holder", json=body | {"case_no": "unknown"}, headers=headers)
    assert (nobody.status_code, stranger.status_code) == (404, 404)


async def test_the_upper_level_gets_an_index_once_and_never_a_document(
    hub: Hub, register: sqlite3.Connection, tmp_path: Path
) -> None:
    await _declared(hub, register)
    await hub.collection.feeds.run(FEED["code"])
    out = tmp_path / "index.jsonl"
    order = IndexOrder(
        since=datetime(2020, 1, 1, tzinfo=UTC), receiver="province", legal_basis="条例", holder_key=bytes(32)
    )
    assert await hub.collection.index_export.export(COMMAND, order, out) == ROWS + 1
    assert await hub.collection.index_export.export(COMMAND, order, out) == 0
    whole = out.read_bytes()
    assert b"91990100MA8" not in whole
    assert "示例5号".encode() not in whole
    lines = whole.splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:20]) + lines[20][:30])
    assert await hub.collection.index_export.export(COMMAND, order, out) == ROWS + 1 - 20
    told = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [item["cd_id"] for item in told] == [json.loads(line)["cd_id"] for line in lines]

    identifier = told[-1]["certificate_source_id"]
    await hub.status.change(identifier, Operation.REVOKE, reason="吊销", legal_basis="条例")
    assert await hub.collection.index_export.export(COMMAND, order, out) == 1
    last = json.loads(out.read_bytes().splitlines()[-1])
    assert (last["certificate_source_id"], last["status"], last["cd_operation"]) == (identifier, "revoked", "revoke")
    clear = replace(order, holder_key=None)
    assert await hub.collection.index_export.export(COMMAND, clear, tmp_path / "clear.jsonl") == ROWS + 2
    assert "示例5号商行有限公司" in (tmp_path / "clear.jsonl").read_text()


def test_watermarks_are_compared_as_what_they_are() -> None:
    assert comparable("2026-01-01T09:00:00+08:00") == comparable("2026-01-01T01:00:00Z")
    assert comparable(9) < comparable(10)
    mark = Watermark("changed", "2020-01-01T00:00:00Z", timedelta(hours=1))
    assert since_of(mark, "2026-01-01T01:00:00Z") == "2026-01-01T00:00:00.000000Z"
    assert since_of(mark, None) == "2020-01-01T00:00:00Z"
    assert since_of(mark, 17) == 17
