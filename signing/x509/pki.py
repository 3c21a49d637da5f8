"""The built-in certificate authority, and the path from an x5c header to a trust anchor.

A signature says "this key"; a certificate says whose. Leaves name an organisation by its unified social credit code
and the roles its key may play; whether that organisation may issue a given type is the trust pack's to say, not ours.
A path is of one world: SM2 from leaf to root (`x509_sm2`), or none of it.

Wire format: X.509 v3; what we issue is signed with ECDSA P-256 and SHA-256, or SM2 and SM3.
Source: RFC 5280 §6; RFC 7515 §4.1.6 (x5c).
"""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from signing.errors import ChainError, KeyPolicyError, MalformedError
from signing.keys import ES256, VerifyingKey
from signing.sm2 import PUBLIC_KEY_PREFIX, SM2SM3, Sm2Key
from signing.suites import TOKEN_SUITES, key_from_public
from signing.x509 import leaf as leaves
from signing.x509 import sm2 as x509_sm2
from signing.x509.leaf import (
    MAX_CERTIFICATE_BYTES,
    MAX_CHAIN,
    ROLE_PREFIX,
    CertificateAuthority,
    Leaf,
    Role,
    fingerprint,
)

__all__ = [
    "MAX_CERTIFICATE_BYTES", "MAX_CHAIN", "ROLE_PREFIX", "CertificateAuthority", "Leaf", "Role",
    "chain_from_header", "fingerprint", "issue_leaf", "leaf_key", "new_root", "validate_chain", "x5c",
]  # fmt: skip

_Certifiable: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

# The library's path rules refuse critical extensions that they do not know; a subjectAltName must be there. Purposes
# are judged in `leaf`, since the library's own rule for them is that of web clients.
_CA_POLICY: Final = ExtensionPolicy.webpki_defaults_ca()
_LEAF_POLICY: Final = (
    ExtensionPolicy.webpki_defaults_ee()
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
)


def new_root(name: str, *, now: datetime, years: int = 10, alg: str = ES256) -> CertificateAuthority:
    """Make a self-signed root; it goes into trust packs and never into an x5c header.

    Raises: KeyPolicyError ("alg"): neither ES256 nor SM2SM3. SuiteUnavailableError.
    """
    if alg == SM2SM3:
        return x509_sm2.new_root(name, now=now, years=years)
    if alg != ES256:
        raise KeyPolicyError("alg")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = leaves.aware(now).replace(microsecond=0)
    certificate = (
        _builder(subject, subject, key.public_key(), start, start + timedelta(days=365 * years + years // 4))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(leaves.key_usage(sign=False), critical=True)
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
        public: the key to certify; one of SM2 by an authority of SM2, another by one of P-256.
        organization: name people read; at most 64 characters, as X.520 has it.
        organization_id: unified social credit code, 18 characters.
        role: what the key may sign.
        uri: the issuer's identifier, the `iss` of what it signs.
        now: aware UTC; start of validity.
        days: length of validity.
    Raises: ValueError: a value a certificate cannot hold. KeyPolicyError ("key_type", "suite"): an authority of
        another suite.
    """
    subject = leaves.subject(organization, organization_id, uri, role=role)
    if isinstance(public, Sm2Key):
        return x509_sm2.issue_leaf(ca, public=public, subject=subject, role=role, uri=uri, now=now, days=days)
    issuer = x509.load_der_x509_certificate(ca.certificate)
    key = _authority_key(ca)
    start = leaves.aware(now).replace(microsecond=0)
    end = min(start + timedelta(days=days), issuer.not_valid_after_utc)
    builder = _builder(subject, issuer.subject, _public_key(public), start, end)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    for extension, critical in leaves.extensions(role, uri):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


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


def validate_chain(
    chain: Sequence[bytes], *, anchors: Sequence[bytes], now: datetime, suites: Collection[str] = TOKEN_SUITES
) -> Leaf:
    """Follow a chain from its leaf to a trust anchor and say whose key the leaf is.

    Pure in its arguments, so callers may cache by (chain, anchors) while `now` is between the answer's dates.

    Args:
        chain: DER, leaf first, root left out, at most four.
        anchors: DER of the roots trusted; parsed once per set and remembered.
        now: aware UTC instant at which every certificate must be valid.
        suites: those the leaf's key may have; RSA only where it is named, for documents.
    Raises: ChainError ("empty", "too_long", "certificate", "anchor", "leaf_key", "expired", "not_yet_valid",
        "leaf_is_ca", "key_usage", "path", "root_in_chain", "unused_certificate", "subject"). ValueError: naive `now`.
        SuiteUnavailableError: this machine cannot compute SM2.
    Source: RFC 5280 §6.1.
    """
    now = leaves.aware(now)
    if not chain:
        raise ChainError("empty")
    if len(chain) > MAX_CHAIN:
        raise ChainError("too_long")
    # A certificate that only carries these bytes somewhere else is sent to where its key is refused.
    if PUBLIC_KEY_PREFIX in chain[0]:
        if SM2SM3 not in suites:
            raise ChainError("leaf_key")
        return x509_sm2.validate_chain(chain, anchors=anchors, now=now)
    store = _store(tuple(anchors))
    try:
        leaf, *intermediates = [x509.load_der_x509_certificate(der) for der in chain]
        if any(certificate.issuer == certificate.subject for certificate in intermediates):
            raise ChainError("root_in_chain")
        public = key_from_public(leaf.public_key())
        if public.alg not in suites:
            raise ChainError("leaf_key")
        leaves.check_leaf(leaf, now)
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
        leaves.refuse_unmarked_terms(path[1:])
        return leaves.read_leaf(leaf, public, chain[0], path)
    except VerificationError as error:
        raise ChainError("path") from error
    except KeyPolicyError as error:
        raise ChainError("leaf_key") from error
    except leaves.PARSE_ERRORS as error:
        raise ChainError("certificate") from error


def leaf_key(certificate: bytes) -> VerifyingKey:
    """The public key of a certificate of which nothing else is believed: for checking a signature before its chain.

    Raises: ChainError ("certificate", "leaf_key"). SuiteUnavailableError.
    """
    try:
        if PUBLIC_KEY_PREFIX in certificate:
            return x509_sm2.leaf_key(certificate)
        return key_from_public(x509.load_der_x509_certificate(certificate).public_key())
    except KeyPolicyError as error:
        raise ChainError("leaf_key") from error
    except (MalformedError, *leaves.PARSE_ERRORS) as error:
        raise ChainError("certificate") from error


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: _Certifiable, start: datetime, end: datetime
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


def _authority_key(ca: CertificateAuthority) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(ca.private_key_pem, password=None)
    except UnsupportedAlgorithm as error:  # the curve of SM2
        raise KeyPolicyError("suite") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyPolicyError("key_type")
    return key


def _public_key(public: VerifyingKey) -> _Certifiable:
    key = serialization.load_der_public_key(public.to_der())
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise KeyPolicyError("key_type")
    return key


@lru_cache(maxsize=32)
def _store(anchors: tuple[bytes, ...]) -> Store:
    try:
        # Every anchor must be readable; those of SM2 sign nothing on these paths.
        roots = {der: x509.load_der_x509_certificate(der) for der in anchors}
        return Store([root for der, root in roots.items() if PUBLIC_KEY_PREFIX not in der])
    except leaves.PARSE_ERRORS as error:
        raise ChainError("anchor") from error
