"""Rows of one sheet of an XLSX workbook. The workbook is hostile until it is measured.

calamine holds a sheet as one dense block from its first to its last cell, and inflates what an archive says is small.
So the members are unpacked by us within limits, the sheets are measured, and calamine reads that copy.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import isfinite
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, Final
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from adapters.errors import FaultyAnswerError
from adapters.files_rows import MAX_COLUMNS, Bad, Cells, Table, check_columns

MAX_ZIPPED_BYTES: Final = 20_971_520
MAX_BYTES: Final = 268_435_456
MAX_CELLS: Final = 1_000_000
_MAX_MEMBERS: Final = 1000
_BLOCK_BYTES: Final = 262_144
_MEMORY_BYTES: Final = 4_194_304
# Only these are handed on, and each is measured: a sheet that the workbook keeps elsewhere, a binary one or an
# OpenDocument one would be unfolded unmeasured (a cell in XFD1048576 is seventeen thousand million cells).
_MEMBER: Final = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/(?:workbook|styles|sharedStrings|worksheets/[^/]+)\.xml"
    r"|xl/_rels/workbook\.xml\.rels",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet within limits: its rows with their 1-based numbers, blank ones too, all of one width; its last row."""

    rows: Iterator[tuple[int, list[Any]]]
    last_row: int


def open_sheet(stream: BinaryIO, *, sheet: str | None) -> Sheet:
    """Open a sheet: the named one, hidden or not, or the first that people see.

    Raises: FaultyAnswerError: `incomplete` (a truncated archive), `too_large`, `format`, `sheet`.
    """
    with _measured(stream) as copy:
        try:
            with CalamineWorkbook.from_filelike(copy) as book:
                seen = [item.name for item in book.sheets_metadata if item.visible == SheetVisibleEnum.Visible]
                name = (seen or book.sheet_names)[0] if sheet is None else sheet
                if name not in book.sheet_names:
                    raise FaultyAnswerError("sheet")
                found = book.get_sheet_by_name(name)
                return Sheet(enumerate(found.iter_rows(), 1), found.total_height)
        except (CalamineError, OSError, IndexError):
            pass  # its text names places of the copy
    raise FaultyAnswerError("format")


def read_xlsx(stream: BinaryIO, *, sheet: str | None) -> Table:
    """Open a sheet (the first when none is named); its first row holds the names of the columns.

    Raises: FaultyAnswerError: `incomplete` (a truncated archive), `too_large`, `format`, `columns`, `sheet`.
    """
    rows = (row for _, row in open_sheet(stream, sheet=sheet).rows)
    header = next(rows, [])
    columns = tuple(str(cell).strip() for cell in header)
    if len(columns) > MAX_COLUMNS:
        raise FaultyAnswerError("columns")
    check_columns(columns)
    return Table(columns, (_cells(row) for row in rows if any(cell != "" for cell in row)))


def _measured(stream: BinaryIO) -> IO[bytes]:
    stream.seek(0, 2)
    if stream.tell() > MAX_ZIPPED_BYTES:
        raise FaultyAnswerError("too_large")
    stream.seek(0)
    copy: IO[bytes] = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115  # the caller closes it
    try:
        _unpack(stream, copy)
    except (zipfile.BadZipFile, EOFError):
        fault = "incomplete"
    except (zipfile.LargeZipFile, RuntimeError, NotImplementedError, ValueError, OSError):
        fault = "format"
    except BaseException:
        copy.close()
        raise
    else:
        copy.seek(0)
        return copy
    copy.close()
    raise FaultyAnswerError(fault)


def _unpack(stream: BinaryIO, copy: IO[bytes]) -> None:
    room = MAX_BYTES
    with zipfile.ZipFile(stream) as packed, zipfile.ZipFile(copy, "w") as plain:
        if len(packed.infolist()) > _MAX_MEMBERS:
            raise FaultyAnswerError("too_large")
        for member in packed.infolist():
            if _MEMBER.fullmatch(member.filename.replace("\\", "/")) is None:
                continue
            meter = _Meter()
            with packed.open(member) as source, plain.open(member.filename, "w") as target:
                while block := source.read(_BLOCK_BYTES):
                    room -= len(block)
                    if room < 0:
                        raise FaultyAnswerError("too_large")
                    meter.feed(block)
                    target.write(block)


class _Meter:
    """Measures a sheet while it goes by: the block from A1 to its last cell must stay within MAX_CELLS."""

    def __init__(self) -> None:
        self._row = 0
        self._column = 0
        self._last_row = 0
        self._last_column = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, block: bytes) -> None:
        try:
            self._parser.Parse(block, False)  # noqa: FBT003  # expat takes it by place only
        except expat.ExpatError:
            raise FaultyAnswerError("format") from None

    def _doctype(self, *_: object) -> None:
        raise FaultyAnswerError("format")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind == "row":
            self._row = int(attributes["r"]) if attributes.get("r", "").isdecimal() else self._row + 1
            self._column = 0
        elif kind == "c":
            self._cell(attributes.get("r", ""))
        else:
            return
        self._last_row = max(self._last_row, self._row)
        self._last_column = max(self._last_column, self._column)
        if self._last_row * max(self._last_column, 1) > MAX_CELLS:
            raise FaultyAnswerError("too_large")

    def _cell(self, reference: str) -> None:
        self._column += 1
        found = _REFERENCE.fullmatch(reference.upper())
        if found is not None:
            self._column = 0
            for letter in found.group(1):
                self._column = self._column * 26 + ord(letter) - 64
            self._last_row = max(self._last_row, int(found.group(2)))


def _cells(row: list[Any]) -> Cells | Bad:
    try:
        return [_plain(cell) for cell in row]
    except ValueError:
        return Bad("value")


def _plain(cell: Any) -> Any:
    if isinstance(cell, float):
        if not isfinite(cell):
            raise ValueError
        # A sheet knows no whole numbers; 330881 must not become 330881.0.
        return int(cell) if cell.is_integer() and abs(cell) <= 2**53 else cell
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell
