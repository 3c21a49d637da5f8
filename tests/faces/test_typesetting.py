"""Pages as they come out of Typst, read back by poppler."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certificates.control_code import new_control_code, verify_link
from certificates.definitions.loading import shipped_types
from certificates.errors import RenderingError, TemplateError
from certificates.rendering.face import Face, Mark, Watermark, licence_face
from certificates.rendering.page_data import page_data
from certificates.rendering.templates import SHIPPED, shipped, whole_source
from certificates.rendering.typesetting import SealPlace, Typesetter
from tests.faces.papers import LICENCE, RARE, boxes_of, codes_in, payload, picture_of, text_of

CODE = new_control_code()
AT = 1_790_000_000


def face(**claims: Any) -> Face:
    return licence_face(
        type=LICENCE,
        payload=payload(**claims),
        qr=verify_link("https://hub.example.gov.cn", CODE),
        control_code=CODE,
        binding="ab" * 32,
        marks=[Mark.TRIAL_AUTHORITY],
    )


def set_page(typesetter: Typesetter, shown: Face, template: str = "certificate") -> bytes:
    return typesetter.set(shipped(template), page_data(shown), "pdf", at=AT).files[0]


@pytest.mark.parametrize("template", SHIPPED)
def test_every_template_says_everything_and_its_code_reads_back(
    typesetter: Typesetter, tmp_path: Path, template: str
) -> None:
    pdf = set_page(typesetter, face(legal_representative=f"王{RARE}"), template)
    words = text_of(pdf, tmp_path).replace(" ", "").replace("\n", "")
    for value in ("营业执照", "91990100MA0000001", f"王{RARE}", "示例市中心路1号", "2019年3月1日", "试用", CODE[:4]):
        assert value in words
    assert codes_in(picture_of(pdf, tmp_path)) == [f"https://hub.example.gov.cn/verify#c={CODE}"]
    assert b"ab" * 32 in pdf
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf


def test_codes_are_read_by_a_program_of_other_makers(typesetter: Typesetter, tmp_path: Path) -> None:
    pictures = []
    link = "https://hub.example.gov.cn/verify#c=" + CODE
    # A hundred and fifty: a control code on a screen, three dots a square.
    for number, (content, dpi) in enumerate(((link, 150), ("短", 300), ("X" * 300, 300))):
        picture_of(set_page(typesetter, replace(face(), qr=content)), tmp_path, dpi=dpi)
        pictures.append((tmp_path / "page.pgm").rename(tmp_path / f"{number}.pgm"))
    read = subprocess.run(["zbarimg", "-q", "--raw", *pictures], capture_output=True, check=True, text=True)
    assert read.stdout.split() == [link, "短", "X" * 300]


HOSTILE = (
    '#read("/etc/passwd") #eval("1") $x^2$ \\ *b* _i_ `raw` <seal> @label // [#1] "quoted" {{ }} ~ --- = #sys.inputs'
)


def test_a_value_is_never_markup(typesetter: Typesetter, tmp_path: Path) -> None:
    words = text_of(set_page(typesetter, face(address=HOSTILE, name="甲\u202e乙")), tmp_path).split()
    for part in HOSTILE.split():
        assert part in words
    assert "甲[U+202E]乙" in words


def test_a_long_scope_goes_on_behind_and_nothing_of_it_is_lost(typesetter: Typesetter, tmp_path: Path) -> None:
    scope = "".join(f"第{number}项：食品销售与技术服务；" for number in range(1, 250))
    words, feet = whole_text(set_page(typesetter, face(business_scope=scope)), tmp_path)
    assert feet > 1
    for number in range(1, 250):
        assert f"第{number}项：" in words


@pytest.mark.parametrize("value", ["长" * 300, "A" * 300, "https://example.org/" + "a1-" * 90])
def test_the_longest_values_stay_on_the_page(typesetter: Typesetter, tmp_path: Path, value: str) -> None:
    for template in SHIPPED:
        pdf = set_page(typesetter, face(address=value), template)
        said, _ = whole_text(pdf, tmp_path)
        # A value that goes on behind is cut by what else stands on the page; no other 长 but that of 长期 is there.
        assert value in said or (set(value) == {"长"} and said.count("长") == len(value) + 1)
        for word in re.finditer(r'xMin="([0-9.]+)" .*?xMax="([0-9.]+)"', boxes_of(pdf, tmp_path)):
            assert 20 < float(word[1]) < float(word[2]) < (595.28 - 20)


def whole_text(pdf: bytes, folder: Path) -> tuple[str, int]:
    """The text without white space and without the feet of its pages, and how many pages there are."""
    pages = re.sub(r"[\s\u200b]", "", text_of(pdf, folder).replace("\x0c", "$"))
    return re.subn(r"证照标识[0-9A-Z.]+?(\d/\d)?\$", "", pages)


def test_pages_are_numbered_where_there_are_several(typesetter: Typesetter, tmp_path: Path) -> None:
    for scope, foot in (
        ("食品销售", r"\.O\x0c$"),
        ("食品销售；" * 600, r"\.O\s*1 / [2-9].*\.O\s*[2-9] / [2-9]\s*\x0c$"),
    ):
        words = text_of(set_page(typesetter, face(business_scope=scope)), tmp_path)
        assert re.search(foot, re.sub(r"\n", "", words), re.DOTALL)


def test_a_character_that_no_font_draws_is_refused_and_named_to_the_operator(typesetter: Typesetter) -> None:
    with pytest.raises(RenderingError) as refused:
        set_page(typesetter, face(legal_representative="ཨོཾ王"))
    assert refused.value.reason == "missing_glyphs"
    assert set(refused.value.characters) == set("ཨོཾ")
    assert "ཨ" not in str(refused.value)


def test_the_same_face_gives_the_same_bytes(typesetter: Typesetter) -> None:
    assert set_page(typesetter, face()) == set_page(typesetter, face())


def test_the_seal_is_on_the_first_page_wherever_the_text_ends(typesetter: Typesetter) -> None:
    for template in SHIPPED:
        for orientation in ("portrait", "landscape"):
            places = set()
            for scope in ("食品销售", "食品销售；" * 600):
                data = page_data(replace(face(business_scope=scope), orientation=orientation))  # type: ignore[arg-type]
                typesetter._fixed.clear()
                places.add(typesetter.set(shipped(template), data, "pdf", at=AT).seal)
            [place] = places
            assert isinstance(place, SealPlace)
            assert place.page == 0
            assert place.y > 0


def test_faces_of_all_types_can_be_set(typesetter: Typesetter, tmp_path: Path) -> None:
    for kind in shipped_types().values():
        claims = {name: f"{claim.title.zh}的值" for name, claim in kind.claims.items() if claim.format.value == "text"}
        shown = licence_face(
            type=kind, payload=payload(**claims), qr=None, control_code=None, binding=None, marks=[Mark.SPECIMEN]
        )
        words = text_of(set_page(typesetter, shown, shown.template), tmp_path).replace("\n", "").replace(" ", "")
        for row in shown.rows:
            assert row.title.zh in words
            assert row.value.replace(" ", "") in words


def test_the_watermark_of_a_copy_is_all_over_the_page(typesetter: Typesetter, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    mark = Watermark("示例市审批局", "YZ-2026-1", "办理食品经营许可", datetime(2026, 12, 1, tzinfo=UTC))
    marked = replace(face(), watermark=mark, binding=None, marks=(Mark.PURPOSE_COPY,))
    plain = picture_of(set_page(typesetter, replace(face(), marks=(Mark.PURPOSE_COPY,))), tmp_path, dpi=20)
    shown = picture_of(set_page(typesetter, marked), tmp_path, dpi=20)
    # Every block of a sixteenth of the page is touched.
    _, size, _, before = plain.split(b"\n", 3)
    _, _, _, after = shown.split(b"\n", 3)
    width, height = map(int, size.split())
    for down in range(4):
        for across in range(4):
            rows = range(down * height // 4, (down + 1) * height // 4)
            part = slice(across * width // 4, (across + 1) * width // 4)
            assert any(
                before[row * width : (row + 1) * width][part] != after[row * width : (row + 1) * width][part]
                for row in rows
            )


@pytest.mark.parametrize("template", SHIPPED)
def test_a_licence_in_sample_data_says_so_across_the_page_and_its_number_is_at_the_top_right(
    typesetter: Typesetter, tmp_path: Path, template: str
) -> None:
    """In letters a centimetre and a half high, and none on a licence that is real."""
    shown = replace(face(), marks=(Mark.TRIAL_AUTHORITY, Mark.SAMPLE), binding=None)
    pdf = set_page(typesetter, shown, template)
    places = _letters(boxes_of(pdf, tmp_path))
    tallest = {word: bottom - top for word, (_, top, _, bottom) in places.items()}
    assert all(tallest[letter] > 42 for letter in "演示据")
    assert codes_in(picture_of(pdf, tmp_path)) == [f"https://hub.example.gov.cn/verify#c={CODE}"]
    real = boxes_of(set_page(typesetter, face(), template), tmp_path)
    assert "演" not in real
    _, top, right, _ = _letters(real)[shown.identifier]
    assert top < 72
    assert right > 595 - 100
    assert right == max(box[2] for box in _letters(real).values() if box[1] < 100)


def _letters(boxes: str) -> dict[str, tuple[float, float, float, float]]:
    found = re.findall(r'xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)">(.*?)<', boxes)
    placed: dict[str, tuple[float, float, float, float]] = {}
    for *box, word in found:
        placed.setdefault(word, tuple(map(float, box)))  # type: ignore[arg-type]
    return placed


@pytest.mark.parametrize(
    ("template", "line", "column"),
    [
        ("\n\n  #unknown", 3, 4),
        ("#text(", 1, 6),
        ('甲\n#read("/etc/passwd")', 2, 7),
        ('#import "@preview/cetz:0.2.0": *', 1, 9),
        ("#value()", 1, 2),
    ],
)
def test_a_faulty_template_is_told_with_line_and_column(
    typesetter: Typesetter, template: str, line: int, column: int
) -> None:
    with pytest.raises(TemplateError) as refused:
        typesetter.set(template, page_data(face()), "pdf", at=AT)
    [problem] = refused.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert "/" not in problem.message


def test_what_a_face_has_no_use_for_is_left_out_and_lines_stay_where_they_are() -> None:
    whole, least = whole_source("#x"), whole_source("#x", frozenset())
    assert least.count("\n") == whole.count("\n")
    assert len(least) < 0.8 * len(whole)
    for name in re.findall(r"^#let ([\w-]+)", whole, re.MULTILINE):
        assert f"#let {name}" in least
    assert whole_source("#x", frozenset({"watermark"})).count("rotate(-24deg") == 1
