"""The private data-quality report: every defect of a sample is counted and found again by its row, no value is told."""

import csv
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from catalog.errors import DefinitionError
from catalog.interfaces import read_interface
from hub.access.actors import COMMAND
from hub.access.errors import ForbiddenError
from hub.clock import utc_now
from hub.registry.errors import NotReadyError
from hub.registry.quality import Finding, QualityReport, dry_run
from hub.registry.sample_rows import sample_rows
from hub.runtime import Hub
from tests.exchange.declared import field
from tests.registry.department import CODE, LISTING, interface, people, register, source
from tests.support import AMR, ENTERPRISE, valid_uscc

SHARED = Path(__file__).parents[3] / "shared" / "data"
GOOD = {"uscc": ENTERPRISE["id_number"]}
REAL_FIELDS = {
    "uscc": field({"type": "string", "format": "uscc"}, required=True),
    "name": field({"type": "string", "maxLength": 200}, required=True),
    "established_on": field({"type": "string", "format": "date"}, required=True),
    "capital_yuan": field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}),
    "address": field({"type": "string", "maxLength": 300}),
}
REAL_MAPPING = {
    "version": 1,
    "absent": ["", "N/A"],
    "fields": {
        "uscc": "统一社会信用代码",
        "name": "企业名称",
        "established_on": {"from": "注册日期", "dates": ["iso"]},
        "capital_yuan": {
            "from": "注册资金",
            "as": "decimal",
            "units": {
                "(万元人民币)": "10000",
                "万元人民币": "10000",
                "万人民币": "10000",
                "(万)": "10000",
                "万人民币元": "10000",
            },
        },
        "address": "注册地址",
    },
}


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"uscc": valid_uscc("91990100MA0000001"), "name": "某公司", "day": "2019-03-01", "zt": "1"} | item
        for item in changes
    ]


def report(sample: list[Any], **changes: Any) -> QualityReport:
    return dry_run(read_interface(interface(**changes)), sample, version=1, now=utc_now())


def test_every_kind_of_defect_is_counted_with_its_rows() -> None:
    other, third = valid_uscc("91990100MA0000002"), valid_uscc("91990100MA0000003")
    found = report(
        [
            *rows(
                {},
                {"uscc": other.lower()},
                {"uscc": third[:-1] + "!"},
                {"name": "  "},
                {"day": "02/03/2019"},
                {"zt": "9"},
            ),
            None,
            *rows({"uscc": other, "day": "1985-12-31"}, {"name": "x" * 201, "uscc": third}),
        ]
    )
    fields = {item.name: item for item in found.fields}
    assert (found.rows, found.usable, found.failing_required) == (9, 3, 5)
    assert found.unreadable == Finding(1, (7,))
    assert found.key == ("uscc",)
    assert found.duplicates == Finding(4, (4, 5, 6, 8))
    assert fields["uscc"].faults == {"id_character": Finding(1, (3,))}
    assert fields["uscc"].normalised == Finding(1, (2,))
    assert fields["name"].gaps == Finding(1, (4,))
    assert fields["name"].faults == {"maxLength": Finding(1, (9,))}
    assert fields["established_on"].faults == {"date_ambiguous": Finding(1, (5,))}
    assert (fields["established_on"].oldest, fields["established_on"].newest) == ("1985-12-31", "2019-03-01")
    assert fields["status"].faults == {"code_unknown": Finding(1, (6,))}


def test_examples_are_few_and_counts_are_whole() -> None:
    found = report(rows(*[{"name": None, "uscc": None}] * 50))
    name = next(item for item in found.fields if item.name == "name")
    assert name.gaps == Finding(50, tuple(range(1, 11)))
    assert found.duplicates.count == 0  # nobody without a key is anybody's duplicate


def test_no_value_stands_in_a_report() -> None:
    canary = "金丝雀有限公司"
    found = report(rows({"name": canary, "uscc": f"{canary}1"}, {"name": canary * 40}))
    assert canary not in json.dumps(found.as_json(), ensure_ascii=False)
    assert canary not in repr(found)


async def test_rows_that_fail_required_fields_are_published_only_with_a_reason(hub: Hub, tmp_path: Path) -> None:
    staff = await people(hub)
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    await hub.interfaces.draft(staff.engineer, interface())
    await hub.interfaces.to_test(staff.engineer, CODE)
    assert (await hub.trials.try_out(staff.engineer, CODE, params=GOOD)).passed
    made = await hub.trials.quality(staff.engineer, CODE, rows=rows({}, {"name": None}))
    assert made.failing_required == 1
    with pytest.raises(NotReadyError, match="quality: required_fields_fail"):
        await hub.interfaces.take_live(staff.approver, CODE)
    assert await hub.trials.report(staff.approver, CODE) == made.as_json()
    with pytest.raises(ForbiddenError):
        await hub.trials.report(staff.auditor, CODE)
    await hub.interfaces.take_live(staff.approver, CODE, confirmed="历史数据，正在补录")
    assert (await hub.interfaces.show(staff.approver, CODE)).events[-1].reason == "历史数据，正在补录"


async def test_a_source_lists_its_own_sample(hub: Hub, tmp_path: Path) -> None:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    await hub.interfaces.draft(COMMAND, interface())
    found = await hub.trials.listed(COMMAND, CODE, operation=LISTING)
    assert (found.rows, found.usable) == (2, 2)
    assert {item.name: item.gaps.count for item in found.fields}["established_on"] == 1
    for wrong in (
        {"statement": "SELECT :uscc"},
        {"statement": "DELETE FROM enterprises"},
        {"statement": "SELECT x FROM y"},
    ):
        with pytest.raises(NotReadyError):
            await hub.trials.listed(COMMAND, CODE, operation=wrong)


def test_a_sample_is_read_from_csv_xlsx_and_json_lines_alike(tmp_path: Path) -> None:

    sample = rows({}, {"name": None, "zt": 2})
    names = list(sample[0])
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(sample)
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in sample) + "\n\n{broken\n", "utf-8")
    with xlsxwriter.Workbook(tmp_path / "rows.xlsx") as book:
        sheet = book.add_worksheet()
        for index, row in enumerate([dict(zip(names, names, strict=True)), *sample]):
            sheet.write_row(index, 0, [row[name] for name in names])
    found = {path.suffix: report(sample_rows(path)) for path in tmp_path.iterdir()}
    assert {suffix: (item.usable, item.unreadable.count) for suffix, item in found.items()} == {
        ".csv": (1, 0),
        ".xlsx": (1, 0),
        ".jsonl": (1, 1),
    }
    assert all(item.failing_required - item.unreadable.count == 1 for item in found.values())


def test_a_workbook_is_measured_before_it_is_unfolded(tmp_path: Path) -> None:
    """Two cells far apart are seventeen thousand million: whoever sends a sample must not fill the hub's memory."""
    spread = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row></sheetData></worksheet>'
    )
    with xlsxwriter.Workbook(tmp_path / "rows.xlsx") as book:
        book.add_worksheet().write_row(0, 0, ["uscc", "name"])
    with zipfile.ZipFile(tmp_path / "rows.xlsx") as whole:
        members = {info.filename: whole.read(info) for info in whole.infolist()}
    with zipfile.ZipFile(tmp_path / "rows.xlsx", "w", zipfile.ZIP_DEFLATED) as changed:
        for name, content in (members | {"xl/worksheets/sheet1.xml": spread.encode()}).items():
            changed.writestr(name, content)
    with pytest.raises(DefinitionError, match="too_large"):
        sample_rows(tmp_path / "rows.xlsx")


@pytest.mark.parametrize(("name", "content"), [("rows.txt", b"x"), ("rows.xlsx", b"no workbook")])
def test_a_file_that_is_no_sample_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DefinitionError):
        sample_rows(tmp_path / name)
    with pytest.raises(DefinitionError):
        sample_rows(tmp_path / "missing.csv")


real = pytest.mark.skipif(not SHARED.exists(), reason="the real register is not here")


@real
def test_the_real_register_maps_without_a_fault_but_for_currencies_it_does_not_name() -> None:
    sample = sample_rows(SHARED / "quzhou_enterprises.csv")
    found = report(sample, fields=REAL_FIELDS, mapping=REAL_MAPPING)
    fields = {item.name: item for item in found.fields}
    assert (found.rows, found.failing_required) == (2012, 0)
    assert fields["uscc"].faults == {}
    assert set(fields["capital_yuan"].faults) == {"unit_unknown"}
    assert fields["capital_yuan"].faults["unit_unknown"].count == sum("美元" in row["注册资金"] for row in sample)
    assert fields["capital_yuan"].gaps.count == sum(row["注册资金"] == "N/A" for row in sample)


@real
def test_the_bad_rows_of_a_real_register_are_found_and_the_repairable_ones_are_repaired() -> None:
    sample = sample_rows(SHARED / "faulty_enterprises.csv")
    found = report(sample, fields=REAL_FIELDS, mapping=REAL_MAPPING)
    codes = next(item for item in found.fields if item.name == "uscc")
    assert (found.rows, found.failing_required) == (12, 2)
    assert codes.normalised.count == 10
    assert sorted(item.count for item in codes.faults.values()) == [1, 1]
    assert "id_check_digit" in codes.faults
    assert all(1 <= number <= 12 for item in codes.faults.values() for number in item.rows)


@real
async def test_the_real_register_is_published_from_a_database(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "quzhou.sqlite3"
    sample = sample_rows(SHARED / "quzhou_enterprises.csv")
    names = list(sample[0])
    with closing(sqlite3.connect(path)) as connection, connection:
        columns = ", ".join(f'"{name}" TEXT' for name in names)
        connection.execute(f"CREATE TABLE register ({columns})")
        connection.executemany(
            f"INSERT INTO register VALUES ({', '.join('?' * len(names))})",
            [[row[name] for name in names] for row in sample],
        )
    await hub.sources.add(COMMAND, source(path))
    definition = interface(
        department=AMR,
        fields=REAL_FIELDS,
        mapping=REAL_MAPPING,
        operation={"statement": 'SELECT * FROM register WHERE "统一社会信用代码" = :uscc'},
    )
    await hub.interfaces.draft(COMMAND, definition)
    await hub.interfaces.to_test(COMMAND, CODE)
    listed = await hub.trials.listed(COMMAND, CODE, operation={"statement": "SELECT * FROM register"})
    assert (listed.rows, listed.failing_required, listed.duplicates.count) == (2012, 0, 0)
    result = await hub.trials.try_out(COMMAND, CODE, params={"uscc": sample[0]["统一社会信用代码"]})
    assert result.passed
    # The nine whose capital is in dollars would be answered to nobody: somebody has to say that it may be so.
    with pytest.raises(NotReadyError, match="quality: rows_fail"):
        await hub.interfaces.take_live(COMMAND, CODE)
    await hub.interfaces.take_live(COMMAND, CODE, confirmed="九户以外币注册，另行补录")
