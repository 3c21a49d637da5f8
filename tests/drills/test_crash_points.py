"""Drills 1-6 and 44: kill -9 at every named point, start again, repeat, and let the oracle look.

One town goes through all points of its kind in a row, so that each start is at once the recovery from one death and the
way to the next. What was cut off is repeated at the end with the same Idempotency-Key.
"""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hub
from hub.collection.service import BATCH
from hub.storage.crash import CRASH_POINTS
from tests.drills.oracle import examine, examine_report, intents, shown_and_not_kept
from tests.drills.processes import KILLED
from tests.drills.register import write_register
from tests.drills.test_archive_crashes import AT_ARCHIVING
from tests.drills.test_backups import AT_ERASING
from tests.drills.test_bulk_crashes import AT_BULK
from tests.drills.test_owed_crashes import AT_PAYING
from tests.drills.test_query_crashes import AT_QUERY
from tests.drills.test_rendition_crashes import AT_RENDERING
from tests.drills.test_stream_crashes import AT_STREAMING
from tests.drills.town import PATIENCE, Request, Town, opening, pulling
from tests.exchange.test_campaign_sources import AT_CAMPAIGN
from tests.support import AMR, POSTGRES, Place, new_database
from tests.witness.test_witness import AT_WITNESSING

ROWS = 4 * BATCH
AT_FOUNDING = ("found.committed",)
AT_SERVING = (
    "sequence.numbering",
    "sequence.committed:2",
    "pull.claimed",
    "pull.deciding:2",
    "case.opening",
    "case.opened",
    "case.closed",
    "sequence.signed",
    "pull.done:2",
    "pull.signed:3",
    "pull.decided:2",
    "pull.taken_over",
    "sequence.published:2",
    "sequence.stored",
)
"""In this order the leases of the dead run out while something else is tried."""
AT_FIRST_COLLECTION = (
    "collect.started",
    "issue.intending",
    "issue.intended",
    "issue.signed",
    "issue.committed",
    "issue.signed:2",
    "collect.batch_committed",
    "collect.reported",
)
AT_SECOND_COLLECTION = (
    "issue.intending:2",
    "issue.storing",
    "issue.committed:2",
    "collect.batch_committed",
    "collect.finished",
)
AFTER_COLLECTION = ("sequence.numbering", "sequence.signed")
AT_REVOKING = ("status.changed",)
CLERKS = 4


def test_no_crash_point_is_forgotten() -> None:
    killed = {
        point.partition(":")[0]
        for points in (
            AT_FOUNDING,
            AT_SERVING,
            AT_FIRST_COLLECTION,
            AT_SECOND_COLLECTION,
            AFTER_COLLECTION,
            AT_REVOKING,
            AT_QUERY,
            AT_BULK,
            AT_CAMPAIGN,
            AT_RENDERING,
            AT_ARCHIVING,
            AT_ERASING,
            AT_PAYING,
            AT_STREAMING,
            AT_WITNESSING,
        )
        for point in points
    }
    assert killed == set(CRASH_POINTS)


def test_every_crash_point_stands_in_the_code_once() -> None:
    sources = (path.read_text(encoding="utf-8") for path in Path(hub.__file__).parent.rglob("*.py"))
    found = [name for source in sources for name in re.findall(r'crash(?:_at\(|=)"([^"]+)"', source)]
    assert sorted(found) == sorted(CRASH_POINTS)


@pytest.mark.slow
def test_a_served_hub_killed_anywhere_loses_and_doubles_nothing(town: Town) -> None:
    cut_off: list[Request] = []
    for point in AT_SERVING:
        if point == "pull.taken_over":
            _kill_at_resuming(town, point, cut_off)
        else:
            kill = {"case": _kill_at_case, "pull": _kill_at_pull, "sequence": _kill_at_sequencing}
            cut_off += kill[point.partition(".")[0]](town, point)
    with town.serving() as server:
        _repeat(town, server, cut_off)
        _repeat(town, server, cut_off)
    assert examine(town) == []


@pytest.mark.slow
def test_a_collection_killed_anywhere_ends_as_if_it_had_not_been(town: Town) -> None:
    begun: list[dict[str, Any]] = []
    report = town.scratch / "report"
    first = write_register(town.scratch / "register.csv", rows=ROWS)
    for point in AT_FIRST_COLLECTION:
        begun += _kill_command(town, point, *_collect(first.path, report, as_of="2026-01-01T00:00:00Z"))
    totals = _totals(town.run(*_collect(first.path, report, as_of="2026-01-01T00:00:00Z")))
    good = ROWS - len(first.rejected)
    assert totals == {"issued": good, "updated": 0, "unchanged": 0, "ended": 0, "rejected": len(first.rejected)} | (
        _repaired(totals)
    )
    assert examine_report(report, rows=ROWS, rejected=first.rejected, totals=totals) == []

    second = write_register(town.scratch / "register.csv", rows=ROWS, edition=2)
    for point in AT_SECOND_COLLECTION:
        begun += _kill_command(town, point, *_collect(second.path, report, as_of="2026-02-01T00:00:00Z"))
    killed_after_its_end = json.loads((report / "summary.json").read_bytes())["totals"]
    assert examine_report(report, rows=ROWS, rejected=second.rejected, totals=killed_after_its_end) == []
    assert (killed_after_its_end["updated"], killed_after_its_end["unchanged"]) == (
        second.changed,
        good - second.changed,
    )
    for point in AFTER_COLLECTION:
        _kill_command(town, point, *_collect(second.path, report, as_of="2026-02-01T00:00:00Z"))
    again = _totals(town.run(*_collect(second.path, report, as_of="2026-02-01T00:00:00Z")))
    assert (again["unchanged"], again["rejected"]) == (good, len(second.rejected))
    assert examine_report(report, rows=ROWS, rejected=second.rejected, totals=again) == []

    _revoke_and_die(town)
    assert len(begun) > 3 * BATCH
    assert examine(town, begun=begun, licences=60) == []


def test_a_start_alone_signs_what_was_intended(town: Town) -> None:
    register = write_register(town.scratch / "register.csv", rows=10)
    command = _collect(register.path, town.scratch / "report", as_of="2026-01-01T00:00:00Z")
    assert len(_kill_command(town, "issue.intended", *command)) == 10
    town.run("check")
    assert intents(town) == []


@pytest.mark.parametrize("dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_a_founding_killed_before_its_marker_is_finished_by_the_same_command(dialect: str, tmp_path: Path) -> None:
    if dialect == "sqlite":
        _found_twice(Place(tmp_path / "home", None), tmp_path)
        return
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url:
        _found_twice(Place(tmp_path / "home", url), tmp_path)
        stranger = Town(Place(tmp_path / "other", url), tmp_path).command("init")
        assert stranger.returncode == 64, stranger.stderr


def _found_twice(place: Place, scratch: Path) -> None:
    town = Town(place, scratch)
    for point in AT_FOUNDING:
        assert town.command("init", crash_at=point).returncode == KILLED
    made = json.loads(town.run("init", "--json"))
    assert made["root_fingerprint"]
    assert town.look("SELECT count(*) AS n FROM ledger_entries WHERE kind = 'hub.founded'")[0]["n"] == 1
    assert town.command("ledger", "verify").returncode == 0
    assert town.command("init").returncode == 64


def _kill_at_case(town: Town, point: str) -> list[Request]:
    with town.serving(crash_at=point) as server:
        request = opening()
        if point == "case.closed":
            request = Request(f"/api/v1/cases/{town.open_case(server)}/close")
        assert town.send(server, request) is None, point
        assert server.process.wait(10) == KILLED, point
    return [request]


def _kill_at_pull(town: Town, point: str) -> list[Request]:
    """Several clerks pull at once; whoever passes the point takes the others with him, wherever they are."""
    with town.serving(crash_at=point) as server:
        requests = [pulling(town.open_case(server)) for _ in range(CLERKS)]
        with ThreadPoolExecutor(CLERKS) as clerks:
            list(clerks.map(lambda request: town.send(server, request), requests))
        assert server.process.wait(10) == KILLED, point
    return requests


def _kill_at_sequencing(town: Town, point: str) -> list[Request]:
    """A point passed at start by what an earlier death left waiting may kill before anything is asked."""
    requests: list[Request] = []
    with town.serving(crash_at=point) as server:
        while not server.process.ended() and len(requests) < 20:
            requests.append(opening())
            town.send(server, requests[-1])
            server.process.wait(0.3)
        assert server.process.wait(10) == KILLED, point
    assert not shown_and_not_kept(town), point
    return requests


def _kill_at_resuming(town: Town, point: str, cut_off: list[Request]) -> None:
    """A decided answer is resumed by a start, or by its repetition, once the dead process's lease has run out."""
    with town.serving(crash_at=point) as server:
        deadline = time.monotonic() + PATIENCE
        while not server.process.ended() and time.monotonic() < deadline:
            for request in cut_off:
                town.send(server, request)
        assert server.process.wait(10) == KILLED, point


def _repeat(town: Town, server: Any, cut_off: list[Request]) -> None:
    with ThreadPoolExecutor(8) as clients:
        for request, answer in zip(cut_off, clients.map(lambda one: town.insist(server, one), cut_off), strict=True):
            expected = {409} if request.path.endswith("/close") else {200, 201}
            assert answer.status_code in expected, (request.path, answer.text)


def _collect(register: Path, report: Path, *, as_of: str) -> tuple[str | Path, ...]:
    return (
        "collect", "--type", "business_licence", "--issuer", AMR, "--report", report, "--as-of", as_of, "--json",
        register,
    )  # fmt: skip


def _kill_command(town: Town, point: str, *arguments: str | Path) -> list[dict[str, Any]]:
    done = town.command(*arguments, crash_at=point)
    assert done.returncode == KILLED, (point, done.returncode, done.stdout, done.stderr)
    return intents(town)


def _totals(output: str) -> dict[str, int]:
    totals: dict[str, int] = json.loads(output.splitlines()[-1])
    return totals


def _repaired(totals: dict[str, int]) -> dict[str, int]:
    assert totals["normalised"] > 0
    return {"normalised": totals["normalised"]}


def _revoke_and_die(town: Town) -> None:
    """I6: the commit revokes; the list that was not published any more follows with the next start."""
    row = town.look(
        "SELECT identifier, status_index FROM certificate_versions WHERE status = 'valid' ORDER BY id DESC LIMIT 1"
    )[0]
    licence = town.scratch / "revoked.jws"
    town.run("certificate", "export", row["identifier"], licence)
    for point in AT_REVOKING:
        revoking = ("certificate", "revoke", row["identifier"], "--reason", "吊销", "--legal-basis", "条例")
        assert town.command(*revoking, crash_at=point).returncode == KILLED
    verdict = town.command("verify", licence, "--json")
    assert (verdict.returncode, json.loads(verdict.stdout)["reason"]) == (1, "certificate_revoked")
