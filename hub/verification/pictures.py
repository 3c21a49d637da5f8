"""Reading a QR code out of a photo or screenshot: PNG and JPEG in, the texts of its codes out.

Pictures come from strangers. Their size in pixels is read from the header before anything is unpacked, and one is
unpacked at a time: a small file may claim to be a very large picture. Typst, which draws the faces, unpacks them; what
it writes is a PNG of one plain kind, which `zlib` reads.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from threading import Lock
from typing import Final

MOST_PIXELS: Final = 50_000_000
"""A telephone's photo; unpacked it takes 200 MB for a moment."""
_SIDES: Final = (1000, 2000)
"""Pixels of the longer side that is looked at, the small one first: a code that fills the photo is read at once."""
_FILES: Final = "/proc/self/fd"
_LOCK: Final = Lock()
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that tell the size."""


class PictureError(Exception):
    """Not a picture that can be read here; `reason` is "picture" or "picture_too_large"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_codes(picture: bytes, *, beginning: str = "") -> list[str]:
    """What the QR codes of a picture hold that begin like this, at most eight. Takes up to a second: use a thread.

    Raises: PictureError.
    """
    import zxingcpp

    width, height = picture_size(picture)
    if width * height > MOST_PIXELS:
        raise PictureError("picture_too_large")
    with _LOCK:
        for side in _SIDES:
            grey, wide, high = _grey(picture, side if width >= height else max(1, side * width // height))
            image = memoryview(grey).cast("B", (high, wide))
            found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode]))
            texts = [item.text for item in found if item.text.startswith(beginning)]
            if texts:
                return texts[:8]
    return []


def picture_size(picture: bytes) -> tuple[int, int]:
    """Width and height by the header. Raises: PictureError."""
    try:
        if picture.startswith(_PNG) and picture[12:16] == b"IHDR":
            width, height = struct.unpack(">II", picture[16:24])
        elif picture.startswith(b"\xff\xd8"):
            width, height = _jpeg_size(picture)
        else:
            raise PictureError("picture")
    except struct.error as error:  # cut short
        raise PictureError("picture") from error
    if not 0 < width <= 65_535 or not 0 < height <= 65_535:
        raise PictureError("picture")
    return width, height


def _jpeg_size(picture: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(picture) and picture[at] == 0xFF:
        marker = picture[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", picture[at + 5 : at + 9])
            return width, height
        at += 1 if marker == 0xFF else 2 + struct.unpack(">H", picture[at + 2 : at + 4])[0]
    raise PictureError("picture")


def _grey(picture: bytes, wide: int) -> tuple[bytes, int, int]:
    """The picture scaled to this width: one byte a pixel, width, height."""
    import typst

    kind = "png" if picture.startswith(_PNG) else "jpg"
    # A file in memory: a photo of somebody's licence is not put on a disk.
    with os.fdopen(os.memfd_create("picture"), "wb") as file:
        file.write(picture)
        file.flush()
        page = f'#set page(width: auto, height: auto, margin: 0pt, fill: white)\n#image("{file.fileno()}", '
        source = f'{page}format: "{kind}", width: {wide}pt)'
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[])
        try:
            compiler = typst.Compiler(source.encode(), root=_FILES, font_paths=fonts, ignore_system_fonts=True)
            made = compiler.compile(format="png", ppi=72)
        except (typst.TypstError, RuntimeError, ValueError) as error:
            raise PictureError("picture") from error
    if not isinstance(made, bytes):
        raise PictureError("picture")
    return _one_channel(made)


def _one_channel(png: bytes) -> tuple[bytes, int, int]:
    """The green channel of a PNG as Typst writes it: eight bits, four channels, not interlaced.

    The filters of a row never mix channels, so that one of them is enough (PNG §9).
    """
    width, height, *form = struct.unpack(">IIBBBBB", png[16:29])
    if form != [8, 6, 0, 0, 0]:
        raise PictureError("picture")
    rows = zlib.decompress(b"".join(_parts(png)))
    before, out, line = bytes(width), bytearray(), 4 * width + 1
    for start in range(0, line * height, line):
        before = _unfiltered(rows[start], rows[start + 2 : start + line : 4], before)
        out += before
    return bytes(out), width, height


def _parts(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            yield png[at + 8 : at + 8 + size]
        at += 12 + size


def _unfiltered(kind: int, row: bytes, above: bytes) -> bytes:
    if kind == 0:
        return row
    if kind == 1:
        return bytes([value & 255 for value in accumulate(row)])
    if kind == 2:
        return bytes([(value + up) & 255 for value, up in zip(row, above, strict=True)])
    out, left, corner = bytearray(), 0, 0
    for value, up in zip(row, above, strict=True):
        if kind == 3:
            left = (value + (left + up) // 2) & 255
        else:
            guess = left + up - corner
            by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
            near = left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner
            left = (value + near) & 255
        out.append(left)
        corner = up
    return bytes(out)
