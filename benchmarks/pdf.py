"""Signed PDF faces: set by Typst, sealed, signed; beside Typst alone, raw ES256 and pyHanko alone. By processor time.

The face is a business licence with 12 claims, its control code, its offline code, which is signed for each page anew,
and its seal, as the library makes it; one line tells it without the offline code. pyHanko signs the same
page with its key object kept, and sets nothing. Each page has another holder. The note tells what a file is made of.
"""

import io
import itertools
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from certificates.definitions.loading import shipped_types
from certificates.offline_code import licence_content, write_offline_code
from certificates.rendering.face import Face, Mark, licence_face
from certificates.rendering.fonts import font_folders
from certificates.rendering.page_data import page_data
from certificates.rendering.templates import shipped
from certificates.rendering.typesetting import Typesetter
from signing.keys import Signer, SoftwareSigner
from signing.pades import signature as pades
from signing.pades.file import read_file
from signing.pades.objects import Reference
from signing.pades.seal import SealPen
from signing.x509.pki import CertificateAuthority, issue_leaf, new_root

AIM_OF_PYHANKO: Final = 5.5
"""250 a second where pyHanko alone signed 45."""
AIM_OF_TYPST: Final = 0.75
AT: Final = 1_790_000_000
ISSUER: Final = "示例市市场监督管理局"
USCC: Final = "11990000MB0000002Q"


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    signer, now = SoftwareSigner.generate(), datetime.fromtimestamp(AT, UTC)
    root = new_root("benchmark", now=now)
    leaf = issue_leaf(
        root,
        public=signer.public,
        organization=ISSUER,
        organization_id=USCC,
        role="issuer",
        uri="https://hub.example",
        now=now,
        days=365,
    )
    typesetter = Typesetter(None)
    template = shipped("certificate")
    page = typesetter.set(template, page_data(coded(face(), signer)), "pdf", at=AT)
    assert page.seal is not None
    place = page.seal
    box = (place.x, place.y, place.x + place.size, place.y + place.size)
    seal = pades.SealBox(place.page, box, _pen().draw(ISSUER, foot="电子证照专用章"))

    def signed(pdf: bytes) -> bytes:
        return pades.sign(
            pdf, signer=signer, chain=[leaf], now=now, reason="签发", name=ISSUER, location=None, seal=seal, stamp=None
        )

    numbers = itertools.count(1)

    def next_face() -> Face:
        # Typst remembers what it has set: the same licence a second time takes a quarter of the time.
        return face(holder=f"示例市晨光食品第{next(numbers)}有限公司")

    def set_page(shown: Face) -> bytes:
        return typesetter.set(template, page_data(shown), "pdf", at=AT).files[0]

    pdf, raw_key, algorithm = page.files[0], ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
    work = {
        "face": lambda: signed(set_page(coded(next_face(), signer))),
        "without": lambda: signed(set_page(next_face())),
        "typst": lambda: set_page(coded(next_face(), signer)),
        "sign": lambda: signed(pdf),
        "raw": lambda: raw_key.sign(bytes(160), algorithm),
        "pyhanko": _pyhanko(pdf, signer, leaf, root),
    }
    values = interleave(
        effort.rounds, {name: partial(rate, job, effort.seconds, time.process_time) for name, job in work.items()}
    )
    typst, raw, other = (Spread.of(values[name]) for name in ("typst", "raw", "pyhanko"))
    faces, without, signatures = (Spread.of(values[name]) for name in ("face", "without", "sign"))
    return [
        Line(
            "a signed PDF face, set and sealed", "/s", faces, f"Typst alone {typst.middle:,.0f}/s",
            ratios(values, "face", "typst"), AIM_OF_TYPST, note=_made_of(pdf, signed(pdf)),
        ),
        Line(
            "same", "/s", faces, f"pyHanko alone, signs only {other.middle:,.0f}/s",
            ratios(values, "face", "pyhanko"), AIM_OF_PYHANKO,
        ),
        Line(
            "same, without an offline code", "/s", without, f"Typst with one {typst.middle:,.0f}/s",
            ratios(values, "without", "typst"),
        ),
        Line("sign a set page", "/s", signatures, f"raw ES256 {raw.middle:,.0f}/s", ratios(values, "sign", "raw")),
        Line("same", "/s", signatures, f"pyHanko alone {other.middle:,.0f}/s", ratios(values, "sign", "pyhanko")),
    ]  # fmt: skip


def face(holder: str = "示例市晨光食品有限公司") -> Face:
    """A business licence with all its claims."""
    claims = {
        "name": holder,
        "uscc": "91990100MA00000019",
        "established_on": "2019-03-01",
        "enterprise_type": "有限责任公司（自然人投资或控股）",
        "legal_representative": "王晨光",
        "registered_capital": "500万元人民币",
        "business_scope": "食品销售；餐饮服务；货物进出口；技术进出口；道路货物运输（不含危险货物）",
        "address": "示例市中心路1号",
    }
    certificate = {
        "identifier": "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000002Q.2026A8KD93MZ01QX.001.O",
        "issuer": {"name": ISSUER, "uscc": USCC},
        "issued_on": "2026-11-22",
        "valid_from": "2026-11-22",
        "valid_until": None,
    }
    return licence_face(
        type=shipped_types()["business_licence"],
        payload={"iat": AT, "certificate": certificate, **claims},
        qr="https://hub.example/verify#c=01ARZ3NDEKTSV4RRFFQ69G5FAV",
        control_code="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        binding="ab" * 32,
        marks=[Mark.TRIAL_AUTHORITY],
    )


def coded(shown: Face, signer: Signer) -> Face:
    """The same face with an offline code, as the library gives it one: of what is always shown."""
    described = {
        "identifier": shown.identifier,
        "issued_on": "2026-11-22",
        "valid_from": "2026-11-22",
        "valid_until": None,
    }
    status = {"status_list": {"uri": "https://hub.example/status/01K8Y6Q4T9ZJ5V3N2M1B0A7C6D", "idx": 412_733}}
    claims = {row.name: row.value for row in shown.rows}
    content = licence_content(
        {"certificate": described, "status": status, **claims},
        shown=["name", "uscc", "established_on"],
        type_name=shown.title.zh,
        binding=shown.binding or "",
        at=AT,
    )
    return replace(shown, offline_code=write_offline_code(content, signer=signer))


def _pen() -> SealPen:
    files = [path for folder in font_folders(None) for path in Path(folder).rglob("NotoSerifSC-Regular.otf")]
    return SealPen(files[0].read_bytes())


def _pyhanko(pdf: bytes, signer: SoftwareSigner, leaf: bytes, root: CertificateAuthority) -> Any:
    """pyHanko's own signature over the same page: PAdES B-B, certifying, no picture."""
    from asn1crypto import keys, pem, x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    logging.getLogger("pyhanko").setLevel(logging.ERROR)
    store = SimpleCertificateStore()
    store.register(x509.Certificate.load(root.certificate))
    simple = SimpleSigner(
        signing_cert=x509.Certificate.load(leaf),
        signing_key=keys.PrivateKeyInfo.load(pem.unarmor(signer.to_pem())[2]),
        cert_registry=store,
    )
    metadata = PdfSignatureMetadata(
        field_name="Signature1",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    theirs = PdfSigner(metadata, simple)
    return lambda: theirs.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=io.BytesIO())


def _made_of(pdf: bytes, signed: bytes) -> str:
    """Bytes of the file, of its fonts, of the signature's update."""
    file = read_file(pdf)
    values = [value for number in file.offsets if isinstance(value := file.at(number).value(), dict)]
    kept = [value[name] for value in values for name in ("FontFile2", "FontFile3") if name in value]
    streams = [file.at(reference.number).value() for reference in kept if isinstance(reference, Reference)]
    fonts = sum(int(str(stream["Length"])) for stream in streams if isinstance(stream, dict))
    return f"{len(signed):,} bytes: fonts {fonts:,}, signature and seal {len(signed) - len(pdf):,}"
