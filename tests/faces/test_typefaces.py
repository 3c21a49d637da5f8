"""The cut typefaces, held against the fonts that they were cut from."""

from importlib import resources, util
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from certificates.rendering.fonts import TYPEFACES, covered_characters, font_folders
from tests.faces.papers import RARE

CASES = [("NotoSerifSC-Regular.otf", "YizhengSerif.ttf"), ("NotoSansSC-Regular.otf", "YizhengSans.ttf")]
SAMPLE = "营业执照市场监督管理局有限公司鑫A1gé（，。—"


def cutter() -> ModuleType:
    """The program that made them."""
    spec = util.spec_from_file_location("cut_typefaces", Path("deploy/cut_typefaces.py"))
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(font: Any, name: str) -> tuple[float, Any]:
    """Area and bounds of a letter."""
    letters = font.getGlyphSet()
    area, bounds = AreaPen(letters), BoundsPen(letters)
    letters[name].draw(area)
    letters[name].draw(bounds)
    return area.value, bounds.bounds


@pytest.mark.parametrize(("whole", "made"), CASES)
def test_every_letter_is_that_of_the_font_it_came_from(whole: str, made: str) -> None:
    source = TTFont(BytesIO((resources.files("pylopdf_fonts_zh_cn") / whole).read_bytes()), lazy=True)
    ours = TTFont(BytesIO((TYPEFACES / made).read_bytes()), lazy=True)
    theirs, mine = source.getBestCmap(), ours.getBestCmap()
    assert cutter().letters() & set(theirs) <= set(mine)
    for table, names in (("head", ["unitsPerEm"]), ("hhea", ["ascent", "descent", "lineGap"])):
        assert [getattr(ours[table], name) for name in names] == [getattr(source[table], name) for name in names]
    for point in sorted(mine)[::40]:
        assert ours["hmtx"][mine[point]][0] == source["hmtx"][theirs[point]][0]
        (area, bounds), (other, others) = drawn(ours, mine[point]), drawn(source, theirs[point])
        assert abs(abs(area) - abs(other)) <= 0.01 * abs(other)
        assert area * other <= 0  # TrueType turns the other way round
        if others is not None:
            assert all(abs(a - b) <= 1.5 for a, b in zip(bounds, others, strict=True))


@pytest.mark.parametrize(("whole", "made"), CASES)
def test_the_files_are_what_the_program_makes(whole: str, made: str) -> None:
    source = (resources.files("pylopdf_fonts_zh_cn") / whole).read_bytes()
    ours: Any = TTFont(BytesIO((TYPEFACES / made).read_bytes()))
    again: Any = TTFont(BytesIO(cutter().cut(source, ours["name"].getDebugName(1), set(map(ord, SAMPLE)))))
    for point, name in again.getBestCmap().items():
        assert again["glyf"][name] == ours["glyf"][ours.getBestCmap()[point]]
    assert [str(record) for record in again["name"].names] == [str(record) for record in ours["name"].names]
    assert "SIL Open Font License" in ours["name"].getDebugName(13)


def test_rare_letters_come_from_the_whole_fonts() -> None:
    cut, all_of_them = covered_characters([str(TYPEFACES)]), covered_characters(font_folders(None))
    assert cut < all_of_them
    assert not set(map(ord, RARE)) & cut
    assert set(map(ord, RARE)) <= all_of_them
