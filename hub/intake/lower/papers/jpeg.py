"""JPEG, read whole: segments, one frame, scans up to the end, nothing behind it. Metadata is left out of what is kept.

A telephone writes where it was and much else beside the picture, and anybody may write anything there.
"""

import re
import struct
from typing import Final

from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers.png import MOST_PIXELS

MAGIC: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended, progressive: what browsers and printers draw."""
_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD, 0xDA})
_KEPT_APPS: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_LEFT_OUT: Final = frozenset(range(0xE0, 0xF0)) | {0xFE}


def plain(content: bytes) -> bytes:
    """The picture without metadata. Raises: PaperRefusedError."""
    at, kept, frames, scans = 2, [content[:2]], 0, 0
    while content[at : at + 2] != _END:
        if at + 4 > len(content) or content[at] != 0xFF:
            raise PaperRefusedError("picture_broken", "/file")
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        (size,) = struct.unpack(">H", content[at + 2 : at + 4])
        end = at + 2 + size
        segment = content[at:end]
        if size < 2 or len(segment) != size + 2:
            raise PaperRefusedError("picture_broken", "/file")
        if marker in _FRAMES:
            frames += 1
            _check_size(segment)
        elif marker not in _TABLES | _LEFT_OUT:
            raise PaperRefusedError("picture_broken", "/file")
        if marker == 0xDA:
            scans += 1
            found = _MARKER.search(content, end)
            if found is None:
                raise PaperRefusedError("picture_broken", "/file")
            end = found.start()
        begins = _KEPT_APPS.get(marker)
        if marker not in _LEFT_OUT or (begins is not None and segment[4:].startswith(begins)):
            kept.append(content[at:end])
        at = end
    if frames != 1 or not scans:
        raise PaperRefusedError("picture_broken", "/file")
    if at + 2 != len(content):
        raise PaperRefusedError("more_than_a_picture", "/file")
    return b"".join(kept) + _END


def _check_size(segment: bytes) -> None:
    if len(segment) < 9:
        raise PaperRefusedError("picture_broken", "/file")
    height, width = struct.unpack(">HH", segment[5:9])
    if not height or not width:
        raise PaperRefusedError("picture_broken", "/file")
    if height * width > MOST_PIXELS:
        raise PaperRefusedError("picture_too_large", "/file")
