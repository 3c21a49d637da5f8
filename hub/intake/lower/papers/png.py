"""PNG, read whole: chunks with their checksums, pixels of the size that is declared, nothing behind the end."""

import struct
import zlib
from typing import Final

from hub.intake.lower.errors import PaperRefusedError

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS: Final = 50_000_000
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT"})
"""What is needed to draw it. Texts, profiles and private chunks are left out of what is kept."""
_STEP: Final = 1 << 20


def plain(content: bytes) -> bytes:
    """The picture without what is not needed to draw it. Raises: PaperRefusedError."""
    at, kept, data = len(MAGIC), [MAGIC], []
    head = b""
    while True:
        if at + 12 > len(content):
            raise PaperRefusedError("picture_broken", "/file")
        (size,) = struct.unpack(">I", content[at : at + 4])
        name, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        end = at + 12 + size
        if len(body) != size or content[end - 4 : end] != struct.pack(">I", zlib.crc32(name + body)):
            raise PaperRefusedError("picture_broken", "/file")
        if not head and name != b"IHDR":
            raise PaperRefusedError("picture_broken", "/file")
        head = head or body
        if name == b"IDAT":
            data.append(body)
        elif name not in _KEPT and not name[0] & 0x20:  # a chunk that one must know to draw it
            raise PaperRefusedError("picture_broken", "/file")
        if name in _KEPT:
            kept.append(content[at:end])
        at = end
        if name == b"IEND":
            break
    if at != len(content):
        raise PaperRefusedError("more_than_a_picture", "/file")
    _check_pixels(head, data)
    return b"".join(kept)


def _check_pixels(head: bytes, data: list[bytes]) -> None:
    if len(head) != 13:
        raise PaperRefusedError("picture_broken", "/file")
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    known = colour in _CHANNELS and depth in {1, 2, 4, 8, 16} and (packing, filtering) == (0, 0) and interlaced <= 1
    if not known or not width or not height:
        raise PaperRefusedError("picture_broken", "/file")
    if width * height > MOST_PIXELS:
        raise PaperRefusedError("picture_too_large", "/file")
    passes = [(width, height)]
    if interlaced:
        adam = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        passes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in adam if width > x and height > y]
    bits = depth * _CHANNELS[colour]
    expected = sum(high * (1 + -(-wide * bits // 8)) for wide, high in passes)
    if _unpacked(data, most=expected) != expected:
        raise PaperRefusedError("picture_broken", "/file")


def _unpacked(data: list[bytes], *, most: int) -> int:
    """How much the pixels unpack to, never much more than `most`."""
    unpacker, count, rest = zlib.decompressobj(), 0, b""
    try:
        for part in data:
            rest += part
            while rest and count <= most:
                count += len(unpacker.decompress(rest, _STEP))
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise PaperRefusedError("picture_broken", "/file") from error
    return count if unpacker.eof and not unpacker.unused_data else -1
