"""Sealed OFD faces: set, every letter embedded, sealed with SM2; beside raw SM2 and beside Typst's PDF page. By
processor time.

The face is that of the PDF benchmark, offline code and all; each page has another holder. Nobody else's OFD writer runs
in Python to stand beside it: Typst setting the same face says what a page costs.
"""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.pdf import AT, ISSUER, USCC, coded, face
from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from certificates.rendering.face import Face
from certificates.rendering.fonts import font_folders
from certificates.rendering.ofd import document as ofd
from certificates.rendering.ofd.check import check
from certificates.rendering.ofd.seal import seal_picture
from certificates.rendering.ofd.sealing import seal
from certificates.rendering.page_data import page_data
from certificates.rendering.templates import shipped
from certificates.rendering.typesetting import Typesetter
from signing.keys import SoftwareSigner
from signing.pades.seal import SealPen
from signing.ses import seal as ses
from signing.sm2 import SM2SM3, Sm2Signer
from signing.x509.pki import Role, issue_leaf, new_root


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    bench = _Bench()
    unsigned = bench.set_page()
    whole = bench.sealed(unsigned)
    work: dict[str, Callable[[], object]] = {
        "face": lambda: bench.sealed(bench.set_page()),
        "set": bench.set_page,
        "seal": lambda: bench.sealed(unsigned),
        "check": lambda: bench.checked(whole),
        "raw": lambda: bench.signer.sign_der(bytes(160)),
        "typst": bench.typst_page,
    }
    values = interleave(
        effort.rounds, {name: partial(rate, job, effort.seconds, time.process_time) for name, job in work.items()}
    )
    shown = {name: Spread.of(found) for name, found in values.items()}
    fonts = sum(len(data) for name, data in unsigned.files.items() if name.endswith(".ttf"))
    made_of = f"{len(whole):,} bytes, of which fonts {fonts:,} before deflate, the seal {len(bench.seal):,}"
    typst, raw = f"Typst sets the same face {shown['typst'].middle:,.0f}/s", f"raw SM2 {shown['raw'].middle:,.0f}/s"
    beside_typst, beside_raw = partial(ratios, values, limit="typst"), partial(ratios, values, limit="raw")
    return [
        Line("a sealed OFD face, set and sealed", "/s", shown["face"], typst, beside_typst("face"), note=made_of),
        Line("set an OFD", "/s", shown["set"], typst, beside_typst("set")),
        Line("seal a set OFD", "/s", shown["seal"], raw, beside_raw("seal")),
        Line("check a sealed OFD", "/s", shown["check"], raw, beside_raw("check")),
    ]


class _Bench:
    """A signer with its seal, and faces of other holders each time."""

    def __init__(self) -> None:
        self.now = datetime.fromtimestamp(AT, UTC)
        self.root = new_root("benchmark", now=self.now, alg=SM2SM3)
        self.signer, maker, self.coder = Sm2Signer.generate(), Sm2Signer.generate(), SoftwareSigner.generate()
        self.certificate = self._leaf(self.signer, "issuer")
        self.seal = ses.new_seal(
            maker=maker,
            maker_certificate=self._leaf(maker, "seal"),
            seal_id="1",
            name=ISSUER,
            certificates=[self.certificate],
            picture=seal_picture(_pen().draw(ISSUER, foot="电子证照专用章")),
            now=self.now,
            valid_until=self.now + timedelta(days=300),
        )
        self.typesetter, self.template = Typesetter(None), shipped("certificate")
        self.numbers = itertools.count(1)

    def _leaf(self, key: Sm2Signer, role: Role) -> bytes:
        return issue_leaf(
            self.root,
            public=key.public,
            organization=ISSUER,
            organization_id=USCC,
            role=role,
            uri="https://hub.example",
            now=self.now,
            days=365,
        )

    def next_face(self) -> Face:
        return coded(face(holder=f"示例市晨光食品第{next(self.numbers)}有限公司"), self.coder)

    def set_page(self) -> ofd.Unsigned:
        return ofd.write(self.next_face())

    def sealed(self, unsigned: ofd.Unsigned) -> bytes:
        return seal(unsigned, signer=self.signer, chain=[self.certificate], seal=self.seal, now=self.now, stamp=None)

    def checked(self, whole: bytes) -> object:
        anchors = [self.root.certificate]
        return check(whole, anchors=anchors, now=self.now, verify_stamp=lambda _token, digest: digest)

    def typst_page(self) -> object:
        return self.typesetter.set(self.template, page_data(self.next_face()), "pdf", at=AT)


def _pen() -> SealPen:
    files = [path for folder in font_folders(None) for path in Path(folder).rglob("NotoSerifSC-Regular.otf")]
    return SealPen(files[0].read_bytes())
