"""Chains that must hold, and every way one must not."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import ChainError, KeyPolicyError, MalformedError
from signing.keys import SoftwareSigner
from signing.pki import (
    CertificateAuthority,
    chain_from_header,
    fingerprint,
    issue_leaf,
    new_root,
    validate_chain,
    x5c,
)

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NAME = "示例市市场监督管理局"
USCC = "11990100MB0000001X"
URI = "https://samr.example.gov.cn"
ROOT = new_root("Example City Root", now=NOW)
SIGNER = SoftwareSigner.generate()
LEAF = issue_leaf(
    ROOT, public=SIGNER.public, organization=NAME, organization_id=USCC, role="issuer", uri=URI, now=NOW, days=365
)


@dataclass
class Recipe:
    """A certificate as somebody else might make it; the defaults make a good leaf."""

    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey = field(default_factory=lambda: SIGNER.public.public_key)
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...] = (
        (NameOID.ORGANIZATION_NAME, NAME),
        (NameOID.ORGANIZATION_IDENTIFIER, USCC),
    )
    names: tuple[x509.GeneralName, ...] = (
        x509.UniformResourceIdentifier(URI),
        x509.UniformResourceIdentifier("urn:yizheng:role:issuer"),
    )
    ca: bool = False
    path_length: int | None = None
    sign_documents: bool = True
    sign_certificates: bool = False
    key_usage: bool = True
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    start: datetime = NOW
    days: int = 365

    def make(self, issuer: CertificateAuthority = ROOT) -> bytes:
        parent = x509.load_der_x509_certificate(issuer.certificate)
        key = load_pem_private_key(issuer.private_key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in self.subject]))
            .issuer_name(parent.subject)
            .public_key(self.public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.start + timedelta(days=self.days))
            .add_extension(x509.BasicConstraints(self.ca, self.path_length), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        if self.key_usage:
            usage = x509.KeyUsage(
                digital_signature=self.sign_documents,
                key_cert_sign=self.sign_certificates,
                crl_sign=False,
                content_commitment=not self.sign_documents,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        for extension, critical in self.more:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def intermediate(
    issuer: CertificateAuthority, name: str, *, days: int = 365, path_length: int | None = None
) -> CertificateAuthority:
    signer = SoftwareSigner.generate()
    recipe = Recipe(
        public=signer.public.public_key,
        subject=((NameOID.COMMON_NAME, name),),
        names=(),
        ca=True,
        path_length=path_length,
        sign_certificates=True,  # beside digitalSignature, as many authorities have it
        days=days,
    )
    return CertificateAuthority(recipe.make(issuer), signer.to_pem())


def reason(
    chain: list[bytes], *, anchors: tuple[bytes, ...] = (ROOT.certificate,), now: datetime = NOW + timedelta(days=1)
) -> str:
    with pytest.raises(ChainError) as error:
        validate_chain(chain, anchors=anchors, now=now)
    return error.value.reason


def test_issued_leaf_says_whose_key_it_is() -> None:
    leaf = validate_chain([LEAF], anchors=[ROOT.certificate], now=NOW)
    assert (leaf.organization, leaf.organization_id) == (NAME, USCC)
    assert (leaf.roles, leaf.uris) == (frozenset({"issuer"}), (URI,))
    assert (leaf.not_before, leaf.not_after) == (NOW, NOW + timedelta(days=365))
    assert leaf.fingerprint == fingerprint(LEAF)
    assert leaf.public == SIGNER.public
    leaf.public.verify(b"message", SIGNER.sign(b"message"))


def test_chain_travels_through_the_header() -> None:
    assert chain_from_header({"x5c": x5c([LEAF, ROOT.certificate])}) == [LEAF, ROOT.certificate]


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl")
def test_openssl_accepts_the_chain_and_prints_the_same_fingerprint(tmp_path: Path) -> None:
    for name, der in (("root", ROOT.certificate), ("leaf", LEAF)):
        (tmp_path / name).write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    instant = str(int(NOW.timestamp()) + 1)
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", instant, "-CAfile", tmp_path / "root", tmp_path / "leaf"],
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    printed = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "leaf", "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert printed.stdout.strip().endswith(fingerprint(LEAF))


def test_good_leaf_of_another_authority_is_accepted() -> None:
    assert validate_chain([Recipe().make()], anchors=[ROOT.certificate], now=NOW).uris == (URI,)


def test_chain_over_three_intermediates_is_accepted() -> None:
    one = intermediate(ROOT, "One")
    two = intermediate(one, "Two")
    three = intermediate(two, "Three")
    chain = [Recipe().make(three), three.certificate, two.certificate, one.certificate]
    assert validate_chain(chain, anchors=[ROOT.certificate], now=NOW).organization_id == USCC


def test_chain_longer_than_four_is_refused() -> None:
    authorities = [ROOT]
    for name in ("One", "Two", "Three", "Four"):
        authorities.append(intermediate(authorities[-1], name))
    chain = [Recipe().make(authorities[-1]), *(ca.certificate for ca in reversed(authorities[1:]))]
    assert reason(chain) == "too_long"
    assert reason([]) == "empty"


def test_foreign_anchor_is_refused_even_under_the_same_name() -> None:
    assert reason([LEAF], anchors=(new_root("Example City Root", now=NOW).certificate,)) == "path"
    assert reason([LEAF], anchors=(new_root("Other Root", now=NOW).certificate,)) == "path"


def test_one_right_anchor_among_several_is_enough() -> None:
    anchors = [new_root("Example City Root", now=NOW).certificate, ROOT.certificate]
    assert validate_chain([LEAF], anchors=anchors, now=NOW).organization_id == USCC


@pytest.mark.parametrize("anchors", [(), (b"garbage",), (ROOT.certificate, b"")])
def test_unreadable_or_missing_anchor_is_refused(anchors: tuple[bytes, ...]) -> None:
    assert reason([LEAF], anchors=anchors) == "anchor"


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW - timedelta(seconds=1), "not_yet_valid"), (NOW + timedelta(days=365, seconds=1), "expired")],
)
def test_leaf_outside_its_dates_is_refused(now: datetime, expected: str) -> None:
    assert reason([LEAF], now=now) == expected


def test_expired_root_or_intermediate_ends_the_path() -> None:
    middle = intermediate(ROOT, "Middle", days=10)
    chain = [Recipe().make(middle), middle.certificate]
    validate_chain(chain, anchors=[ROOT.certificate], now=NOW + timedelta(days=9))
    assert reason(chain, now=NOW + timedelta(days=11)) == "path"
    short = new_root("Short Root", now=NOW, years=0)
    assert reason([Recipe().make(short)], anchors=(short.certificate,)) == "path"


def test_leaf_never_outlives_its_root() -> None:
    root = new_root("Root", now=NOW, years=1)
    der = issue_leaf(
        root, public=SIGNER.public, organization=NAME, organization_id=USCC, role="hub", uri=URI, now=NOW, days=4000
    )
    assert validate_chain([der], anchors=[root.certificate], now=NOW).not_after == NOW + timedelta(days=365)


def test_leaf_used_as_authority_is_refused() -> None:
    below = Recipe().make(CertificateAuthority(LEAF, SIGNER.to_pem()))
    assert reason([below, LEAF]) == "path"


def test_path_length_of_an_intermediate_is_kept() -> None:
    one = intermediate(ROOT, "One", path_length=0)
    two = intermediate(one, "Two")
    assert reason([Recipe().make(two), two.certificate, one.certificate]) == "path"


def test_authority_presented_as_leaf_is_refused() -> None:
    assert reason([ROOT.certificate]) == "leaf_is_ca"
    assert reason([intermediate(ROOT, "One").certificate]) == "leaf_is_ca"


def test_root_inside_the_chain_is_refused() -> None:
    assert reason([LEAF, ROOT.certificate]) == "root_in_chain"


def test_certificate_off_the_path_is_refused() -> None:
    assert reason([LEAF, intermediate(ROOT, "One").certificate]) == "unused_certificate"


def test_certificates_in_another_order_are_refused() -> None:
    one = intermediate(ROOT, "One")
    two = intermediate(one, "Two")
    assert reason([Recipe().make(two), one.certificate, two.certificate]) == "unused_certificate"


@pytest.mark.parametrize(
    "recipe", [Recipe(key_usage=False), Recipe(sign_documents=False), Recipe(sign_certificates=True)]
)
def test_leaf_without_exactly_the_right_key_usage_is_refused(recipe: Recipe) -> None:
    assert reason([recipe.make()]) == "key_usage"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()).public_key(),
        lambda: rsa.generate_private_key(65537, 3072).public_key(),
    ],
    ids=["P-384", "RSA"],
)
def test_leaf_with_a_key_other_than_p256_is_refused(
    make: Callable[[], ec.EllipticCurvePublicKey | rsa.RSAPublicKey],
) -> None:
    assert reason([Recipe(public=make()).make()]) == "leaf_key"


@pytest.mark.parametrize(
    "more",
    [
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),),
    ],
    ids=["unknown critical extension", "another purpose"],
)
def test_leaf_with_terms_not_understood_is_refused(more: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    assert reason([Recipe(more=more).make()]) == "path"


def test_leaf_without_names_is_refused() -> None:
    assert reason([Recipe(names=()).make()]) == "path"


ORGANIZATION = (NameOID.ORGANIZATION_NAME, NAME)
IDENTIFIER = (NameOID.ORGANIZATION_IDENTIFIER, USCC)


@pytest.mark.parametrize(
    "subject",
    [
        (ORGANIZATION,),
        (IDENTIFIER,),
        (ORGANIZATION, IDENTIFIER, (NameOID.ORGANIZATION_IDENTIFIER, USCC[:-1] + "1")),
        (ORGANIZATION, ORGANIZATION, IDENTIFIER),
        (ORGANIZATION, (NameOID.ORGANIZATION_IDENTIFIER, USCC.lower())),
        ((NameOID.ORGANIZATION_NAME, "a\nb"), IDENTIFIER),
    ],
    ids=["no identifier", "no name", "two identifiers", "two names", "lower case", "control character"],
)
def test_leaf_that_does_not_name_one_organisation_is_refused(
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...],
) -> None:
    assert reason([Recipe(subject=subject).make()]) == "subject"


def test_every_changed_bit_of_the_signed_part_is_noticed() -> None:
    for position in range(4, 4 + len(x509.load_der_x509_certificate(LEAF).tbs_certificate_bytes)):
        for bit in (1, 128):
            changed = bytearray(LEAF)
            changed[position] ^= bit
            assert reason([bytes(changed)])


def test_negative_serial_number_is_refused() -> None:
    at = LEAF.index(b"\xa0\x03\x02\x01\x02") + 7  # the version, then tag and length of the serial number
    assert reason([LEAF[:at] + b"\xff" + LEAF[at + 1 :]]) in {"certificate", "path"}


@given(st.binary())
def test_garbage_is_refused(data: bytes) -> None:
    assert reason([data]) == "certificate"
    assert reason([LEAF, data]) == "certificate"
    assert reason([LEAF + data + b"\0"]) == "certificate"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        [],
        x5c([LEAF])[0],
        x5c([LEAF] * 5),
        [b"bytes"],
        [1],
        [""],
        ["é"],
        [x5c([LEAF])[0] + "\n"],
        [x5c([b"\xfb\xff"])[0].replace("+", "-").replace("/", "_")],
        ["AB=="],
        ["AAA"],
        x5c([bytes(9000)]),
    ],
)
def test_header_of_another_form_is_malformed(value: object) -> None:
    with pytest.raises(MalformedError) as error:
        chain_from_header({"x5c": value})
    assert error.value.reason == "x5c"


def test_header_without_x5c_is_malformed() -> None:
    with pytest.raises(MalformedError):
        chain_from_header({})


@pytest.mark.parametrize(
    ("organization_id", "role", "uri"),
    [(USCC[1:], "issuer", URI), (USCC, "root", URI), (USCC, "issuer", "urn:yizheng:role:hub")],
)
def test_leaf_that_would_not_validate_is_not_issued(organization_id: str, role: str, uri: str) -> None:
    with pytest.raises(ValueError):
        issue_leaf(
            ROOT,
            public=SIGNER.public,
            organization=NAME,
            organization_id=organization_id,
            role=role,  # type: ignore[arg-type]
            uri=uri,
            now=NOW,
            days=1,
        )


def test_authority_with_another_kind_of_key_does_not_issue() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyPolicyError):
        issue_leaf(
            CertificateAuthority(ROOT.certificate, pem),
            public=SIGNER.public,
            organization=NAME,
            organization_id=USCC,
            role="issuer",
            uri=URI,
            now=NOW,
            days=1,
        )


def test_private_key_is_not_printed() -> None:
    assert "PRIVATE" not in repr(ROOT)


def test_naive_now_is_a_value_error() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError):
        validate_chain([LEAF], anchors=[ROOT.certificate], now=naive)
    with pytest.raises(ValueError):
        new_root("Root", now=naive)
