"""JSON lines and workbooks: the same rows as a CSV, each line judged by itself, nothing unfolded without measure."""

import csv
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.collection.errors import DuplicateColumnError, UnreadableRegisterError
from hub.collection.reading.reader import Format, open_register
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.service import CollectionOrder, CollectionService
from hub.runtime import Hub
from tests.collection.formats import FORMATS, workbook, write
from tests.support import AMR

DATA = Path(__file__).parents[3] / "shared" / "data"


def rows_of(path: Path, **options: Any) -> list[RawRow | BadRow]:
    with open_register(path, **options) as reader:
        found = list(reader)
        assert reader.position == reader.size_bytes
    return found


def cells(rows: list[RawRow | BadRow]) -> list[Any]:
    return [row.cells if isinstance(row, RawRow) else row.reason for row in rows]


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(path, **options)
    return caught.value.reason


def lines(tmp_path: Path, *texts: str | bytes) -> Path:
    path = tmp_path / "register.jsonl"
    path.write_bytes(b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in texts))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_the_three_formats_give_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = [["甲, 乙", "2020-01-02", "8,000(万元)"], ['丙"', "不详", ""], ["+86", "2021-12-31", "=1"]]
    path = write(tmp_path / f"r.{name}", ["名", "日", "资"], rows, dates=[1])
    with open_register(path) as reader:
        assert reader.columns == ("名", "日", "资")
        found = list(reader)
    assert [(row.number, list(row.cells.values())) for row in found if isinstance(row, RawRow)] == [
        (number, row) for number, row in enumerate(rows, 1)
    ]
    assert rows_of(path) == found


def test_a_workbook_is_known_by_its_bytes_and_json_lines_by_their_brace(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", ["a"], [["1"]]).rename(tmp_path / "a.csv")
    write(tmp_path / "b.jsonl", ["a"], [["1"]]).rename(tmp_path / "b.txt")
    assert cells(rows_of(tmp_path / "a.csv")) == cells(rows_of(tmp_path / "b.txt")) == [{"a": "1"}]
    assert refusal(tmp_path / "a.csv", declared=Format.CSV) == "declared"
    assert refusal(tmp_path / "b.txt", sheet="登记") == "sheet"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"a": 1', "json"),
        ("[1]", "json"),
        ('"a"', "json"),
        ("a,b", "json"),
        ('{"a": 1, "a": 2}', "duplicate_name"),
        ('{"a": {"b": 1}}', "nested"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", "nested"),
        ('{"a": 9007199254740993}', "number"),
        ('{"a": NaN}', "number"),
        ('{"a": "x\\u0000"}', "control_character"),
        ('{"a": "\\ud800"}', "control_character"),
        (b'{"a": "\xff"}', "undecodable"),
        ('{"a": "' + "x" * 1_100_000 + '"}', "line_too_long"),
    ],
)
def test_a_bad_line_is_rejected_verbatim_and_the_others_go_on(tmp_path: Path, bad: str | bytes, reason: str) -> None:
    rows = rows_of(lines(tmp_path, '{"a": "1"}', bad, "", '{"a": "2"}'))
    assert cells(rows) == [{"a": "1"}, reason, {"a": "2"}]
    raw = bad.encode() if isinstance(bad, str) else bad
    assert isinstance(rows[1], BadRow)
    assert (rows[1].number, rows[1].line, rows[1].length_bytes) == (2, 2, len(raw))
    assert rows[1].raw == raw[: 64 * 1024].decode(errors="backslashreplace")
    assert (rows[2].number, rows[2].line) == (3, 4)


def test_scalars_become_what_a_csv_would_have(tmp_path: Path) -> None:
    row = '{"s": " x ", "i": 330881, "f": 28970.6669, "w": 5.0, "e": 1e-7, "t": true, "n": null}'
    assert cells(rows_of(lines(tmp_path, row, '{"s": "y"}'))) == [
        {"s": " x ", "i": "330881", "f": "28970.6669", "w": "5", "e": "0.0000001", "t": "true", "n": ""},
        {"s": "y", "i": "", "f": "", "w": "", "e": "", "t": "", "n": ""},
    ]


def test_columns_of_json_lines_are_those_of_all_rows(tmp_path: Path) -> None:
    with open_register(lines(tmp_path, *['{"a": 1}'] * 20_000, '{"b": 1, "a": 2}')) as reader:
        assert reader.columns == ("a", "b")
        assert sum(1 for _ in reader) == 20_001
    with pytest.raises(DuplicateColumnError):
        open_register(lines(tmp_path, '{"a": 1}', '{"a ": 2}'))
    assert refusal(lines(tmp_path, json.dumps({str(n): 1 for n in range(300)}))) == "too_many_columns"


def test_json_lines_without_an_object_or_in_another_encoding_are_refused(tmp_path: Path) -> None:
    assert refusal(lines(tmp_path, "甲,乙")) == "no_rows"
    assert refusal(lines(tmp_path, "", " ")) == "empty"
    assert refusal(lines(tmp_path, '{"名": "甲"}'.encode("gb18030"))) == "encoding"
    assert cells(rows_of(lines(tmp_path, b'\xef\xbb\xbf{"a": 1}'))) == [{"a": "1"}]


def test_cells_of_a_workbook_become_what_a_csv_would_have(tmp_path: Path) -> None:
    header = [*"abcdefg"]
    values = [330881, 28970.6669, 0.1 + 0.2, True, date(2020, 1, 2), datetime(2020, 1, 2, 13, 30), None]  # noqa: DTZ001
    [row] = rows_of(workbook(tmp_path / "r.xlsx", [header, values]))
    assert isinstance(row, RawRow)
    assert [*row.cells.values()] == ["330881", "28970.6669", "0.3", "true", "2020-01-02", "2020-01-02 13:30:00", ""]
    assert row.raw == ",".join(row.cells.values())


def test_a_number_whose_last_digits_the_sheet_lost_is_rejected(tmp_path: Path) -> None:
    rows = rows_of(workbook(tmp_path / "r.xlsx", [["号"], [990104198803121380], [999999999999999]]))
    assert cells(rows) == ["digits_lost", {"号": "999999999999999"}]


def test_the_first_visible_sheet_is_read_and_others_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [["a"], ["1"]], hidden_before=["代码表"])
    assert cells(rows_of(path)) == [{"a": "1"}]
    with open_register(path, sheet="代码表") as hidden:
        assert hidden.columns == ("代码",)
    assert refusal(path, sheet="没有") == "sheet"


def test_blank_rows_count_for_lines_and_not_for_rows(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [["a", "b"], ["1", "2"], [None, None], ["3", "4"]], first_row=2)
    assert [(row.number, row.line) for row in rows_of(path)] == [(1, 4), (2, 6)]


def test_of_merged_cells_only_the_first_has_the_value(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [["a", "b"], [None, "1"], [None, "2"]], merged=["A2:A3"])
    assert cells(rows_of(path)) == [{"a": "合并", "b": "1"}, {"a": "", "b": "2"}]


def repacked(path: Path, changes: dict[str, bytes], *, without: tuple[str, ...] = ()) -> Path:
    """The workbook with members added, replaced or left out."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist() if name not in without}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in (members | changes).items():
            new.writestr(name, data)
    return path


WIDE = b'<worksheet><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'


def test_hostile_workbooks_are_refused_before_they_unfold(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [["a"], ["1"]])
    sheet, relations = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"
    assert refusal(repacked(path, {sheet: WIDE})) == "too_large"
    workbook(path, [["a"], ["1"]])
    assert refusal(repacked(path, {sheet: b"<worksheet>" + b" " * 300_000_000})) == "too_large"
    workbook(path, [["a"], ["1"]])
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>'
    assert refusal(repacked(path, {sheet: entity})) == "format"
    workbook(path, [["a"], ["1"]])
    with zipfile.ZipFile(path) as book:
        moved = book.read(relations).replace(b"worksheets/sheet1.xml", b"elsewhere/s.xml")
    assert refusal(repacked(path, {relations: moved, "xl/elsewhere/s.xml": WIDE}, without=(sheet,))) == "format"
    data = workbook(path, [["a"], ["1"]]).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert refusal(path) == "incomplete"
    path.write_bytes(b"PK\x03\x04" + bytes(21 * 1024 * 1024))
    assert refusal(path) == "too_large"


def test_an_opendocument_sheet_is_no_workbook_here(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", "<office/>")
    assert refusal(path) == "format"


@pytest.mark.skipif(not DATA.exists(), reason="no real register beside the checkout")
async def test_the_real_register_gives_the_same_totals_and_report_in_the_three_formats(
    hub: Hub, tmp_path: Path
) -> None:
    service = CollectionService(hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock)

    async def collected(source: str, ending: str) -> tuple[dict[str, int], list[Any]]:
        with (DATA / f"{source}.csv").open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        path = write(tmp_path / f"{source}.{ending}", header, rows[:400], dates=[2])
        report = tmp_path / f"{source}-{ending}"
        order = CollectionOrder(
            type="business_licence",
            issuer=AMR,
            files=[path],
            report_dir=report,
            as_of=datetime.fromisoformat("2026-01-01T00:00:00Z"),
        )
        totals = (await service.collect(order)).totals.to_json()
        entries = [json.loads(line) for line in (report / "rejects.jsonl").read_text().splitlines()]
        return totals, [(entry["row"], entry["reasons"]) for entry in entries]

    first, none = await collected("quzhou_enterprises", "csv")
    assert first == {"issued": 400, "updated": 0, "unchanged": 0, "rejected": 0, "normalised": 0, "ended": 0}
    for ending in ("jsonl", "xlsx"):
        again = first | {"issued": 0, "unchanged": 400}
        assert await collected("quzhou_enterprises", ending) == (again, none)
    faulty, rejects = await collected("faulty_enterprises", "csv")
    assert (faulty["issued"], faulty["rejected"], faulty["normalised"]) == (10, 2, 10)
    for ending in ("jsonl", "xlsx"):
        again = faulty | {"issued": 0, "unchanged": 10}
        assert await collected("faulty_enterprises", ending) == (again, rejects)
