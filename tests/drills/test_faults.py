"""Drills 12, 14, 18, 19, 20, 33, 39, 40 and 48: stores that lock, break and go back; twins; sleepers; wrong clocks."""

import asyncio
import json
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text

from hub.collection.service import BATCH
from hub.ledger.entries import Draft, append, seal
from hub.ledger.errors import LedgerBrokenError
from hub.runtime import Hub, open_hub
from hub.storage.database import BUSY_BOUND_SECONDS, PostgresDatabase
from hub.storage.errors import BusyError
from hub.storage.vault import DataKey
from tests.drills.oracle import examine
from tests.drills.processes import Running
from tests.drills.register import write_register
from tests.drills.town import PATIENCE, Request, Server, Town, opening, pulling
from tests.support import AMR, Place, enterprise_claims, free_port, issue, new_database, valid_uscc

on_sqlite = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "template", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
TWINS = 50
CUT_SECONDS = 3


@on_sqlite
@pytest.mark.slow
def test_sqlite_locked_by_another_process_is_a_503_and_nothing_is_half_written(town: Town) -> None:
    with town.serving() as server:
        pulls = [pulling(town.open_case(server)) for _ in range(3)]
        cases = [opening() for _ in range(3)]
        _wait_sequenced(town)
        before = _rows(town)
        with closing(sqlite3.connect(town.place.home / "hub.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            with ThreadPoolExecutor(6) as clients:
                answers = list(clients.map(lambda request: town.send(server, request), [*pulls, *cases]))
            assert time.monotonic() - started < 3 * BUSY_BOUND_SECONDS
            assert _rows(town) == before
            other.execute("ROLLBACK")
        assert {answer.status_code for answer in answers if answer is not None} == {503}
        assert all(answer is not None and int(answer.headers["Retry-After"]) >= 1 for answer in answers)
        for request in [*pulls, *cases]:
            assert town.insist(server, request).status_code in {200, 201}
    assert examine(town) == []


@on_postgresql
@pytest.mark.slow
def test_postgresql_cutting_every_connection_under_load_loses_and_doubles_nothing(town: Town) -> None:
    def clerk(server: Server) -> None:
        for _ in range(6):
            town.insist(server, pulling(town.open_case(server)))

    with town.serving() as server, ThreadPoolExecutor(10) as clerks:
        with _cutting(town.place):
            under_way = [clerks.submit(clerk, server) for _ in range(10)]
            time.sleep(CUT_SECONDS)
        for ended in under_way:
            ended.result()
        healed = time.monotonic()
        town.open_case(server)
        assert time.monotonic() - healed < 5
    assert examine(town) == []


def test_fifty_twins_have_one_effect_and_one_answer(town: Town) -> None:
    with town.serving() as server:
        case_no = town.open_case(server)
        for request in (opening(), pulling(case_no)):
            with ThreadPoolExecutor(TWINS) as clients:
                answers = list(clients.map(lambda _, sent=request: town.insist(server, sent), range(TWINS)))
            assert {answer.status_code for answer in answers} <= {200, 201}
            assert len({answer.content for answer in answers}) == 1
            before = _rows(town)
            other = {"channel": "online"} if request.path.endswith("cases") else {"requirements": ["licence"]}
            refused = town.insist(server, replace(request, body={**(request.body or {}), **other}))
            assert refused.status_code == 409
            assert _rows(town) == before
    assert examine(town) == []


@pytest.mark.slow
def test_a_thousand_issues_at_once_by_two_processes_share_no_index_and_no_record(town: Town) -> None:
    """Every enterprise is issued by both: once from the register by a command, once by the service here."""
    rows = 500
    register = write_register(town.scratch / "register.csv", rows=rows)
    command = (
        "collect", "--type", "business_licence", "--issuer", AMR, "--report", town.scratch / "report", "--json",
        register.path,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as beside:
        collected = beside.submit(lambda: _until_not_busy(lambda: town.command(*command).returncode))
        asyncio.run(_issue_many(town.place, rows))
        assert collected.result() == 0
    assert town.look("SELECT count(*) AS n FROM certificates")[0]["n"] >= rows + 1
    assert examine(town) == []


@pytest.mark.slow
def test_sleepers_that_wake_up_after_their_lease_write_nothing(town: Town) -> None:
    """Drill 19, and its like for a pull: one process sleeps before storing a checkpoint, one before deciding."""
    with ThreadPoolExecutor(2) as clients, town.serving("sequence.signed", crash_by="stop") as sequencer:
        clients.submit(town.send, sequencer, opening())
        _until_asleep(sequencer.process)
        with town.serving() as server, town.serving("pull.claimed", crash_by="stop") as clerk:
            request = pulling(town.open_case(server))
            slept = clients.submit(town.send, clerk, request)
            _until_asleep(clerk.process)
            answer = town.insist(server, request)
            assert answer.status_code == 200
            _wait_sequenced(town)
            for sleeper in (clerk, sequencer):
                sleeper.process.signal(signal.SIGCONT)
            late = slept.result()
            assert late is not None
            assert late.status_code == 409 or late.content == answer.content
            time.sleep(0.5)
            head = town.look("SELECT body, note FROM ledger_head")[0]
            assert head["note"].startswith(head["body"])
            for other in (server, clerk, sequencer):
                town.insist(other, opening())
            _wait_sequenced(town)
            for other in (server, clerk, sequencer):
                town.remember_checkpoint(other)
    assert examine(town) == []


def test_a_case_closed_while_its_answer_is_made_discloses_nothing_and_the_refusal_is_on_the_ledger(town: Town) -> None:
    """Seam D6: the clerk's process sleeps between check and disclosure."""
    with (
        town.serving("pull.claimed", crash_by="stop") as clerk,
        town.serving() as server,
        ThreadPoolExecutor(1) as clients,
    ):
        request = pulling(town.open_case(server))
        slept = clients.submit(town.send, clerk, request)
        _until_asleep(clerk.process)
        assert town.insist(server, Request(request.path.replace("/evidence", "/close"))).status_code == 200
        clerk.process.signal(signal.SIGCONT)
        late = slept.result()
        assert late is not None
        assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (409, "case-closed")
    # The closed case's package is made in its own time: before this look or after it.
    kinds = town.look(
        "SELECT kind FROM ledger_entries WHERE case_id IS NOT NULL AND kind <> 'case.archive' ORDER BY id"
    )
    assert [row["kind"] for row in kinds] == ["case.open", "case.close", "refusal"]


def test_two_processes_on_one_register_count_each_row_once(town: Town) -> None:
    register = write_register(town.scratch / "register.csv", rows=3 * BATCH)
    command = ("collect", "--type", "business_licence", "--issuer", AMR, "--json", register.path, "--report")
    sleeper = town.start(*command, town.scratch / "one", crash_at="issue.intended", crash_by="stop", name="sleeper")
    try:
        _until_asleep(sleeper)
        same_report = town.command(*command, town.scratch / "one")
        assert (same_report.returncode, "choose another" in same_report.stderr) == (65, True), same_report
        totals = json.loads(town.run(*command, town.scratch / "other"))
        sleeper.signal(signal.SIGCONT)
        assert sleeper.wait(20) == 65
    finally:
        sleeper.end()
    assert (totals["issued"], totals["rejected"]) == (3 * BATCH - len(register.rejected), len(register.rejected))
    assert examine(town) == []


async def test_a_record_that_used_up_its_versions_goes_on_under_a_new_serial_alone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.issuing.plan.LAST_VERSION", 2)
    for edition in range(2, 5):
        await issue(hub, enterprise_claims(address=f"示例市新区路{edition}号"))
    found = await hub.database.read(
        lambda tx: tx.execute(text("SELECT status FROM certificate_versions ORDER BY id")).scalars().all()
    )
    assert found == ["superseded", "superseded", "superseded", "valid"]


def test_yesterdays_database_under_todays_witness_is_refused(town: Town) -> None:
    with _yesterday_to_come_back(town) as restore:
        with town.serving() as server:
            town.open_case(server)
            _wait_sequenced(town)
        restored = restore()
        for command in (("check",), ("serve", "--port", str(free_port()))):
            refused = restored.command(*command)
            assert refused.returncode == 77, (command, refused.stdout, refused.stderr)
            assert "a signed checkpoint of" in refused.stderr
            assert "Traceback" not in refused.stderr


async def test_a_clock_behind_the_last_checkpoint_is_refused(place: Place) -> None:
    async with place.open() as hub:
        await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA0000002")))
        await hub.ledger.drain()
    with pytest.raises(LedgerBrokenError, match="the clock went back"):
        async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) - timedelta(hours=1)):
            pass
    shutil.rmtree(place.home / "witness")
    with pytest.raises(LedgerBrokenError, match="the clock went back"):
        async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) - timedelta(hours=1)):
            pass


@on_postgresql
async def test_an_entry_that_commits_late_is_numbered_late(hub: Hub) -> None:
    """Drill 18: its id is lower than that of an entry which is in the tree already."""
    assert isinstance(hub.database, PostgresDatabase)
    key = DataKey(hub.keys.secret("log-detail").value, wrapped=b"", kek_kid=hub.keys.secret("log-detail").kid)
    early, late = (seal(Draft(kind="ask.made", detail={}, key=key), now=hub.clock()) for _ in range(2))
    async with hub.database._engine.connect() as open_transaction:
        await open_transaction.run_sync(lambda tx: append(tx, [early]))
        await hub.database.write(lambda tx: append(tx, [late]))
        await hub.ledger.drain()
        await open_transaction.commit()
    await hub.ledger.drain()
    report = await hub.ledger.verify()
    assert report.intact, report.findings
    assert report.unsequenced == 0


def _rows(town: Town) -> list[int]:
    tables = ("cases", "evidence_requests", "ledger_entries", "idempotency_keys")
    return [town.look(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables]


def _wait_sequenced(town: Town) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        waiting = town.look("SELECT count(*) AS n FROM ledger_entries WHERE position IS NULL")[0]["n"]
        unsigned = town.look("SELECT count(*) AS n FROM ledger_head WHERE note IS NULL")[0]["n"]
        if not waiting and not unsigned:
            return
        time.sleep(0.05)
    raise AssertionError("entries wait for their number")


@contextmanager
def _cutting(place: Place) -> Iterator[None]:
    """End every connection of the hub to its database, again and again."""
    assert place.database_url is not None
    base, name = place.database_url.rsplit("/", 1)
    over = threading.Event()

    def cut() -> None:
        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            while not over.wait(0.25):
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    knife = threading.Thread(target=cut)
    knife.start()
    try:
        yield
    finally:
        over.set()
        knife.join()


async def _issue_many(place: Place, rows: int) -> None:
    width = asyncio.Semaphore(40)

    async def one(hub: Hub, number: int) -> None:
        uscc = valid_uscc(f"91990100MA{1000000 + number}")
        async with width:
            for _ in range(10):
                try:
                    await issue(hub, enterprise_claims(uscc=uscc, name=f"示例市第{number}商贸有限公司"))
                except BusyError:
                    continue
                return
        raise AssertionError("the store stays busy")

    async with place.open() as hub:
        await asyncio.gather(*(one(hub, number) for number in range(1, rows + 1)))
        await hub.ledger.drain()


def _until_not_busy(run: Callable[[], int]) -> int:
    for _ in range(5):
        code = run()
        if code != 69:
            break
    return code


def _until_asleep(process: Running) -> None:
    deadline = time.monotonic() + 20
    while process.state() != "T":
        assert time.monotonic() < deadline, "it did not come to its crash point"
        time.sleep(0.02)


@contextmanager
def _yesterday_to_come_back(town: Town) -> Iterator[Callable[[], Town]]:
    """Keep the database as it is now; calling the result puts it back under a home that has gone on."""
    place = town.place
    if place.database_url is not None:
        with new_database(place.database_url.rsplit("/", 1)[1]) as url:
            yield lambda: Town(Place(place.home, url), town.scratch)
        return
    kept = town.scratch / "yesterday.sqlite3"
    today = place.home / "hub.sqlite3"
    with closing(sqlite3.connect(today)) as source, closing(sqlite3.connect(kept)) as target:
        source.backup(target)

    def restore() -> Town:
        for name in ("hub.sqlite3-wal", "hub.sqlite3-shm"):
            (place.home / name).unlink(missing_ok=True)
        shutil.copy(kept, today)
        return town

    yield restore
