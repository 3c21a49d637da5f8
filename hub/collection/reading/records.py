"""Records of a CSV stream: lines put together where a quoted cell spans several, and never more of them than that.

Where quotes close, the record is one unit, and whatever is wrong inside rejects all of it: otherwise a company could
write a line break, a forged row and a NUL byte into its business scope and have the forged row collected. Where
quotes do not close within the limit, or text follows a closing one, the first line alone is bad and reading goes on
after it, so that one stray quote costs one row.
"""

import csv
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

from hub.collection.reading.lines import Lines, LongLine

# The module's own limit of 128 KiB a cell would look like a broken quote; records are bounded in bytes here.
csv.field_size_limit(sys.maxsize)

_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\n\r")) + b"\x7f"


class Record(NamedTuple):
    """One record, with its line end cut off. `fault` says why its cells cannot be used; they may then be missing."""

    line: int
    raw: bytes | LongLine
    text: str
    cells: list[str]
    fault: str | None


def read_records(lines: Lines, *, encoding: str, max_record_bytes: int) -> Iterator[Record]:
    """Read one record after the other; blank lines are none. Never fails on content.

    Faults: `line_too_long`, `nul_byte`, `control_character`, `undecodable`, `unterminated_quote`, `malformed_quote`.
    """
    for line in lines:
        at = lines.number
        if isinstance(line, LongLine):
            yield Record(at, line, "", [], "line_too_long")
            continue
        raw = line.rstrip(b"\r\n")
        if not raw:
            continue
        text, fault = _decode(raw, encoding)
        if b'"' not in raw:
            yield Record(at, raw, text, text.split(","), fault)
            continue
        try:
            cells = next(csv.reader((text,), strict=True))
        except csv.Error:
            yield _spanning(line, lines, encoding, max_record_bytes)
        else:
            yield Record(at, raw, text, cells, fault)


def _decode(raw: bytes, encoding: str) -> tuple[str, str | None]:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return raw.decode(encoding, "backslashreplace"), "undecodable"
    if len(raw.translate(None, _CONTROLS)) == len(raw):
        return text, None
    return text, "nul_byte" if b"\0" in raw else "control_character"


class _Feed:
    """Hands lines to the CSV parser until their record is complete, and remembers them; `dry` once it has no more."""

    def __init__(self, lines: Lines, encoding: str, max_bytes: int) -> None:
        self._lines = lines
        self._encoding = encoding
        self._room_bytes = max_bytes
        self.taken: list[bytes | LongLine] = []
        self.dry = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is not None:
            self.taken.append(line)
            if isinstance(line, bytes) and len(line) <= self._room_bytes:
                self._room_bytes -= len(line)
                return line.decode(self._encoding, "backslashreplace")
        self.dry = True
        raise StopIteration


def _spanning(first: bytes, lines: Lines, encoding: str, max_bytes: int) -> Record:
    at = lines.number
    lines.put_back([first])
    feed = _Feed(lines, encoding, max_bytes)
    try:
        cells = next(csv.reader(feed, strict=True))
    except csv.Error:
        lines.put_back(feed.taken[1:])
        raw = first.rstrip(b"\r\n")
        alone = len(feed.taken) == 1 and not feed.dry
        return Record(at, raw, _decode(raw, encoding)[0], [], "malformed_quote" if alone else "unterminated_quote")
    raw = b"".join(line for line in feed.taken if isinstance(line, bytes)).rstrip(b"\r\n")
    text, fault = _decode(raw, encoding)
    return Record(at, raw, text, cells, fault)
