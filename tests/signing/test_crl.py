"""Revocation lists made by OpenSSL: what they say of a path, and every list that says less than it seems to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signing.errors import ChainError, MalformedError
from signing.keys import ES256, SoftwareSigner
from signing.pem import unwrap, wrap
from signing.sm2 import SM2SM3, Sm2Signer
from signing.x509.crl import RevocationLists, check_crl, read_crl
from signing.x509.pki import CertificateAuthority, issue_leaf, new_root
from tests.keys.openssl_ca import OpenSslCa

BEGAN = datetime.now(UTC) - timedelta(days=30)


def authority(alg: str = ES256, name: str = "Provincial CA 省级电子认证") -> CertificateAuthority:
    return new_root(name, now=BEGAN, alg=alg)


def certified(by: CertificateAuthority, alg: str = ES256) -> bytes:
    signer = Sm2Signer.generate() if alg == SM2SM3 else SoftwareSigner.generate()
    return issue_leaf(
        by,
        public=signer.public,
        organization="某局",
        organization_id="11990000MB0000002Q",
        role="issuer",
        uri="https://hub.example/issuers/1",
        now=BEGAN,
        days=365,
    )


@pytest.mark.parametrize(("alg", "digest"), [(ES256, "sha256"), (ES256, "sha384"), (SM2SM3, "sm3")])
def test_what_a_list_says_of_a_path_and_since_when(tmp_path: Path, alg: str, digest: str) -> None:
    root = authority(alg)
    bad, good = certified(root, alg), certified(root, alg)
    openssl = OpenSslCa(tmp_path, root, digest=digest)
    openssl.revoke(wrap(bad, "CERTIFICATE"), "-crl_compromise", "20260102030405Z")
    made = openssl.make()
    crl = read_crl(made)
    check_crl(crl, root.certificate, now=datetime.now(UTC))
    assert (crl.number, crl.count, crl.next_update - crl.this_update) == (1, 1, timedelta(days=7))
    assert read_crl(unwrap(made, "X509 CRL")) == crl
    lists = RevocationLists([crl.der])
    found = lists.revocation((bad, root.certificate))
    assert found is not None
    # Not since it was put on the list: since the key may have been in other hands.
    assert (found.since, found.reason) == (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "key_compromise")
    assert lists.revocation((good, root.certificate)) is None
    assert lists.covered_until((good, root.certificate)) == crl.next_update
    with pytest.raises(ChainError, match="crl_not_yet_valid"):
        check_crl(crl, root.certificate, now=crl.this_update - timedelta(minutes=6))


def test_a_list_speaks_only_for_the_authority_whose_key_signed_it(tmp_path: Path) -> None:
    """The same name, another key: neither does its list revoke anything, nor does it cover anything."""
    root, twin = authority(), authority()
    leaf = certified(root)
    openssl = OpenSslCa(tmp_path, twin)
    openssl.revoke(wrap(leaf, "CERTIFICATE"))
    crl = read_crl(openssl.make())
    with pytest.raises(ChainError, match="crl_issuer"):
        check_crl(crl, root.certificate, now=datetime.now(UTC))
    lists = RevocationLists([crl.der])
    assert lists.revocation((leaf, root.certificate)) is None
    assert lists.covered_until((leaf, root.certificate)) is None
    with pytest.raises(ChainError, match="crl_issuer"):
        check_crl(crl, authority(name="Somebody else").certificate, now=datetime.now(UTC))


@pytest.mark.parametrize("alg", [ES256, SM2SM3])
def test_an_edited_list_is_not_signed(tmp_path: Path, alg: str) -> None:
    root = authority(alg)
    openssl = OpenSslCa(tmp_path, root, digest="sm3" if alg == SM2SM3 else "sha256")
    openssl.revoke(wrap(certified(root, alg), "CERTIFICATE"))
    der = read_crl(openssl.make()).der
    at = der.index(b"\x17\x0d", der.index(b"\x17\x0d") + 2) + 2  # the digits of its end
    edited = der[:at] + b"49" + der[at + 2 :]
    with pytest.raises(ChainError, match="crl_signature"):
        check_crl(read_crl(edited), root.certificate, now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("deltaCRL = critical, DER:02:01:01", "crl_delta"),
        ("issuingDistributionPoint = critical, @idp\n[idp]\nindirectCRL = TRUE", "crl_indirect"),
        ("issuingDistributionPoint = critical, @idp\n[idp]\nonlysomereasons = keyCompromise", "crl_partial"),
        ("issuingDistributionPoint = critical, @idp\n[idp]\nonlyCA = TRUE", "crl_partial"),
        ("1.2.3.4 = critical, ASN1:NULL", "crl_terms"),
    ],
)
def test_a_list_that_says_less_than_it_seems_to_is_refused(tmp_path: Path, more: str, reason: str) -> None:
    root = authority()
    crl = read_crl(OpenSslCa(tmp_path, root, more=more).make())
    with pytest.raises(ChainError, match=reason):
        check_crl(crl, root.certificate, now=datetime.now(UTC))


def test_what_is_no_list_is_malformed(tmp_path: Path) -> None:
    root = authority()
    made = OpenSslCa(tmp_path, root).make()
    for data in (b"", b"nonsense", root.certificate, made[:-40], made + made, wrap(root.certificate, "X509 CRL")):
        with pytest.raises(MalformedError):
            read_crl(data)
    with pytest.raises(MalformedError):
        RevocationLists([b"nonsense"])
    with pytest.raises(MalformedError):
        check_crl(read_crl(made), b"nonsense", now=datetime.now(UTC))


def test_a_leafs_key_signs_no_list(tmp_path: Path) -> None:
    """Who has a certificate for documents might sign a list that spares himself, were usage not asked."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Not for lists")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
    ) | {"digital_signature": True}  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(BEGAN).not_valid_after(BEGAN + timedelta(days=39))
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = CertificateAuthority(made.public_bytes(Encoding.DER), pem)
    crl = read_crl(OpenSslCa(tmp_path, signer).make())
    with pytest.raises(ChainError, match="crl_usage"):
        check_crl(crl, signer.certificate, now=datetime.now(UTC))
