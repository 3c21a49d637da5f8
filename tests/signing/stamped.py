"""A page as Typst writes it, its signer, a time-stamp authority: for tests of signatures in PDF files."""

import itertools
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import typst
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.keys import SoftwareSigner
from signing.pades import signature as pades
from signing.pades.seal import SealPen, SealPicture
from signing.tsp.authority import Authority
from signing.tsp.tokens import request, token_of
from signing.x509.pki import issue_leaf
from tests.signing.chains import LEAF, NAME, NOW, ROOT, SIGNER, URI, USCC

SIGNED = NOW + timedelta(days=10)
LATER = SIGNED + timedelta(days=1)
STAMPER = SoftwareSigner.generate()
STAMP_LEAF = issue_leaf(
    ROOT,
    public=STAMPER.public,
    organization="试用时间戳",
    organization_id=USCC,
    role="timestamp",
    uri=URI,
    now=NOW,
    days=365,
)
AUTHORITY = Authority(STAMPER, (STAMP_LEAF,))
ROOT_PEM = x509.load_der_x509_certificate(ROOT.certificate).public_bytes(Encoding.PEM)
_SERIALS = itertools.count(1)
_FACE = """
#set page(paper: "a4")
#set document(title: "营业执照", date: datetime(year: 2026, month: 3, day: 11))
= Licence
#link("https://example.gov.cn/")[a] #link("https://example.gov.cn/b")[b]
#pagebreak()
Second page
"""


@cache
def face() -> bytes:
    return typst.compile(_FACE.encode(), ignore_system_fonts=True, pdf_standards=["a-2b"])


@cache
def seal_picture() -> SealPicture:
    folder = Path(pylopdf_fonts_zh_cn.__file__).parent
    pen = SealPen(next(folder.rglob("NotoSerifSC-Regular.otf")).read_bytes())
    return pen.draw(NAME, foot="电子证照专用章")


def stamp(digest: bytes, *, at: datetime = SIGNED, authority: Authority = AUTHORITY) -> bytes:
    nonce = next(_SERIALS)
    answer = authority.answer(request(digest, nonce=nonce), now=at, serial=nonce)
    return token_of(answer, digest=digest, nonce=nonce)


def signed(**changes: Any) -> bytes:
    options: dict[str, Any] = {
        "signer": SIGNER,
        "chain": [LEAF],
        "now": SIGNED,
        "reason": "签发电子证照",
        "name": NAME,
        "location": "示例市",
        "seal": pades.SealBox(1, (400, 80, 520, 200), seal_picture()),
        "stamp": None,
    } | changes
    return pades.sign(options.pop("pdf", face()), **options)
