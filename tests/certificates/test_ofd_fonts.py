"""Fonts of OFD pages, read by the library that did not write them."""

from importlib import resources
from io import BytesIO
from typing import Any

import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from certificates.rendering.fonts import TYPEFACES
from certificates.rendering.ofd.fonts import Font, fonts

CUT = Font("Yizheng Serif", (TYPEFACES / "YizhengSerif.ttf").read_bytes())
WHOLE = Font("Noto Serif SC", (resources.files("pylopdf_fonts_zh_cn") / "NotoSerifSC-Regular.otf").read_bytes())


def opened(data: bytes) -> Any:
    """The font; every checksum and table of it is looked at."""
    font: Any = TTFont(BytesIO(data), checkChecksums=2)
    for table in font.keys():  # noqa: SIM118  # a font is no mapping
        font[table]
    return font


def bounds(font: Any, point: int) -> Any:
    letters = font.getGlyphSet()
    pen = BoundsPen(letters)
    letters[font.getBestCmap()[point]].draw(pen)
    return pen.bounds


@pytest.mark.parametrize(
    ("font", "letters"), [(CUT, "营业执照 a1，é"), (WHOLE, "㛃𠅤䶮𬱖𫖯"), (CUT, ""), (WHOLE, "A𠅤")]
)
def test_a_subset_has_its_letters_as_the_font_has_them(font: Font, letters: str) -> None:
    made, source = opened(font.subset(letters).data), TTFont(BytesIO(font._data), lazy=True)
    for table in made["cmap"].tables:
        near = {ord(letter) for letter in letters if table.format == 12 or ord(letter) < 0x10000}
        assert set(table.cmap) == near
    assert len(made.getGlyphOrder()) == 1 + len(letters)
    names = source.getBestCmap()
    for index, letter in enumerate(sorted(letters), start=1):
        point = ord(letter)
        assert made.getGlyphID(made.getBestCmap()[point]) == index
        assert made["hmtx"][made.getBestCmap()[point]][0] == source["hmtx"][names[point]][0]
        ours, theirs = bounds(made, point), bounds(source, point)
        assert (ours is None) == (theirs is None)
        assert ours is None or all(abs(a - b) <= 1.5 for a, b in zip(ours, theirs, strict=True))
    assert made["hhea"].ascent == source["hhea"].ascent
    assert made["maxp"].maxPoints >= max(
        (
            len(made["glyf"][name].coordinates)
            for name in made.getGlyphOrder()[1:]
            if made["glyf"][name].numberOfContours
        ),
        default=0,
    )


def test_a_subset_is_the_same_bytes_for_the_same_letters() -> None:
    assert CUT.subset("照证").data == Font("Yizheng Serif", CUT._data).subset(["证", "照", "证"]).data


def test_an_outline_made_of_others_is_taken_apart() -> None:
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    square, twice = TTGlyphPen(None), TTGlyphPen({"a": None})
    for step, point in enumerate([(0, 0), (0, 100), (100, 100), (100, 0)]):
        (square.lineTo if step else square.moveTo)(point)
    square.closePath()
    twice.addComponent("a", (1, 0, 0, 1, 0, 0))
    twice.addComponent("a", (1, 0, 0, 1, 200, 0))
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "a", "b"])
    builder.setupCharacterMap({0x61: "a", 0x62: "b"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "a": square.glyph(), "b": twice.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "a": (150, 0), "b": (350, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Two", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = BytesIO()
    builder.font.save(out)
    made = opened(Font("Two", out.getvalue()).subset("b").data)
    [_, name] = made.getGlyphOrder()
    assert made["glyf"][name].numberOfContours == 2
    assert bounds(made, 0x62) == (0, 0, 300, 100)


def test_rare_letters_alone_open_the_whole_font() -> None:
    found = fonts()
    assert found.place("serif", "证")[0] is found.serif[0]
    assert found.place("sans", "𠅤")[0] is found.sans[1]
