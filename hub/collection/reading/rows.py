"""Rows of a register, and what its readers have in common; CSV, JSON lines and workbooks each have one."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final, Literal, Protocol, Self

from hub.collection.errors import DuplicateColumnError, UnreadableRegisterError
from hub.collection.reading.lines import HEAD_BYTES, LongLine

MAX_LINE_BYTES: Final = 1024 * 1024
MAX_FIELDS: Final = 256
BLOCK_BYTES: Final = 256 * 1024
_CONTROL: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A data row as the file has it: 1-based number among the data rows, line it begins on, cells, verbatim text."""

    number: int
    line: int
    cells: dict[str, str]
    raw: str


@dataclass(frozen=True, slots=True)
class GoneRow(RawRow):
    """A row that its register no longer has: it names its key, and the other cells are empty."""


@dataclass(frozen=True, slots=True)
class BadRow:
    r"""A row whose cells cannot be told. `raw` is its text up to 64 KiB, undecodable bytes as `\xNN`.

    `length_bytes` and `sha256` are those of the whole row as it stands in the file, without its line end; of a
    workbook, where no row stands as text, those of the row written as CSV.
    """

    number: int
    line: int
    raw: str
    length_bytes: int
    sha256: str
    reason: str


class FileFacts(Protocol):
    """What is asked of a file's status."""

    @property
    def st_size(self) -> int:
        """Bytes."""
        ...

    @property
    def st_mtime(self) -> float:
        """Seconds since 1970."""
        ...


class RegisterFile(Protocol):
    """Where a register lies: a `Path` is one, and so is a batch whose parts lie encrypted in the object store."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Its bytes from the beginning, seekable; as often as wanted. Raises: OSError, StorageError."""
        ...

    def stat(self) -> FileFacts:
        """Size and time of the last change."""
        ...


class RegisterReader:
    """The rows of one register, once, in the order of the file; closes the file when left as a context manager.

    Reading the same file again gives the same rows under the same numbers, which is what resuming rests on. No row
    ever raises. `position` goes from 0 to `size_bytes` while rows are read. A reader of one format learns `columns`
    and `encoding` when it is made, and has its `_rows` then.
    """

    columns: tuple[str, ...]
    encoding: str
    _rows: Iterator[RawRow | BadRow]

    def __init__(self, stream: BinaryIO, *, size_bytes: int) -> None:
        self._stream = stream
        self.size_bytes = size_bytes
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[RawRow | BadRow]:
        """Go on with the next row."""
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
            block = self._read(BLOCK_BYTES)


def bad_row(number: int, line: int, raw: bytes | LongLine, reason: str, *, encoding: str = "utf-8") -> BadRow:
    """Make the row that says why its cells cannot be used."""
    if isinstance(raw, LongLine):
        head, length, digest = raw.head, raw.length_bytes, raw.sha256
    else:
        head, length, digest = raw[:HEAD_BYTES], len(raw), hashlib.sha256(raw).hexdigest()
    return BadRow(number, line, head.decode(encoding, "backslashreplace"), length, digest, reason)


def checked_columns(names: Iterable[str], *, max_fields: int) -> tuple[str, ...]:
    """The header's names, trimmed.

    Raises: UnreadableRegisterError: `too_many_columns`; DuplicateColumnError.
    """
    columns = tuple(name.strip() for name in names)
    if len(columns) > max_fields:
        raise UnreadableRegisterError("too_many_columns", f"{len(columns)} columns, at most {max_fields}")
    # Spreadsheets leave nameless columns at the edge; no mapping can mean them.
    named = [column for column in columns if column]
    if len(set(named)) < len(named):
        raise DuplicateColumnError(dict.fromkeys(column for column in named if named.count(column) > 1))
    return columns


def fault_of(cells: Iterable[str]) -> str | None:
    """What no cell may hold, whatever format brought it in: a JSON escape or a workbook's `_x0000_` can.

    Faults: `nul_byte`, `control_character`.
    """
    for cell in cells:
        if "\0" in cell:
            return "nul_byte"
        if _CONTROL.search(cell):
            return "control_character"
    return None
