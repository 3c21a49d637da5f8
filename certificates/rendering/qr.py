"""QR codes of a face, control code and offline code: as squares, and as a picture of pixels.

A picture and not a path: a path of the offline code takes the press longer than half of the page.
"""

import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from certificates.errors import RenderingError

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_BITS: Final = bytes.maketrans(b"\x00\xff", b"01")
_DARK: Final = re.compile(rb"\0+")
_MASK: Final = 2
"""One of the eight, for all codes. To try all and take the best (ISO/IEC 18004 §7.8.3) takes five times as long and
makes the penalty of what we print a twentieth smaller; every reader reads every mask.
"""


@dataclass(frozen=True, slots=True)
class QrPicture:
    """A QR code without its quiet zone: SVG whose unit is one module, and its width in modules."""

    svg: str = field(repr=False)
    side: int


def qr_picture(content: str, *, pixels: int = 1) -> QrPicture:
    """Draw `content`, error correction M: a face that was folded or stained still reads.

    The pixels stand in an SVG because data of a template are text.

    Args:
        pixels: how many a square is wide. With one, a coarse screen shows squares of unequal width.
    Raises: RenderingError ("qr_too_long"): more than a
    symbol of a face's size can hold.
    """
    squares = qr_squares(content)
    side, png = squares.side, b64encode(squares.png(pixels)).decode("ascii")
    # `optimizeSpeed`: a square keeps its edges, whatever it is printed on.
    return QrPicture(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><image width="{side}" height="{side}" '
        f'image-rendering="optimizeSpeed" href="data:image/png;base64,{png}"/></svg>',
        side,
    )


@dataclass(frozen=True, slots=True)
class QrSquares:
    """A QR code without its quiet zone, row by row: a byte for each module, 0 where it is dark."""

    side: int
    rows: tuple[bytes, ...] = field(repr=False)

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Dark runs: column, row, length."""
        for y, row in enumerate(self.rows):
            for dark in _DARK.finditer(row):
                start, end = dark.span()
                yield start, y, end - start

    def png(self, pixels: int = 1) -> bytes:
        """A picture, one bit a pixel, with this many pixels a square in either direction. Not compressed."""
        side = self.side * pixels
        wide = -(-side // 8)
        drawn = str.maketrans({"0": "0" * pixels, "1": "1" * pixels})
        packed = bytearray()
        for row in self.rows:
            bits = row.translate(_BITS).decode("ascii").translate(drawn).ljust(8 * wide, "0")
            packed += (b"\0" + int(bits, 2).to_bytes(wide, "big")) * pixels
        head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        return _PNG + _part(b"IHDR", head) + _part(b"IDAT", zlib.compress(bytes(packed), 0)) + _part(b"IEND", b"")


def qr_squares(content: str) -> QrSquares:
    """Draw `content`, error correction M. Takes a twentieth of a millisecond, half of one when it is long.

    Raises: RenderingError ("qr_too_long").
    """
    import zxingcpp

    try:
        code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="M", data_mask=_MASK)
    except ValueError as error:
        raise RenderingError("qr_too_long") from error
    image = zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)
    side, pixels = image.shape[0], bytes(memoryview(image))  # type: ignore[arg-type]  # the stub forgets that it is one
    return QrSquares(side, tuple(pixels[at : at + side] for at in range(0, side * side, side)))


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
