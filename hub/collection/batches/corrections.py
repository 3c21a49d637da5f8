"""Rejected rows as a register of their own: the columns they came with, corrected in a spreadsheet and uploaded again.

Three columns are added, which no mapping names: why, which row it was, and, where its cells cannot be told, its text.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hub.collection.reading.json_lines import spelled
from hub.collection.reading.reader import Format
from hub.collection.report import spreadsheet_safe
from signing.canonical import strict_loads
from signing.errors import MalformedError

ADDED: Final = ("平台：退回原因", "平台：原行号", "平台：原文")
_MAX_DEPTH: Final = 8
# An apostrophe before a plain number would stay in it when it comes back.
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 .,()-]*", re.ASCII)


def corrections(columns: Sequence[str], form: Format, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The rejects of a report (JSON lines) as CSV in UTF-8 with a byte order mark, piece by piece.

    A cell that a spreadsheet could run as a formula begins with an apostrophe.
    """
    kept = [column for column in columns if column not in ADDED]
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")  # without it, spreadsheets in China read the file as GBK
    writer.writerow((*kept, *ADDED))
    for piece in pieces:
        for line in piece.splitlines():
            writer.writerow(_row(json.loads(line), columns, kept, form))
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _row(entry: Mapping[str, Any], columns: Sequence[str], kept: Sequence[str], form: Format) -> list[Any]:
    cells = _cells(entry["raw"], columns, form)
    why = "；".join(reason["text_zh"] for reason in entry["reasons"])
    told = [_safe((cells or {}).get(column, "")) for column in kept]
    return [*told, _safe(why), entry["row"], "" if cells is not None else _safe(entry["raw"])]


def _cells(raw: str, columns: Sequence[str], form: Format) -> dict[str, str] | None:
    if form is Format.JSON_LINES:
        return _members(raw)
    try:
        found = next(csv.reader(io.StringIO(raw), strict=True), [])
    except csv.Error:
        return None
    return dict(zip(columns, found, strict=True)) if len(found) == len(columns) else None


def _members(raw: str) -> dict[str, str] | None:
    try:
        value = strict_loads(raw.encode(errors="replace"), max_bytes=len(raw) * 4 + 1, max_depth=_MAX_DEPTH)
    except MalformedError:
        return None
    if not isinstance(value, dict) or any(isinstance(member, dict | list) for member in value.values()):
        return None
    return {name: spelled(member) for name, member in value.items()}


def _safe(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else spreadsheet_safe(text)
