"""Drill 5 for bulk runs: kill -9 anywhere; one entry and one row a subject, and nothing leaves before its release."""

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.drills.processes import KILLED
from tests.drills.test_query_crashes import write
from tests.drills.town import PATIENCE, Request, Server, Town, opening
from tests.exchange.bulking import firm
from tests.registry.department import CODE, interface, source
from tests.support import AMR, INTAKE, MATTER, PURPOSE

SUBJECTS = 40
AT_ASKING = ("bulk.received",)
AT_WORKING = (
    "bulk.claimed",
    "bulk.deciding",
    "bulk.decided",
    "bulk.claimed:2",
    "bulk.deciding",
    "bulk.composed",
    "bulk.finishing",
)
"""In this order the second begins where the first one died, three handfuls in all."""
AT_REFUSING = ("bulk.refusing",)
AT_RELEASING = ("bulk.released",)
AT_FETCHING = ("bulk.downloading",)
AT_BULK = AT_ASKING + AT_WORKING + AT_REFUSING + AT_RELEASING + AT_FETCHING
GRANT = {
    "system": INTAKE,
    "interface": CODE,
    "owner": AMR,
    "fields": ["uscc", "name"],
    "matters": [MATTER],
    "purpose": PURPOSE,
    "legal_basis": "政务数据共享条例",
    "valid_until": "2035-01-01T00:00:00+08:00",
    "kind": "ex_officio",
    "officers": ["op-1"],
    "quota_per_day": 10_000,
    "bulk": True,
    "bulk_subjects": SUBJECTS,
}


@pytest.fixture
def published(town: Town) -> Town:
    """A register of its department's own with everybody in it, and the intake system's grant for campaigns."""
    register = town.scratch / "register.sqlite3"
    with closing(sqlite3.connect(register)) as database, database:
        database.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
        rows = [(who["name"], who["id_number"], "2019-03-01", "1") for who in map(firm, range(SUBJECTS))]
        database.executemany("INSERT INTO enterprises VALUES (?, ?, ?, ?)", rows)
    town.run("source", "add", write(town, "source.json", source(register)))
    town.run("interface", "add", write(town, "interface.json", interface()))
    params = write(town, "params.json", {"uscc": firm(0)["id_number"]})
    town.run("interface", "try", CODE, "--params", params)
    town.run("interface", "publish", CODE)
    town.run("grant", "add", write(town, "grant.json", GRANT))
    return town


def campaign(town: Town, server: Server) -> str:
    answer = town.insist(server, opening(kind="ex_officio"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_no"])


def asking(case_no: str) -> Request:
    parties = [firm(place) for place in range(SUBJECTS)]
    body = {"case_no": case_no, "purpose": PURPOSE, "officer": "op-1", "parties": parties}
    return Request(f"/api/v1/interfaces/{CODE}/bulk", body)


def die(town: Town, point: str, *requests: Request) -> None:
    """Serve until the point kills, with what a dead worker held taken up at once rather than after its minute."""
    let_leases_end(town)
    with town.serving(crash_at=point) as server:
        for request in requests:
            town.send(server, request)
        assert server.process.wait(20) == KILLED, point


def let_leases_end(town: Town) -> None:
    statement = "UPDATE outbox SET due_at = 0"
    if town.place.database_url is None:
        with closing(sqlite3.connect(town.place.home / "hub.sqlite3", timeout=10)) as database, database:
            database.execute(statement)
        return
    with psycopg.connect(town.place.database_url) as connection:
        connection.execute(statement.encode())


def settled(town: Town, server: Server, run: str) -> dict[str, Any]:
    """The run once nobody works on it any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found: dict[str, Any] = town.get(server, f"/api/v1/bulk/{run}").json()
        if found["state"] != "running":
            return found
        time.sleep(0.1)
    raise AssertionError("the run does not end")


def entries(town: Town, case_no: str) -> Counter[str]:
    query = "SELECT e.kind FROM ledger_entries e JOIN cases c ON c.id = e.case_id WHERE c.case_no = ?"
    return Counter(row["kind"] for row in town.look(query, case_no))


@pytest.mark.slow
@pytest.mark.embedded  # the order of effects is that of a pull, which is killed on both
def test_a_run_killed_anywhere_has_one_entry_and_one_row_a_subject(published: Town) -> None:
    town = published
    with town.serving() as server:
        case_no = campaign(town, server)
    request = asking(case_no)
    die(town, "bulk.received", request)
    die(town, AT_WORKING[0], request)
    for point in AT_WORKING[1:]:
        die(town, point)
    let_leases_end(town)
    with town.serving() as server:
        run = town.send(server, request).json()["run"]  # type: ignore[union-attr]
        seen = settled(town, server, run)
        assert (seen["state"], seen["progress"]["outcomes"]) == ("finished", {"satisfied": SUBJECTS})
        assert town.get(server, f"/api/v1/bulk/{run}/file").status_code == 409
    assert town.command("bulk", "release", run, crash_at="bulk.released").returncode == KILLED
    with town.serving(crash_at="bulk.downloading") as server:
        with pytest.raises(Exception, match=r"(?i)disconnected|reset|closed"):
            town.get(server, f"/api/v1/bulk/{run}/file")
        assert server.process.wait(10) == KILLED
    with town.serving() as server:
        file = town.get(server, f"/api/v1/bulk/{run}/file").content
        assert town.get(server, f"/api/v1/bulk/{run}/manifest").status_code == 200
    rows = [json.loads(line) for line in file.splitlines()[1:]]
    assert sorted(row["number"] for row in rows) == list(range(SUBJECTS))
    wanted = {"disclosure": SUBJECTS, "bulk.ask": 1, "bulk.finish": 1, "bulk.release": 1, "bulk.download": 2}
    assert entries(town, case_no) == wanted | {"case.open": 1}
    assert len({row["entry"] for row in rows}) == SUBJECTS
    assert town.look("SELECT count(*) AS n FROM bulk_runs WHERE state <> 'receiving'")[0]["n"] == 1
    assert town.command("ledger", "verify").returncode == 0


@pytest.mark.slow
def test_a_case_closed_while_nobody_works_refuses_every_subject_once(published: Town) -> None:
    town = published
    with town.serving() as server:
        case_no = campaign(town, server)
    request = asking(case_no)
    die(town, "bulk.decided", request)
    with town.serving() as server:
        run = town.send(server, request).json()["run"]  # type: ignore[union-attr]
        assert town.send(server, Request(f"/api/v1/cases/{case_no}/close")).status_code == 200  # type: ignore[union-attr]
    die(town, "bulk.refusing")
    let_leases_end(town)
    with town.serving() as server:
        seen = settled(town, server, run)
    assert (seen["state"], seen["problem"]["code"]) == ("stopped", "case_closed")
    assert seen["progress"]["outcomes"] == {"satisfied": 16, "refused": SUBJECTS - 16}
    found = entries(town, case_no)
    assert (found["disclosure"], found["refusal"], found["bulk.stop"]) == (16, SUBJECTS - 16, 1)
