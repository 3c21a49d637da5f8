"""A sealed OFD: what it proves, and that nothing in it can be changed, added, hidden or read in two ways."""

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates.rendering.ofd import document as ofd
from certificates.rendering.ofd import zip as ofd_zip
from certificates.rendering.ofd.sealing import SEAL, SIGNATURE, SIGNED_VALUE, finish, prepare
from certificates.rendering.ofd.zip import read_package, write_package
from signing.errors import KeyPolicyError, SigningError
from signing.keys import SoftwareSigner
from signing.ses import seal as ses
from signing.sm2 import sm3
from tests.certificates.ofd_faces import BINDING, IDENTIFIER, checked, copy_face, esl, face, picture, sealed
from tests.signing.chains import USCC
from tests.signing.sealed import SEALED, new_seal, stamp
from tests.signing.sm2_chains import LEAF, SIGNER

PACKAGE = sealed(stamp=stamp)
FILES = read_package(PACKAGE)


def reason(package: bytes) -> str:
    with pytest.raises(SigningError) as error:
        checked(package)
    return error.value.reason


def resealed(files: Mapping[str, bytes]) -> bytes:
    """As the signer itself would seal other files: their digests are right, so only the structure can be wrong."""
    unsigned = ofd.write(face())
    clean = {name: data for name, data in files.items() if name not in {SIGNATURE, SIGNED_VALUE}}
    made = prepare(
        ofd.Unsigned(clean, unsigned.seal, unsigned.page_id, unsigned.information), seal=esl(), chain=[LEAF], now=SEALED
    )
    return finish(made, SIGNER.sign(made.message), stamp=None)


def test_a_sealed_document_says_what_it_proves() -> None:
    found = checked(PACKAGE)
    assert (found.identifier, found.binding) == (IDENTIFIER, BINDING)
    assert (found.type_code, found.issuer_code) == ("11990000MB0000002Q001", "11990000MB0000001M")
    assert (found.sealed.leaf.organization_id, found.sealed.signed_at) == (USCC, SEALED)
    assert found.sealed.picture == picture()
    assert found.sealed.stamp is not None
    assert found.sealed.stamp.time == SEALED
    assert found.files.keys() == FILES.keys()


def test_a_purpose_copy_is_sealed_without_a_binding() -> None:
    assert checked(sealed(copy_face())).binding is None


def test_a_key_elsewhere_signs_the_same_message_again() -> None:
    first, second = (prepare(ofd.write(face()), seal=esl(), chain=[LEAF], now=SEALED) for _ in range(2))
    assert first.message == second.message
    assert checked(finish(second, SIGNER.sign(first.message), stamp=None)).identifier == IDENTIFIER


def test_other_suites_seal_nothing() -> None:
    with pytest.raises(KeyPolicyError):
        sealed(signer=SoftwareSigner.generate())


@pytest.mark.parametrize("name", FILES)
def test_no_file_may_change(name: str) -> None:
    data = FILES[name]
    for position in range(0, len(data), max(1, len(data) // 40)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        package = write_package({**FILES, name: bytes(changed)})
        if name == SIGNED_VALUE and position > data.index(b"\xa0\x82", len(data) // 2):
            continue  # inside the time-stamp: see test_ses
        reason(package)


@pytest.mark.parametrize("name", FILES)
def test_no_file_may_be_missing(name: str) -> None:
    reason(write_package({other: data for other, data in FILES.items() if other != name}))


@pytest.mark.parametrize("name", ["Doc_0/Signs/Sign_1/Signature.xml", "Doc_0/Res/image.png", "Doc_1/Document.xml", "x"])
def test_no_file_may_be_added(name: str) -> None:
    assert reason(write_package({**FILES, name: b"<x/>"})) == "uncovered_file"


def test_a_bit_of_the_package_changes_nothing_or_is_refused() -> None:
    for position in range(0, len(PACKAGE), 97):
        changed = bytearray(PACKAGE)
        changed[position] ^= 1 << position % 8
        try:
            found = checked(bytes(changed))
        except SigningError:
            continue
        # The last bits of a deflate stream mean nothing; of a stamp's envelope see test_ses.
        assert {**found.files, SIGNED_VALUE: b""} == {**FILES, SIGNED_VALUE: b""}


def test_an_unsigned_document_is_named_as_such() -> None:
    assert reason(ofd.write(face()).to_bytes()) == "not_sealed"


def test_the_seal_that_is_shown_is_the_seal_that_was_used() -> None:
    other = new_seal(picture=picture(), name="另一印章")
    made = prepare(ofd.write(face()), seal=esl(), chain=[LEAF], now=SEALED)
    assert made.files[SEAL] == esl() != other
    swapped = resealed({**ofd.write(face()).files})
    assert checked(swapped).identifier == IDENTIFIER
    # A signer that puts another seal's file beside its own signature, digests and all.
    files = read_package(swapped)
    described = files[SIGNATURE].replace(digest_of(esl()), digest_of(other))
    value = ses.sign(
        described, location=f"/{SIGNATURE}", seal=esl(), signer=SIGNER, chain=[LEAF], now=SEALED, stamp=None
    )
    assert reason(write_package({**files, SEAL: other, SIGNATURE: described, SIGNED_VALUE: value})) == "seal_file"


def digest_of(data: bytes) -> bytes:
    return base64.b64encode(sm3(data))


SIGNED_LIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another time": (lambda xml: xml.replace(b"20260311080000Z", b"20250311080000Z"), "signing_time"),
    "another algorithm": (lambda xml: xml.replace(b"1.2.156.10197.1.501", b"1.2.840.10045.4.3.2"), "ofd_structure"),
    "a digest twice": (
        lambda xml: xml.replace(b'FileRef="/Doc_0/Document.xml"', b'FileRef="/OFD.xml"'),
        "ofd_structure",
    ),
    "a path that climbs": (lambda xml: xml.replace(b'"/Doc_0/Document.xml"', b'"/../Document.xml"'), "ofd_structure"),
    "a comment": (lambda xml: xml.replace(b"<ofd:Provider", b"<!-- x --><ofd:Provider"), "ofd_xml"),
    "a document type": (
        lambda xml: xml.replace(b"<ofd:Signature ", b'<!DOCTYPE x [<!ENTITY e "e">]><ofd:Signature ', 1),
        "ofd_xml",
    ),
    "another encoding": (lambda xml: xml.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "ofd_xml"),
    "not UTF-8": (lambda xml: xml.replace(b"Yizheng", b"\xff\xfe", 1), "ofd_xml"),
    "deep": (
        lambda xml: xml.replace(b"</ofd:SignedInfo>", b"<a>" * 200 + b"</a>" * 200 + b"</ofd:SignedInfo>"),
        "ofd_xml",
    ),
    "huge": (lambda xml: xml.replace(b"</ofd:SignedInfo>", b" " * 300_000 + b"</ofd:SignedInfo>"), "ofd_xml"),
    "two signatures in one": (
        lambda xml: xml.replace(b"<ofd:SignedInfo>", b"<ofd:SignedInfo/><ofd:SignedInfo>", 1).replace(
            b"</ofd:SignedInfo>",
            b"</ofd:SignedInfo><ofd:SignedValue>x</ofd:SignedValue>",
        ),
        "ofd_structure",
    ),
}


@pytest.mark.parametrize("lie", SIGNED_LIES)
def test_a_description_that_its_own_signer_forged_is_refused(lie: str) -> None:
    change, expected = SIGNED_LIES[lie]
    described = change(FILES[SIGNATURE])
    assert described != FILES[SIGNATURE]
    value = ses.sign(
        described, location=f"/{SIGNATURE}", seal=esl(), signer=SIGNER, chain=[LEAF], now=SEALED, stamp=None
    )
    assert reason(write_package({**FILES, SIGNATURE: described, SIGNED_VALUE: value})) == expected


def test_a_document_of_two_bodies_or_two_answers_to_one_name_is_refused() -> None:
    unsigned = ofd.write(face())
    entry = ofd.entry(unsigned.information, signed=True)
    twice = entry.replace(
        b"</ofd:CustomDatas>", '<ofd:CustomData Name="证照标识">x</ofd:CustomData></ofd:CustomDatas>'.encode()
    )
    body = entry[entry.index(b"<ofd:DocBody>") : entry.index(b"</ofd:OFD>")]
    for changed, expected in (
        (twice, "identifier"),
        (entry.replace(IDENTIFIER.encode(), IDENTIFIER.encode() + b"<ofd:X/>2", 1), "identifier"),
        (entry.replace(b"</ofd:OFD>", body + b"</ofd:OFD>"), "ofd_structure"),
    ):
        package = write_package({**read_package(resealed(unsigned.files)), "OFD.xml": changed})
        assert reason(package) == expected


# Zip: one reader's package is another's.


def rezipped(change: Callable[[zipfile.ZipFile], None], **options: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as package:  # type: ignore[call-overload]
        for name, data in FILES.items():
            package.writestr(zipfile.ZipInfo(name), data)
        change(package)
    return out.getvalue()


def patched(package: bytes, at: int, data: bytes) -> bytes:
    return package[:at] + data + package[at + len(data) :]


def entry_of(name: bytes, content: bytes, method: int, size: int) -> tuple[bytes, bytes]:
    common = struct.pack("<5H3L2H", 20, 0, method, 0, 0x21, zlib.crc32(content), len(content), size, len(name), 0)
    return b"PK\x03\x04" + common + name + content, b"PK\x01\x02" + struct.pack("<H", 20) + common


def zip_of(*entries: tuple[bytes, bytes, int, int]) -> bytes:
    body, directory = b"", b""
    for name, content, method, size in entries:
        local, central = entry_of(name, content, method, size)
        directory += central + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + name
        body += local
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + end


def forged_name(name: bytes) -> bytes:
    return zip_of((name, b"x", 0, 1))


def doubled(name: str) -> bytes:
    return zip_of(*[(name.encode(), b"x", 0, 1)] * 2)


def lying_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return zip_of((b"OFD.xml", packer.compress(bytes(1 << 20)) + packer.flush(), 8, 10))


CENTRAL = PACKAGE.index(b"PK\x01\x02")
ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "zip"),
    "only an end": (lambda: PACKAGE[-22:], "zip"),
    "bytes in front": (lambda: b"MZ" + PACKAGE, "zip"),
    "bytes behind": (lambda: PACKAGE + b"x", "zip"),
    "a comment": (lambda: PACKAGE[:-2] + b"\x05\x00hello", "zip"),
    "a gap between files": (lambda: PACKAGE[:CENTRAL] + b"PK\x03\x04hidden" + PACKAGE[CENTRAL:], "zip"),
    "names that differ in the two headers": (lambda: patched(PACKAGE, 30, b"ofd.xml"), "zip"),
    "sizes that differ in the two headers": (lambda: patched(PACKAGE, 22, b"\x01\x00\x00\x00"), "zip"),
    "another day": (lambda: patched(PACKAGE, 12, b"\x22\x00"), "zip"),
    "the same name twice": (lambda: doubled("OFD.xml"), "zip_name"),
    "the same name in other case": (lambda: write_package({**FILES, "ofd.XML": b""}), "zip_name"),
    "a path that climbs": (lambda: forged_name(b"../x.xml"), "zip_name"),
    "a path from the root": (lambda: forged_name(b"/etc.xml"), "zip_name"),
    "a path of Windows": (lambda: forged_name(b"a\\b.xml1"), "zip_name"),
    "a path with a dot": (lambda: forged_name(b"a/./b.xm"), "zip_name"),
    "a folder": (lambda: forged_name(b"abcdefg/"), "zip_name"),
    "a name with a NUL": (lambda: forged_name(b"a\0b.xml1"), "zip_name"),
    "another maker's zip": (lambda: rezipped(lambda _: None), "zip"),
    "more files than any document has": (lambda: write_package({f"f{n}": b"" for n in range(600)}), "zip"),
    "a bomb": (
        lambda: write_package({**FILES, "bomb": bytes(32 * 1024 * 1024), "more": bytes(32 * 1024 * 1024)}),
        "zip_bomb",
    ),
    "a bomb that lies about its size": (lying_bomb, "zip_bomb"),
    "a file too large": (lambda: bytes(ofd_zip.MAX_PACKAGE_BYTES + 1), "too_large"),
}


@pytest.mark.parametrize("case", ZIPS)
def test_a_zip_that_could_be_read_in_two_ways_is_refused(case: str) -> None:
    make, expected = ZIPS[case]
    assert reason(make()) == expected


def test_the_zip_that_the_tests_forge_is_read_when_it_is_honest() -> None:
    assert read_package(zip_of((b"OFD.xml", b"x", 0, 1), (b"a/b-c_d.1", b"", 0, 0))) == {
        "OFD.xml": b"x",
        "a/b-c_d.1": b"",
    }


def test_other_programs_read_the_package() -> None:
    with zipfile.ZipFile(io.BytesIO(PACKAGE)) as package:
        assert package.testzip() is None
        assert {name: package.read(name) for name in package.namelist()} == FILES


@given(st.binary(max_size=400))
def test_anything_is_refused(data: bytes) -> None:
    reason(data)
    reason(b"PK\x03\x04" + data + PACKAGE[-22:])


@given(st.integers(0, len(PACKAGE) - 1), st.integers(0, 60), st.binary(max_size=60))
@settings(max_examples=60)
def test_whatever_is_cut_out_and_put_in_only_our_errors_leave(start: int, length: int, new: bytes) -> None:
    changed = PACKAGE[:start] + new + PACKAGE[start + length :]
    if len(changed) != len(PACKAGE):
        reason(changed)


def test_a_time_of_signing_to_come_is_refused() -> None:
    with pytest.raises(SigningError) as error:
        checked(PACKAGE, now=SEALED - timedelta(minutes=1))
    assert error.value.reason == "signed_in_future"
