"""Signatures in PDF files: accepted by readers that are not ours."""

import hashlib
import re
import subprocess
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from signing.canonical import sha256
from signing.errors import ChainError, MalformedError, SigningError
from signing.pades import archive as pades_archive
from signing.pades import signature as pades
from signing.pades.check import Level, check
from signing.rsa_keys import RsaSigner
from signing.x509.pki import issue_leaf
from tests.signing.chains import LEAF, NAME, NOW, ROOT, URI, USCC, intermediate
from tests.signing.chains import SIGNER as KEY
from tests.signing.stamped import LATER, ROOT_PEM, SIGNED, STAMP_LEAF, face, seal_picture, signed, stamp

ANCHORS = (ROOT.certificate,)


def archived() -> bytes:
    kept = pades_archive.add_validation(signed(stamp=stamp), certificates=[LEAF, STAMP_LEAF, ROOT.certificate])
    return pades_archive.add_document_stamp(kept, stamp=lambda digest: stamp(digest, at=LATER))


def judged(pdf: bytes) -> Any:
    """What pyHanko says of the first signature."""
    from asn1crypto import x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    context = ValidationContext(
        trust_roots=[x509.Certificate.load(ROOT.certificate)],
        allow_fetching=False,
        revocation_mode="soft-fail",
        moment=LATER + timedelta(days=1),
    )
    found = PdfFileReader(BytesIO(pdf)).embedded_signatures[0]
    return validate_pdf_signature(found, context)


def pdfsig(pdf: bytes, folder: Path) -> str:
    (folder / "signed.pdf").write_bytes(pdf)
    done = subprocess.run(["pdfsig", "-nocert", "signed.pdf"], cwd=folder, capture_output=True, text=True)
    return done.stdout


def test_a_signed_face_is_the_face_with_an_update() -> None:
    pdf = signed()
    assert pdf.startswith(face())
    found = check(pdf, anchors=ANCHORS, now=LATER)
    assert (found.level, found.proven_at, found.stamps) == (Level.BASIC, None, ())
    assert found.claimed_at == SIGNED
    assert (found.name, found.reason, found.location) == (NAME, "签发电子证照", "示例市")
    assert (found.signer.organization_id, found.signer.roles) == (USCC, frozenset({"issuer"}))


def test_pyhanko_trusts_a_certified_face_and_sees_the_whole_file_covered() -> None:
    status = judged(signed())
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    assert (status.coverage.name, status.modification_level.name, status.docmdp_ok) == ("ENTIRE_FILE", "NONE", True)
    assert status.bottom_line is True


def test_pdfsig_finds_the_signature_valid_over_the_total_document(tmp_path: Path) -> None:
    said = pdfsig(signed(), tmp_path)
    assert "Signature Validation: Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


def test_openssl_verifies_the_cms_with_its_signing_certificate(tmp_path: Path) -> None:
    pdf = signed()
    begin, resume = map(int, re.search(rb"/ByteRange\[0 (\d+) (\d+) ", pdf).groups())  # type: ignore[union-attr]
    envelope = bytes.fromhex(pdf[begin + 1 : resume - 1].decode())
    (tmp_path / "signature.der").write_bytes(envelope[: 4 + int.from_bytes(envelope[2:4], "big")])
    (tmp_path / "content").write_bytes(pdf[:begin] + pdf[resume:])
    (tmp_path / "root.pem").write_bytes(ROOT_PEM)
    moment = str(int(SIGNED.timestamp()))
    command = "openssl cms -verify -cades -inform DER -in signature.der -content content -binary -CAfile root.pem"
    done = subprocess.run(
        [*command.split(), "-purpose", "any", "-out", "out", "-attime", moment],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "CAdES Verification successful" in done.stderr


def test_rsa_for_readers_that_know_nothing_else(tmp_path: Path) -> None:
    signer = RsaSigner.generate()
    leaf = issue_leaf(
        ROOT,
        public=signer.public,
        organization=NAME,
        organization_id=USCC,
        role="seal",
        uri=URI,
        now=NOW,
        days=365,
    )
    pdf = signed(signer=signer, chain=[leaf])
    assert check(pdf, anchors=ANCHORS, now=LATER).signer.roles == {"seal"}
    assert judged(pdf).bottom_line is True
    assert "Signature is Valid" in pdfsig(pdf, tmp_path)


def test_a_chain_over_an_authority_in_between() -> None:
    between = intermediate(ROOT, "Example City Issuing CA")
    leaf = issue_leaf(
        between,
        public=KEY.public,
        organization=NAME,
        organization_id=USCC,
        role="issuer",
        uri=URI,
        now=NOW,
        days=365,
    )
    pdf = signed(chain=[leaf, between.certificate])
    assert check(pdf, anchors=ANCHORS, now=LATER).signer.organization == NAME
    assert judged(pdf).bottom_line is True


def test_levels_up_to_the_archive() -> None:
    stamped = signed(stamp=stamp)
    kept = pades_archive.add_validation(stamped, certificates=[LEAF, STAMP_LEAF, ROOT.certificate])
    found = [check(pdf, anchors=ANCHORS, now=LATER) for pdf in (stamped, kept, archived())]
    assert [each.level for each in found] == [Level.STAMPED, Level.LONG_TERM, Level.ARCHIVED]
    assert [each.proven_at for each in found] == [SIGNED] * 3
    assert [stamp.time for stamp in found[2].stamps] == [SIGNED, LATER]
    assert found[2].validation["Certs"] == (LEAF, STAMP_LEAF, ROOT.certificate)


def test_pyhanko_accepts_stamps_and_the_archive() -> None:
    status = judged(archived())
    assert status.timestamp_validity.trusted
    assert (status.modification_level.name, status.docmdp_ok, status.bottom_line) == ("LTA_UPDATES", True, True)


def test_a_stamp_proves_a_signature_whose_certificate_has_ended() -> None:
    after_the_leaf = NOW + timedelta(days=364)
    pdf = pades_archive.add_document_stamp(archived(), stamp=lambda digest: stamp(digest, at=after_the_leaf))
    assert check(pdf, anchors=ANCHORS, now=after_the_leaf).proven_at == SIGNED
    with pytest.raises(ChainError):  # the newest stamp has to be renewed before its certificate ends
        check(signed(), anchors=ANCHORS, now=NOW + timedelta(days=366))


def test_stamping_again_carries_the_proof_over_the_end_of_the_stamps_certificate() -> None:
    young = issue_leaf(
        ROOT,
        public=KEY.public,
        organization="新时间戳",
        organization_id=USCC,
        role="timestamp",
        uri=URI,
        now=NOW + timedelta(days=300),
        days=2000,
    )
    from signing.tsp.authority import Authority

    authority = Authority(KEY, (young,))
    moment = NOW + timedelta(days=360)
    again = pades_archive.add_document_stamp(
        archived(), stamp=lambda digest: stamp(digest, at=moment, authority=authority)
    )
    years_later = NOW + timedelta(days=2000)
    found = check(again, anchors=ANCHORS, now=years_later)
    assert (found.level, found.proven_at) == (Level.ARCHIVED, SIGNED)
    with pytest.raises(ChainError):
        check(archived(), anchors=ANCHORS, now=years_later)


def test_a_stamp_that_comes_later_takes_the_room_that_was_left() -> None:
    pdf = signed(room=2000)
    token = stamp(sha256(pades_archive.signature_value(pdf)), at=LATER)
    late = pades_archive.attach_stamp(pdf, token)
    assert len(late) == len(pdf)
    assert check(late, anchors=ANCHORS, now=LATER).proven_at == LATER
    assert judged(late).timestamp_validity.trusted
    with pytest.raises(MalformedError, match="hole_too_small"):
        pades_archive.attach_stamp(signed(), token)
    with pytest.raises(MalformedError, match="stamped already"):
        pades_archive.attach_stamp(late, token)


def test_a_stamp_of_an_authority_that_nobody_trusts_proves_nothing() -> None:
    found = check(signed(stamp=stamp), anchors=ANCHORS, stamp_anchors=(), now=LATER)
    assert (found.level, found.proven_at, found.stamps) == (Level.BASIC, None, ())


def test_a_stamp_of_another_document_is_refused() -> None:
    def wrong(digest: bytes) -> bytes:
        return stamp(hashlib.sha256(digest).digest())

    for pdf in (signed(stamp=wrong), pades_archive.add_document_stamp(signed(), stamp=wrong)):
        with pytest.raises(SigningError, match="stamp_imprint"):
            check(pdf, anchors=ANCHORS, now=LATER)


@pytest.mark.parametrize("now", [SIGNED - timedelta(hours=1)])
def test_a_signature_from_the_future_is_refused(now: Any) -> None:
    with pytest.raises(SigningError, match="signed_in_the_future"):
        check(signed(), anchors=ANCHORS, now=now)


def test_text_of_a_stranger_stays_text() -> None:
    pdf = signed(name=")>>/Perms<<", reason="𠅤\n%%EOF", location=None)
    found = check(pdf, anchors=ANCHORS, now=LATER)
    assert (found.name, found.reason, found.location) == (")>>/Perms<<", "𠅤\n%%EOF", "")


def test_only_a_fresh_file_of_a_known_kind_is_signed() -> None:
    refused = {
        "pdf_form": signed(),
        "pdf_header": b"hello",
        "pdf_xref": b"%PDF-1.7\n",
        "pdf_xref_stream": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n9\n%%EOF",
        "pdf_encrypted": face().replace(b"<</Size ", b"<</Encrypt 1 0 R/Size ", 1),
    }
    for reason, pdf in refused.items():
        with pytest.raises(MalformedError) as error:
            signed(pdf=pdf)
        assert error.value.reason == reason
    with pytest.raises(MalformedError, match="no such page"):
        signed(seal=pades.SealBox(2, (0, 0, 9, 9), seal_picture()))


def test_the_seal_is_drawn_and_changes_no_text(tmp_path: Path) -> None:
    (tmp_path / "plain.pdf").write_bytes(face())
    (tmp_path / "signed.pdf").write_bytes(signed())
    text = [
        subprocess.run(["pdftotext", name, "-"], cwd=tmp_path, capture_output=True, check=True).stdout
        for name in ("plain.pdf", "signed.pdf")
    ]
    assert text[0] == text[1]
    done = subprocess.run(
        ["pdftoppm", "-r", "50", "-f", "2", "-l", "2", "signed.pdf", "page"], cwd=tmp_path, capture_output=True
    )
    assert done.stderr == b""
    pixels = next(tmp_path.glob("page*.ppm")).read_bytes().split(b"\n", 3)[3]
    red = sum(1 for at in range(0, len(pixels), 3) if pixels[at] > 180 and pixels[at + 1] < 60)
    assert 300 < red < 5000


def test_a_letter_that_the_font_lacks_is_not_left_out() -> None:
    from pathlib import Path as Folder

    import pylopdf_fonts_zh_cn

    from signing.pades.seal import SealPen

    font = next(Folder(pylopdf_fonts_zh_cn.__file__).parent.rglob("NotoSansSC-Regular.otf")).read_bytes()
    with pytest.raises(MalformedError, match="glyph"):
        SealPen(font).draw("示例市\U000323af局")
    with pytest.raises(MalformedError, match="font"):
        SealPen(b"no font")
