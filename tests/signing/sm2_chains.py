"""SM2 authorities and certificates as somebody else might make them; openssl signs what ours would not."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from signing.errors import ChainError
from signing.sm2 import SM2SM3, Sm2Key, Sm2Signer
from signing.x509 import leaf as leaves
from signing.x509 import sm2 as x509_sm2
from signing.x509.pki import CertificateAuthority, issue_leaf, new_root, validate_chain
from tests.signing.chains import NAME, NOW, URI, USCC

ROOT = new_root("示例市商用密码根", now=NOW, alg=SM2SM3)
SIGNER = Sm2Signer.generate()
LEAF = issue_leaf(
    ROOT, public=SIGNER.public, organization=NAME, organization_id=USCC, role="issuer", uri=URI, now=NOW, days=365
)
GOOD_NAMES = (x509.UniformResourceIdentifier(URI), x509.UniformResourceIdentifier("urn:yizheng:role:issuer"))


@dataclass
class Recipe:
    """The defaults make a good leaf; written by our encoder, from parts that nobody checked."""

    public: Sm2Key = field(default_factory=lambda: SIGNER.public)
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...] = (
        (NameOID.ORGANIZATION_NAME, NAME),
        (NameOID.ORGANIZATION_IDENTIFIER, USCC),
    )
    names: tuple[x509.GeneralName, ...] = GOOD_NAMES
    ca: bool = False
    ca_critical: bool = True
    path_length: int | None = None
    usage: x509.KeyUsage | None = field(default_factory=lambda: leaves.key_usage(sign=True))
    key_identifier: bytes | None = None
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    start: datetime = NOW
    days: int = 365

    def make(self, issuer: CertificateAuthority = ROOT) -> bytes:
        parent = x509.load_der_x509_certificate(issuer.certificate)
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(self.ca, self.path_length), self.ca_critical)
        ]
        if self.names:
            extensions.append((x509.SubjectAlternativeName(self.names), False))
        if self.usage is not None:
            extensions.append((self.usage, True))
        if self.key_identifier is not None:
            extensions.append((x509.AuthorityKeyIdentifier(self.key_identifier, None, None), False))
        return x509_sm2._certificate(
            x509.Name([x509.NameAttribute(oid, value) for oid, value in self.subject]).public_bytes(),
            parent.subject.public_bytes(),
            self.public,
            (self.start, self.start + timedelta(days=self.days)),
            [*extensions, *self.more],
            Sm2Signer.from_pem(issuer.private_key_pem),
        )


def intermediate(issuer: CertificateAuthority, name: str, **changes: object) -> CertificateAuthority:
    signer = Sm2Signer.generate()
    recipe = Recipe(
        public=signer.public,
        subject=((NameOID.COMMON_NAME, name),),
        names=(),
        ca=True,
        usage=leaves.key_usage(sign=False),
    )
    for field_name, value in changes.items():
        setattr(recipe, field_name, value)
    return CertificateAuthority(recipe.make(issuer), signer.to_pem())


def reason(
    chain: Sequence[bytes],
    *,
    anchors: tuple[bytes, ...] = (ROOT.certificate,),
    now: datetime = NOW + timedelta(days=1),
) -> str:
    with pytest.raises(ChainError) as error:
        validate_chain(chain, anchors=anchors, now=now)
    return error.value.reason


def openssl(*arguments: object, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
