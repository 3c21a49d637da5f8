"""Drill 44 where a collection has a workshop: killed with its intents in sheaves, it ends as if it had not been.

An index of a status list that a killed run had reserved is nobody's: it is never given again, and no person can come
back to it. At most a batch for each process and one more. On PostgreSQL alone: a hub on SQLite collects in one process.
"""

import pytest

from tests.drills.oracle import examine, examine_report
from tests.drills.register import write_register
from tests.drills.test_crash_points import _collect, _kill_command, _totals
from tests.drills.town import Town

BATCH = 40
PROCESSES = 2
ROWS = 6 * BATCH
KILLED_AT = ("issue.intending:2", "issue.intended", "issue.signed", "issue.storing:2", "collect.batch_committed")


@pytest.mark.slow
@pytest.mark.parametrize("template", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_workshop_killed_anywhere_loses_and_doubles_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PROCESSES", PROCESSES), ("FROM_BYTES", 0), ("BATCH", BATCH)):
        monkeypatch.setenv(f"YIZHENG_COLLECTION_{name}", str(value))
    report = town.scratch / "report"
    register = write_register(town.scratch / "register.csv", rows=ROWS)
    command = _collect(register.path, report, as_of="2026-01-01T00:00:00Z")
    begun = [intent for point in KILLED_AT for intent in _kill_command(town, point, *command)]
    totals = _totals(town.run(*command))
    good = ROWS - len(register.rejected)
    assert (totals["issued"], totals["rejected"]) == (good, len(register.rejected))
    assert examine_report(report, rows=ROWS, rejected=register.rejected, totals=totals) == []
    assert len(begun) > BATCH
    assert examine(town, begun=begun, licences=30, reserved=len(KILLED_AT) * (PROCESSES + 1) * BATCH) == []
