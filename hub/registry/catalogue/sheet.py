"""The national catalogue sheet 政务信息资源目录: one row an item, as XLSX or CSV. No cell is ever a formula."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import xlsxwriter

from catalog.interfaces import Sharing
from catalog.metadata import CoreMetadata, Item, Method, Openness, UpdateCycle
from hub.collection.report import spreadsheet_safe

COLUMNS: Final = (
    "信息资源分类", "信息资源名称", "信息资源代码", "资源标识", "信息资源提供方", "提供方代码", "信息资源摘要",
    "信息资源格式",
    "信息项名称", "信息项标识", "数据类型", "长度", "共享类型", "共享条件", "共享方式", "理由及依据", "是否向社会开放",
    "开放条件", "更新周期", "发布日期", "关联资源代码", "服务承诺", "联系方式",
)  # fmt: skip
MAX_ROWS: Final = 1_048_575
"""What one sheet holds beside its header."""
_MAX_CELL: Final = 32_767
_SHARING: Final = {
    Sharing.UNCONDITIONAL: "无条件共享", Sharing.CONDITIONAL: "有条件共享", Sharing.NOT_SHARED: "不予共享",
}  # fmt: skip
_METHODS: Final = {
    Method.INTERFACE: "服务接口", Method.FILE: "文件", Method.TABLE: "库表", Method.CERTIFICATE: "电子证照",
}  # fmt: skip
_OPENNESS: Final = {Openness.OPEN: "是", Openness.CONDITIONAL: "有条件", Openness.NOT_OPEN: "否"}
_CYCLES: Final = {
    UpdateCycle.REALTIME: "实时", UpdateCycle.DAILY: "每日", UpdateCycle.WEEKLY: "每周", UpdateCycle.MONTHLY: "每月",
    UpdateCycle.QUARTERLY: "每季度", UpdateCycle.YEARLY: "每年", UpdateCycle.IRREGULAR: "不定期",
}  # fmt: skip
_TYPES: Final = {
    "C": "字符型C", "N": "数值型N", "D": "日期型D", "T": "日期时间型T", "L": "逻辑型L", "O": "对象型O",
}  # fmt: skip


def rows(entries: Iterable[CoreMetadata]) -> Iterator[tuple[str, ...]]:
    """The rows of the sheet, without its header; texts as the catalogue has them."""
    for entry in entries:
        for item in entry.items:
            yield _row(entry, item)


def _row(entry: CoreMetadata, item: Item) -> tuple[str, ...]:
    terms = item.terms
    why = "；".join(part for part in (terms.reason, terms.legal_basis) if part)
    return (
        entry.theme, entry.title["zh"], entry.resource_code, entry.code, entry.provider, entry.provider_code,
        entry.summary["zh"], entry.format, item.title["zh"], item.name, _TYPES[item.type],
        "" if item.length is None else str(item.length), _SHARING[terms.sharing], terms.conditions,
        _METHODS[item.method], why, _OPENNESS[entry.openness], entry.openness_conditions, _CYCLES[entry.update_cycle],
        entry.published_on.isoformat() if entry.published_on else "", "、".join(entry.related), entry.sla,
        entry.contact,
    )  # fmt: skip


def write_xlsx(path: Path, entries: Iterable[CoreMetadata]) -> int:
    """Write the sheet, row by row, in constant memory; answers how many rows. Every cell is text.

    A text that begins like a formula also gets an apostrophe: it must stay a text when somebody saves it as CSV.
    """
    never = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    options = {"constant_memory": True} | dict.fromkeys(never, False)
    count = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("政务信息资源目录")
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True, "text_wrap": True})
        for column, name in enumerate(COLUMNS):
            sheet.set_column(column, column, 18)
            sheet.write_string(0, column, name, bold)
        for row in rows(entries):
            count += 1
            if count > MAX_ROWS:
                raise ValueError("more rows than one sheet holds: export by department")
            for column, text in enumerate(row):
                sheet.write_string(count, column, spreadsheet_safe(text)[:_MAX_CELL])
    return count


def write_csv(stream: TextIO, entries: Iterable[CoreMetadata]) -> int:
    """Write the sheet as CSV (open the stream as utf-8-sig, newline=""); answers how many rows."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    count = 0
    for row in rows(entries):
        writer.writerow([spreadsheet_safe(text) for text in row])
        count += 1
    return count
