"""Reading a register: one CSV file as a stream of rows, whatever it holds, in bounded memory."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from hub.collection.encoding import SAMPLE_BYTES, choose_encoding
from hub.collection.errors import DuplicateColumnError, UnreadableRegisterError
from hub.collection.lines import HEAD_BYTES, Lines, LongLine, read_lines
from hub.collection.records import Record, read_records

MAX_LINE_BYTES: Final = 1024 * 1024
MAX_FIELDS: Final = 256
_BLOCK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class RawRow:
    """A data row as the file has it: 1-based number among the data rows, line it begins on, cells, verbatim text."""

    number: int
    line: int
    cells: dict[str, str]
    raw: str


@dataclass(frozen=True, slots=True)
class BadRow:
    r"""A row whose cells cannot be told. `raw` is its text up to 64 KiB, undecodable bytes as `\xNN`.

    `length_bytes` and `sha256` are those of the whole row as it stands in the file, without its line end.
    """

    number: int
    line: int
    raw: str
    length_bytes: int
    sha256: str
    reason: str


class RegisterReader:
    """The rows of one register, once, in the order of the file; closes the file when left as a context manager.

    Reading the same file again gives the same rows under the same numbers, which is what resuming rests on.
    """

    def __init__(
        self, stream: BinaryIO, *, encoding: str | None, max_line_bytes: int, max_fields: int, size_bytes: int
    ) -> None:
        self._stream = stream
        self.size_bytes = size_bytes
        self.position = 0
        sample = self._read(SAMPLE_BYTES)
        self.encoding, mark_bytes = choose_encoding(sample, encoding)
        lines = Lines(read_lines(self._blocks(sample[mark_bytes:]), max_line_bytes=max_line_bytes))
        self._records = read_records(lines, encoding=self.encoding, max_record_bytes=max_line_bytes)
        self.columns = _columns(next(self._records, None), max_fields)
        self._rows = self._iterate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[RawRow | BadRow]:
        return self._rows

    def close(self) -> None:
        """Close the file; iterating afterwards is a mistake of the caller's."""
        self._stream.close()

    def _read(self, size_bytes: int) -> bytes:
        try:
            block = self._stream.read(size_bytes)
        except OSError as error:
            raise UnreadableRegisterError("read_failed", error.strerror or "the medium failed; try again") from error
        self.position += len(block)
        return block

    def _blocks(self, first: bytes) -> Iterator[bytes]:
        block = first
        while block:
            yield block
            block = self._read(_BLOCK_BYTES)

    def _iterate(self) -> Iterator[RawRow | BadRow]:
        columns, width = self.columns, len(self.columns)
        for number, (line, raw, text, cells, fault) in enumerate(self._records, 1):
            if fault is None and len(cells) == width:
                yield RawRow(number, line, dict(zip(columns, cells, strict=True)), text)
            else:
                yield _bad_row(number, line, raw, self.encoding, fault or "cell_count")


def open_register(
    path: Path,
    *,
    encoding: str | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_fields: int = MAX_FIELDS,
) -> RegisterReader:
    """Open a CSV register and read its header; rows follow by iterating, and no row ever raises.

    UTF-8 or GB18030, decided on the first mebibyte unless `encoding` says; LF, CRLF or CR, also mixed. A record is
    held to `max_line_bytes` as a line is. Columns that nobody maps are carried along and harm nothing.

    Raises:
        UnreadableRegisterError: `not_found`, `not_readable`, `read_failed`, `empty`, `utf16`, `binary`,
            `spreadsheet`, `encoding`, `too_many_columns`, or `header_` and the fault that would reject a row.
        DuplicateColumnError: two columns of one name.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise UnreadableRegisterError("not_found", f"there is no file {path}") from error
    except OSError as error:
        raise UnreadableRegisterError("not_readable", f"{path}: {error.strerror}") from error
    try:
        return RegisterReader(
            stream,
            encoding=encoding,
            max_line_bytes=max_line_bytes,
            max_fields=max_fields,
            size_bytes=os.fstat(stream.fileno()).st_size,
        )
    except BaseException:
        stream.close()
        raise


def _columns(header: Record | None, max_fields: int) -> tuple[str, ...]:
    if header is None:
        raise UnreadableRegisterError("empty", "the file has no header line")
    if header.fault is not None:
        raise UnreadableRegisterError(f"header_{header.fault}", f"the header, line {header.line}, is faulty")
    if len(header.cells) > max_fields:
        raise UnreadableRegisterError("too_many_columns", f"{len(header.cells)} columns, at most {max_fields}")
    columns = tuple(cell.strip() for cell in header.cells)
    # Spreadsheets leave nameless columns at the edge; no mapping can mean them.
    named = [column for column in columns if column]
    if len(set(named)) < len(named):
        raise DuplicateColumnError(dict.fromkeys(column for column in named if named.count(column) > 1))
    return columns


def _bad_row(number: int, line: int, raw: bytes | LongLine, encoding: str, reason: str) -> BadRow:
    if isinstance(raw, LongLine):
        head, length, digest = raw.head, raw.length_bytes, raw.sha256
    else:
        head, length, digest = raw[:HEAD_BYTES], len(raw), hashlib.sha256(raw).hexdigest()
    return BadRow(number, line, head.decode(encoding, "backslashreplace"), length, digest, reason)
