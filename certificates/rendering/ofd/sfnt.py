"""A small TrueType font, written from outlines that are compiled already.

The library that reads fonts writes them too, in several times the time: it takes apart and compiles what only needs to
be put one behind the other.

Wire format: OpenType 1.9, tables cmap (formats 4 and 12), glyf, head, hhea, hmtx, loca, maxp, name, OS/2, post.
"""

import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_MAGIC: Final = 0x5F0F3CF5
_WHOLE_FILE: Final = 0xB1B0AFBA
"""What the checksum of a whole font is to be (§head)."""
_LAST: Final = 0xFFFF
_HEAD: Final = struct.Struct(">4I2H2q4h2H3h")
_HHEA: Final = struct.Struct(">I3hH11hH")
_OS2: Final = struct.Struct(">HhHHH11h10s4I4sHHHhhhHH2IhhHHH")


@dataclass(frozen=True, slots=True)
class Metrics:
    """What all letters of a font share; `box` is xMin, yMin, xMax, yMax, all in the font's units."""

    units: int
    ascent: int
    descent: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter's width, and its outline as table glyf holds it; empty for a space. Simple outlines only."""

    advance: int
    outline: bytes = field(repr=False)


def write_font(family: str, metrics: Metrics, notdef: Letter, letters: Mapping[int, Letter]) -> bytes:
    """A font of these letters, by code point in rising order: the first has index 1. The same bytes for the same."""
    glyphs, points = [notdef, *letters.values()], list(letters)
    glyf, starts = _outlines(glyphs)
    lefts = [int.from_bytes(glyph.outline[2:4], "big", signed=True) for glyph in glyphs]
    tables = {
        b"OS/2": _os2(metrics, points),
        b"cmap": _cmap(points),
        b"glyf": glyf,
        b"head": _HEAD.pack(
            0x10000, 0x10000, 0, _MAGIC, 3, metrics.units, 0, 0, *metrics.box, 0, 3, 2, 1, 0
        ),
        b"hhea": _hhea(metrics, glyphs, lefts),
        b"hmtx": b"".join(
            struct.pack(">Hh", glyph.advance, left) for glyph, left in zip(glyphs, lefts, strict=True)
        ),
        b"loca": struct.pack(f">{len(starts)}I", *starts),
        b"maxp": _maxp(glyphs),
        b"name": _name(family),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, 0, 0, 0, 0, 0, 0, 0),
    }  # fmt: skip
    return _file(tables)


def _outlines(glyphs: Sequence[Letter]) -> tuple[bytes, list[int]]:
    parts, starts, at = [], [0], 0
    for glyph in glyphs:
        padded = _padded(glyph.outline)
        parts.append(padded)
        at += len(padded)
        starts.append(at)
    return b"".join(parts), starts


def _hhea(metrics: Metrics, glyphs: Sequence[Letter], lefts: Sequence[int]) -> bytes:
    widest = max(glyph.advance for glyph in glyphs)
    x_max = metrics.box[2]
    return _HHEA.pack(
        0x10000, metrics.ascent, metrics.descent, 0, widest, min(lefts), 0, x_max, 1, *([0] * 7), len(glyphs)
    )


def _maxp(glyphs: Sequence[Letter]) -> bytes:
    """What a reader reserves memory by: the most contours and points of any letter."""
    contours = points = 0
    for glyph in glyphs:
        if glyph.outline:
            count = int.from_bytes(glyph.outline[:2], "big")
            contours = max(contours, count)
            points = max(points, 1 + int.from_bytes(glyph.outline[8 + 2 * count : 10 + 2 * count], "big"))
    return struct.pack(">I14H", 0x10000, len(glyphs), points, contours, 0, 0, 2, *([0] * 8))


def _os2(metrics: Metrics, points: Sequence[int]) -> bytes:
    first, last = (min(points[0], _LAST), min(points[-1], _LAST)) if points else (_LAST, _LAST)
    return _OS2.pack(
        4, metrics.units // 2, 400, 5, 0, *([0] * 11), bytes(10), 0, 0, 0, 0, b"????", 0x40, first, last,
        metrics.ascent, metrics.descent, 0, metrics.ascent, max(0, -metrics.descent), 0, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def _cmap(points: Sequence[int]) -> bytes:
    """Both maps under both platforms: readers of OFD ask for any of them."""
    runs = _runs(points)
    near = _format_4([(first, min(last, _LAST), index) for first, last, index in runs if first < _LAST])
    groups = b"".join(struct.pack(">III", *run) for run in runs)
    far = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(runs)) + groups
    here = 4 + 4 * 8
    there = here + len(near)
    heads = struct.pack(
        ">HH HHI HHI HHI HHI", 0, 4, 0, 3, here, 0, 4, there, 3, 1, here, 3, 10, there
    )  # fmt: skip
    return heads + near + far


def _runs(points: Sequence[int]) -> list[tuple[int, int, int]]:
    """Code points without a gap: first, last, index of the first."""
    runs: list[tuple[int, int, int]] = []
    for index, point in enumerate(points, start=1):
        if runs and runs[-1][1] == point - 1:
            runs[-1] = (runs[-1][0], point, runs[-1][2])
        else:
            runs.append((point, point, index))
    return runs


def _format_4(runs: Sequence[tuple[int, int, int]]) -> bytes:
    whole = [*runs, (_LAST, _LAST, 0)]
    count = len(whole)
    power = count.bit_length() - 1
    columns = (
        [last for _, last, _ in whole],
        [0],
        [first for first, _, _ in whole],
        [(index - first) & _LAST if index else 1 for first, _, index in whole],
        [0] * count,
    )
    values = [value for column in columns for value in column]
    size = 14 + 2 * len(values)
    search = 2 << power
    return struct.pack(f">7H{len(values)}H", 4, size, 0, 2 * count, search, power, 2 * count - search, *values)


def _name(family: str) -> bytes:
    plain = family.replace(" ", "") + "-Regular"
    texts = [
        (number, words.encode("utf-16-be")) for number, words in ((1, family), (2, "Regular"), (4, family), (6, plain))
    ]
    records, at = b"", 0
    for number, text in texts:
        records += struct.pack(">6H", 3, 1, 0x409, number, len(text), at)
        at += len(text)
    return struct.pack(">HHH", 0, len(texts), 6 + len(records)) + records + b"".join(text for _, text in texts)


def _file(tables: Mapping[bytes, bytes]) -> bytes:
    """All tables behind their directory, and the checksum of the whole put into head."""
    count = len(tables)
    power = count.bit_length() - 1
    search = 16 << power
    at = 12 + 16 * count
    directory = [struct.pack(">IHHHH", 0x10000, count, search, power, 16 * count - search)]
    body, head = [], 0
    for tag, table in tables.items():
        head = at if tag == b"head" else head
        padded = _padded(table)
        directory.append(struct.pack(">4sIII", tag, _checksum(padded), at, len(table)))
        body.append(padded)
        at += len(padded)
    font = b"".join((*directory, *body))
    adjusted = struct.pack(">I", (_WHOLE_FILE - _checksum(font)) & 0xFFFFFFFF)
    return font[: head + 8] + adjusted + font[head + 12 :]


def _checksum(padded: bytes) -> int:
    words = array("I", padded)
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words) & 0xFFFFFFFF


def _padded(table: bytes) -> bytes:
    return table + bytes(-len(table) % 4)
