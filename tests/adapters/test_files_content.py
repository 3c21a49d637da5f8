"""What files hold: broken rows, strict JSON lines, encodings, keys, dates, and workbooks hostile or enormous."""

import os
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.files import FilesSource
from tests.adapters.contract import BUDGET, ask
from tests.adapters.files_asking import ALL, HEADER, PLENTY, fault, known, names, row
from tests.adapters.files_town import BY, files_kind, local, write_csv, write_xlsx
from tests.adapters.town import CROWD, ENTERPRISES, KNOWN


async def test_broken_rows_are_counted_and_hide_no_other(tmp_path: Path) -> None:
    good = [",".join(item.values()) for item in CROWD[:5]]
    lines = [
        HEADER.encode(),
        good[0].encode(),
        b"too,few",
        good[1].encode(),
        b'x,"a stray quote,y,z',
        good[2].encode(),
        b"x,\xff\xfe,y,z",
        good[3].encode(),
        b"x," + b"y" * 2_000_000 + b",y,z",
        good[4].encode(),
        b'a,b,c"d"e,f',
        b'91990100MA9,"\xe4\xb8\xa4\n\xe8\xa1\x8c",2020-01-01,999900',
        b'x,"never closed,y,z',
    ]
    (tmp_path / "register.csv").write_bytes(b"\r\n".join(lines) + b"\r\n")
    async with files_kind(local(tmp_path)).open() as source:
        assert isinstance(source, FilesSource)
        rows = (await ask(source, ALL, PLENTY)).rows
        assert [found["name"] for found in rows if found["region"] == "999901"] == [item["name"] for item in CROWD[:5]]
        assert "两\n行" in [found["name"] for found in rows]
        quality = source.quality[0]
        assert quality.rows == len(rows)
        assert sum(quality.bad.values()) == 5 + (1 if len(rows) == 6 else 0)
        assert {"cell_count", "quotes", "encoding", "too_long"} <= quality.bad.keys()
        probe = await source.probe(BUDGET)
        assert (probe.ok, probe.code) == (True, f"bad_rows_{sum(quality.bad.values())}")


async def test_json_lines_are_read_strictly(tmp_path: Path) -> None:
    lines = [
        '{"uscc": "1", "name": "甲", "n": 9007199254740993, "x": 1.5, "deep": {"a": [1]}}',
        '{"uscc": "2", "uscc": "3"}',
        '{"uscc": NaN}',
        "[1]",
        '{"uscc": 1e999}',
        "{",
        "[" * 100_000,
        "",
        '{"uscc": 4, "name": "乙"}',
    ]
    (tmp_path / "register.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    async with files_kind(local(tmp_path, format="jsonl")).open() as source:
        assert isinstance(source, FilesSource)
        first = await ask(source, BY["uscc"], uscc="1")
        assert dict(first.rows[0])["n"] == "9007199254740993"
        assert [found["name"] for found in (await ask(source, BY["uscc"], uscc="4")).rows] == ["乙"]
        assert [found["name"] for found in (await ask(source, BY["uscc"], uscc=4)).rows] == ["乙"]
        assert list((await ask(source, BY["uscc"], uscc=None)).rows) == []
        assert source.quality[0].rows == 2
        assert sum(source.quality[0].bad.values()) == 6


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_encodings_are_told_from_the_file(tmp_path: Path, encoding: str) -> None:
    write_csv(tmp_path / "register.csv", encoding=encoding)
    assert await names(tmp_path) == [item["name"] for item in ENTERPRISES]


async def test_what_is_no_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    for content, code in (
        (HEADER.encode("utf-16"), "faulty_charset"),
        (b"PK\x03\x04 not text\n", "faulty_format"),
        (b"a,b,a\n1,2,3\n", "faulty_columns"),
        (b"\n\n", "faulty_columns"),
        (b"a,b\r1,2\r", "faulty_format"),
    ):
        path.write_bytes(content)
        assert await fault(tmp_path, final_newline=False) == code


async def test_a_key_of_several_columns_and_one_that_is_not_there(tmp_path: Path) -> None:
    write_csv(tmp_path / "register.csv")
    async with files_kind(local(tmp_path)).open() as source:
        both = {"key": {"name": "n", "region": "r"}}
        assert len((await ask(source, both, n=KNOWN["name"], r="999900")).rows) == 1
        assert list((await ask(source, both, n=KNOWN["name"], r="999901")).rows) == []
        # A separator inside a value makes no other key.
        assert list((await ask(source, both, n=f'{KNOWN["name"]}","999900', r="")).rows) == []
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, {"key": {"no such column": "x"}}, x="1")
        assert caught.value.reason == "columns"


async def test_the_date_of_the_data_may_stand_in_a_column(tmp_path: Path) -> None:
    write_csv(tmp_path / "register.csv", [row(established_on="2026-01-02"), row(uscc="2", established_on="soon")])
    async with files_kind(local(tmp_path, as_of_column="established_on")).open() as source:
        answer = await known(source)
        assert answer.as_of == datetime.fromisoformat("2026-01-02T00:00:00+08:00")
        other = await ask(source, BY["uscc"], uscc="2")
        assert other.as_of is not None
        assert other.as_of.year >= 2026
        assert other.as_of != answer.as_of


@pytest.mark.parametrize(
    ("operation", "pointer"), [({}, "/key"), ({"key": {"a": "a"}, "rows": "all"}, "/key"), ({"rows": "some"}, "/rows")]
)
async def test_an_operation_names_a_key_or_all_rows(tmp_path: Path, operation: Mapping[str, Any], pointer: str) -> None:
    async with files_kind(local(tmp_path)).open() as source:
        with pytest.raises(DefinitionFaultError) as caught:
            source.prepare(operation)
        assert caught.value.pointer == pointer


# Workbooks


def bomb(path: Path, hostile: Mapping[str, bytes]) -> Path:
    write_xlsx(path)
    with zipfile.ZipFile(path) as whole:
        members = {info.filename: whole.read(info) for info in whole.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed:
        for name, text in {**members, **hostile}.items():
            changed.writestr(name, text)
    return path


SHEET = "xl/worksheets/sheet1.xml"
SPREAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


@pytest.mark.parametrize(
    ("member", "content", "code"),
    [
        ("xl/sharedStrings.xml", b"<sst>" + b" " * 300_000_000, "faulty_too_large"),
        (SHEET, SPREAD % b'<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>', "faulty_too_large"),
        (
            SHEET,
            SPREAD % b'<row r="1"><c r="A1"><v>1</v></c></row><row><c r="&#88;FD1048576"/></row>',
            "faulty_too_large",
        ),
        (SHEET, b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + SPREAD % b"", "faulty_format"),
        (SHEET, b"<worksheet", "faulty_columns"),
        (SHEET, SPREAD % b"", "faulty_columns"),
    ],
    ids=["zip bomb", "two cells far apart", "hidden reference", "doctype", "truncated sheet", "empty sheet"],
)
async def test_a_hostile_workbook_is_refused(tmp_path: Path, member: str, content: bytes, code: str) -> None:
    bomb(tmp_path / "register.xlsx", {member: content})
    found = await fault(tmp_path, format="xlsx")
    assert found == code or (code == "faulty_columns" and found == "faulty_format")


@pytest.mark.parametrize("named", [b"1", b"<!-- -->1", b" 1 ", b"0<!-- -->1", b"99999999999999999999"])
async def test_text_that_cells_repeat_counts_as_often_as_they_do(tmp_path: Path, named: bytes) -> None:
    cells = b"<row>" + b'<c t="s"><v>%s</v></c>' % named * 10 + b"</row>"
    shared = b"<sst><si><t>a</t></si><si><r><t>%s</t></r><t>%s</t></si></sst>" % (b"b" * 30_000, b"b" * 30_000)
    bomb(tmp_path / "register.xlsx", {SHEET: SPREAD % (cells * 500), "xl/sharedStrings.xml": shared})
    assert await fault(tmp_path, format="xlsx") == "faulty_too_large"


async def test_a_workbook_of_more_than_twenty_megabytes_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "register.xlsx", {"xl/media/noise.bin": os.urandom(21_000_000)})
    assert await fault(tmp_path, format="xlsx") == "faulty_too_large"


async def test_a_sheet_is_chosen_by_its_name_and_cells_become_text(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "register.xlsx") as book:
        book.add_worksheet("说明").write(0, 0, "无")
        page = book.add_worksheet("登记")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for place, head in enumerate(("uscc", "n", "on", "ok", "empty")):
            page.write(0, place, head)
        page.write_string(1, 0, "A1")
        page.write_number(1, 1, 330881)
        page.write_datetime(1, 2, datetime(2020, 2, 29), day)  # noqa: DTZ001
        page.write_boolean(1, 3, boolean=True)
    connection = local(tmp_path, format="xlsx", sheet="登记")
    async with files_kind(connection).open() as source:
        assert [dict(found) for found in (await ask(source, {"key": {"n": "n"}}, n="330881")).rows] == [
            {"uscc": "A1", "n": 330881, "on": "2020-02-29", "ok": True, "empty": ""}
        ]
    assert await fault(tmp_path, format="xlsx", sheet="没有") == "faulty_sheet"
