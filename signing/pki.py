"""The built-in certificate authority, and the path from an x5c header to a trust anchor.

A signature says "this key"; a certificate says whose. Leaves name an organisation by its unified social credit code
and the roles its key may play; whether that organisation may issue a given type is the trust pack's to say, not ours.

Wire format: X.509 v3, ECDSA P-256 with SHA-256. Source: RFC 5280 §6; RFC 7515 §4.1.6 (x5c).
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, get_args

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from signing.canonical import sha256
from signing.errors import ChainError, KeyPolicyError, MalformedError
from signing.keys import VerifyingKey

Role: TypeAlias = Literal["issuer", "purpose-copy", "status", "hub"]

MAX_CHAIN: Final = 4
MAX_CERTIFICATE_BYTES: Final = 8192
ROLE_PREFIX: Final = "urn:yizheng:role:"
_ORGANIZATION_ID: Final = re.compile(r"[0-9A-Z]{18}")

# What reading hostile DER can raise: cryptography parses names and extensions only when they are asked for.
_PARSE_ERRORS: Final = (
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

# The library's path rules refuse critical extensions that they do not know; a subjectAltName must be there.
_CA_POLICY: Final = ExtensionPolicy.webpki_defaults_ca()
_LEAF_POLICY: Final = ExtensionPolicy.webpki_defaults_ee().require_present(x509.KeyUsage, Criticality.AGNOSTIC, None)


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


def new_root(name: str, *, now: datetime, years: int = 10) -> CertificateAuthority:
    """Make a self-signed root; it goes into trust packs and never into an x5c header."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = _aware(now).replace(microsecond=0)
    certificate = (
        _builder(subject, subject, key.public_key(), start, start + timedelta(days=365 * years + years // 4))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(sign=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return CertificateAuthority(certificate.public_bytes(serialization.Encoding.DER), pem)


def issue_leaf(
    ca: CertificateAuthority,
    *,
    public: VerifyingKey,
    organization: str,
    organization_id: str,
    role: Role,
    uri: str,
    now: datetime,
    days: int,
) -> bytes:
    """Certify a department's or the hub's key for one role; returns DER.

    The leaf ends with its authority at the latest, so it may live shorter than `days`.

    Args:
        ca: the issuing authority.
        public: P-256 key to certify.
        organization: name people read; at most 64 characters, as X.520 has it.
        organization_id: unified social credit code, 18 characters.
        role: what the key may sign.
        uri: the issuer's identifier, the `iss` of what it signs.
        now: aware UTC; start of validity.
        days: length of validity.
    Raises: ValueError: a value a certificate cannot hold.
    """
    if not _ORGANIZATION_ID.fullmatch(organization_id) or role not in get_args(Role) or uri.startswith(ROLE_PREFIX):
        raise ValueError("a leaf needs a unified social credit code, a known role and the issuer's own URI")
    issuer = x509.load_der_x509_certificate(ca.certificate)
    key = serialization.load_pem_private_key(ca.private_key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyPolicyError("key_type")
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, organization_id),
        ]
    )
    start = _aware(now).replace(microsecond=0)
    end = min(start + timedelta(days=days), issuer.not_valid_after_utc)
    names = [x509.UniformResourceIdentifier(uri), x509.UniformResourceIdentifier(ROLE_PREFIX + role)]
    certificate = (
        _builder(subject, issuer.subject, public.public_key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def x5c(chain: Sequence[bytes]) -> list[str]:
    """Write a chain, leaf first and without the root, as the x5c header value (plain base64, not base64url)."""
    return [base64.b64encode(der).decode() for der in chain]


def chain_from_header(header: Mapping[str, Any]) -> list[bytes]:
    """Read the x5c header. It is only a claim: nothing in it is to be believed before `validate_chain`.

    Raises: MalformedError ("x5c"): absent, not one to four canonical base64 strings, or one over 8 KiB.
    """
    value = header.get("x5c")
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHAIN:
        raise MalformedError("x5c")
    chain = []
    for text in value:
        if not isinstance(text, str) or len(text) > MAX_CERTIFICATE_BYTES * 4 // 3 + 4:
            raise MalformedError("x5c")
        try:
            der = base64.b64decode(text.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise MalformedError("x5c") from error
        if not der or base64.b64encode(der).decode() != text:
            raise MalformedError("x5c")
        chain.append(der)
    return chain


def validate_chain(chain: Sequence[bytes], *, anchors: Sequence[bytes], now: datetime) -> Leaf:
    """Follow a chain from its leaf to a trust anchor and say whose key the leaf is.

    Pure in its arguments, so callers may cache by (chain, anchors) while `now` is between the answer's dates.

    Args:
        chain: DER, leaf first, root left out, at most four.
        anchors: DER of the roots trusted; parsed once per set and remembered.
        now: aware UTC instant at which every certificate must be valid.
    Raises: ChainError ("empty", "too_long", "certificate", "anchor", "leaf_key", "expired", "not_yet_valid",
        "leaf_is_ca", "key_usage", "path", "root_in_chain", "unused_certificate", "subject"). ValueError: naive `now`.
    Source: RFC 5280 §6.1.
    """
    now = _aware(now)
    if not chain:
        raise ChainError("empty")
    if len(chain) > MAX_CHAIN:
        raise ChainError("too_long")
    store = _store(tuple(anchors))
    try:
        leaf, *intermediates = [x509.load_der_x509_certificate(der) for der in chain]
        if any(certificate.issuer == certificate.subject for certificate in intermediates):
            raise ChainError("root_in_chain")
        public = VerifyingKey.from_public_key(_ec_key(leaf))
        _check_leaf(leaf, now)
        verifier = (
            PolicyBuilder()
            .store(store)
            .time(now)
            .max_chain_depth(MAX_CHAIN - 1)
            .extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
            .build_client_verifier()
        )
        path = verifier.verify(leaf, intermediates).chain
        if path[: len(chain)] != [leaf, *intermediates]:
            raise ChainError("unused_certificate")
        return _read_leaf(leaf, public, chain[0], path)
    except VerificationError as error:
        raise ChainError("path") from error
    except KeyPolicyError as error:
        raise ChainError("leaf_key") from error
    except _PARSE_ERRORS as error:
        raise ChainError("certificate") from error


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate as people compare it: upper-case hex with colons.

    It names these bytes, not the certificate: anybody can spell an ECDSA signature in a second way, so a list of
    refused leaves goes by organisation and key.
    """
    return sha256(der).hex(":").upper()


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, sign: bool) -> x509.KeyUsage:
    """Let a key sign documents, or else certificates; never both."""
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=not sign,
        crl_sign=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _aware(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return now.astimezone(UTC)


@lru_cache(maxsize=32)
def _store(anchors: tuple[bytes, ...]) -> Store:
    try:
        return Store([x509.load_der_x509_certificate(der) for der in anchors])
    except _PARSE_ERRORS as error:
        raise ChainError("anchor") from error


def _ec_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise KeyPolicyError("key_type")
    return key


def _check_leaf(leaf: x509.Certificate, now: datetime) -> None:
    """Name what is wrong with the leaf itself, where the path validator would only say that no path was found."""
    if now < leaf.not_valid_before_utc:
        raise ChainError("not_yet_valid")
    if now > leaf.not_valid_after_utc:
        raise ChainError("expired")
    extensions = {item.oid: item.value for item in leaf.extensions}
    constraints = extensions.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise ChainError("leaf_is_ca")
    usage = extensions.get(x509.KeyUsage.oid)
    # A key that may also sign certificates could certify itself a better role.
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature or usage.key_cert_sign:
        raise ChainError("key_usage")


def _read_leaf(leaf: x509.Certificate, public: VerifyingKey, der: bytes, path: Sequence[x509.Certificate]) -> Leaf:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    organization_id = _one(leaf.subject, NameOID.ORGANIZATION_IDENTIFIER)
    if not _ORGANIZATION_ID.fullmatch(organization_id):
        raise ChainError("subject")
    return Leaf(
        organization=_one(leaf.subject, NameOID.ORGANIZATION_NAME),
        organization_id=organization_id,
        roles=frozenset(uri.removeprefix(ROLE_PREFIX) for uri in uris if uri.startswith(ROLE_PREFIX)),
        uris=tuple(uri for uri in uris if not uri.startswith(ROLE_PREFIX)),
        public=public,
        not_before=max(certificate.not_valid_before_utc for certificate in path),
        not_after=min(certificate.not_valid_after_utc for certificate in path),
        fingerprint=fingerprint(der),
    )


def _one(subject: x509.Name, oid: x509.ObjectIdentifier) -> str:
    # Two organisations in one subject: readers would disagree about who signed.
    found = [attribute.value for attribute in subject.get_attributes_for_oid(oid)]
    if len(found) != 1 or not isinstance(found[0], str) or not found[0].isprintable():
        raise ChainError("subject")
    return found[0]
