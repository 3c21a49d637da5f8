"""Time-stamps: accepted by openssl and rfc3161-client, and refused when they are for something else."""

import hashlib
import random
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing.canonical import sha256
from signing.cms import der as cms_der
from signing.errors import ChainError, ClaimError, MalformedError, SigningError
from signing.keys import SoftwareSigner
from signing.rsa_keys import RsaSigner
from signing.tsp import tokens as tsp
from signing.tsp.authority import Authority
from signing.x509.pki import new_root
from tests.signing.chains import LEAF, NOW, ROOT, Recipe, intermediate
from tests.signing.stamped import AUTHORITY, LATER, ROOT_PEM, SIGNED, STAMP_LEAF, STAMPER, stamp

DATA = "示例市".encode()
DIGEST = sha256(DATA)
ANCHORS = (ROOT.certificate,)
STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


def openssl(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, text=True)


def asked(folder: Path, options: str = "-sha256 -cert") -> bytes:
    (folder / "data").write_bytes(DATA)
    (folder / "root.pem").write_bytes(ROOT_PEM)
    openssl(folder, f"ts -query -data data -out query.tsq {options}")
    return (folder / "query.tsq").read_bytes()


def verified(folder: Path, answer: bytes, options: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "answer.tsr").write_bytes(answer)
    moment = int(LATER.timestamp())
    return openssl(
        folder, f"ts -verify -queryfile query.tsq -in answer.tsr -CAfile root.pem -attime {moment} {options}"
    )


@pytest.mark.parametrize("options", ["-sha256 -cert", "-sha512 -cert", "-sha384 -cert -no_nonce", "-sha256"])
def test_openssl_verifies_our_stamps(tmp_path: Path, options: str) -> None:
    answer = AUTHORITY.answer(asked(tmp_path, options), now=SIGNED, serial=2**120 + 1)
    (tmp_path / "leaf.pem").write_bytes(x509.load_der_x509_certificate(STAMP_LEAF).public_bytes(Encoding.PEM))
    done = verified(tmp_path, answer, "" if "-cert" in options else "-untrusted leaf.pem")
    assert "Verification: OK" in done.stdout, done.stderr


def test_openssl_refuses_our_stamp_of_something_else(tmp_path: Path) -> None:
    asked(tmp_path)
    other = AUTHORITY.answer(tsp.request(sha256(b"other"), nonce=5), now=SIGNED, serial=1)
    assert "Verification: FAILED" in verified(tmp_path, other).stdout


@pytest.mark.parametrize(
    ("options", "failure"),
    [("-sha1 -cert", "badAlg"), ("-sha256 -tspolicy 1.2.3", "unacceptedPolicy")],
)
def test_a_request_that_is_not_granted_says_why(tmp_path: Path, options: str, failure: str) -> None:
    answer = AUTHORITY.answer(asked(tmp_path, options), now=SIGNED, serial=1)
    assert failure in verified(tmp_path, answer).stderr
    with pytest.raises(ClaimError, match="tsp_rejected"):
        tsp.token_of(answer, digest=DIGEST, nonce=None)


def test_rfc3161_client_verifies_our_stamps() -> None:
    from rfc3161_client import TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
    from rfc3161_client.errors import VerificationError

    question = TimestampRequestBuilder().data(DATA).build()
    answer = decode_timestamp_response(AUTHORITY.answer(question.as_bytes(), now=SIGNED, serial=7))
    judge = VerifierBuilder().add_root_certificate(x509.load_der_x509_certificate(ROOT.certificate)).build()
    assert judge.verify(answer, hashlib.sha512(DATA).digest())
    with pytest.raises(VerificationError):
        judge.verify(answer, hashlib.sha512(b"other").digest())


def test_a_stamp_says_who_when_and_that_it_is_for_trying_out() -> None:
    found = tsp.verify_token(stamp(DIGEST), digest=DIGEST, anchors=ANCHORS, now=LATER)
    assert (found.time, found.authority, found.policy) == (SIGNED, "试用时间戳", tsp.TRIAL_POLICY)
    assert found.trial
    assert found.accuracy == timedelta(seconds=1)


def test_another_authority_under_its_own_policy_is_not_for_trying_out() -> None:
    """RSA, an issuing authority in between, policy of its own: as authorities elsewhere are made."""
    between = intermediate(ROOT, "Example Stamping CA")
    signer = RsaSigner.generate()
    leaf = Recipe(public=signer.public.public_key, names=(), more=(STAMPING,)).make(between)
    other = Authority(signer, (leaf, between.certificate), policy="1.3.6.1.4.1.99999.1")
    found = tsp.verify_token(stamp(DIGEST, authority=other), digest=DIGEST, anchors=ANCHORS, now=LATER)
    assert (found.trial, found.policy) == (False, "1.3.6.1.4.1.99999.1")


def test_a_stamp_is_only_for_its_digest_nonce_and_time() -> None:
    answer = AUTHORITY.answer(tsp.request(DIGEST, nonce=5), now=SIGNED, serial=1)
    with pytest.raises(ClaimError, match="tsp_nonce"):
        tsp.token_of(answer, digest=DIGEST, nonce=6)
    with pytest.raises(ClaimError, match="tsp_imprint"):
        tsp.token_of(answer, digest=sha256(b"other"), nonce=5)
    token = tsp.token_of(answer, digest=DIGEST, nonce=5)
    with pytest.raises(ClaimError, match="stamp_imprint"):
        tsp.verify_token(token, digest=sha256(b"other"), anchors=ANCHORS, now=LATER)
    with pytest.raises(ClaimError, match="stamp_time"):
        tsp.verify_token(token, digest=DIGEST, anchors=ANCHORS, now=SIGNED - timedelta(minutes=1))


@pytest.mark.parametrize(
    "more",
    [
        (),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), False),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]), True),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True),),
    ],
    ids=["none", "not_critical", "another_too", "another"],
)
def test_a_key_that_is_not_for_stamps_alone_stamps_nothing(more: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    leaf = Recipe(public=STAMPER.public.public_key, more=more).make()
    token = stamp(DIGEST, authority=Authority(STAMPER, (leaf,)))
    with pytest.raises(ChainError, match="purpose"):
        tsp.verify_token(token, digest=DIGEST, anchors=ANCHORS, now=LATER)


def test_stamps_lead_to_an_anchor_and_end_with_their_certificate() -> None:
    stranger = (new_root("Another Root", now=NOW).certificate,)
    for anchors, now in ((stranger, LATER), (ANCHORS, NOW + timedelta(days=366))):
        with pytest.raises(ChainError, match="path"):
            tsp.verify_token(stamp(DIGEST), digest=DIGEST, anchors=anchors, now=now)


def test_a_certificate_beside_the_signers_does_not_take_its_place() -> None:
    """Two certificates over one key, one of them longer: which one signed is part of what is signed (RFC 5035)."""
    longer = Recipe(public=STAMPER.public.public_key, more=(STAMPING,), days=3000).make()
    token = stamp(DIGEST)
    assert token.count(STAMP_LEAF) == 1
    forged = _with_certificate(token, longer)
    with pytest.raises(SigningError, match="signing_certificate"):
        tsp.verify_token(forged, digest=DIGEST, anchors=ANCHORS, now=LATER)


def _with_certificate(token: bytes, certificate: bytes) -> bytes:
    kind, wrapped = cms_der.children(cms_der.read(token))
    version, digests, content, _, signers = cms_der.children(cms_der.children(wrapped)[0])
    parts = (version.raw, digests.raw, content.raw, cms_der.tlv(0xA0, certificate), signers.raw)
    return cms_der.sequence(kind.raw, cms_der.tlv(0xA0, cms_der.sequence(*parts)))


def test_a_licence_key_is_no_authority() -> None:
    from tests.signing.chains import SIGNER

    token = stamp(DIGEST, authority=Authority(SIGNER, (LEAF,)))
    with pytest.raises(ChainError, match="purpose"):
        tsp.verify_token(token, digest=DIGEST, anchors=ANCHORS, now=LATER)


def test_a_signature_by_another_key_is_refused() -> None:
    token = stamp(DIGEST, authority=Authority(SoftwareSigner.generate(), (STAMP_LEAF,)))
    with pytest.raises(SigningError, match="signature"):
        tsp.verify_token(token, digest=DIGEST, anchors=ANCHORS, now=LATER)


def test_whatever_is_asked_is_answered() -> None:
    dice = random.Random(3)
    good = tsp.request(DIGEST, nonce=2**64)
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        answer = AUTHORITY.answer(bytes(damaged), now=SIGNED, serial=1)
        status = cms_der.children(cms_der.children(cms_der.read(answer))[0])[0]
        assert cms_der.read_integer(status) in {0, 2}
    for strange in (b"", b"0", bytes(5000), cms_der.sequence()):
        with pytest.raises(ClaimError, match="tsp_rejected"):
            tsp.token_of(AUTHORITY.answer(strange, now=SIGNED, serial=1), digest=DIGEST, nonce=None)


def test_no_damage_to_a_token_or_answer_raises_anything_else() -> None:
    dice = random.Random(4)
    answer = AUTHORITY.answer(tsp.request(DIGEST, nonce=5), now=SIGNED, serial=1)
    token = tsp.token_of(answer, digest=DIGEST, nonce=5)
    for _ in range(600):
        damaged = bytearray(dice.choice((answer, token)))
        place = dice.randrange(len(damaged))
        damaged[place] ^= 1 << dice.randrange(8)
        for check in (
            lambda: tsp.token_of(bytes(damaged), digest=DIGEST, nonce=5),  # noqa: B023
            lambda: tsp.verify_token(bytes(damaged), digest=DIGEST, anchors=ANCHORS, now=LATER),  # noqa: B023
        ):
            try:
                check()
            except SigningError:
                continue


@pytest.mark.parametrize(
    "der",
    [
        b"0\x80\x00\x00",
        b"0\x81\x01\x00",
        b"0\x82\x00\x80" + bytes(128),
        b"\x1f\x81\x01\x00",
        b"0\x02\x02",
        b"0\x00\x00",
    ],
    ids=["indefinite", "long_form", "zero_in_front", "high_tag", "cut_off", "more"],
)
def test_other_encodings_are_no_der(der: bytes) -> None:
    with pytest.raises(MalformedError):
        cms_der.read(der)


def test_identifiers_come_back_as_they_went() -> None:
    for dotted in ("1.2.840.113549.1.9.16.1.4", "2.16.840.1.101.3.4.2.1", tsp.TRIAL_POLICY, "0.9.2342", "2.999"):
        assert cms_der.read_oid(cms_der.read(cms_der.oid(dotted))) == dotted
    for number in (0, 1, 127, 128, 255, 256, 2**64, 2**159):
        assert cms_der.read_integer(cms_der.read(cms_der.integer(number))) == number
