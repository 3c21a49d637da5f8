"""The pages of an OFD: every word of the face on them, every letter embedded, the same bytes each time."""

import re
from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont
from lxml import etree

from certificates.claims import Bilingual
from certificates.errors import RenderingError
from certificates.rendering.face import Face, Mark, Row
from certificates.rendering.ofd import document as ofd
from certificates.rendering.ofd.fonts import fonts
from certificates.rendering.ofd.text import Ruler, Style
from certificates.rendering.ofd.zip import read_package
from tests.certificates.ofd_faces import BINDING, HOSTILE, IDENTIFIER, NAME, RARE, copy_face, face, picture

OFD = {"ofd": "http://www.ofdspec.org/2016"}
LONG = "".join(f"第{number}项：技术服务与咨询，" for number in range(70))
LOOKS = {
    "certificate": face(),
    "lying certificate": face(orientation="landscape", language="en"),
    "letter": face(template="letter", kind="proof"),
    "card": face(template="card"),
    "purpose copy": copy_face(),
    "long scope": face(rows=(Row("scope", Bilingual("经营范围", "Business scope"), LONG * 2),)),
    "many rows": face(rows=tuple(Row(f"r{n}", Bilingual(f"事项{n}", f"Matter {n}"), f"内容{n}") for n in range(60))),
    "template of a designer": face(template="own"),
    "long names": face(
        title=Bilingual("建筑工程施工企业安全生产许可证正本副本合一", "Work Safety Licence of a Construction Company"),
        issuer_name="示例省示例自治州示例市市场监督管理和知识产权保护委员会办公室",
    ),
}


def pages(package: dict[str, bytes]) -> list[etree._Element]:
    return [etree.fromstring(data) for name, data in package.items() if name.endswith("Content.xml")]


def words(package: dict[str, bytes]) -> str:
    return "".join(node.text or "" for page in pages(package) for node in page.iterfind(".//ofd:TextCode", OFD))


@pytest.mark.parametrize("look", LOOKS)
def test_every_word_of_the_face_is_on_the_pages(look: str) -> None:
    shown = LOOKS[look]
    found = re.sub(r"\s|（续）", "", words(ofd.write(shown).files))
    wanted = [row.value for row in shown.rows] + [row.title.zh for row in shown.rows]
    wanted += [shown.title.zh, shown.title.en, shown.issuer_name, shown.identifier]
    wanted += [mark.words.zh for mark in shown.marks]
    if Mark.SAMPLE in shown.marks:
        wanted.append("Demo data" if shown.language == "en" else "演示数据")
    if shown.watermark is not None:
        wanted += shown.watermark.lines()
    for text in wanted:
        assert all(part in found for part in parts(text)), text


def parts(text: str) -> list[str]:
    """Pieces short enough not to be broken over a page's end, where a running head comes between."""
    plain = re.sub(r"\s", "", text)
    return [plain] if len(plain) < 200 else [plain[at : at + 20] for at in range(0, 200, 20)]


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_stands_outside_of_its_page_and_no_identifier_is_used_twice(look: str) -> None:
    package = ofd.write(LOOKS[look]).files
    used = [node.get("ID") for page in pages(package) for node in page.iter() if node.get("ID")]
    assert len(used) == len(set(used))
    for page in pages(package):
        box = page.findtext(".//ofd:PhysicalBox", namespaces=OFD)
        assert box is not None
        _, _, width, height = map(float, box.split())
        for node in page.iterfind(".//ofd:Layer[@Type='Body']/*", OFD):
            x, y, wide, high = map(float, node.get("Boundary").split())
            assert x >= 0
            assert y >= 0
            assert x + wide <= width + 1
            assert y + high <= height + 1


def test_rows_do_not_run_into_the_foot_or_each_other() -> None:
    for shown in (LOOKS["many rows"], LOOKS["long scope"], face(template="card")):
        for page in pages(ofd.write(shown).files):
            lines = [
                tuple(map(float, node.get("Boundary").split()))
                for node in page.iterfind(".//ofd:Layer[@Type='Body']/ofd:TextObject", OFD)
                if node.get("Size") in {"4.233", "3.881"}
            ]
            assert lines
            # Of two lines in one column the lower begins where the upper one's letters end.
            for x, y, _, _ in lines:
                below = [other[1] - y for other in lines if abs(other[0] - x) < 0.5 and other[1] > y]
                assert not below or min(below) > 3.8


def test_every_letter_is_embedded_and_drawn() -> None:
    package = ofd.write(face()).files
    resources = etree.fromstring(package["Doc_0/PublicRes.xml"])
    files = {
        node.get("ID"): package[f"Doc_0/Res/{node.findtext('ofd:FontFile', namespaces=OFD)}"]
        for node in resources.iterfind(".//ofd:Font", OFD)
    }
    opened = {identifier: TTFont(BytesIO(data)) for identifier, data in files.items()}
    drawn = set()
    for page in pages(package):
        for node in page.iterfind(".//ofd:TextObject", OFD):
            font = opened[node.get("Font")]
            text = node.findtext("ofd:TextCode", namespaces=OFD) or ""
            for letter in text:
                name = font.getBestCmap()[ord(letter)]
                assert letter.isspace() or font["glyf"][name].numberOfContours > 0, letter
                drawn.add(letter)
            glyphs = node.findtext(".//ofd:Glyphs", namespaces=OFD)
            if glyphs is not None:
                assert font.getGlyphName(int(glyphs)) == font.getBestCmap()[ord(text)]
    assert set(RARE) <= drawn
    assert all(len(data) < 100_000 for data in files.values())


def test_a_letter_outside_of_the_basic_plane_stands_alone_and_names_its_glyph() -> None:
    (page,) = pages(ofd.write(face()).files)
    for node in page.iterfind(".//ofd:TextObject", OFD):
        text = node.findtext("ofd:TextCode", namespaces=OFD) or ""
        assert (len(text) == 1 and node.find("ofd:CGTransform", OFD) is not None) == any(
            ord(letter) > 0xFFFF for letter in text
        )


def test_letters_stand_at_the_advances_of_their_font() -> None:
    ruler = Ruler(fonts())
    assert ruler.width("营业执照", Style(10)) == pytest.approx(40)
    assert ruler.width("营业执照", Style(10, tracking_mm=2)) == pytest.approx(46)
    assert 3 < ruler.width("i", Style(10, "sans")) + ruler.width("W", Style(10, "sans")) < 14


def test_lines_break_where_chinese_may() -> None:
    ruler, style = Ruler(fonts()), Style(10)
    assert ruler.lines("一二三，四五", style, 30) == ["一二", "三，四", "五"]
    assert ruler.lines("一二（三）四", style, 30) == ["一二", "（三）", "四"]
    assert ruler.lines("一二 ABC123", style, 40) == ["一二", "ABC123"]
    assert ruler.lines("一\n\n二", style, 40) == ["一", "", "二"]
    assert ruler.lines("", style, 40) == [""]
    assert ruler.lines(" 一\u00a0二", style, 40) == [" 一\u00a0二"]
    assert "".join(ruler.lines("W" * 40, style, 40)) == "W" * 40
    assert all(ruler.width(line, style) <= 40 for line in ruler.lines("W" * 40, style, 40))


def test_the_same_face_gives_the_same_bytes() -> None:
    assert ofd.write(face()).to_bytes() == ofd.write(face()).to_bytes()
    assert ofd.write(face()).to_bytes() != ofd.write(face(issued_on=date(2026, 3, 2))).to_bytes()


def test_what_the_hub_must_find_again_is_in_the_document() -> None:
    assert facts(face()) == {
        "证照标识": IDENTIFIER,
        "证照类型代码": "11990000MB0000002Q001",
        "证照颁发机构代码": "11990000MB0000001M",
        "数据摘要": BINDING,
    }


def test_copies_are_not_to_be_tied_to_each_other() -> None:
    package = ofd.write(copy_face()).files
    assert "数据摘要" not in facts(copy_face())
    assert not any(BINDING.encode() in data for data in package.values())


def facts(shown: Face) -> dict[str, str]:
    root = etree.fromstring(read_package(ofd.write(shown).to_bytes())["OFD.xml"])
    return {node.get("Name"): node.text or "" for node in root.iterfind(".//ofd:CustomData", OFD)}


def test_values_are_never_markup() -> None:
    shown = face(title=Bilingual(HOSTILE, HOSTILE), issuer_name=HOSTILE, identifier=HOSTILE)
    for data in ofd.write(shown).files.values():
        if data.startswith(b"<?xml"):
            assert {etree.QName(node).namespace for node in etree.fromstring(data).iter()} == {OFD["ofd"]}
            assert b"<script" not in data


@pytest.mark.parametrize("letter", ["\x00", "\x0b", "\u2028", "\ud800", "\ue000", "\U0001f600"])
def test_what_cannot_be_drawn_is_refused_and_never_left_out(letter: str) -> None:
    # A face writes such characters out (`visible`); this is what happens to one that comes here all the same.
    for shown in (face(issuer_name=f"示例{letter}局"), face(title=Bilingual("照", f"a{letter}b"))):
        with pytest.raises(RenderingError, match="missing_character"):
            ofd.write(shown)


def test_a_letter_that_no_font_has_is_an_error_for_the_operator() -> None:
    with pytest.raises(RenderingError) as error:
        ofd.write(face(rows=(Row("name", Bilingual("名称", "Name"), "示例\ue000"),)))
    assert error.value.characters == ("\ue000",)
    assert "\ue000" not in str(error.value)


def test_the_seal_is_shown_on_the_first_page_in_its_own_shape() -> None:
    round_one, oval = ofd.write(face()), ofd.write(face(seal_shape="oval"))
    assert (round_one.seal.width, round_one.seal.height) == (40, 40)
    assert (oval.seal.width, oval.seal.height) == (40, 28)
    assert round_one.seal.page == ofd.write(LOOKS["long scope"]).seal.page == 0
    assert (picture().width_mm, picture().height_mm) == (40, 40)
    assert (picture(oval=True).width_mm, picture(oval=True).height_mm) == (40, 28)


def test_a_seals_picture_is_red_outlines_inside_its_box() -> None:
    (page,) = pages(read_package(picture().data))
    objects = page.findall(".//ofd:PathObject", OFD)
    assert len(objects) == 2 + len(NAME) + len("电子证照专用章")
    assert {node.find("ofd:StrokeColor", OFD).get("Value") for node in objects} == {"219 20 31"}
    for node in objects:
        a, b, c, d, e, f = map(float, node.get("CTM").split())
        numbers = [
            float(part) for part in node.findtext("ofd:AbbreviatedData", namespaces=OFD).split() if not part.isalpha()
        ]
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            assert 0 <= a * x + c * y + e <= 40
            assert 0 <= b * x + d * y + f <= 40


def test_no_value_is_in_a_repr() -> None:
    assert RARE not in repr(ofd.write(replace(face(), marks=())))
