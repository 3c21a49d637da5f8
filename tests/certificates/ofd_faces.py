"""Faces, fonts and a seal with a picture: for tests of OFD files."""

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn

from certificates.claims import Bilingual
from certificates.rendering.face import Face, Mark, Row, Watermark
from certificates.rendering.ofd import document as ofd
from certificates.rendering.ofd.check import CheckedOfd, check
from certificates.rendering.ofd.seal import seal_picture
from certificates.rendering.ofd.sealing import seal
from signing.pades.seal import SealPen
from signing.ses.asn1 import Picture
from signing.tsp.tokens import Stamp
from tests.signing.chains import NAME
from tests.signing.sealed import SEALED, new_seal, verify_stamp
from tests.signing.sm2_chains import LEAF, ROOT, SIGNER

IDENTIFIER = "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000001M.2026000001.001.O"
BINDING = "5e" * 32
RARE = "㛃𠅤䶮𬱖𫖯"
HOSTILE = """<script>&"'$#read("/etc/passwd")\\ ]]> <!-- --> &#x41;"""
QR = "https://hub.example.gov.cn/verify#c=0123456789ABCDEFGHJKMNPQRS"
ROWS = (
    Row("name", Bilingual("名称", "Name"), f"示例市{RARE}商贸有限公司"),
    Row("uscc", Bilingual("统一社会信用代码", "Unified social credit code"), "91990100MA0000001X"),
    Row("type", Bilingual("类型", "Type"), "有限责任公司(自然人投资或控股)"),
    Row(
        "scope",
        Bilingual("经营范围", "Business scope"),
        f"一般项目：技术服务、技术开发；{HOSTILE}。许可项目：食品销售。",
    ),
    Row("address", Bilingual("住所", "Address"), "示例市示例区人民路1号示例大厦A座1201室"),
)


def face(**changes: Any) -> Face:
    options: dict[str, Any] = {
        "title": Bilingual("营业执照", "Business Licence"),
        "kind": "certificate",
        "type_code": "11990000MB0000002Q001",
        "identifier": IDENTIFIER,
        "issuer_name": NAME,
        "issuer_code": "11990000MB0000001M",
        "rows": ROWS,
        "issued_on": date(2026, 3, 1),
        "valid_from": date(2026, 3, 1),
        "valid_until": None,
        "seal_text": NAME,
        "seal_shape": "round",
        "qr": QR,
        "control_code": "0123456789ABCDEFGHJKMNPQRS",
        "marks": (Mark.TRIAL_AUTHORITY, Mark.SAMPLE),
        "watermark": None,
        "binding": BINDING,
        "language": "zh-CN",
        "template": "certificate",
        "orientation": "portrait",
        "accent": "#9b1c1f",
    }
    return Face(**options | changes)


def copy_face() -> Face:
    water = Watermark(
        "示例市住房和城乡建设局", "AJ-2026-0001", "办理商品房预售许可", datetime.fromisoformat("2026-04-01T00:00:00Z")
    )
    return face(watermark=water, marks=(Mark.PURPOSE_COPY,), binding=None, rows=ROWS[:2])


@cache
def picture(*, oval: bool = False) -> Picture:
    font = Path(pylopdf_fonts_zh_cn.__file__).parent / "NotoSerifSC-Regular.otf"
    return seal_picture(SealPen(font.read_bytes()).draw(NAME, foot="电子证照专用章", oval=oval))


@cache
def esl() -> bytes:
    return new_seal(picture=picture())


def sealed(shown: Face | None = None, **changes: Any) -> bytes:
    options: dict[str, Any] = {"signer": SIGNER, "chain": [LEAF], "seal": esl(), "now": SEALED, "stamp": None}
    return seal(ofd.write(shown or face()), **options | changes)


def checked(package: bytes, *, now: datetime = SEALED + timedelta(days=1)) -> CheckedOfd[Stamp]:
    return check(package, anchors=[ROOT.certificate], now=now, verify_stamp=verify_stamp)
