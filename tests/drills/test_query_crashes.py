"""Drill 5 for the exchange: kill -9 at every point of a query; one answer and one disclosure for each key."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.drills.processes import KILLED
from tests.drills.town import Request, Server, Town
from tests.registry.department import CODE, interface, source
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, PURPOSE

AT_QUERY = ("query.claimed", "query.deciding:2", "query.decided:2", "pull.signed:3", "pull.done:2")
CLERKS = 4


@pytest.fixture
def published(town: Town) -> Town:
    """A register of its department's own, and the intake system's grant of it."""
    register = town.scratch / "register.sqlite3"
    with closing(sqlite3.connect(register)) as database, database:
        database.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
        row = (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019-03-01", "1")
        database.execute("INSERT INTO enterprises VALUES (?, ?, ?, ?)", row)
    grant = {
        "system": INTAKE,
        "interface": CODE,
        "owner": AMR,
        "fields": ["uscc", "name", "is_active"],
        "matters": [MATTER],
        "purpose": PURPOSE,
        "legal_basis": "政务数据共享条例",
        "valid_until": "2035-01-01T00:00:00+08:00",
    }
    town.run("source", "add", write(town, "source.json", source(register)))
    town.run("interface", "add", write(town, "interface.json", interface()))
    params = write(town, "params.json", {"uscc": ENTERPRISE["id_number"]})
    town.run("interface", "try", CODE, "--params", params)
    town.run("interface", "publish", CODE)
    town.run("grant", "add", write(town, "grant.json", grant))
    return town


def write(town: Town, name: str, definition: dict[str, Any]) -> Path:
    path = town.scratch / name
    path.write_text(json.dumps(definition), encoding="utf-8")
    return path


def asking(case_no: str) -> Request:
    return Request(f"/api/v1/interfaces/{CODE}/query", {"case_no": case_no, "purpose": PURPOSE})


def kill(town: Town, point: str) -> list[Request]:
    """Several clerks ask at once; whoever passes the point takes the others with him."""
    with town.serving(crash_at=point) as server:
        requests = [asking(town.open_case(server)) for _ in range(CLERKS)]
        with ThreadPoolExecutor(CLERKS) as clerks:
            list(clerks.map(lambda request: town.send(server, request), requests))
        assert server.process.wait(10) == KILLED, point
    return requests


def repeat(town: Town, server: Server, requests: list[Request]) -> None:
    with ThreadPoolExecutor(CLERKS) as clerks:
        for answer in clerks.map(lambda request: town.insist(server, request), requests):
            assert answer.status_code == 200, answer.text
            assert answer.json()["outcome"] == "satisfied"


@pytest.mark.slow
@pytest.mark.embedded  # the order of effects is that of a pull, which is killed on both
def test_a_query_killed_anywhere_discloses_once_and_answers_once(published: Town) -> None:
    town = published
    requests: list[Request] = []
    for point in AT_QUERY:
        requests += kill(town, point)
    with town.serving() as server:
        repeat(town, server, requests)
        repeat(town, server, requests)
    assert town.history.faults == []
    disclosed = town.look("SELECT count(*) AS n FROM ledger_entries WHERE kind = 'disclosure'")[0]["n"]
    assert disclosed == len(requests) == len(AT_QUERY) * CLERKS
    rows = town.look(
        "SELECT state, count(*) AS n FROM evidence_requests WHERE idempotency_key IS NOT NULL GROUP BY state"
    )
    assert {row["state"]: row["n"] for row in rows} == {"done": len(requests)}
    assert town.command("ledger", "verify").returncode == 0
