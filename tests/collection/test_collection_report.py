import csv
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.collection.errors import ReportError
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.reasons import Rejection, reason
from hub.collection.report import Report, Totals, spreadsheet_safe

_REJECTION = Rejection(
    (reason("check_digit", column="代码", claim="uscc"), reason("missing", column="名称", claim="name"))
)


def _row(number: int, raw: str = "甲,乙") -> RawRow:
    return RawRow(number, number + 1, {}, raw)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_rejected_row_is_kept_verbatim_with_its_reasons(tmp_path: Path) -> None:
    raw = '"=1+1", 甲\u2028\x00\n"'
    with Report(tmp_path / "report", run_id="r1") as report:
        assert report.reject(_row(7, raw), _REJECTION, file="a.csv")
        report.finish(Totals(rejected=1))
    [entry] = [
        json.loads(line) for line in (tmp_path / "report" / "rejects.jsonl").read_text("utf-8").split("\n") if line
    ]
    assert entry["raw"] == raw
    assert (entry["file"], entry["row"], entry["line"]) == ("a.csv", 7, 8)
    assert [each["code"] for each in entry["reasons"]] == ["check_digit", "missing"]
    assert entry["reasons"][0] == {
        "column": "代码",
        "claim": "uscc",
        "code": "check_digit",
        "text_zh": "“代码”：校验码不正确",
        "text_en": "代码: the check character is wrong",
    }


def test_bad_row_is_kept_with_its_length_and_digest(tmp_path: Path) -> None:
    with Report(tmp_path, run_id="r1") as report:
        report.reject(BadRow(1, 2, "head", 10**9, "ab" * 32, "line_too_long"), Rejection.of_row("line_too_long"))
    [entry] = _lines(tmp_path / "rejects.jsonl")
    assert (entry["length_bytes"], entry["sha256"]) == (10**9, "ab" * 32)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with Report(tmp_path / "report", run_id="r1") as report:
            report.reject(_row(1), _REJECTION)
            report.finish(Totals(rejected=1))
    finally:
        os.umask(previous)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "report").iterdir()}
    assert modes == dict.fromkeys(("rejects.jsonl", "normalised.jsonl", "rejects.csv", "summary.json"), 0o600)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o700


def test_csv_cannot_start_a_formula(tmp_path: Path) -> None:
    raws = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\x00=1", '"=1"', "甲=1", ""]
    with Report(tmp_path, run_id="r1") as report:
        for number, raw in enumerate(raws, 1):
            report.reject(_row(number, raw), _REJECTION, file="=cmd.csv")
        report.finish(Totals(rejected=len(raws)))
    data = (tmp_path / "rejects.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "row", "line", "codes", "columns", "reasons_zh", "reasons_en", "raw"]
    assert [row[-1] for row in rows] == [
        *(f"'{raw}" for raw in raws[:9]),
        "␀=1",
        '"=1"',
        "甲=1",
        "",
    ]
    assert rows[0][:-1] == [
        "'=cmd.csv",
        "1",
        "2",
        "check_digit missing",
        "代码 名称",
        "“代码”：校验码不正确；“名称”：必填项为空",
        "代码: the check character is wrong; 名称: a required value is missing",
    ]


@pytest.mark.parametrize("text", ["甲", "1", "a-b", "'=1", ""])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert spreadsheet_safe(text) == text


def test_summary_counts_totals_reasons_and_repaired_claims(tmp_path: Path) -> None:
    totals = Totals(issued=2, rejected=2, normalised=1) + Totals(issued=1, updated=1, unchanged=5)
    with Report(tmp_path, run_id="r1") as report:
        assert json.loads((tmp_path / "summary.json").read_text())["state"] == "running"
        report.reject(_row(1), _REJECTION)
        report.reject(_row(2), Rejection.of_row("nul_byte"))
        report.normalise(_row(3), ("uscc", "name"))
        assert report.finish(totals, mapping="ab") == tmp_path / "summary.json"
    assert json.loads((tmp_path / "summary.json").read_text()) == {
        "run_id": "r1",
        "state": "finished",
        "totals": {"issued": 3, "updated": 1, "unchanged": 5, "rejected": 2, "normalised": 1, "ended": 0},
        "reasons": {"check_digit": 1, "missing": 1, "nul_byte": 1},
        "normalised_claims": {"name": 1, "uscc": 1},
        "mapping": "ab",
    }
    assert totals.rows == 11
    assert _lines(tmp_path / "normalised.jsonl") == [{"file": "", "row": 3, "line": 4, "claims": ["uscc", "name"]}]


def test_resumed_run_goes_on_without_doubling_rows(tmp_path: Path) -> None:
    with Report(tmp_path, run_id="r1") as report:
        for number in (1, 5, 3):
            assert report.reject(_row(number), _REJECTION, file="a.csv")
    with Report(tmp_path, run_id="r1") as report:
        added = [number for number in range(1, 7) if report.reject(_row(number), _REJECTION, file="a.csv")]
        assert report.reject(_row(1), _REJECTION, file="b.csv")
        assert not report.reject(_row(1), _REJECTION, file="b.csv")
        report.finish(Totals(rejected=7))
        report.finish(Totals(rejected=7))
    assert added == [2, 4, 6]
    entries = _lines(tmp_path / "rejects.jsonl")
    assert [(entry["file"], entry["row"]) for entry in entries] == [
        *(("a.csv", number) for number in (1, 5, 3, 2, 4, 6)),
        ("b.csv", 1),
    ]
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 8


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_half_written_line_is_dropped_and_written_again(tmp_path: Path, cut: int) -> None:
    with Report(tmp_path, run_id="r1") as report:
        for number in (1, 2):
            report.reject(_row(number), _REJECTION)
    path = tmp_path / "rejects.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Report(tmp_path, run_id="r1") as report:
        assert [report.reject(_row(number), _REJECTION) for number in (1, 2)] == [False, True]
    assert path.read_bytes() == whole


def test_damage_before_the_last_line_is_reported_not_repaired(tmp_path: Path) -> None:
    with Report(tmp_path, run_id="r1") as report:
        report.reject(_row(1), _REJECTION)
    path = tmp_path / "rejects.jsonl"
    for damage in (b"junk\n", b'{"row": 1}\n', b"[]\n"):
        damaged = damage + path.read_bytes()
        path.write_bytes(damaged)
        with pytest.raises(ReportError):
            Report(tmp_path, run_id="r1")
        assert path.read_bytes() == damaged
        path.write_bytes(damaged.removeprefix(damage))


_ENDLESS = """
import sys
from pathlib import Path
from hub.collection.reading.rows import RawRow
from hub.collection.reasons import Rejection
from hub.collection.report import Report
report = Report(Path(sys.argv[1]), run_id="r1")
for number in range(1, 10**9):
    report.reject(RawRow(number, number, {}, "x" * (number % 400)), Rejection.of_row("nul_byte"))
    if number % 100 == 0:
        report.sync()
        print(number, flush=True)
"""


def test_killed_run_keeps_every_synced_row_and_can_be_resumed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _ENDLESS, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        synced = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.send_signal(signal.SIGKILL)
    with Report(tmp_path, run_id="r1") as report:
        added = [number for number in range(1, 20_001) if report.reject(_row(number), _REJECTION)]
        assert min(added, default=20_001) > synced
    rows = [entry["row"] for entry in _lines(tmp_path / "rejects.jsonl")]
    assert len(rows) == len(set(rows))
    assert set(range(1, 20_001)) <= set(rows)


def test_report_of_another_run_is_moved_aside_whole(tmp_path: Path) -> None:
    with Report(tmp_path, run_id="r1") as report:
        report.reject(_row(1), _REJECTION)
        report.finish(Totals(rejected=1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with Report(tmp_path, run_id="r2") as report:
        assert report.reject(_row(1), _REJECTION)
    assert {path.name: path.read_bytes() for path in (tmp_path / "r1").iterdir()} == before
    assert len(_lines(tmp_path / "rejects.jsonl")) == 1
    assert not (tmp_path / "rejects.csv").exists()


def test_files_that_are_no_report_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "rejects.csv").write_text("mine")
    with pytest.raises(ReportError):
        Report(tmp_path, run_id="r1")
    for text in ("mine", "[]", '{"run_id": 1}', '{"run_id": "../up"}'):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(ReportError):
            Report(tmp_path, run_id="r1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rejects.csv", "summary.json"]


@pytest.mark.parametrize("name", ["rejects.jsonl", "normalised.jsonl"])
def test_link_in_place_of_a_report_file_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "target").write_text("mine")
    report = tmp_path / "report"
    Report(report, run_id="r1").close()
    (report / name).unlink()
    (report / name).symlink_to(tmp_path / "target")
    with pytest.raises(ReportError):
        Report(report, run_id="r1")
    assert (tmp_path / "target").read_text() == "mine"


def test_directory_that_cannot_be_made_is_a_report_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError):
        Report(tmp_path / "file" / "report", run_id="r1")


def test_run_id_that_could_leave_the_directory_is_refused(tmp_path: Path) -> None:
    for run_id in ("", "..", "../x", "a/b", "a" * 65):
        with pytest.raises(ValueError, match="run id"):
            Report(tmp_path, run_id=run_id)
