"""Physical lines of a byte stream, in bounded memory whatever the stream holds.

Splitting bytes is safe in UTF-8 and GB18030 alike: no byte of a longer character is a line end, a comma or a quote.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line over the limit: its first 64 KiB, and length and SHA-256 of all of it, without its line end."""

    head: bytes
    length_bytes: int
    sha256: str


class _Measure:
    """What is kept of a line too long to hold."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._length = 0
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self._head += piece[: HEAD_BYTES - len(self._head)]
        self._length += len(piece)
        self._hash.update(piece)

    def done(self) -> LongLine:
        return LongLine(bytes(self._head), self._length, self._hash.hexdigest())


def read_lines(blocks: Iterable[bytes], *, max_line_bytes: int) -> Iterator[bytes | LongLine]:
    r"""Cut blocks into lines that keep their end: LF, CRLF or CR, also mixed.

    Holds one block and one line at most. `max_line_bytes` counts the line end.
    """
    tail, long = b"", None
    for block in blocks:
        lines = (tail + block).splitlines(keepends=True)
        # A final CR may be the first half of a CRLF, so it waits for the next block.
        tail = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            if long is not None:
                long.add(line.rstrip(b"\r\n"))
                yield long.done()
                long = None
            elif len(line) > max_line_bytes:
                yield _measured(line)
            else:
                yield line
        if long is not None or len(tail) > max_line_bytes:
            long = long or _Measure()
            cut = len(tail) - tail.endswith(b"\r")
            long.add(tail[:cut])
            tail = tail[cut:]
    if long is not None:
        long.add(tail.rstrip(b"\r"))
        yield long.done()
    elif tail:
        yield tail


def _measured(line: bytes) -> LongLine:
    measure = _Measure()
    measure.add(line.rstrip(b"\r\n"))
    return measure.done()


class Lines:
    """Lines that can be put back; `number` is the 1-based number of the one handed out last."""

    def __init__(self, lines: Iterator[bytes | LongLine]) -> None:
        self._lines = lines
        self._returned: deque[bytes | LongLine] = deque()
        self.number = 0

    def __iter__(self) -> Iterator[bytes | LongLine]:
        return self

    def __next__(self) -> bytes | LongLine:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.number += 1
        return line

    def put_back(self, lines: list[bytes | LongLine]) -> None:
        """Hand these, the last ones taken, out again."""
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)
