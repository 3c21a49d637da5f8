"""An authority, a leaf it issued, and certificates as somebody else might make them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from signing.errors import ChainError
from signing.keys import SoftwareSigner
from signing.x509.pki import CertificateAuthority, issue_leaf, new_root, validate_chain

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


def intermediate(issuer: CertificateAuthority, name: str, **changes: object) -> CertificateAuthority:
    signer = SoftwareSigner.generate()
    recipe = Recipe(
        public=signer.public.public_key,
        subject=((NameOID.COMMON_NAME, name),),
        names=(),
        ca=True,
        sign_certificates=True,  # beside digitalSignature, as many authorities have it
    )
    for field_name, value in changes.items():
        setattr(recipe, field_name, value)
    return CertificateAuthority(recipe.make(issuer), signer.to_pem())


def reason(
    chain: list[bytes], *, anchors: tuple[bytes, ...] = (ROOT.certificate,), now: datetime = NOW + timedelta(days=1)
) -> str:
    with pytest.raises(ChainError) as error:
        validate_chain(chain, anchors=anchors, now=now)
    return error.value.reason
