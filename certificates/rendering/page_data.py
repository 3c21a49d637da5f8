"""What a template gets to see of a face: plain JSON, in which every value is a string that stays one."""

import json
from typing import Any

from certificates.claims import Bilingual
from certificates.rendering.face import Face
from certificates.rendering.qr import qr_picture
from certificates.rendering.words import written_day

_GROUP = 4
_PIXELS = 3
"""To a square of the control code, which is read from screens. The offline code is for paper, and each pixel costs."""


def page_data(face: Face, *, preview: bool = False) -> str:
    """The JSON that a template reads as `face`; days are written out in the face's language.

    Args:
        preview: nobody will sign this page: where the seal goes is drawn.
    """
    return json.dumps(
        {
            "title": _pair(face.title),
            "kind": face.kind,
            "type_code": face.type_code,
            "identifier": face.identifier,
            "issuer": {"name": face.issuer_name, "code": face.issuer_code},
            "rows": [{"name": row.name, "title": _pair(row.title), "value": row.value} for row in face.rows],
            "issued_on": written_day(face.issued_on, face.language),
            "valid_from": written_day(face.valid_from, face.language),
            "valid_until": written_day(face.valid_until, face.language),
            "seal": {"text": face.seal_text, "shape": face.seal_shape},
            "qr": _qr(face.qr, _PIXELS),
            "offline": _qr(face.offline_code, 1),
            "control_code": _grouped(face.control_code),
            "marks": [_pair(mark.words) for mark in face.marks],
            "watermark": None if face.watermark is None else list(face.watermark.lines()),
            "demonstration": face.demonstration,
            "binding": face.binding,
            "language": face.language,
            "orientation": face.orientation,
            "accent": face.accent,
            "preview": preview,
        },
        ensure_ascii=False,
    )


def _pair(words: Bilingual) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _qr(content: str | None, pixels: int) -> dict[str, Any] | None:
    if content is None:
        return None
    picture = qr_picture(content, pixels=pixels)
    return {"svg": picture.svg, "side": picture.side}


def _grouped(code: str | None) -> list[str]:
    return [] if code is None else [code[at : at + _GROUP] for at in range(0, len(code), _GROUP)]
