"""The national catalogue sheet, read back; and the core metadata it is made of."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from catalog.errors import DefinitionError
from catalog.interfaces import read_interface
from catalog.metadata import CoreMetadata, Method, Openness, UpdateCycle, interface_metadata
from hub.registry.catalogue.sheet import COLUMNS, rows, write_csv, write_xlsx
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from tests.registry.published import definition, put
from tests.support import AMR

HOSTILE = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "http://evil.example", "{=1}", "a\x00b", "007")


def metadata(**changes: Any) -> CoreMetadata:
    return interface_metadata(read_interface(definition(**changes)), provider="市场监督管理局")


def test_what_is_not_said_has_a_default() -> None:
    found = metadata(catalogue={}, update_cycle="monthly")
    assert (found.category, found.resource_code, found.format) == (("部门信息资源",), "", "JSON")
    assert (found.openness, found.method, found.update_cycle) == (
        Openness.NOT_OPEN, Method.INTERFACE, UpdateCycle.MONTHLY,
    )  # fmt: skip
    assert found.provider_code == AMR
    assert [(item.name, item.type, item.length) for item in found.items] == [
        ("no", "C", 40), ("valid_until", "D", None), ("owner_id", "C", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("catalogue", "member"),
    [
        ({"colour": "red"}, "colour"), ({"category": "别的"}, "category"),
        ({"category": "基础信息资源//人口"}, "category"),
        ({"resource_code": "1"}, "resource_code"), ({"resource_code": "400001/1"}, "resource_code"),
        ({"category": "基础信息资源/人口", "resource_code": "300001/1"}, "resource_code"),
        ({"openness": "maybe"}, "openness"), ({"method": "fax"}, "method"), ({"related": "x"}, "related"),
        ({"keywords": [1]}, "keywords"), ({"contact": 5}, "contact"),
    ],
)  # fmt: skip
def test_what_is_said_wrongly_is_refused(catalogue: dict[str, Any], member: str) -> None:
    with pytest.raises(DefinitionError, match=member):
        metadata(catalogue=catalogue)


def test_a_cycle_that_the_guide_does_not_know_is_refused() -> None:
    with pytest.raises(DefinitionError, match="update_cycle"):
        metadata(update_cycle="sometimes")


def test_the_code_of_the_guide_is_kept() -> None:
    told = {
        "category": "基础信息资源/法人",
        "resource_code": "102001003/17",
        "related": ["101001/2"],
        "openness": "open",
    }
    found = metadata(catalogue=told)
    assert (found.resource_code, found.related, found.openness) == ("102001003/17", ("101001/2",), Openness.OPEN)


async def entries(hub: Hub) -> list[CoreMetadata]:
    await put(hub)
    keys = [("interface", "food_permits"), ("certificate_type", "11990000MB0000002Q001"), ("interface", "none")]
    return await hub.catalogue.reader.metadata(Viewer(None), keys)


async def test_the_sheet_reads_back_as_it_was_written(hub: Hub, tmp_path: Path) -> None:
    found = await entries(hub)
    count = write_xlsx(tmp_path / "sheet.xlsx", found)
    book = CalamineWorkbook.from_path(str(tmp_path / "sheet.xlsx"))
    header, *read = book.get_sheet_by_index(0).to_python()
    assert tuple(header) == COLUMNS
    assert [tuple(row) for row in read] == list(rows(found))
    assert count == len(read) == 3 + 8
    first = dict(zip(COLUMNS, read[0], strict=True))
    assert first["信息资源名称"] == "食品经营许可信息"
    assert (first["共享类型"], first["共享条件"], first["更新周期"]) == ("有条件共享", "须有在办的办件", "每日")
    assert (first["信息资源提供方"], first["提供方代码"], first["发布日期"]) == ("市场监督管理局", AMR, "2026-11-20")
    assert {row[COLUMNS.index("共享类型")] for row in read[:3]} == {"有条件共享", "无条件共享", "不予共享"}


async def test_drafts_are_not_exported(hub: Hub) -> None:
    await put(hub, definition("kept_back"), state="draft")
    assert await hub.catalogue.reader.metadata(Viewer(None, everything=True), [("interface", "kept_back")]) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    told = metadata(summary={"zh": text, "en": text}, title={"zh": text, "en": text})
    write_xlsx(tmp_path / "sheet.xlsx", [told])
    raw = (tmp_path / "sheet.xlsx").read_bytes()
    assert raw[:2] == b"PK"
    read = CalamineWorkbook.from_path(str(tmp_path / "sheet.xlsx")).get_sheet_by_index(0).to_python()
    cell = read[1][COLUMNS.index("信息资源摘要")]
    assert isinstance(cell, str)
    assert cell[:1] not in {"=", "+", "-", "@", "\t"}
    stream = io.StringIO()
    write_csv(stream, [told])
    again = list(csv.reader(io.StringIO(stream.getvalue())))
    assert again[1][COLUMNS.index("信息资源摘要")] == cell
