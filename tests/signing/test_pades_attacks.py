"""Threat S6: whatever is done to a signed PDF file, the check never says that it holds; nor does any input stop it."""

import random
import re
import time
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from signing.canonical import sha256
from signing.cms import message as cms
from signing.cms.check import read_signed
from signing.cms.der import SEQUENCE, SET, Node, children, octets, oid, read, read_padded, sequence, set_of, tlv
from signing.errors import SigningError
from signing.keys import SoftwareSigner
from signing.pades import archive as pades_archive
from signing.pades.check import Level, check
from signing.pades.file import MAX_FILE_BYTES, Update, read_file, stream
from signing.tsp.authority import Authority
from signing.x509.pki import issue_leaf, new_root
from tests.signing.chains import LEAF, NAME, NOW, ROOT, URI, USCC
from tests.signing.forged_pdf import UNIVERSAL, UPDATES, WRAPPINGS
from tests.signing.stamped import LATER, SIGNED, STAMP_LEAF, face, signed, stamp
from tests.signing.test_pades import judged, pdfsig

ATTACKS = UPDATES | WRAPPINGS | UNIVERSAL


def reason(pdf: bytes) -> str:
    with pytest.raises(SigningError) as error:
        check(pdf, anchors=(ROOT.certificate,), now=LATER)
    return error.value.reason


@cache
def archived() -> bytes:
    kept = pades_archive.add_validation(signed(stamp=stamp), certificates=[LEAF, STAMP_LEAF, ROOT.certificate])
    return pades_archive.add_document_stamp(kept, stamp=lambda digest: stamp(digest, at=LATER))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_file_never_holds(attack: str) -> None:
    assert check(signed(), anchors=(ROOT.certificate,), now=LATER)
    forged = ATTACKS[attack](signed())
    assert forged != signed()
    assert reason(forged)


@pytest.mark.parametrize("attack", UPDATES)
def test_nothing_is_accepted_after_the_archive_either(attack: str) -> None:
    if attack not in {"hidden_in_validation_data", "action_in_the_catalog"}:  # there is validation data already
        assert reason(UPDATES[attack](archived()))


@pytest.mark.parametrize("attack", ["new_content", "copied_signature", "evil_annotation", "sneaky_signature"])
def test_pyhanko_refuses_the_update_too(attack: str) -> None:
    status = judged(UPDATES[attack](signed()))
    assert not status.bottom_line


@pytest.mark.parametrize("attack", ["new_content", "copied_signature", "evil_annotation", "sneaky_signature"])
def test_pdfsig_says_that_the_update_is_not_signed(attack: str, tmp_path: Path) -> None:
    assert "Total document signed" in pdfsig(signed(), tmp_path)
    said = pdfsig(UPDATES[attack](signed()), tmp_path)
    ours = said.split("Signature #1:")[1].split("Signature #2:")[0]
    assert "Signed Ranges" in ours
    assert "Not total document signed" in ours


def test_an_update_is_named_as_such() -> None:
    for attack in ("new_content", "evil_annotation", "sneaky_signature", "copied_signature", "form_value"):
        assert reason(UPDATES[attack](signed())) == "pdf_changed"
    assert reason(WRAPPINGS["wrapped"](signed())) != "pdf_not_signed"
    assert reason(UNIVERSAL["other_key"](signed())) == "signature"


def test_a_file_without_a_certification_is_refused() -> None:
    assert reason(face()) == "pdf_not_signed"
    assert reason(signed(certify=False)) == "pdf_not_certified"
    assert reason(signed().replace(b"/P 1/V/1.2", b"/P 2/V/1.2")) == "pdf_not_certified"


def test_a_changed_byte_never_holds() -> None:
    """Every byte that the signature covers, sampled; and in the hole, where nothing covers it, every one."""
    pdf = signed()
    begin, resume = _hole(pdf)
    dice = random.Random(6)
    places = [*dice.sample(range(begin), 200), *range(begin, resume, 3), *dice.sample(range(resume, len(pdf)), 200)]
    for place in places:
        changed = bytearray(pdf)
        changed[place] ^= 1 << dice.randrange(7)
        try:
            check(bytes(changed), anchors=(ROOT.certificate,), now=LATER)
        except SigningError:
            continue
        pytest.fail(f"byte {place} of {begin}–{resume}–{len(pdf)} can be changed")


def test_no_damage_raises_anything_else() -> None:
    dice = random.Random(7)
    for pdf in (signed(), archived()):
        for _ in range(250):
            damaged = bytearray(pdf)
            for _ in range(dice.randrange(1, 5)):
                begin = dice.randrange(len(damaged))
                end = min(len(damaged), begin + dice.choice((1, 1, 4, 40, 4000)))
                match dice.randrange(4):
                    case 0:
                        del damaged[begin:end]
                    case 1:
                        damaged[begin:end] = dice.randbytes(end - begin)
                    case 2:
                        damaged[begin:begin] = damaged[dice.randrange(len(damaged)) :][: end - begin]
                    case 3:
                        damaged[begin:end] = dice.choice((b"<<", b"[", b"(", b"%%EOF", b"-1", b"99999999999", b"#50"))
            try:
                check(bytes(damaged), anchors=(ROOT.certificate,), now=LATER)
            except SigningError:
                continue
            assert bytes(damaged) == pdf


def _tail(body: bytes, trailer: bytes, entries: bytes = b"0 1\n0000000000 65535 f \n") -> bytes:
    head = b"%PDF-1.7\n" + body
    return head + b"xref\n" + entries + b"trailer\n" + trailer + b"\nstartxref\n%d\n%%%%EOF" % len(head)


@pytest.mark.parametrize(
    "pdf",
    [
        b"%PDF-1.7" + b" " * MAX_FILE_BYTES,
        _tail(b"", b"<</Size 1/Root 1 0 R/Prev 9>>"),  # a table that names itself
        _tail(b"", b"<</Size 1/Root 1 0 R/Prev 999999999>>"),
        _tail(b"", b"<<" * 5000),
        _tail(b"", b"<</Size 1/Root " + b"[" * 100_000 + b">>"),
        _tail(b"", b"<</Size 1/Root 1 0 R>>", b"0 999999\n"),
        _tail(b"", b"<</Size 1/Root (" + b"(" * 100_000 + b")>>"),
        _tail(b"1 0 obj\n<</Pages 1 0 R/Kids[1 0 R 1 0 R]>>\nendobj\n", b"<</Size 2/Root 1 0 R>>"),
        b"%PDF-1.7\n" + b"\nstartxref\n9\n%%EOF" * 1000,
        _tail(b"", b"<</Size 1/Root 1 0 R>>", b"0 0\n" * (MAX_FILE_BYTES // 4 - 100)),
        _tail(b"", b"<</Size 1/Root (" + b"a" * (MAX_FILE_BYTES - 200) + b")>>"),
    ],
)
def test_a_hostile_file_is_refused_quickly(pdf: bytes) -> None:
    begun = time.process_time()
    assert reason(pdf)
    with pytest.raises(SigningError):
        signed(pdf=pdf, seal=None)
    assert time.process_time() - begun < 5  # a bound against runaway work, far above what it takes


def test_a_page_tree_that_bites_its_tail_is_refused() -> None:
    head = b"%PDF-1.7\n"
    loop = b"1 0 obj\n<</Pages 1 0 R/Kids[1 0 R 1 0 R]>>\nendobj\n"
    entries = b"0 2\n0000000000 65535 f \n%010d 00000 n \n" % len(head)
    pdf = head + loop + b"xref\n" + entries
    pdf += b"trailer\n<</Size 2/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(head + loop)
    with pytest.raises(SigningError, match="cycle"):
        signed(pdf=pdf, seal=None)


def strange_stamp(digest: bytes) -> bytes:
    """Sound, of an authority that nobody trusts."""
    signer, root = SoftwareSigner.generate(), new_root("Stranger", now=NOW)
    leaf = issue_leaf(
        root,
        public=signer.public,
        organization=NAME,
        organization_id=USCC,
        role="timestamp",
        uri=URI,
        now=NOW,
        days=9999,
    )
    return stamp(digest, at=SIGNED - timedelta(days=9), authority=Authority(signer, (leaf,)))


def test_a_stamp_that_nobody_trusts_moves_no_time_and_raises_no_level() -> None:
    late = LATER + timedelta(days=1)
    pdf = pades_archive.add_document_stamp(signed(), stamp=strange_stamp)
    found = check(pdf, anchors=(ROOT.certificate,), now=LATER)
    assert (found.level, found.proven_at, found.stamps) == (Level.BASIC, None, ())
    pdf = pades_archive.add_document_stamp(signed(stamp=stamp), stamp=lambda digest: stamp(digest, at=LATER))
    pdf = pades_archive.add_validation(pdf, certificates=[LEAF, ROOT.certificate])
    pdf = pades_archive.add_document_stamp(pdf, stamp=strange_stamp)
    found = check(pdf, anchors=(ROOT.certificate,), now=late)
    assert (found.level, found.proven_at, len(found.stamps)) == (Level.LONG_TERM, SIGNED, 2)
    pdf = pades_archive.add_document_stamp(pdf, stamp=lambda digest: stamp(digest, at=late))
    assert check(pdf, anchors=(ROOT.certificate,), now=late).level is Level.ARCHIVED


def test_a_root_of_the_same_name_completes_no_path() -> None:
    other = new_root("Example City Root", now=NOW).certificate
    pdf = pades_archive.add_validation(signed(stamp=stamp), certificates=[LEAF, other])
    assert check(pdf, anchors=(ROOT.certificate,), now=LATER).level is Level.STAMPED


@pytest.mark.parametrize("listed", [b"null", b"0", b"false", b"()", b"<<>>", b"%d 0 R", b"[null]", b"[%d 0 R 0]"])
def test_validation_data_is_a_list_of_what_is_there(listed: bytes) -> None:
    assert reason(_with_validation(listed, stream(b"", LEAF))) == "pdf_changed"


def test_validation_data_is_der_and_its_numbers_are_below_the_size() -> None:
    listed = b"[%d 0 R]"
    assert check(_with_validation(listed, stream(b"", LEAF)), anchors=(ROOT.certificate,), now=LATER)
    hidden = b"\nendstream\nendobj\n4 0 obj\n<<>>\nendobj\n"
    assert reason(_with_validation(listed, stream(b"", hidden))) == "der"
    for text in (hidden, b"\rstartxref\r9\r%%EOF", b"4 0 obj", b"trailer<</Root 4 0 R>>"):  # in DER as well
        assert reason(_with_validation(listed, stream(b"", sequence(octets(text))))) == "pdf_changed"
    assert reason(_with_validation(listed, stream(b"", LEAF), short=1)) == "pdf_changed"


def _with_validation(listed: bytes, content: bytes, *, short: int = 0) -> bytes:
    pdf = signed()
    update = Update(read_file(pdf))
    store, added = update.reserve(), update.reserve()
    root = read_file(pdf).root
    update.put(root, pades_archive.with_entries(read_file(pdf), root, b"/DSS %d 0 R" % store, unless=()))
    update.put(store, b"<</Type/DSS/Certs%b>>" % (b" " + listed.replace(b"%d", b"%d" % added)))
    update.put(added, content)
    update._next -= short
    return pdf + update.written()[0]


@pytest.mark.parametrize("stray", [b"0\0", b"0\x020\0", b"0\x040\x020\0"])
def test_certificates_that_are_none_are_refused_whether_beside_the_path_or_named_by_the_signer(stray: bytes) -> None:
    """Nothing covers the hole: anybody puts another "certificate" into it; and a stranger names what he likes."""
    pdf = signed()
    begin, resume = _hole(pdf)
    info = read_padded(bytes.fromhex(pdf[begin + 1 : resume - 1].decode()), tag=SEQUENCE)
    whole = read_signed(info, content_type=cms.ID_DATA)
    beside = cms.new_writer((*whole.chain, stray), alg="ES256").envelope(whole.attributes, whole.signature)
    named = set_of(
        sequence(oid(cms.ID_CONTENT_TYPE), set_of(oid(cms.ID_DATA))),
        sequence(oid(cms.ID_MESSAGE_DIGEST), set_of(octets(bytes(32)))),
        sequence(oid(cms.ID_SIGNING_CERTIFICATE_V2), set_of(sequence(sequence(sequence(octets(sha256(stray))))))),
    )
    for content in (beside, _with_certificates(info, stray, named)):
        assert reason(_filled(pdf, content)) == "der"


def _with_certificates(info: Node, certificate: bytes, attributes: bytes) -> bytes:
    """The same signature structure with another certificate and other attributes."""
    kind, wrapped = children(info)
    data = [each.raw for each in children(children(wrapped)[0])]
    signer = [each.raw for each in children(children(read(data[4], tag=SET))[0])]
    signer[3] = b"\xa0" + attributes[1:]
    signed_data = sequence(*data[:3], tlv(0xA0, certificate), set_of(sequence(*signer)))
    return sequence(kind.raw, tlv(0xA0, signed_data))


def _filled(pdf: bytes, content: bytes) -> bytes:
    begin, resume = _hole(pdf)
    return pdf[:begin] + b"<" + content.hex().encode().ljust(resume - begin - 2, b"0") + b">" + pdf[resume:]


def _hole(pdf: bytes) -> tuple[int, int]:
    found = re.search(rb"/ByteRange\[0 (\d+) (\d+) ", pdf)
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("content", [b"0\0", b"0\x020\0", b"0\x04\x02\0\xa0\0", b"0\x060\0\xa0\x020\0", b""])
def test_what_goes_on_with_a_hole_full_of_something_else_says_so(content: bytes) -> None:
    other = _filled(signed(), content)
    with pytest.raises(SigningError):
        pades_archive.signature_value(other)
    with pytest.raises(SigningError):
        pades_archive.attach_stamp(other, stamp(b"\0" * 32))
