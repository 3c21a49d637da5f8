"""Rows of a register in a file: CSV and JSON lines, as a stream in bounded memory. No row ever hides the next."""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, BinaryIO, Final

from adapters.errors import FaultyAnswerError

MAX_LINE: Final = 262_144
"""Characters of a line, and of a record that goes over several."""
MAX_COLUMNS: Final = 512
_MAX_LINE_BYTES: Final = 4 * MAX_LINE
_MAX_RECORD_LINES: Final = 200
_SAMPLE_BYTES: Final = 1_048_576
_MAX_SAFE: Final = 2**53
_SPREADSHEET: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")

Cells = list[Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be told: `encoding`, `cell_count`, `quotes`, `too_long`, `not_json`, `not_object`, `value`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A register that was opened: `columns` None means that each row is an object with names of its own."""

    columns: tuple[str, ...] | None
    rows: Iterator[Cells | dict[str, Any] | Bad]


def read_csv(stream: BinaryIO, *, encoding: str | None, delimiter: str) -> Table:
    """Open a CSV with a header line.

    Raises: FaultyAnswerError: `charset`, `format` (a spreadsheet), `columns` (none, or two of one name).
    """
    lines = _Lines(stream, encoding)
    header = next(_records(lines, delimiter, None), None)
    if not isinstance(header, list) or len(header) > MAX_COLUMNS:
        raise FaultyAnswerError("columns")
    columns = tuple(str(cell).strip() for cell in header)
    check_columns(columns)
    return Table(columns, _records(lines, delimiter, len(columns)))


def check_columns(columns: tuple[str, ...]) -> None:
    """Raises: FaultyAnswerError(`columns`): no name at all, or two columns of one name."""
    # Spreadsheets leave nameless columns at the edge; no key can mean them.
    named = [column for column in columns if column]
    if not named or len(set(named)) < len(named):
        raise FaultyAnswerError("columns")


def read_json_lines(stream: BinaryIO) -> Table:
    """Open JSON lines: one object a line, UTF-8, no member twice, no NaN. Raises: FaultyAnswerError."""
    return Table(None, (_object(line) for line in _Lines(stream, "utf-8") if line != "\n"))


class _Lines:
    """Lines of a file as text, ends made one; undecodable bytes are surrogates. Lines can be given back."""

    def __init__(self, stream: BinaryIO, encoding: str | None) -> None:
        sample = stream.read(_SAMPLE_BYTES)
        self._encoding = _encoding(sample, encoding)
        stream.seek(3 if sample.startswith(codecs.BOM_UTF8) else 0)
        self._stream = stream
        self._returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        while line := self.next():
            yield line

    def next(self) -> str:
        """The next line; of one that is too long its beginning, still too long. Empty at the end."""
        if self._returned:
            return self._returned.popleft()
        # A line feed is never part of a longer character in UTF-8 or GB18030.
        raw = self._stream.readline(_MAX_LINE_BYTES + 1)
        if len(raw) > _MAX_LINE_BYTES:
            while (rest := self._stream.readline(_MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
        line = raw.decode(self._encoding, "surrogateescape")
        return f"{line[:-2]}\n" if line.endswith("\r\n") else line

    def give_back(self, lines: list[str]) -> None:
        self._returned.extendleft(reversed(lines))


def _encoding(sample: bytes, declared: str | None) -> str:
    if sample.startswith(_SPREADSHEET):
        raise FaultyAnswerError("format")
    if sample.startswith(_UTF16) or b"\0" in sample:
        raise FaultyAnswerError("charset")
    if b"\n" not in sample and b"\r" in sample:
        raise FaultyAnswerError("format")
    if declared is not None:
        return declared
    if _decodes(sample, "utf-8"):
        return "utf-8"
    if _decodes(sample, "gb18030"):
        return "gb18030"
    # A few broken bytes in a UTF-8 file cost their rows, not the file.
    return "utf-8"


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _records(lines: _Lines, delimiter: str, width: int | None) -> Iterator[Cells | Bad]:
    while line := lines.next():
        if line == "\n":
            continue
        taken = _whole(lines, line)
        cells = _cells("".join(taken), delimiter, width)
        if isinstance(cells, Bad) and len(taken) > 1:
            # A stray quote made one record of several lines: only the first is lost.
            lines.give_back(taken[1:])
        yield cells


def _whole(lines: _Lines, line: str) -> list[str]:
    """The lines of one record: quotes are balanced, or there are too many lines."""
    taken = [line]
    quotes, length = line.count('"'), len(line)
    while quotes % 2 and len(taken) < _MAX_RECORD_LINES and length <= MAX_LINE:
        line = lines.next()
        if not line:
            break
        taken.append(line)
        quotes += line.count('"')
        length += len(line)
    return taken


def _cells(record: str, delimiter: str, width: int | None) -> Cells | Bad:
    if len(record) > MAX_LINE:
        return Bad("too_long")
    if not record.isascii() and any("\udc80" <= char <= "\udcff" for char in record):
        return Bad("encoding")
    try:
        parsed = list(csv.reader([record.removesuffix("\n")], delimiter=delimiter, strict=True))
    except csv.Error:
        return Bad("quotes")
    if len(parsed) != 1 or (width is not None and len(parsed[0]) != width):
        return Bad("cell_count")
    return list(parsed[0])


def _object(line: str) -> dict[str, Any] | Bad:
    if len(line) > MAX_LINE:
        return Bad("too_long")
    if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
        return Bad("encoding")
    try:
        found = json.loads(line, object_pairs_hook=_members, parse_constant=_refuse, parse_float=_float, parse_int=_int)
    except (ValueError, RecursionError):
        return Bad("not_json")
    if not isinstance(found, dict):
        return Bad("not_object")
    return found or Bad("not_object")


def _members(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _refuse(text: str) -> Any:
    raise ValueError(len(text))


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _int(text: str) -> int | str:
    number = int(text)
    return number if -_MAX_SAFE <= number <= _MAX_SAFE else text
