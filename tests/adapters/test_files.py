"""Files as departments leave them: half-written, replaced meanwhile, with broken rows, in the wrong place, enormous."""

import asyncio
import os
import stat
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError, UnreachableError
from adapters.files import FilesSource
from adapters.port import Answer, Budget
from adapters.registry import open_source
from tests.adapters.contract import BUDGET, Kind, ask, until
from tests.adapters.files_town import BY, files_kind, local, write_csv, write_json_lines, write_xlsx
from tests.adapters.town import COLUMNS, CROWD, ENTERPRISES, KNOWN

ALL = {"rows": "all"}
PLENTY = Budget(max_rows=10_000, max_bytes=10_000_000)
HEADER = ",".join(COLUMNS)


def opened(kind: Kind) -> Any:
    return kind.open()


async def known(source: Any) -> Answer:
    return await ask(source, BY["uscc"], uscc=KNOWN["uscc"])


async def names(folder: Path, **changes: Any) -> list[Any]:
    async with files_kind(local(folder, **changes)).open() as source:
        return [row["name"] for row in (await ask(source, ALL, PLENTY)).rows]


async def fault(folder: Path, **changes: Any) -> str:
    async with files_kind(local(folder, **changes)).open() as source:
        with pytest.raises(SourceError) as caught:
            await ask(source, ALL, PLENTY)
    return caught.value.code


def row(**changes: str) -> dict[str, str]:
    return dict(KNOWN) | changes


def aged(path: Path, seconds: float) -> Path:
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize("half", ["91990100MA", '91990100MA0000001X,"示例', f"{KNOWN['uscc']},半,2020-01-01,999900"])
async def test_a_half_written_file_leaves_the_one_before_in_place(tmp_path: Path, half: str) -> None:
    path = write_csv(tmp_path / "register.csv")
    async with files_kind(local(tmp_path)).open() as source:
        first = await known(source)
        with path.open("a", encoding="utf-8") as file:
            file.write(half)
        for _ in range(3):
            assert await known(source) == first
        probe = await source.probe(BUDGET)
        assert (probe.ok, probe.code) == (True, "")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" if half.endswith("999900") else f',x,y,z"\n{HEADER}\n')

        async def newer() -> bool:
            answer = await known(source)
            return answer.as_of is not None and first.as_of is not None and answer.as_of > first.as_of

        await until(newer)


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
async def test_a_half_written_file_alone_answers_nothing(tmp_path: Path, format: str) -> None:  # noqa: A002
    whole = {"csv": write_csv, "jsonl": write_json_lines, "xlsx": write_xlsx}[format](tmp_path / "whole")
    (tmp_path / "register").write_bytes(whole.read_bytes()[:-7])
    assert await fault(tmp_path, format=format) == "faulty_incomplete"
    (tmp_path / "register").write_bytes(b"")
    assert await fault(tmp_path, format=format) == "faulty_incomplete"


async def test_a_file_that_still_changes_is_waited_for(tmp_path: Path) -> None:
    connection = local(tmp_path, settle_seconds=3600)
    path = write_csv(tmp_path / "register.csv")
    async with files_kind(connection).open() as source:
        assert not (await source.probe(Budget(total_seconds=0.3))).ok
        aged(path, 7200)
        assert len((await known(source)).rows) == 1
        write_csv(path, [row(name="新")])
        assert (await known(source)).rows[0]["name"] == KNOWN["name"]


async def test_no_answer_mixes_two_versions_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    versions = [[row(uscc=f"{n:018d}", name=f"第{version}版") for n in range(3000)] for version in range(2)]
    write_csv(path, versions[0])
    async with files_kind(local(tmp_path)).open() as source:
        assert len((await ask(source, ALL, PLENTY)).rows) == 3000

        async def rewrite() -> None:
            for number in range(30):
                # In place and by renaming, as departments do both.
                if number % 3:
                    await asyncio.to_thread(write_csv, path, versions[number % 2])
                else:
                    await asyncio.to_thread(write_csv, tmp_path / "next", versions[number % 2])
                    (tmp_path / "next").rename(path)
                await asyncio.sleep(0.02)

        writing = asyncio.create_task(rewrite())
        while not writing.done():
            rows = (await ask(source, ALL, PLENTY)).rows
            assert len(rows) == 3000
            assert len({found["name"] for found in rows}) == 1
        await writing

        async def last() -> bool:
            return {found["name"] for found in (await ask(source, ALL, PLENTY)).rows} == {"第1版"}

        await until(last)


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


async def test_a_faulty_newer_file_does_not_bring_back_an_older_one(tmp_path: Path) -> None:
    aged(write_csv(tmp_path / "register-1.csv", [row(name="旧")]), 1000)
    newer = aged(write_csv(tmp_path / "register-2.csv", [row(name="新")]), 500)
    async with files_kind(local(tmp_path)).open() as source:
        assert (await known(source)).rows[0]["name"] == "新"
        newer.write_text("half", encoding="utf-8")
        assert (await known(source)).rows[0]["name"] == "新"
        newer.unlink()

        async def older() -> bool:
            return bool((await known(source)).rows[0]["name"] == "旧")

        await until(older)
        (tmp_path / "register-1.csv").unlink()
        with pytest.raises(FaultyAnswerError) as caught:
            await known(source)
        assert caught.value.reason == "absent"


async def test_all_files_together_are_one_register_as_old_as_the_oldest(tmp_path: Path) -> None:
    aged(write_csv(tmp_path / "register-kc.csv", CROWD[:3]), 900)
    write_csv(tmp_path / "register-jj.csv", CROWD[3:6])
    async with files_kind(local(tmp_path, select="all")).open() as source:
        answer = await ask(source, BY["region"], region=CROWD[0]["region"])
        assert sorted(found["uscc"] for found in answer.rows) == [item["uscc"] for item in CROWD[:6]]
        assert answer.as_of is not None
        assert datetime.now(UTC) - answer.as_of > timedelta(seconds=899)
        (tmp_path / "register-new.csv").write_text("half", encoding="utf-8")
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, BY["region"], region=CROWD[0]["region"])
        assert caught.value.reason == "incomplete"


async def test_the_date_of_the_data_may_stand_in_a_column(tmp_path: Path) -> None:
    write_csv(tmp_path / "register.csv", [row(established_on="2026-01-02"), row(uscc="2", established_on="soon")])
    async with files_kind(local(tmp_path, as_of_column="established_on")).open() as source:
        answer = await known(source)
        assert answer.as_of == datetime.fromisoformat("2026-01-02T00:00:00+08:00")
        other = await ask(source, BY["uscc"], uscc="2")
        assert other.as_of is not None
        assert other.as_of.year >= 2026
        assert other.as_of != answer.as_of


async def test_links_and_what_is_no_file_are_not_there(tmp_path: Path) -> None:
    folder, outside = tmp_path / "drop", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    write_csv(outside / "register.csv", [row(name="外")])
    (folder / "register-link.csv").symlink_to(outside / "register.csv")
    (folder / "register-up.csv").symlink_to("../outside/register.csv")
    os.mkfifo(folder / "register-pipe.csv")
    (folder / "register-folder.csv").mkdir()
    (folder / ".register.csv").write_text(f"{HEADER}\n", encoding="utf-8")
    assert await fault(folder, glob="*") == "faulty_absent"
    write_csv(folder / "v1", [row(name="内")])
    (folder / "register-current.csv").symlink_to("v1")
    assert await names(folder) == ["内"]


async def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    drop, private = tmp_path / "drop", tmp_path / "private"
    drop.mkdir()
    private.mkdir()
    write_csv(drop / "register.csv")
    write_csv(private / "register.csv", [row(name="私")])
    async with files_kind(local(drop)).open() as source:
        assert len((await known(source)).rows) == 1
        drop.rename(tmp_path / "away")
        drop.symlink_to(private)
        with pytest.raises(UnreachableError) as caught:
            await known(source)
        assert caught.value.reason == "refused"


async def test_indexes_are_private_shared_between_processes_and_pruned(tmp_path: Path) -> None:
    write_csv(tmp_path / "register.csv")
    index_dir = tmp_path / "indexes"
    connection = local(tmp_path, index_dir=str(index_dir))
    async with files_kind(connection).open() as first:
        await known(first)
        made = list(index_dir.iterdir())
        assert [stat.S_IMODE(path.stat().st_mode) for path in (index_dir, *made)] == [0o700, 0o600]
        assert KNOWN["uscc"] not in str(made)
        async with files_kind(connection).open() as second:
            await known(second)
        assert list(index_dir.iterdir()) == made
        write_csv(tmp_path / "register.csv", [row(name="新")])

        async def newer() -> bool:
            return bool((await known(first)).rows[0]["name"] == "新")

        await until(newer)
        await until(lambda: _one_other(index_dir, made))
    assert len(list(index_dir.iterdir())) == 1


async def _one_other(folder: Path, before: list[Path]) -> bool:
    now = await asyncio.to_thread(lambda: list(folder.iterdir()))
    return len(now) == 1 and now != before


async def test_a_private_index_is_gone_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    drop, scratch = tmp_path / "drop", tmp_path / "scratch"
    drop.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    write_csv(drop / "register.csv")
    async with files_kind(local(drop)).open() as source:
        await known(source)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(scratch.rglob("*"))]
        assert modes == [0o700, 0o600]
    assert list(scratch.iterdir()) == []


def bomb(path: Path, member: str, content: bytes) -> Path:
    write_xlsx(path)
    with zipfile.ZipFile(path) as whole:
        members = {info.filename: whole.read(info) for info in whole.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed:
        for name, text in (members | {member: content}).items():
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
    bomb(tmp_path / "register.xlsx", member, content)
    found = await fault(tmp_path, format="xlsx")
    assert found == code or (code == "faulty_columns" and found == "faulty_format")


async def test_a_workbook_of_more_than_twenty_megabytes_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "register.xlsx", "xl/media/noise.bin", os.urandom(21_000_000))
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


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"glob": "../*.csv"}, "/glob", "one_folder"),
        ({"glob": "a/b.csv"}, "/glob", "one_folder"),
        ({"folder": "relative"}, "/folder", "absolute_path"),
        ({"folder": "/data/../etc"}, "/folder", "absolute_path"),
        ({"index_dir": "relative"}, "/index_dir", "absolute_path"),
        ({"index_dir": "/usr"}, "/index_dir", "private_folder"),
        ({"format": "xml"}, "/format", "enum"),
        ({"sftp": {"host": "h", "user": "u", "host_key": "x" * 20}}, "/sftp", "anyOf"),
        ({"sftp": {"host": "h", "user": "u", "key": "secret:k", "host_key": "x" * 20}}, "/folder", "folder_or_sftp"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_with_its_place(
    changes: Mapping[str, Any], pointer: str, rule: str
) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("files", local(Path("/data")) | dict(changes), files_kind({}).environment())
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)


@pytest.mark.parametrize(
    ("operation", "pointer"), [({}, "/key"), ({"key": {"a": "a"}, "rows": "all"}, "/key"), ({"rows": "some"}, "/rows")]
)
async def test_an_operation_names_a_key_or_all_rows(tmp_path: Path, operation: Mapping[str, Any], pointer: str) -> None:
    async with files_kind(local(tmp_path)).open() as source:
        with pytest.raises(DefinitionFaultError) as caught:
            source.prepare(operation)
        assert caught.value.pointer == pointer


async def test_closing_while_a_file_is_indexed_ends_the_question(tmp_path: Path) -> None:
    with (tmp_path / "register.csv").open("w", encoding="utf-8") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"{n:018d},甲,2020-01-01,999900\n" for n in range(400_000))
    async with files_kind(local(tmp_path)).open() as source:
        task = asyncio.create_task(known(source))
        await asyncio.sleep(0.2)
        await source.close()
        with pytest.raises(UnreachableError) as caught:
            await task
        assert caught.value.reason == "closed"


MILLION = """
    import asyncio, resource, sys
    from datetime import UTC, datetime
    from adapters.egress import Egress
    from adapters.port import Budget, Context, Environment
    from adapters.registry import open_source

    async def main():
        connection = {"folder": sys.argv[1], "glob": "*.csv", "format": "csv", "settle_seconds": 0, "check_seconds": 0}
        environment = Environment(secrets=None, egress=Egress(frozenset()), clock=lambda: datetime.now(UTC))
        source = open_source("files", connection, environment)
        prepared = source.prepare({"key": {"uscc": "uscc"}})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in (0, 500_000, 999_999):
            budget = Budget(total_seconds=300, read_seconds=300)
            answer = await source.ask(prepared, {"uscc": f"{number:018d}"}, budget=budget, context=Context())
            assert [row["name"] for row in answer.rows] == [f"企业{number}"], answer
        await source.close()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    asyncio.run(main())
"""


@pytest.mark.slow
def test_memory_stays_flat_over_a_million_rows(tmp_path: Path) -> None:
    with (tmp_path / "register.csv").open("w", encoding="utf-8") as file:
        file.write("uscc,name,scope\n")
        file.writelines(f"{n:018d},企业{n},{'经营范围' * 20}\n" for n in range(1_000_000))
    assert (tmp_path / "register.csv").stat().st_size > 200_000_000
    command = [sys.executable, "-c", textwrap.dedent(MILLION), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000
