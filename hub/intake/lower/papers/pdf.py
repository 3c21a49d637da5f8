"""PDF without anything that acts: no script, no launching, no files inside, no encryption, also where it is packed.

Readers disagree on broken files, so this is no reader: every stream is unpacked, whatever it says it is, and every
byte, packed or not, is searched for the names that make a document act. A name may be written with escapes (§7.3.5 of
ISO 32000: `/J#61vaScript`). What cannot be unpacked here is refused: nobody could say what is in it.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import Final

from hub.intake.lower.errors import PaperRefusedError

MAGIC: Final = b"%PDF-1."
MOST_PAGES: Final = 200
_MOST_STREAMS: Final = 20_000
_MOST_UNPACKED: Final = 400_000_000
"""Over all streams: pages of pixels, of which none is kept."""
_MOST_OBJECTS: Final = 32_000_000
"""Of one stream that may hold objects."""
_MOST_NAMES: Final = 50_000
"""That begin like a filter's, before one stream; and hits of a name that goes on otherwise."""
_STEP: Final = 1 << 20
_OVERLAP: Final = 128
_EDGES: Final = frozenset(b"\x00\t\n\f\r ()<>[]{}/%")
_ACTS: Final = (
    b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/RichMedia", b"/Rendition", b"/SubmitForm",
    b"/ImportData", b"/Filespec", b"/Movie", b"/Sound",
)  # fmt: skip
"""Long enough to stand in no pixels by chance: looked for everywhere, and whatever they go on with."""
_ACTS_BRIEFLY: Final = (b"/JS", b"/AA", b"/XFA", b"/AF", b"/GoToE", b"/GoToR")
"""Looked for where objects stand."""
_ENCRYPT: Final = b"/Encrypt"
_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z0-9])")
_OBJECTS: Final = re.compile(rb"/Type\s*/(?:ObjStm|XRef)")
_STREAM: Final = re.compile(rb"(?<!end)stream[ \t]*(?:\r\n|\n|\r)?")
_HANDLERS: Final = re.compile(rb"(?:Adobe|Entrust|CICI|VeriSign)\.")
"""How signatures name whoever checks them: filters of no stream."""
_FILTER: Final = re.compile(rb"/(?:Filter|F)\s*(\[[^\]]{0,200}\]?|/[A-Za-z0-9.]+|[0-9]+\s+[0-9]+\s+R)")
_ODD_FILTER: Final = re.compile(rb"/Filter(?!\s*[\[/0-9])")
_TAIL: Final = re.compile(rb"startxref\s+([0-9]+)\s+%%EOF\s*\Z")
_PACKED: Final = tuple(bytes([0x08 | high << 4]) for high in range(8))
"""How deflated data begin."""
_PICTURES: Final = frozenset({b"DCTDecode", b"DCT", b"JPXDecode", b"CCITTFaxDecode", b"CCF", b"JBIG2Decode"})


def check(content: bytes) -> int:
    """How many pages it has. Raises: PaperRefusedError."""
    tail = _TAIL.search(content[-2048:])
    if tail is None or not 0 < int(tail[1]) < len(content):
        raise PaperRefusedError("pdf_broken", "/file")
    at = content[int(tail[1]) : int(tail[1]) + 64].lstrip()
    if not at.startswith(b"xref") and re.match(rb"[0-9]+\s+[0-9]+\s+obj", at) is None:
        raise PaperRefusedError("pdf_broken", "/file")
    plain = _plain(content)
    if _ENCRYPT in plain:
        raise PaperRefusedError("encrypted", "/file")
    _no_acts(plain)
    budget, pages, last, looked = _MOST_UNPACKED, 0, 0, 0
    for count, (begin, end) in enumerate(_streams(content)):
        looked += end - begin.end()
        # Streams lie side by side; where many seem to lie in each other, somebody wants us busy.
        if count > _MOST_STREAMS or looked > 4 * len(content):
            raise PaperRefusedError("pdf_too_large", "/file")
        before = content[last : begin.start()]
        pages += _objects(before)
        budget, found = _searched(_plain(before), content[begin.end() : end], budget)
        pages += found
        # Up to the next keyword, even inside of what this one seems to hold: a comment may say `stream` too.
        last = begin.end() if _STREAM.search(content, begin.end(), end) else end
    pages += _objects(content[last:])
    if not 1 <= pages <= MOST_PAGES:
        raise PaperRefusedError("pdf_pages", "/file")
    return pages


def _plain(data: bytes) -> bytes:
    """With escapes of names read; what else looks like one is changed too, which is never written anywhere."""
    marks = data.count(b"#")
    if marks > _MOST_NAMES + len(data) // 16:  # pixels have one in 256; whoever writes more wants us busy
        raise PaperRefusedError("pdf_too_large", "/file")
    return _ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), data) if marks else data


def _no_acts(plain: bytes) -> None:
    if any(name in plain for name in _ACTS):
        raise PaperRefusedError("active_content", "/file")


def _streams(content: bytes) -> Iterator[tuple[re.Match[bytes], int]]:
    """Every keyword that may begin a stream, and where the stream would end."""
    end = -1
    for begin in _STREAM.finditer(content):
        if end < begin.end():
            end = content.find(b"endstream", begin.end())
        if end < 0:
            raise PaperRefusedError("pdf_broken", "/file")
        yield begin, end


def _objects(text: bytes) -> int:
    """The pages among objects that stand in the open. Raises: PaperRefusedError."""
    plain = _plain(text)
    for name in _ACTS_BRIEFLY:
        at, hits = plain.find(name), 0
        while at >= 0:
            after = plain[at + len(name) : at + len(name) + 1]
            hits += 1
            if not after or after[0] in _EDGES or hits > _MOST_NAMES:
                raise PaperRefusedError("active_content", "/file")
            at = plain.find(name, at + 1)
    return len(_PAGE.findall(plain))


def _searched(about: bytes, packed: bytes, budget: int) -> tuple[int, int]:
    """What is left of the budget, and how many pages the objects in a stream have. `about`: all since the last one."""
    filters = _filters(about)
    holds_objects = _OBJECTS.search(about) is not None
    if b"/Predictor" in about and (b"/ObjStm" in about or not (b"/XRef" in about or b"/Image" in about)):
        raise PaperRefusedError("pdf_filter", "/file")  # what unpacks would not be what is read
    pages = 0
    for part, whole in _unpacked(filters, packed, _MOST_OBJECTS if holds_objects else budget):
        budget -= len(part)
        if budget < 0:
            raise PaperRefusedError("unpacks_too_large", "/file")
        _no_acts(_plain(whole))
        if holds_objects:
            _objects(whole)
            if _ENCRYPT in _plain(whole):
                raise PaperRefusedError("active_content", "/file")
            pages += len(_PAGE.findall(_plain(part)))
    return budget, pages


def _filters(about: bytes) -> list[bytes]:
    """The names of the filters of a stream, in order. Raises: PaperRefusedError where they are not plain to see."""
    if about.count(b"/F") > _MOST_NAMES or _ODD_FILTER.search(about):
        raise PaperRefusedError("pdf_filter", "/file")
    found = _FILTER.findall(about)
    for item in found:
        listed = item.startswith(b"[")
        odd = listed and (not item.endswith(b"]") or any(char in item for char in (b"%", b"(", b"<", b" R")))
        if odd or not item.startswith((b"/", b"[")):
            raise PaperRefusedError("pdf_filter", "/file")
    said = re.findall(rb"/([^\s/\[\]]+)", b" ".join(found))
    return [name for name in said if not _HANDLERS.match(name)]


def _unpacked(filters: list[bytes], packed: bytes, most: int) -> Iterator[tuple[bytes, bytes]]:
    """Parts of what a stream unpacks to, each also with the end of the part before it."""
    data, chain = packed, list(filters)
    while chain and chain[0] in {b"ASCIIHexDecode", b"AHx", b"ASCII85Decode", b"A85"}:
        data = _from_text(chain.pop(0), data)
    if chain and chain[0] in {b"FlateDecode", b"Fl"}:
        if any(name not in _PICTURES for name in chain[1:]):
            raise PaperRefusedError("pdf_filter", "/file")
        yield from _inflated(data, most)
        return
    if any(name not in _PICTURES for name in chain):
        raise PaperRefusedError("pdf_filter", "/file")
    yield data, data
    if not chain and data.lstrip()[:1] in _PACKED:  # its dictionary may be hidden from us
        try:
            yield from _inflated(data, most)
        except PaperRefusedError as error:
            if error.rule != "pdf_broken":
                raise


def _from_text(name: bytes, data: bytes) -> bytes:
    try:
        if name in {b"ASCIIHexDecode", b"AHx"}:
            text = re.sub(rb"\s", b"", data).removesuffix(b">")
            return binascii.unhexlify(text + b"0" * (len(text) % 2))
        return base64.a85decode(re.sub(rb"\s", b"", data).removesuffix(b"~>"))
    except ValueError as error:
        raise PaperRefusedError("pdf_broken", "/file") from error


def _inflated(data: bytes, most: int) -> Iterator[tuple[bytes, bytes]]:
    unpacker, count, before = zlib.decompressobj(), 0, b""
    data = data.lstrip()
    while True:
        try:
            part = unpacker.decompress(data, _STEP)
        except zlib.error as error:
            raise PaperRefusedError("pdf_broken", "/file") from error
        count += len(part)
        if count > most:
            raise PaperRefusedError("unpacks_too_large", "/file")
        yield part, before + part
        before, data = part[-_OVERLAP:], unpacker.unconsumed_tail
        if unpacker.eof:
            return
        if not data and not part:  # cut short, or its end was hidden from us
            raise PaperRefusedError("pdf_broken", "/file")
