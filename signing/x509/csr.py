"""Having a key certified by an authority that is not ours: the request that goes out, the chain that comes back.

The request is signed through the `Signer` port, so that a token's key, or one that a department holds, asks for itself.
What an authority must put into the leaf, all of it asked for in the request:

- exactly the key asked for;
- organizationName and organizationIdentifier (2.5.4.97), each once, the latter the unified social credit code and
  nothing around it;
- subjectAltName with our URI and `urn:yizheng:role:<role>`;
- keyUsage digitalSignature without keyCertSign, and CA false;
- no extended key usage, or one of clientAuth, emailProtection, documentSigning; for time-stamps that alone, critical.

An authority that leaves one out is refused with the name of what is missing; nothing is assumed in its place.
Wire format: PKCS #10 (RFC 2986) with extensionRequest (RFC 2985 §5.4.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from cryptography import x509

from signing.cms.der import BIT_STRING, NULL, integer, oid, sequence, set_of, tlv
from signing.errors import ChainError, MalformedError
from signing.keys import ES256, SM2SM3, Signer, VerifyingKey
from signing.pem import blocks
from signing.rsa_keys import RS256
from signing.suites import ALGORITHMS, document_signature
from signing.x509 import leaf as leaves
from signing.x509.fields import Fields
from signing.x509.pki import validate_chain
from signing.x509.sm2 import ALGORITHM, encode_extensions

MAX_BUNDLE_BYTES: Final = 128 * 1024

_EXTENSION_REQUEST: Final = oid("1.2.840.113549.1.9.14")
_SIGNED_WITH: Final[Mapping[str, bytes]] = {
    ES256: sequence(oid("1.2.840.10045.4.3.2")),
    SM2SM3: ALGORITHM,
    RS256: sequence(oid("1.2.840.113549.1.1.11"), NULL),
}


def make_csr(signer: Signer, organization: str, organization_id: str, *, role: leaves.Role, uri: str) -> bytes:
    """Ask an authority to certify this key; DER, which `pem.wrap(der, "CERTIFICATE REQUEST")` makes a file of.

    Raises: ValueError: a value a certificate cannot hold; and whatever the signer raises.
    """
    subject = leaves.subject(organization, organization_id, uri, role=role)
    wanted = encode_extensions(leaves.extensions(role, uri))
    info = sequence(
        integer(0),
        subject.public_bytes(),
        signer.public.to_der(),
        tlv(0xA0, sequence(_EXTENSION_REQUEST, set_of(wanted))),
    )
    signature = document_signature(signer.alg, signer.sign(info))
    return sequence(info, _SIGNED_WITH[signer.alg], tlv(BIT_STRING, b"\0", signature))


def read_chain(data: bytes, *, public: VerifyingKey) -> list[bytes]:
    """Take the chain of our key out of what an authority sent: PEM certificates in any order, or one in DER.

    Leaf first, the newest over our key; roots left out; nothing is verified. Certificates beside the chain are dropped,
    those of another key under an authority's name too, as far as the identifiers of keys tell.

    Raises: MalformedError ("certificate", "pem"), ChainError ("other_key"): none of them is over our key.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise MalformedError("certificate")
    found = blocks(data, "CERTIFICATE") or [data]
    try:
        sent = [_Sent.read(der) for der in found]
    except (MalformedError, *leaves.PARSE_ERRORS) as error:
        raise MalformedError("certificate") from error
    ours = [each for each in sent if each.key == public.to_der()]
    if not ours:
        raise ChainError("other_key")
    chain = [max(ours, key=lambda each: each.start)]
    while len(chain) < leaves.MAX_CHAIN:
        above = next((each for each in sent if each.may_certify(chain[-1]) and each not in chain), None)
        if above is None or above.subject == above.issuer:
            break
        chain.append(above)
    return [each.der for each in chain]


def check_certified(
    chain: Sequence[bytes],
    *,
    anchors: Sequence[bytes],
    public: VerifyingKey,
    organization_id: str,
    role: leaves.Role,
    uri: str,
    now: datetime,
) -> leaves.Leaf:
    """Check that a chain to these anchors certifies exactly our key, for our organisation, in this role.

    Raises: ChainError ("other_key", "other_organization", "role_missing", "other_roles", "uri_missing", and those of
        `validate_chain`). SuiteUnavailableError. ValueError: naive `now`.
    """
    leaf = validate_chain(chain, anchors=anchors, now=now, suites=ALGORITHMS)
    if (leaf.public.alg, leaf.public.thumbprint) != (public.alg, public.thumbprint):
        raise ChainError("other_key")
    if leaf.organization_id != organization_id:
        raise ChainError("other_organization")
    if role not in leaf.roles:
        raise ChainError("role_missing")
    if leaf.roles != {role}:  # a key that also plays another part could be used for it
        raise ChainError("other_roles")
    if uri not in leaf.uris:
        raise ChainError("uri_missing")
    return leaf


@dataclass(frozen=True, slots=True)
class _Sent:
    """A certificate as it was sent, of which nothing is believed yet."""

    der: bytes
    subject: bytes
    issuer: bytes
    key: bytes
    start: datetime
    own: bytes | None
    above: bytes | None
    """Identifiers of its key and of its authority's."""

    @classmethod
    def read(cls, der: bytes) -> Self:
        parsed = x509.load_der_x509_certificate(der)
        fields = Fields.of(der)
        if parsed.version is not x509.Version.v3:
            raise MalformedError("certificate")
        named = {each.oid: each.value for each in parsed.extensions}
        own, above = named.get(x509.SubjectKeyIdentifier.oid), named.get(x509.AuthorityKeyIdentifier.oid)
        return cls(
            der,
            subject=fields.subject,
            issuer=fields.issuer,
            key=fields.key,
            start=parsed.not_valid_before_utc,
            own=own.digest if isinstance(own, x509.SubjectKeyIdentifier) else None,
            above=above.key_identifier if isinstance(above, x509.AuthorityKeyIdentifier) else None,
        )

    def may_certify(self, below: Self) -> bool:
        return self.subject == below.issuer and (None in {self.own, below.above} or self.own == below.above)
