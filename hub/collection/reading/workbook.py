"""A register in an XLSX workbook: one sheet, its first row the header. Cells get the spellings a CSV would have."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Final

from adapters.errors import FaultyAnswerError
from adapters.files_xlsx import MAX_CELLS, MAX_ZIPPED_BYTES, open_sheet
from hub.collection.errors import UnreadableRegisterError
from hub.collection.reading.encoding import UTF_8
from hub.collection.reading.json_lines import spelled
from hub.collection.reading.rows import BadRow, RawRow, RegisterReader, bad_row, checked_columns, fault_of

_EXACT: Final = 10**15
"""A sheet keeps 15 digits: of an ID number typed as a number the last ones are zeros, and nobody can tell."""
_ADVICE: Final = {
    "incomplete": "the workbook is cut off; send it again, or as CSV",
    "too_large": f"at most {MAX_ZIPPED_BYTES // 1024**2} MiB and {MAX_CELLS} cells; split it, or save it as CSV",
    "sheet": "no sheet has this name; name one that the workbook has",
    "format": "this is no XLSX workbook that can be read; save it as XLSX again, or as CSV in UTF-8",
}


class WorkbookReader(RegisterReader):
    """The rows of one sheet; see `RegisterReader` for what is promised.

    The first visible sheet unless `sheet` names one. Blank rows are none. A formula counts as the value that was
    saved with it. Of merged cells the first has the value, the others are empty: what they would mean is a guess.
    `line` is the sheet's row, `raw` the row written as CSV.
    """

    def __init__(
        self, stream: BinaryIO, *, sheet: str | None, max_line_bytes: int, max_fields: int, size_bytes: int
    ) -> None:
        """Unpack within limits, measure, and read the header.

        Raises: UnreadableRegisterError: `incomplete`, `too_large`, `format`, `sheet`, `empty`, `too_many_columns`,
        or `header_` and the fault that would reject a row; DuplicateColumnError.
        """
        super().__init__(stream, size_bytes=size_bytes)
        self._max_line_bytes = max_line_bytes
        self.encoding = UTF_8
        self._sheet = self._open(sheet)
        _, header = next(self._filled(), (0, None))
        if header is None:
            raise UnreadableRegisterError("empty", "the sheet has no header row")
        names = [_cell(value) or "" for value in header]
        if (fault := fault_of(names)) is not None:
            raise UnreadableRegisterError(f"header_{fault}", "the header row is faulty")
        self.columns = checked_columns(names, max_fields=max_fields)
        self._rows = self._iterate()

    def _open(self, name: str | None) -> Iterator[tuple[int, list[Any]]]:
        try:
            sheet = open_sheet(self._stream, sheet=name)
        except FaultyAnswerError as error:
            raise UnreadableRegisterError(error.reason, _ADVICE.get(error.reason, _ADVICE["format"])) from error
        self._last = max(sheet.last_row, 1)
        return sheet.rows

    def _filled(self) -> Iterator[tuple[int, list[Any]]]:
        for line, row in self._sheet:
            self.position = self.size_bytes * line // self._last
            if any(value not in ("", None) for value in row):
                yield line, row
        self.position = self.size_bytes

    def _iterate(self) -> Iterator[RawRow | BadRow]:
        for number, (line, row) in enumerate(self._filled(), 1):
            cells = [_cell(value) for value in row]
            texts = [str(value) if cell is None else cell for value, cell in zip(row, cells, strict=True)]
            raw = _as_csv(texts)
            fault = "digits_lost" if None in cells else fault_of(texts)
            if fault is None and len(raw.encode()) > self._max_line_bytes:
                fault = "line_too_long"
            if fault is None:
                yield RawRow(number, line, dict(zip(self.columns, texts, strict=True)), raw)
            else:
                yield bad_row(number, line, raw.encode(), fault)


def _cell(value: Any) -> str | None:
    """The cell as a CSV would have it; None where the sheet has lost digits of a number."""
    match value:
        case bool():
            return spelled(value)
        case int() | float():
            # 15 digits are what a sheet shows and keeps: 0.1 + 0.2 is 0.3 to whoever typed it.
            return spelled(float(f"{value:.15g}")) if abs(value) < _EXACT else None
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return str(value)


def _as_csv(texts: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(texts)
    return line.getvalue()
