"""Rows of one sheet of an XLSX workbook. The workbook is hostile until it is measured.

calamine holds a sheet as one dense block from its first to its last cell, copies a shared string into every cell that
names it, and inflates what an archive says is small. So the members are unpacked by us within limits, the sheets are
measured with the text that their cells repeat, and calamine reads that copy.
"""

import re
import zipfile
from array import array
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
"""Of a workbook: its members unpacked, and its shared strings as often as cells name them."""
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
_SHARED: Final = "xl/sharedstrings.xml"
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
    room, strings = _Room(), _Strings()
    with zipfile.ZipFile(stream) as packed, zipfile.ZipFile(copy, "w") as plain:
        if len(packed.infolist()) > _MAX_MEMBERS:
            raise FaultyAnswerError("too_large")
        for name, member in _members(packed):
            meter = _Meter(room, strings, fills=name == _SHARED)
            with packed.open(member) as source, plain.open(member.filename, "w") as target:
                while block := source.read(_BLOCK_BYTES):
                    room.take(len(block))
                    meter.feed(block)
                    target.write(block)


def _members(packed: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """What is handed on, the shared strings first: sheets are measured by them. Two of one name: either may be read."""
    named = [(member.filename.replace("\\", "/"), member) for member in packed.infolist()]
    found = [(name.lower(), member) for name, member in named if _MEMBER.fullmatch(name)]
    if len({name for name, _ in found}) < len(found):
        raise FaultyAnswerError("format")
    return sorted(found, key=lambda item: item[0] != _SHARED)


class _Room:
    """How many bytes are left of MAX_BYTES."""

    def __init__(self) -> None:
        self._left = MAX_BYTES

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise FaultyAnswerError("too_large")


class _Strings:
    """How long each shared string is, in UTF-8."""

    def __init__(self) -> None:
        self._sizes = array("L")
        self._longest = 0

    def add(self, size: int) -> None:
        if len(self._sizes) == MAX_CELLS:
            raise FaultyAnswerError("too_large")
        self._sizes.append(size)
        self._longest = max(self._longest, size)

    def size(self, text: str) -> int:
        """Of the one that a cell names. What another reader may read otherwise counts as the longest."""
        if not text.isascii() or not text.isdigit() or len(text) > 7 or int(text) >= len(self._sizes):
            return self._longest
        return self._sizes[int(text)]


class _Meter:
    """Measures a sheet while it goes by: the block from A1 to its last cell must stay within MAX_CELLS, and the text of
    its cells within the room. `fills`: the shared strings, whose sizes are kept; they too could be named as a sheet.
    """

    def __init__(self, room: _Room, strings: _Strings, *, fills: bool) -> None:
        self._room = room
        self._strings = strings
        self._fills = fills
        self._cell_is_shared = False
        self._listens_until = ""
        self._size = 0
        self._pieces = 0
        self._last = ""
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
        if (kind == "si" and self._fills) or (kind == "v" and self._cell_is_shared):
            self._listen(kind)
        elif kind == "row":
            self._row = int(attributes["r"]) if attributes.get("r", "").isdecimal() else self._row + 1
            self._column = 0
        elif kind == "c":
            self._cell(attributes.get("r", ""))
            self._cell_is_shared = attributes.get("t") == "s"
        else:
            return
        self._last_row = max(self._last_row, self._row)
        self._last_column = max(self._last_column, self._column)
        if self._last_row * max(self._last_column, 1) > MAX_CELLS:
            raise FaultyAnswerError("too_large")

    def _listen(self, until: str) -> None:
        """Look at the text up to the end of this element, which has no further ones like it."""
        if self._parser.EndElementHandler is not None:
            raise FaultyAnswerError("format")
        self._listens_until = until
        self._size = self._pieces = 0
        self._parser.CharacterDataHandler = self._text
        self._parser.EndElementHandler = self._end

    def _text(self, text: str) -> None:
        self._size += len(text.encode())
        self._pieces += 1
        self._last = text

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2] != self._listens_until:
            return
        self._parser.CharacterDataHandler = self._parser.EndElementHandler = None
        if self._listens_until == "si":
            self._strings.add(self._size)
        else:
            self._room.take(self._strings.size(self._last if self._pieces == 1 else ""))

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
