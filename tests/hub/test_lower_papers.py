"""Files that may be sealed, and files that only seem so."""

import base64
import struct
import zlib
from collections.abc import Callable

import pytest

from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers import pdf
from hub.intake.lower.papers.checking import MOST_BYTES, check_paper

SCRIPT = b"<</S/JavaScript/JS(app.alert(1))>>"
PAGES = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R>>")


def document(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects."""
    made, places = b"%PDF-1.7\n", []
    for number, item in enumerate((*PAGES, *objects), start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(places) + 1, table)
    return made + b"trailer\n<</Root 1 0 R/Size 9%b>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)


def stream(content: bytes, about: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (about, len(content), content)


def packed(content: bytes, about: bytes = b"/Type/ObjStm/N 1/First 4") -> bytes:
    return stream(zlib.compress(content), about + b"/Filter/FlateDecode")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*, pixels: bytes | None = None, size: tuple[int, int] = (4, 2), more: bytes = b"") -> bytes:
    rows = zlib.compress((b"\0" + bytes(3 * size[0])) * size[1] if pixels is None else pixels)
    head = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(*segments: bytes, tail: bytes = b"\xff\xd9") -> bytes:
    """A picture's skeleton: one frame, one scan."""
    frame = b"\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0"
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"\x2a\xff\0\x11"
    return b"\xff\xd8" + b"".join(segments) + frame + scan + tail


def refusal(content: bytes) -> str:
    with pytest.raises(PaperRefusedError) as caught:
        check_paper(content)
    return caught.value.rule


def test_scans_are_taken_and_what_is_beside_the_picture_is_left_out() -> None:
    assert (check_paper(document()).media_type, check_paper(document()).pages) == ("application/pdf", 1)
    page = packed(b"1 0 <</Type/Page>>")
    assert check_paper(document(page, stream(b"q Q"))).pages == 2
    assert check_paper(png()).content == png()
    told = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    assert check_paper(png(more=told)).content == png()
    place = b"\xff\xe1\0\x10Exif\0\0where-I-"
    note = b"\xff\xfe\0\x08<?php "
    paper = check_paper(jpeg(b"\xff\xe0\0\x07JFIF\0", place, note))
    assert (paper.media_type, paper.content) == ("image/jpeg", jpeg(b"\xff\xe0\0\x07JFIF\0"))


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (lambda: document(SCRIPT), "active_content"),
        (lambda: document(b"<</S/J#61vaScr#69pt>>"), "active_content"),
        (lambda: document(packed(b"7 0 " + SCRIPT)), "active_content"),
        (lambda: document(packed(b"7 0 <</S/J#61vaScript>>")), "active_content"),
        (lambda: document(packed(b"7 0 <</AA 9 0 R>>")), "active_content"),
        (lambda: document(b"<</Type/Page/AA<</O 9 0 R>>>>"), "active_content"),
        (lambda: document(b"<</S/Launch/F(x)>>"), "active_content"),
        (lambda: document(b"<</Type/EmbeddedFile>>"), "active_content"),
        (lambda: document(trailer=b"/OpenAction 5 0 R"), "active_content"),
        (lambda: document(trailer=b"/Encrypt 5 0 R"), "encrypted"),
        # The same script behind everything that might keep it from being looked at.
        (lambda: document(packed(SCRIPT, b"/Subtype/Image")), "active_content"),
        (lambda: document(packed(SCRIPT, b"/Type/ObjStm/X(endobj obj)")), "active_content"),
        (lambda: document(b"% stream\n" + packed(SCRIPT)), "active_content"),
        (lambda: document(stream(zlib.compress(SCRIPT))), "active_content"),
        (lambda: document(packed(b"a" * (1 << 20) + SCRIPT)), "active_content"),
        (lambda: document(stream(base64.a85encode(zlib.compress(SCRIPT)) + b"~>", b"/Filter[/A85/Fl]")), "active_content"),  # noqa: E501
        (lambda: document(stream(SCRIPT.hex().encode() + b">", b"/Filter/ASCIIHexDecode")), "active_content"),
        (lambda: document(stream(SCRIPT.hex().encode(), b"/F#69lter/ASCIIHexDecode")), "active_content"),
        (lambda: document(stream(SCRIPT.hex().encode(), b"/Filter%x\n/ASCIIHexDecode")), "pdf_filter"),
        (lambda: document(stream(SCRIPT.hex().encode(), b"/Filter[%]\n/AHx]")), "pdf_filter"),
        (lambda: document(stream(SCRIPT.hex().encode(), b"/Filter[" + b" " * 300 + b"/AHx]")), "pdf_filter"),
        (lambda: document(packed(bytes(9), b"/Type/ObjStm/DecodeParms<</Predictor 12>>")), "pdf_filter"),
        (lambda: document(packed(bytes(9), b"/Type/ObjStm/Subtype/Image/DecodeParms<</Predictor 12>>")), "pdf_filter"),
        (lambda: document(b"(" + b"stream " * 300 + b")" + stream(bytes(99))), "pdf_too_large"),
        (lambda: document(stream(b"x", b"/Filter/LZWDecode")), "pdf_filter"),
        (lambda: document(stream(b"x", b"/Filter 9 0 R")), "pdf_filter"),
        (lambda: document(stream(zlib.compress(SCRIPT)[:-6], b"/Filter/FlateDecode")), "active_content"),
        (lambda: document(stream(zlib.compress(b"q")[:-6], b"/Filter/FlateDecode")), "pdf_broken"),
        (lambda: document() + b"MZ", "pdf_broken"),
        (lambda: document()[:-40], "pdf_broken"),
        (lambda: b"MZ" + document(), "type"),
        (lambda: png() + b"\x7fELF", "more_than_a_picture"),
        (lambda: png(more=chunk(b"ABCD", b"x")), "picture_broken"),
        (lambda: png()[:-3], "picture_broken"),
        (lambda: png().replace(b"IDAT", b"IDAT", 1)[:-1] + b"\0", "picture_broken"),
        (lambda: png(pixels=b"\0" * 1000), "picture_broken"),
        (lambda: png(size=(60_000, 60_000), pixels=b""), "picture_too_large"),
        (lambda: jpeg(tail=b"\xff\xd9PK\x03\x04"), "more_than_a_picture"),
        (lambda: jpeg(tail=b""), "picture_broken"),
        (lambda: b"\xff\xd8\xff\xd9", "picture_broken"),
        (lambda: b"#!/bin/sh\n", "type"),
        (lambda: b"<svg onload='x()'/>", "type"),
        (lambda: b"", "empty"),
        (lambda: png() + bytes(MOST_BYTES), "too_large"),
    ],
)  # fmt: skip
def test_what_acts_or_is_more_than_it_seems_is_refused(made: Callable[[], bytes], rule: str) -> None:
    assert refusal(made()) == rule


def test_pages_of_pixels_with_a_predictor_are_taken() -> None:
    about = b"/Subtype/Image/Width 9/Height 9/DecodeParms<</Predictor 15/Colors 3>>"
    assert check_paper(
        document(packed(bytes(900), about), packed(bytes(40), b"/Type/XRef/DecodeParms<</Predictor 12>>"))
    )


def test_a_bomb_is_not_unpacked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    step = zlib.compressobj(9)
    ten = b"".join([*(step.compress(bytes(1 << 20)) for _ in range(40)), step.flush()])
    assert refusal(document(stream(ten, b"/Type/ObjStm/Filter/FlateDecode"))) == "unpacks_too_large"
    monkeypatch.setattr(pdf, "_MOST_UNPACKED", 60 << 20)
    pictures = [stream(ten, b"/Subtype/Image/Filter/FlateDecode") for _ in range(2)]
    assert refusal(document(*pictures)) == "unpacks_too_large"
