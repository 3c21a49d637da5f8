"""The revisions of a signed PDF file, each read completely: every byte of an update belongs to an object that we know.

A reader that repairs or skips sees another document than one that does not; attacks on signed PDF files live there
(shadow, incremental saving, evil annotation). So an update is accepted only if it is, to the byte, a row of objects,
their table and their trailer, and each object is of one of the few kinds that the writers here make.

The file as it was before the signature is not looked into: the signature covers it, whatever it says.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from signing.cms.der import SEQUENCE, read
from signing.errors import ClaimError, MalformedError
from signing.pades.archive import STAMP_FIELD, stamp_name
from signing.pades.file import PdfFile, Revision
from signing.pades.objects import Reader, Reference, Value, reference

_OBJECT: Final = re.compile(rb"([1-9][0-9]{0,5}) 0 obj\n")
_SYNTAX: Final = re.compile(rb"endstream|endobj|[0-9] obj|startxref|trailer|%%EOF")
"""What a reader that repairs files looks for, also inside of streams; no certificate has it."""
_STREAM: Final = b"stream\n"
_VALIDATION: Final = ("Certs", "CRLs", "OCSPs")
_SIGNATURE_KEYS: Final = frozenset(
    {"Type", "Filter", "SubFilter", "ByteRange", "Contents", "M", "Name", "Reason", "Location", "Reference"}
)
_TRAILER_KEYS: Final = frozenset({"Size", "Root", "Prev", "Info", "ID"})
_STAMP_KEYS: Final = frozenset({"Type", "Filter", "SubFilter", "ByteRange", "Contents"})
_CERTIFIED: Final = [
    {
        "Type": "SigRef",
        "TransformMethod": "DocMDP",
        "TransformParams": {"Type": "TransformParams", "P": 1, "V": "1.2"},
    }
]


@dataclass(frozen=True, slots=True)
class Item:
    """One object of an update."""

    text: bytes = field(repr=False)
    """As it stands in the file, a stream's content left out."""
    value: Value
    spans: dict[str, tuple[int, int]] = field(repr=False)
    content: bytes | None = field(repr=False)
    """Of a stream."""

    def entries(self) -> dict[str, Value]:
        """The value, which must be a dictionary. Raises: MalformedError ("pdf_object")."""
        if not isinstance(self.value, dict):
            raise MalformedError("pdf_object")
        return self.value


@dataclass(frozen=True, slots=True)
class Hole:
    """A signature or stamp, and exactly which bytes of the file it is over."""

    values: dict[str, Value] = field(repr=False)
    begin: int
    """Of the hole, its bracket included; what is signed ends here and goes on at `resume`."""
    resume: int
    end: int
    content: bytes = field(repr=False)

    def covered(self, data: bytes) -> bytes:
        """The bytes that it is over."""
        return data[: self.begin] + data[self.resume : self.end]


@dataclass(frozen=True, slots=True)
class Revisions:
    """The signature of a file and all that followed."""

    signature: Hole
    stamps: tuple[Hole, ...]
    """Document time-stamps, oldest first."""
    validation: dict[str, tuple[bytes, ...]] = field(repr=False)
    """DER by kind: `Certs`, `CRLs`, `OCSPs`."""
    validated: int
    """Offset where the revision ends that last changed the validation data; a stamp over less does not cover it."""


def read_revisions(file: PdfFile) -> Revisions:
    """Read everything from the signature on.

    Raises: ClaimError ("pdf_not_signed", "pdf_not_certified", "pdf_byte_range", "pdf_changed"), MalformedError.
    """
    original, *updates = file.revisions
    if not updates:
        raise ClaimError("pdf_not_signed")
    for earlier, later in pairwise(file.revisions):
        same = all(earlier.trailer.get(key) == later.trailer.get(key) for key in ("Root", "Info"))
        same &= later.trailer.keys() <= _TRAILER_KEYS
        if not same or earlier.id_text != later.id_text or _size(later) < _size(earlier):
            raise ClaimError("pdf_changed", "trailer")
    base = _base(file, original)
    if base.keys() & {"AcroForm", "Perms", "DSS"}:
        raise ClaimError("pdf_changed", "a form before the signature")
    first = _items(file, original, updates[0])
    state = _State(reference(original.trailer, "Root"))
    state.sign(first, updates[0])
    for earlier, later in pairwise(updates):
        state.follow(_items(file, earlier, later), earlier, later)
    return state.result()


class _State:
    """The catalog, form and validation data as the last revision left them."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._catalog: dict[str, Value] = {}
        self._catalog_text = b""
        self._form = 0
        self._fields: list[Value] = []
        self._signature: Hole | None = None
        self._stamps: list[Hole] = []
        self._listed: dict[str, list[int]] = {kind: [] for kind in _VALIDATION}
        self._streams: dict[int, bytes] = {}
        self._validated = 0

    def sign(self, items: dict[int, Item], revision: Revision) -> None:
        """The revision with the certification signature."""
        if self._root not in items:
            raise ClaimError("pdf_not_signed")
        self._catalog, self._catalog_text = items[self._root].entries(), items[self._root].text
        permissions = self._catalog.get("Perms")
        if not isinstance(permissions, dict) or set(permissions) != {"DocMDP"} or "DSS" in self._catalog:
            raise ClaimError("pdf_not_certified")
        number = reference(permissions, "DocMDP")
        self._form = reference(self._catalog, "AcroForm")
        form = _item(items, self._form).entries()
        fields = form.get("Fields")
        if set(form) != {"Fields", "SigFlags"} or not isinstance(fields, list) or len(fields) != 1:
            raise ClaimError("pdf_changed", "form")
        self._fields = fields
        shown = _item(items, reference({"field": fields[0]}, "field")).entries()
        if shown.get("FT") != "Sig" or shown.get("V") != Reference(number):
            raise ClaimError("pdf_not_signed")
        hole = _hole(items, number, revision, sub_filter="ETSI.CAdES.detached", keys=_SIGNATURE_KEYS)
        if hole.values.get("Type") != "Sig" or hole.values.get("Reference") != _CERTIFIED:
            raise ClaimError("pdf_not_certified")
        self._signature = hole

    def follow(self, items: dict[int, Item], earlier: Revision, later: Revision) -> None:
        """A later revision: validation data, a document time-stamp, or both; nothing else."""
        left = set(items)
        new = {number for number in items if number >= _size(earlier)}
        if self._root in left:
            left.discard(self._root)
            catalog = items[self._root].entries()
            if "DSS" in self._catalog or (number := reference(catalog, "DSS")) not in new:
                raise ClaimError("pdf_changed", "catalog")
            if items[self._root].text != self._catalog_text[:-2] + b"/DSS %d 0 R>>" % number:
                raise ClaimError("pdf_changed", "catalog")
            self._catalog = catalog
        left -= self._take_validation(items, new, later)
        if self._form in left:
            left.discard(self._form)
            left -= self._take_stamp(items, new, later)
        if left or not items:
            raise ClaimError("pdf_changed")

    def result(self) -> Revisions:
        """What was read."""
        if self._signature is None:
            raise ClaimError("pdf_not_signed")
        found = {kind: tuple(self._streams[each] for each in numbers) for kind, numbers in self._listed.items()}
        return Revisions(self._signature, tuple(self._stamps), found, self._validated)

    def _take_validation(self, items: dict[int, Item], new: set[int], revision: Revision) -> set[int]:
        """The numbers of the objects that are validation data; what was listed stays listed."""
        if "DSS" not in self._catalog or (number := reference(self._catalog, "DSS")) not in items:
            return set()
        store = items[number].entries()
        if store.pop("Type", None) != "DSS" or not store.keys() <= set(_VALIDATION):
            raise ClaimError("pdf_changed", "validation data")
        taken = {number}
        for kind, before in self._listed.items():
            listed = store.get(kind, [])
            if not isinstance(listed, list):
                raise ClaimError("pdf_changed", "validation data")
            numbers = [each.number for each in listed if isinstance(each, Reference)]
            added = numbers[len(before) :]
            if numbers[: len(before)] != before or len(numbers) != len(listed) or not new >= set(added):
                raise ClaimError("pdf_changed", "validation data")
            for each in added:
                item = _item(items, each)
                if item.content is None or set(item.entries()) != {"Length"}:
                    raise ClaimError("pdf_changed", "validation data")
                read(item.content, tag=SEQUENCE)
                if _SYNTAX.search(item.content):
                    raise ClaimError("pdf_changed", "validation data")
                self._streams[each] = item.content
            self._listed[kind] = numbers
            taken |= set(added)
        self._validated = revision.end
        return taken

    def _take_stamp(self, items: dict[int, Item], new: set[int], revision: Revision) -> set[int]:
        """The numbers of a new stamp and its field, which the form names last."""
        form = items[self._form].entries()
        fields = form.get("Fields")
        if set(form) != {"Fields", "SigFlags"} or form["SigFlags"] != 3 or not isinstance(fields, list):
            raise ClaimError("pdf_changed", "form")
        if fields[:-1] != self._fields or not fields:
            raise ClaimError("pdf_changed", "form")
        number = reference({"field": fields[-1]}, "field")
        shown = _item(items, number)
        signature = reference(shown.entries(), "V")
        if shown.text != STAMP_FIELD % (stamp_name(len(self._fields)), signature) or not new >= {number, signature}:
            raise ClaimError("pdf_changed", "field")
        hole = _hole(items, signature, revision, sub_filter="ETSI.RFC3161", keys=_STAMP_KEYS)
        if hole.values.get("Type") != "DocTimeStamp":
            raise ClaimError("pdf_changed", "stamp")
        self._fields = fields
        self._stamps.append(hole)
        return {number, signature}


def _items(file: PdfFile, earlier: Revision, later: Revision) -> dict[int, Item]:
    """All objects of an update. Raises: ClaimError ("pdf_changed"): a byte of it belongs to none."""
    data, at = file.data, earlier.end
    if data[at - 1 : at] != b"\n":
        at += data.startswith(b"\n", at)
    found: dict[int, Item] = {}
    while at < later.table:
        start = _OBJECT.match(data, at)
        if start is None or (number := int(start[1])) in found or later.entries.get(number) != at:
            raise ClaimError("pdf_changed", "object")
        found[number], at = _item_at(data, start.end())
    # A number beyond `Size` is nothing to some readers, and would be new once more in the next revision.
    if at != later.table or found.keys() != later.entries.keys() or max(found, default=0) >= _size(later):
        raise ClaimError("pdf_changed", "table")
    return found


def _item_at(data: bytes, at: int) -> tuple[Item, int]:
    reader = Reader(data, at)
    spans: dict[str, tuple[int, int]] = {}
    value: Value
    if data.startswith(b"<<", at):
        value, spans = reader.dictionary()
    else:
        value = reader.value()
    content, end = None, reader.at
    if data.startswith(_STREAM, reader.at):
        length = value.get("Length") if isinstance(value, dict) else None
        if not isinstance(length, int) or length < 0:
            raise MalformedError("pdf_object", "Length")
        begin = reader.at + len(_STREAM)
        content = data[begin : begin + length]
        reader.at = begin + length
        if not data.startswith(b"\nendstream", reader.at):
            raise MalformedError("pdf_object", "stream")
        reader.at += len(b"\nendstream")
    if not data.startswith(b"\nendobj\n", reader.at):
        raise MalformedError("pdf_object", "endobj")
    return Item(data[at:end], value, spans, content), reader.at + len(b"\nendobj\n")


def _item(items: dict[int, Item], number: int) -> Item:
    if number not in items:
        raise ClaimError("pdf_changed", "missing object")
    return items[number]


def _hole(items: dict[int, Item], number: int, revision: Revision, *, sub_filter: str, keys: frozenset[str]) -> Hole:
    """A signature dictionary whose byte range is the whole file as it was then, but its own hole."""
    item = _item(items, number)
    values = item.entries()
    content = values.get("Contents")
    if not values.keys() <= keys or values.get("SubFilter") != sub_filter or not isinstance(content, bytes):
        raise ClaimError("pdf_changed", "signature")
    if b"/Contents<%b>" % content.hex().encode() not in item.text:
        raise ClaimError("pdf_changed", "signature")
    begin, resume = item.spans["Contents"]
    if values.get("ByteRange") != [0, begin, resume, revision.end - resume]:
        raise ClaimError("pdf_byte_range")
    return Hole(values, begin, resume, revision.end, content)


def _base(file: PdfFile, original: Revision) -> dict[str, Value]:
    """The catalog as it was before the signature."""
    return PdfFile(file.data, [original], original.entries).dictionary(reference(original.trailer, "Root"))


def _size(revision: Revision) -> int:
    value = revision.trailer["Size"]
    return value if isinstance(value, int) else 0
