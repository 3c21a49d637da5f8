"""A CSV register as a stream of rows, whatever it holds, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO

from hub.collection.errors import UnreadableRegisterError
from hub.collection.reading.encoding import SAMPLE_BYTES, choose_encoding
from hub.collection.reading.lines import Lines, read_lines
from hub.collection.reading.records import Record, read_records
from hub.collection.reading.rows import BadRow, RawRow, RegisterReader, bad_row, checked_columns


class CsvReader(RegisterReader):
    """The rows of a CSV register; see `RegisterReader` for what is promised.

    UTF-8 or GB18030, decided on the first mebibyte unless `encoding` says; LF, CRLF or CR, also mixed. A record is
    held to `max_line_bytes` as a line is.
    """

    def __init__(
        self, stream: BinaryIO, *, encoding: str | None, max_line_bytes: int, max_fields: int, size_bytes: int
    ) -> None:
        super().__init__(stream, size_bytes=size_bytes)
        sample = self._read(SAMPLE_BYTES)
        self.encoding, mark_bytes = choose_encoding(sample, encoding)
        lines = Lines(read_lines(self._blocks(sample[mark_bytes:]), max_line_bytes=max_line_bytes))
        self._records = read_records(lines, encoding=self.encoding, max_record_bytes=max_line_bytes)
        self.columns = _columns(next(self._records, None), max_fields)
        self._rows = self._iterate()

    def _iterate(self) -> Iterator[RawRow | BadRow]:
        columns, width = self.columns, len(self.columns)
        for number, (line, raw, text, cells, fault) in enumerate(self._records, 1):
            if fault is None and len(cells) == width:
                yield RawRow(number, line, dict(zip(columns, cells, strict=True)), text)
            else:
                yield bad_row(number, line, raw, fault or "cell_count", encoding=self.encoding)


def _columns(header: Record | None, max_fields: int) -> tuple[str, ...]:
    if header is None:
        raise UnreadableRegisterError("empty", "the file has no header line")
    if header.fault is not None:
        raise UnreadableRegisterError(f"header_{header.fault}", f"the header, line {header.line}, is faulty")
    return checked_columns(header.cells, max_fields=max_fields)
