"""Cuts the two typefaces of pages out of the Noto fonts: `python deploy/cut_typefaces.py` writes both.

Wanted: the letters of GB 2312 and of European languages, with TrueType outlines, and of the features kerning only. A
page whose letters are all in such a font is set, and its OFD written, in little more than half the time; every other
letter still comes from the whole font. The same fonts give the same bytes; `tests/faces/test_typefaces.py` holds the
files against them. Licence: SIL Open Font License 1.1, named in the files; they bear another name than Noto, which is
a trademark.
"""

from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any, Final

CUT: Final = {
    "NotoSerifSC-Regular.otf": "Yizheng Serif",
    "NotoSansSC-Regular.otf": "Yizheng Sans",
}
FOLDER: Final = Path("certificates/rendering/typefaces")
MAX_ERROR_EM: Final = 0.001
"""How far an outline may be from the font's own: less than a printer's dot."""
_EUROPEAN: Final = (range(0x20, 0x7F), range(0xA0, 0x180), range(0x2010, 0x2040))
_NO_PROGRAMS: Final = (
    "maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements",
    "maxSizeOfInstructions", "maxComponentElements", "maxCompositePoints", "maxCompositeContours", "maxComponentDepth",
)  # fmt: skip
_COPYRIGHT, _FAMILY, _UNIQUE, _FULL, _VERSION, _POSTSCRIPT, _LICENCE, _LICENCE_URL = 0, 1, 3, 4, 5, 6, 13, 14


def letters() -> set[int]:
    """The code points that are cut out."""
    chinese = set()
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            chinese.update(map(ord, bytes([row, cell]).decode("gb2312", "ignore")))
    return chinese.union(*_EUROPEAN)


def cut(source: bytes, family: str, points: set[int]) -> bytes:
    """A TrueType font of these letters."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font: Any = TTFont(BytesIO(source), recalcTimestamp=False)
    options = subset.Options(
        name_IDs=["*"], layout_features=["kern"], notdef_outline=True, glyph_names=False, hinting=False,
        desubroutinize=True,
        drop_tables=["BASE", "VORG", "vhea", "vmtx", "GSUB", "DSIG"],
    )  # fmt: skip
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=points)
    cutter.subset(font)
    _draw(font)
    _name(font, family)
    out = BytesIO()
    font.save(out, reorderTables=None)
    return out.getvalue()


def _draw(font: Any) -> None:
    """Cubic outlines become quadratic ones, the tables of the former go."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    drawn, order, units = font.getGlyphSet(), font.getGlyphOrder(), font["head"].unitsPerEm
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, MAX_ERROR_EM * units, reverse_direction=True))
        outlines[name] = pen.glyph()
    glyf: Any = newTable("glyf")
    glyf.glyphs, glyf.glyphOrder = outlines, order
    for name, outline in outlines.items():
        outline.recalcBounds(glyf)
        font["hmtx"].metrics[name] = (font["hmtx"].metrics[name][0], getattr(outline, "xMin", 0))
    font["loca"], font["glyf"] = newTable("loca"), glyf
    del font["CFF "]
    font["maxp"].tableVersion = 0x00010000
    for limit in _NO_PROGRAMS:
        setattr(font["maxp"], limit, 0)
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"


def _name(font: Any, family: str) -> None:
    names = font["name"]
    names.names = [
        record for record in names.names
        if record.platformID == 3 and record.langID == 0x409
        and record.nameID in {_COPYRIGHT, _VERSION, _LICENCE, _LICENCE_URL}
    ]  # fmt: skip
    plain = family.replace(" ", "") + "-Regular"
    for number, words in ((_FAMILY, family), (2, "Regular"), (_UNIQUE, plain), (_FULL, family), (_POSTSCRIPT, plain)):
        names.setName(words, number, 3, 1, 0x409)


def main() -> None:
    """Write both."""
    fonts = resources.files("pylopdf_fonts_zh_cn")
    FOLDER.mkdir(exist_ok=True)
    for source, family in CUT.items():
        data = cut((fonts / source).read_bytes(), family, letters())
        (FOLDER / f"{family.replace(' ', '')}.ttf").write_bytes(data)
        print(f"{family}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
