"""What stands on a face, and what never does."""

from datetime import UTC, datetime

import pytest
import yaml

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import load_type
from certificates.rendering.face import Mark, copy_face, licence_face
from certificates.rendering.page_data import page_data
from certificates.rendering.words import visible, written_day
from tests.faces.papers import LICENCE, payload
from tests.support import TYPES

COPY = {"exp": 1_795_000_000, "purpose": {"text": "办理食品经营许可", "case_no": "YZ1", "matter": "FOOD"}}
PLAIN = {"qr": None, "control_code": None}


def changed(**changes: object) -> CertificateType:
    """The business licence with another definition."""
    definition = yaml.safe_load((TYPES / "business_licence.yaml").read_text(encoding="utf-8"))
    definition["claims"]["business_scope"]["disclosure"] = "never"
    return load_type(yaml.safe_dump(definition | changes, allow_unicode=True, sort_keys=False))


def test_a_claim_that_never_leaves_is_on_no_face_even_if_it_is_in_the_data() -> None:
    secretive = changed()
    assert secretive.claims["business_scope"].disclosure is Disclosure.NEVER
    face = licence_face(type=secretive, payload=payload(business_scope="隐秘范围"), binding=None, **PLAIN)
    assert "隐秘范围" not in page_data(face)
    assert [row.name for row in face.rows] == ["name", "uscc", "established_on", "legal_representative", "address"]


def test_a_type_chooses_rows_their_order_look_and_seal() -> None:
    looks = {"template": "card", "orientation": "landscape", "accent": "#123456", "rows": ["uscc", "name"]}
    chosen = changed(face=looks, seal={"text": "示例市行政审批专用章", "shape": "oval"})
    face = licence_face(type=chosen, payload=payload(), binding=None, **PLAIN)
    assert [row.name for row in face.rows] == ["uscc", "name"]
    assert (face.template, face.orientation, face.accent) == ("card", "landscape", "#123456")
    assert (face.seal_text, face.seal_shape) == ("示例市行政审批专用章", "oval")


def test_a_copy_shows_what_was_granted_marks_itself_and_has_no_binding() -> None:
    face = copy_face(type=LICENCE, payload=payload() | COPY, granted={"name", "aud"}, receiver="示例市审批局", **PLAIN)
    assert [row.name for row in face.rows] == ["name"]
    assert (face.marks, face.binding) == ((Mark.PURPOSE_COPY,), None)
    assert face.watermark is not None
    assert face.watermark.lines() == (
        "仅供 示例市审批局",
        "办件 YZ1",
        "用途：办理食品经营许可",
        f"有效期至 {datetime.fromtimestamp(COPY['exp'] + 8 * 3600, UTC):%Y-%m-%d %H:%M}",  # type: ignore[operator]
    )
    assert "王晨光" not in page_data(face)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("甲\u202e乙", "甲[U+202E]乙"),
        ("甲\u2066乙\u2069", "甲[U+2066]乙[U+2069]"),
        ("甲\u200b乙\u00ad", "甲[U+200B]乙[U+00AD]"),
        ("甲\ue000", "甲[U+E000]"),
        ("第一行\r\n第二行\t尾", "第一行\n第二行\t尾"),
        ("㛃𠅤䶮𬱖𫖯 #read $x$ \\ *", "㛃𠅤䶮𬱖𫖯 #read $x$ \\ *"),
    ],
)
def test_what_would_hide_or_turn_around_is_written_out(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_days_are_written_out_and_no_end_is_long_term() -> None:
    day = datetime(2026, 3, 9, tzinfo=UTC).date()
    assert (written_day(day, "zh-CN"), written_day(day, "en")) == ("2026年3月9日", "2026-03-09")
    assert (written_day(None, "zh-CN"), written_day(day.replace(year=9999), "en")) == ("长期", "long-term")
