"""A register in JSON lines: one flat object a row, read strictly. A bad line is a rejected row, the others go on."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO, Final

from hub.collection.errors import UnreadableRegisterError
from hub.collection.reading.encoding import SAMPLE_BYTES, UTF_8, choose_encoding
from hub.collection.reading.lines import LongLine, read_lines
from hub.collection.reading.rows import BLOCK_BYTES, BadRow, RawRow, RegisterReader, bad_row, checked_columns, fault_of
from signing.canonical import strict_loads
from signing.errors import MalformedError

_MAX_DEPTH: Final = 8
"""Deeper than any row may be, so that a nested one is told from one that is an attack."""
_MARK: Final = b"\xef\xbb\xbf"
_FAULTS: Final = {
    "encoding": "undecodable",
    "depth": "nested",
    "duplicate_name": "duplicate_name",
    "number": "number",
    "character": "control_character",
}


class JsonReader(RegisterReader):
    """The rows of a register in JSON lines; see `RegisterReader` for what is promised.

    `columns` are all names that any row has, in the order in which they appear: one pass over the file finds them.
    A row that lacks one of them has an empty cell there, as has one that says null. Text stays as written, numbers
    are written plainly, true and false as such.
    """

    def __init__(self, stream: BinaryIO, *, max_line_bytes: int, max_fields: int, size_bytes: int) -> None:
        """Find the columns.

        Raises: UnreadableRegisterError: `read_failed`, `empty`, `encoding`, `utf16`, `binary`, `no_rows` (no line
        is an object), `too_many_columns`; DuplicateColumnError: two names that differ by spaces only.
        """
        super().__init__(stream, size_bytes=size_bytes)
        self._max_line_bytes = max_line_bytes
        self.encoding = UTF_8
        _refuse_other_encodings(self._read(SAMPLE_BYTES))
        self.columns = self._find_columns(max_fields)
        self._rows = self._iterate()

    def _lines(self) -> Iterator[tuple[int, bytes | LongLine]]:
        self._stream.seek(0)
        self.position = 0
        blocks = self._blocks(self._read(BLOCK_BYTES).removeprefix(_MARK))
        lines = read_lines(blocks, max_line_bytes=self._max_line_bytes)
        for number, line in enumerate(lines, 1):
            if isinstance(line, LongLine) or line.strip():
                yield number, line if isinstance(line, LongLine) else line.rstrip(b"\r\n")

    def _find_columns(self, max_fields: int) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for _, line in self._lines():
            row = self._parse(line)
            if isinstance(row, dict) and not names.keys() >= row.keys():
                names.update(dict.fromkeys(row))
                checked_columns(names, max_fields=max_fields)
        if not names:
            raise UnreadableRegisterError("no_rows", "no line is an object with members; write one JSON object a line")
        self.position = 0
        return tuple(names)

    def _iterate(self) -> Iterator[RawRow | BadRow]:
        empty = dict.fromkeys(self.columns, "")
        for number, (line, raw) in enumerate(self._lines(), 1):
            row = self._parse(raw)
            if isinstance(row, str) or isinstance(raw, LongLine):
                yield bad_row(number, line, raw, row if isinstance(row, str) else "line_too_long")
            else:
                yield RawRow(number, line, empty | row, raw.decode())

    def _parse(self, line: bytes | LongLine) -> dict[str, str] | str:
        """The cells, or why they cannot be told."""
        if isinstance(line, LongLine):
            return "line_too_long"
        try:
            row = strict_loads(line, max_bytes=self._max_line_bytes, max_depth=_MAX_DEPTH)
        except MalformedError as error:
            return _FAULTS.get(error.reason, "json")
        if not isinstance(row, dict):
            return "json"
        if any(isinstance(value, dict | list) for value in row.values()):
            return "nested"
        cells = {name: spelled(value) for name, value in row.items()}
        return fault_of((*cells, *cells.values())) or cells


def spelled(value: Any) -> str:
    """A scalar as a CSV would have it: 330881 and not 330881.0, 0.00001 and not 1e-05."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            text = format(Decimal(repr(value)), "f")
            return text.removesuffix(".0")
        case _:
            return str(value)


def _refuse_other_encodings(sample: bytes) -> None:
    if not sample.removeprefix(_MARK).strip():
        raise UnreadableRegisterError("empty", "the file has no row")
    if choose_encoding(sample, None).name != UTF_8:
        raise UnreadableRegisterError("encoding", "JSON lines are UTF-8; save the file so, or send CSV")
