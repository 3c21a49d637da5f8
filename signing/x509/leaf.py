"""What a certificate of ours says, whatever its suite: organisation, roles, purposes; written and read in one place.

Part of `pki` and `x509_sm2`, which build the certificates and follow their paths.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, get_args

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.canonical import sha256
from signing.errors import ChainError
from signing.keys import VerifyingKey

Role: TypeAlias = Literal["issuer", "purpose-copy", "status", "hub", "seal", "timestamp"]

MAX_CHAIN: Final = 4
MAX_CERTIFICATE_BYTES: Final = 8192
ROLE_PREFIX: Final = "urn:yizheng:role:"
ORGANIZATION_ID: Final = re.compile(r"[0-9A-Z]{18}")

COMMITTING: Final = frozenset({"issuer", "purpose-copy", "seal"})
"""Roles that sign what a person may rely on: readers of PDF look for contentCommitment, once called nonRepudiation."""

# Purposes a signer of documents may have beside its role. A certificate for servers or for code is not one of ours.
_PURPOSES: Final = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # documentSigning, RFC 9336
    }
)

PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,  # where warnings are errors
)
"""What reading hostile DER can raise: cryptography parses names and extensions only when they are asked for."""


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """A root certificate and its private key; the caller keeps the key encrypted."""

    certificate: bytes
    private_key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Whose key this is, as a chain to a trust anchor says."""

    organization: str
    organization_id: str
    roles: frozenset[str]
    uris: tuple[str, ...]
    public: VerifyingKey
    not_before: datetime
    """With `not_after`: when every certificate of the path was valid, the root included; both ends inclusive."""
    not_after: datetime
    fingerprint: str
    path: tuple[bytes, ...] = field(default=(), repr=False)
    """DER, from the leaf to the root: what revocation lists are asked about."""


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate as people compare it: upper-case hex with colons.

    It names these bytes, not the certificate: anybody can spell an ECDSA signature in a second way, so a list of
    refused leaves goes by organisation and key.
    """
    return sha256(der).hex(":").upper()


def aware(now: datetime) -> datetime:
    """The instant in UTC. Raises: ValueError: naive."""
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return now.astimezone(UTC)


def subject(organization: str, organization_id: str, uri: str, *, role: str) -> x509.Name:
    """Name an organisation. Raises: ValueError: a value a certificate of ours cannot hold."""
    if not ORGANIZATION_ID.fullmatch(organization_id) or role not in get_args(Role) or uri.startswith(ROLE_PREFIX):
        raise ValueError("a leaf needs a unified social credit code, a known role and the issuer's own URI")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, organization_id),
        ]
    )


def extensions(role: str, uri: str) -> list[tuple[x509.ExtensionType, bool]]:
    """What a leaf may do and under which names, with whether it is critical; a request asks for the same."""
    names = [x509.UniformResourceIdentifier(uri), x509.UniformResourceIdentifier(ROLE_PREFIX + role)]
    made: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(sign=True, commit=role in COMMITTING), True),
        (x509.SubjectAlternativeName(names), False),
    ]
    if role == "timestamp":  # RFC 3161 §2.3: this purpose alone, and critical
        made.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True))
    return made


def key_usage(*, sign: bool, commit: bool = False) -> x509.KeyUsage:
    """Let a key sign documents, or else certificates; never both."""
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=not sign,
        crl_sign=not sign,
        content_commitment=commit,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def check_leaf(leaf: x509.Certificate, now: datetime) -> None:
    """Name what is wrong with the leaf itself, where a path validator would only say that no path was found.

    Raises: ChainError ("not_yet_valid", "expired", "leaf_is_ca", "key_usage", "path").
    """
    if now < leaf.not_valid_before_utc:
        raise ChainError("not_yet_valid")
    if now > leaf.not_valid_after_utc:
        raise ChainError("expired")
    found = {item.oid: item.value for item in leaf.extensions}
    constraints = found.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise ChainError("leaf_is_ca")
    usage = found.get(x509.KeyUsage.oid)
    # A key that may also sign certificates could certify itself a better role.
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature or usage.key_cert_sign:
        raise ChainError("key_usage")
    purposes = found.get(x509.ExtendedKeyUsage.oid)
    if isinstance(purposes, x509.ExtendedKeyUsage) and not _purpose_fits(frozenset(purposes), leaf):
        raise ChainError("path", "the leaf is for another purpose")


def refuse_unmarked_terms(authorities: Iterable[x509.Certificate]) -> None:
    """Name constraints bind even where somebody forgot to mark them critical, as RFC 5280 §4.2.1.10 wants them.

    The library of paths passes over those that it does not understand, names of organisations among them: to follow it
    would widen an authority. Raises: ChainError ("path").
    """
    for authority in authorities:
        if any(item.oid == x509.NameConstraints.oid and not item.critical for item in authority.extensions):
            raise ChainError("path", "terms that are not understood")


def for_documents(purposes: x509.ExtensionType) -> bool:
    """Whether extended key usages leave room for signing documents."""
    return isinstance(purposes, x509.ExtendedKeyUsage) and not _PURPOSES.isdisjoint(purposes)


def read_leaf(leaf: x509.Certificate, public: VerifyingKey, der: bytes, path: Sequence[x509.Certificate]) -> Leaf:
    """What the leaf of a path that holds says. Raises: ChainError ("subject")."""
    roles, uris = roles_and_uris(_uris(leaf))
    organization_id = one(leaf.subject, NameOID.ORGANIZATION_IDENTIFIER)
    if not ORGANIZATION_ID.fullmatch(organization_id):
        raise ChainError("subject")
    return Leaf(
        organization=one(leaf.subject, NameOID.ORGANIZATION_NAME),
        organization_id=organization_id,
        roles=roles,
        uris=uris,
        public=public,
        not_before=max(certificate.not_valid_before_utc for certificate in path),
        not_after=min(certificate.not_valid_after_utc for certificate in path),
        fingerprint=fingerprint(der),
        path=(der, *(certificate.public_bytes(Encoding.DER) for certificate in path[1:])),
    )


def one(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    """The one value of this kind in a name, printable. Raises: ChainError ("subject").

    Two organisations in one subject: readers would disagree about who signed.
    """
    found = [attribute.value for attribute in name.get_attributes_for_oid(oid)]
    if len(found) != 1 or not isinstance(found[0], str) or not found[0].isprintable():
        raise ChainError("subject")
    return found[0]


def roles_and_uris(names: Sequence[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which of these URIs are roles, without the prefix, and which are the organisation's own."""
    return (
        frozenset(uri.removeprefix(ROLE_PREFIX) for uri in names if uri.startswith(ROLE_PREFIX)),
        tuple(uri for uri in names if not uri.startswith(ROLE_PREFIX)),
    )


def _purpose_fits(purposes: frozenset[x509.ObjectIdentifier], leaf: x509.Certificate) -> bool:
    # A key that time-stamps does nothing else, and nothing else time-stamps.
    if purposes == {ExtendedKeyUsageOID.TIME_STAMPING}:
        return [uri for uri in _uris(leaf) if uri.startswith(ROLE_PREFIX)] == [ROLE_PREFIX + "timestamp"]
    return not _PURPOSES.isdisjoint(purposes) and ExtendedKeyUsageOID.TIME_STAMPING not in purposes


def _uris(leaf: x509.Certificate) -> list[str]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)
