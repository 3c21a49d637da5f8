"""Opening a register: CSV, JSON lines or an XLSX workbook, told by what the file begins with."""

from enum import StrEnum
from typing import BinaryIO, Final

from hub.collection.errors import UnreadableRegisterError
from hub.collection.reading.csv import CsvReader
from hub.collection.reading.json_lines import JsonReader
from hub.collection.reading.rows import MAX_FIELDS, MAX_LINE_BYTES, RegisterFile, RegisterReader
from hub.collection.reading.workbook import WorkbookReader

_ZIP: Final = b"PK\x03\x04"
_SPACE: Final = b"\xef\xbb\xbf \t\r\n"
_LINES_ENDINGS: Final = frozenset({".jsonl", ".ndjson"})


class Format(StrEnum):
    """How a register is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    XLSX = "xlsx"


def open_register(
    path: RegisterFile,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    declared: Format | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_fields: int = MAX_FIELDS,
) -> RegisterReader:
    """Open a register and learn its columns; rows follow by iterating, and no row ever raises.

    A zip archive is a workbook; what is named `.jsonl` or `.ndjson`, or begins with a brace, is JSON lines; all else
    is CSV. Columns that nobody maps are carried along and harm nothing.

    Args:
        encoding: of a CSV, where it is not to be found out.
        sheet: of a workbook; the first visible one otherwise.
        declared: what the sender says it is; a file that is something else is refused.

    Raises:
        UnreadableRegisterError: `not_found`, `not_readable`, `read_failed`, `empty`, `no_rows`, `utf16`, `binary`,
            `spreadsheet` (an older kind), `format`, `incomplete`, `too_large`, `sheet`, `encoding`,
            `too_many_columns`, `declared`, or `header_` and the fault that would reject a row.
        DuplicateColumnError: two columns of one name.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise UnreadableRegisterError("not_found", f"there is no file {path.name}") from error
    except OSError as error:
        raise UnreadableRegisterError("not_readable", f"{path.name}: {error.strerror}") from error
    try:
        found = _format(stream, path)
        _check(found, declared, sheet)
        size_bytes = path.stat().st_size
        match found:
            case Format.XLSX:
                return WorkbookReader(
                    stream, sheet=sheet, max_line_bytes=max_line_bytes, max_fields=max_fields, size_bytes=size_bytes
                )
            case Format.JSON_LINES:
                return JsonReader(stream, max_line_bytes=max_line_bytes, max_fields=max_fields, size_bytes=size_bytes)
            case Format.CSV:
                return CsvReader(
                    stream,
                    encoding=encoding,
                    max_line_bytes=max_line_bytes,
                    max_fields=max_fields,
                    size_bytes=size_bytes,
                )
    except BaseException:
        stream.close()
        raise


def _check(found: Format, declared: Format | None, sheet: str | None) -> None:
    if declared is not None and declared is not found:
        raise UnreadableRegisterError("declared", f"this is {found}, not {declared}; send what was declared")
    if sheet is not None and found is not Format.XLSX:
        raise UnreadableRegisterError("sheet", "only a workbook has sheets, and this is none")


def _format(stream: BinaryIO, path: RegisterFile) -> Format:
    try:
        head = stream.read(1024)
        stream.seek(0)
    except OSError as error:
        raise UnreadableRegisterError("read_failed", error.strerror or "the medium failed; try again") from error
    if head.startswith(_ZIP):
        return Format.XLSX
    if path.suffix.lower() in _LINES_ENDINGS or head.lstrip(_SPACE).startswith(b"{"):
        return Format.JSON_LINES
    return Format.CSV
