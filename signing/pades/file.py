"""A PDF file from its end to its objects, and an update appended to it.

Only what Typst writes, and what we append to that: one cross-reference table from object 0 (ISO 32000-1 §7.5.4) per
revision, generation 0, a trailer with `Size`, `Root` and `ID`. Cross-reference streams, object streams, encryption and
hybrid files are refused by name: two readers of such a file need not see the same document.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from signing.errors import MalformedError
from signing.pades.objects import Reader, Reference, Value, reference

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_OBJECTS: Final = 100_000
MAX_PAGES: Final = 2_000
_END: Final = re.compile(rb"\nstartxref\r?\n([0-9]{1,10})\r?\n%%EOF\r?\n?\Z")
_SECTION: Final = re.compile(rb"([0-9]{1,6})[ ]([0-9]{1,6})[ ]?\r?\n")
_OBJECT: Final = re.compile(rb"([0-9]{1,6}) 0 obj(?=[\r\n ])")
_ENTRY_BYTES: Final = 20
_ENTRY: Final = re.compile(rb"([0-9]{10}) ([0-9]{5}) ([nf])(?: \r| \n|\r\n)")
_REFUSED: Final = ("Encrypt", "XRefStm")
_CHECKED_TAIL: Final = 64


@dataclass(frozen=True, slots=True)
class Revision:
    """A cross-reference table with its trailer, and where it stands."""

    table: int
    """Offset of `xref`."""
    end: int
    """Offset after `%%EOF` and its line end: the length of the file as it was then."""
    trailer: dict[str, Value]
    entries: dict[int, int] = field(repr=False)
    """Offset by object number, of this revision alone."""
    id_text: bytes = field(repr=False)


@dataclass(slots=True)
class PdfFile:
    """The newest state of a file: every object by its number."""

    data: bytes = field(repr=False)
    revisions: list[Revision]
    """Oldest first."""
    offsets: dict[int, int] = field(repr=False)

    @property
    def size(self) -> int:
        """One more than the highest object number."""
        value = self.revisions[-1].trailer["Size"]
        if not isinstance(value, int):
            raise MalformedError("pdf_trailer", "Size")
        return value

    @property
    def root(self) -> int:
        """The catalog's number."""
        return reference(self.revisions[-1].trailer, "Root")

    def at(self, number: int) -> Reader:
        """A reader at the value of an object. Raises: MalformedError ("pdf_object")."""
        offset = self.offsets.get(number)
        found = None if offset is None else _OBJECT.match(self.data, offset)
        if found is None or int(found[1]) != number:
            raise MalformedError("pdf_object", "offset")
        return Reader(self.data, found.end())

    def dictionary(self, number: int) -> dict[str, Value]:
        """An object that is a dictionary."""
        return self.at(number).dictionary()[0]

    def page(self, index: int) -> int:
        """The number of a page's object; the first is 0. Raises: MalformedError ("pdf_pages")."""
        waiting = [reference(self.dictionary(self.root), "Pages")]
        seen: set[int] = set()
        pages = 0
        while waiting:
            number = waiting.pop()
            if number in seen or len(seen) > MAX_PAGES:
                raise MalformedError("pdf_pages", "cycle or size")
            seen.add(number)
            node = self.dictionary(number)
            if node.get("Type") == "Page":
                if pages == index:
                    return number
                pages += 1
                continue
            kids = node.get("Kids")
            if not isinstance(kids, list):
                raise MalformedError("pdf_pages")
            waiting += [kid.number for kid in reversed(kids) if isinstance(kid, Reference)]
        raise MalformedError("pdf_pages", "no such page")


def read_file(data: bytes) -> PdfFile:
    """Read the tables of all revisions; objects are read when they are asked for.

    Raises: MalformedError ("pdf_size", "pdf_header", "pdf_xref", "pdf_xref_stream", "pdf_trailer", "pdf_encrypted",
        "pdf_object").
    """
    if len(data) > MAX_FILE_BYTES:
        raise MalformedError("pdf_size")
    if not data.startswith(b"%PDF-1.") and not data.startswith(b"%PDF-2."):
        raise MalformedError("pdf_header")
    revisions: list[Revision] = []
    end = len(data)
    while True:
        revision = _revision(data, end)
        revisions.insert(0, revision)
        previous = revision.trailer.get("Prev")
        if previous is None:
            break
        # Each table lies wholly before the next: no cycle, and no part of the file between them unread.
        end = _end_of(data, previous, before=revision.table)
        if len(revisions) > 64:
            raise MalformedError("pdf_xref", "revisions")
    offsets: dict[int, int] = {}
    for revision in revisions:
        offsets |= revision.entries
    return PdfFile(data, revisions, offsets)


def _end_of(data: bytes, previous: Value, *, before: int) -> int:
    """Where the revision ends whose table the next one names as the one before it."""
    if not isinstance(previous, int) or not 0 < previous < before:
        raise MalformedError("pdf_xref", "Prev")
    wanted = b"\nstartxref\n%d\n%%%%EOF" % previous
    found = data.find(wanted, previous, before)
    if found < 0:
        raise MalformedError("pdf_xref", "Prev")
    end = found + len(wanted)
    return end + 1 if data[end : end + 1] == b"\n" else end


def _revision(data: bytes, end: int) -> Revision:
    tail = max(0, end - _CHECKED_TAIL)
    found = _END.search(data[tail:end])
    if found is None:
        raise MalformedError("pdf_xref", "startxref")
    table = int(found[1])
    if not data.startswith(b"xref", table):
        kind = "pdf_xref_stream" if _OBJECT.match(data, table) else "pdf_xref"
        raise MalformedError(kind)
    entries, at = _entries(data, table + 4, end)
    reader = Reader(data, at)
    reader.expect(b"trailer")
    trailer, spans = reader.dictionary()
    reader.space()
    if reader.at != tail + found.start() + 1 or not isinstance(trailer.get("Size"), int):
        raise MalformedError("pdf_trailer")
    if any(key in trailer for key in _REFUSED):
        raise MalformedError("pdf_encrypted")
    id_text = data[slice(*spans["ID"])] if "ID" in spans else b""
    return Revision(table, end, trailer, entries, id_text)


def _entries(data: bytes, at: int, end: int) -> tuple[dict[int, int], int]:
    reader = Reader(data, at)
    reader.space()
    at = reader.at
    entries: dict[int, int] = {}
    while found := _SECTION.match(data, at):
        first, count = int(found[1]), int(found[2])
        at = found.end()
        # Millions of sections without an entry would cost seconds.
        if not 1 <= count <= MAX_OBJECTS - first or at + count * _ENTRY_BYTES > end:
            raise MalformedError("pdf_xref", "section")
        for number in range(first, first + count):
            entry = _ENTRY.fullmatch(data, at, at + _ENTRY_BYTES)
            if entry is None or number in entries:
                raise MalformedError("pdf_xref", "entry")
            if entry[3] == b"n":
                if entry[2] != b"00000":
                    raise MalformedError("pdf_xref", "generation")
                entries[number] = int(entry[1])
            elif number != 0:
                raise MalformedError("pdf_xref", "freed object")
            at += _ENTRY_BYTES
    return entries, at


class Update:
    """Objects to be appended as one revision; numbers are given out in order."""

    def __init__(self, file: PdfFile) -> None:
        self._file = file
        self._objects: dict[int, bytes] = {}
        self._next = file.size

    def reserve(self) -> int:
        """A new object's number, its value to come."""
        number = self._next
        self._next += 1
        return number

    def put(self, number: int, value: bytes) -> None:
        """The value of a new object, or a new value of an old one."""
        self._objects[number] = value

    def add(self, value: bytes) -> int:
        """A new object."""
        number = self.reserve()
        self.put(number, value)
        return number

    def written(self) -> tuple[bytes, dict[int, int]]:
        """The update's bytes, which follow the file's, and where in the new file each object begins."""
        base = self._file.data
        newest = self._file.revisions[-1]
        parts = [b"" if base.endswith(b"\n") else b"\n"]
        at = len(base) + len(parts[0])
        offsets: dict[int, int] = {}
        for number in sorted(self._objects):
            offsets[number] = at
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, self._objects[number]))
            at += len(parts[-1])
        trailer = b"/Size %d/Root %d 0 R/Prev %d" % (self._next, self._file.root, newest.table)
        if "Info" in newest.trailer:
            trailer += b"/Info %d 0 R" % reference(newest.trailer, "Info")
        if newest.id_text:
            trailer += b"/ID" + newest.id_text
        parts += [_table(offsets), b"trailer\n<<%b>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, at)]
        return b"".join(parts), offsets


def _table(offsets: dict[int, int]) -> bytes:
    """Sections of neighbouring numbers (ISO 32000-1 §7.5.4)."""
    lines = [b"xref\n"]
    numbers = sorted(offsets)
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            run = numbers[start : index + 1]
            lines.append(b"%d %d\n" % (run[0], len(run)))
            lines += [b"%010d 00000 n \n" % offsets[each] for each in run]
            start = index + 1
    return b"".join(lines)


def stream(entries: bytes, content: bytes) -> bytes:
    """A stream object with these dictionary entries."""
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(content), content)
