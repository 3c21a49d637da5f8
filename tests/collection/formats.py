"""One register written in the three formats, from its rows as text."""

import csv
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

FORMATS = ("csv", "jsonl", "xlsx")


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], *, dates: Sequence[int] = ()) -> Path:
    """Write by the ending of the path. In a workbook the columns `dates` are real dates where they can be."""
    match path.suffix:
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *rows])
        case ".jsonl":
            lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in rows]
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        case ".xlsx":
            workbook(path, [header, *rows], dates=dates)
    return path


def workbook(
    path: Path, rows: Sequence[Sequence[Any]], *, dates: Sequence[int] = (), sheet: str = "登记", **options: Any
) -> Path:
    """Text stays text, numbers numbers, dates dates; `hidden_before` puts hidden sheets in front."""
    with xlsxwriter.Workbook(path) as book:
        for name in options.get("hidden_before", ()):
            hidden = book.add_worksheet(name)
            hidden.write_string(0, 0, "代码")
            hidden.hide()
        page = book.add_worksheet(sheet)
        page.activate()
        page.set_first_sheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows, options.get("first_row", 0)):
            for column, value in enumerate(row):
                _cell(page, number, column, _day(value) if column in dates else value, day)
        for merged in options.get("merged", ()):
            page.merge_range(merged, "合并")
    return path


def _cell(page: Any, row: int, column: int, value: Any, day: Any) -> None:
    if isinstance(value, date):
        page.write_datetime(row, column, value, day)
    elif isinstance(value, str):
        page.write_string(row, column, value)
    elif value is not None:
        page.write(row, column, value)


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value
