"""Certificates under SM2 with SM3: a root, leaves, and the path from a leaf to an anchor.

The library that reads and follows other certificates knows neither curve nor algorithm. It still reads names and
extensions strictly; encoding, signatures and the rules of the path are here, as strict as the other path's.

Signatures use the default user id, as GM/T 0015 and RFC 8998 have it. Wire format: X.509 v3, SM2-with-SM3
(1.2.156.10197.1.501). Source: RFC 5280 §4, §6.1.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from signing.cms.der import (
    BIT_STRING,
    NULL,
    SEQUENCE,
    Node,
    children,
    generalized,
    integer,
    octets,
    oid,
    read,
    sequence,
    tlv,
)
from signing.errors import ChainError, KeyPolicyError, MalformedError, SignatureError
from signing.sm2 import Sm2Key, Sm2Signer
from signing.x509 import leaf as leaves
from signing.x509.leaf import MAX_CERTIFICATE_BYTES, MAX_CHAIN, CertificateAuthority, Leaf, Role

ALGORITHM: Final = sequence(oid("1.2.156.10197.1.501"))
"""AlgorithmIdentifier of SM2 with SM3; parameters absent, as OpenSSL writes it."""

ALGORITHMS: Final = frozenset({ALGORITHM, sequence(oid("1.2.156.10197.1.501"), NULL)})
_UTC_TIME: Final = 0x17
_TRUE: Final = b"\x01\x01\xff"
_KNOWN: Final = frozenset(
    {x509.BasicConstraints.oid, x509.KeyUsage.oid, x509.SubjectAlternativeName.oid, x509.ExtendedKeyUsage.oid}
)
"""Extensions whose meaning is checked; another that is critical ends the path."""


@dataclass(frozen=True, slots=True)
class _Certificate:
    """A certificate read twice: its meaning by the library, its bytes by us."""

    parsed: x509.Certificate
    der: bytes
    signed: bytes
    issuer: bytes
    subject: bytes
    key_der: bytes
    signature: bytes

    @classmethod
    def read(cls, der: bytes) -> Self:
        """Raises: MalformedError, and what the library raises."""
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise MalformedError("too_large")
        parsed = x509.load_der_x509_certificate(der)
        signed, algorithm, signature = children(read(der, tag=SEQUENCE))
        parts = children(signed, tag=SEQUENCE)
        # Version 3 without the unique identifiers of version 2: exactly these eight, the first and last tagged.
        if len(parts) != 8 or (parts[0].tag, parts[7].tag) != (0xA0, 0xA3):
            raise MalformedError("der")
        if algorithm.raw not in ALGORITHMS or parts[2].raw != algorithm.raw:
            raise ChainError("path", "not signed with SM2")
        if not 0 < parsed.serial_number < 1 << 160:
            raise MalformedError("der")
        return cls(parsed, der, signed.raw, parts[3].raw, parts[5].raw, parts[6].raw, _bits(signature))

    @property
    def key(self) -> Sm2Key:
        """Raises: KeyPolicyError, MalformedError."""
        return Sm2Key.from_der(self.key_der)


def new_root(name: str, *, now: datetime, years: int = 10) -> CertificateAuthority:
    """Make a self-signed root. Raises: SuiteUnavailableError."""
    signer = Sm2Signer.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]).public_bytes()
    start = leaves.aware(now).replace(microsecond=0)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier(_identifier(signer.public)), False),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (leaves.key_usage(sign=False), True),
    ]
    validity = (start, start + timedelta(days=365 * years + years // 4))
    der = _certificate(subject, subject, signer.public, validity, extensions, signer)
    return CertificateAuthority(der, signer.to_pem())


def issue_leaf(
    ca: CertificateAuthority, *, public: Sm2Key, subject: x509.Name, role: Role, uri: str, now: datetime, days: int
) -> bytes:
    """Certify an SM2 key; `pki.issue_leaf` is the way in, and says what the arguments are.

    Raises: KeyPolicyError ("suite"): an authority of another suite. SuiteUnavailableError.
    """
    try:
        signer = Sm2Signer.from_pem(ca.private_key_pem)
        issuer = _Certificate.read(ca.certificate)
    except (MalformedError, ChainError) as error:
        raise KeyPolicyError("suite") from error
    start = leaves.aware(now).replace(microsecond=0)
    end = min(start + timedelta(days=days), issuer.parsed.not_valid_after_utc)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier(_identifier(public)), False),
        (x509.AuthorityKeyIdentifier(_identifier(signer.public), None, None), False),
        *leaves.extensions(role, uri),
    ]
    return _certificate(subject.public_bytes(), issuer.subject, public, (start, end), extensions, signer)


def leaf_key(der: bytes) -> Sm2Key:
    """The key of a certificate of which nothing else is believed. Errors as `pki.leaf_key` catches them."""
    return _Certificate.read(der).key


def validate_chain(chain: Sequence[bytes], *, anchors: Sequence[bytes], now: datetime) -> Leaf:
    """Follow a chain of SM2 certificates from its leaf to an SM2 anchor; arguments and errors as `pki.validate_chain`.

    The chain is in order, each certificate signed by the next. A certificate of another suite anywhere ends the path.
    """
    now = leaves.aware(now)
    if not chain:
        raise ChainError("empty")
    if len(chain) > MAX_CHAIN:
        raise ChainError("too_long")
    roots = _roots(tuple(anchors))
    try:
        leaf, *above = [_Certificate.read(der) for der in chain]
        public = leaf.key
        if any(certificate.issuer == certificate.subject for certificate in above):
            raise ChainError("root_in_chain")
        leaves.check_leaf(leaf.parsed, now)
        _check_known(leaf)
        _check_names(leaf)
        root = _follow(leaf, above, roots, now)
        return leaves.read_leaf(leaf.parsed, public, leaf.der, [item.parsed for item in (leaf, *above, root)])
    except KeyPolicyError as error:
        raise ChainError("leaf_key") from error
    except (MalformedError, *leaves.PARSE_ERRORS) as error:
        raise ChainError("certificate") from error


def _follow(
    leaf: _Certificate, above: Sequence[_Certificate], roots: Sequence[_Certificate], now: datetime
) -> _Certificate:
    below = leaf
    for depth, authority in enumerate(above):
        if not _signed_by(below, authority, now, depth):
            # Whoever certified it is not the next in line; if it is an anchor, the rest was put beside the path.
            stray = any(_signed_by(below, root, now, depth) for root in roots)
            raise ChainError("unused_certificate" if stray else "path")
        below = authority
    for root in roots:
        if _signed_by(below, root, now, len(above)):
            return root
    raise ChainError("path")


def _signed_by(below: _Certificate, authority: _Certificate, now: datetime, depth: int) -> bool:
    """Whether this authority, valid now, with `depth` other authorities below it, certified `below`."""
    # Names byte by byte: two spellings that a reader takes for one name are two authorities.
    if below.issuer != authority.subject:
        return False
    if not authority.parsed.not_valid_before_utc <= now <= authority.parsed.not_valid_after_utc:
        return False
    found = {item.oid: item for item in authority.parsed.extensions}
    constraints, usage = found.get(x509.BasicConstraints.oid), found.get(x509.KeyUsage.oid)
    if constraints is None or not constraints.critical or usage is None:
        return False
    limits, allowed = constraints.value, usage.value
    if not isinstance(limits, x509.BasicConstraints) or not limits.ca:
        return False
    if limits.path_length is not None and limits.path_length < depth:
        return False
    if not isinstance(allowed, x509.KeyUsage) or not allowed.key_cert_sign:
        return False
    # An authority for servers or code certifies no signer of documents (RFC 5280 §4.2.1.12, as everybody reads it).
    purposes = found.get(x509.ExtendedKeyUsage.oid)
    if purposes is not None and not leaves.for_documents(purposes.value):
        return False
    _check_known(authority)
    if not _identifiers_agree(below, found):
        return False
    try:
        authority.key.verify_der(below.signed, below.signature)
    except (SignatureError, KeyPolicyError):
        return False
    return True


def _identifiers_agree(
    below: _Certificate, authority: dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]
) -> bool:
    named = next((item.value for item in below.parsed.extensions if item.oid == x509.AuthorityKeyIdentifier.oid), None)
    own = authority.get(x509.SubjectKeyIdentifier.oid)
    if not isinstance(named, x509.AuthorityKeyIdentifier) or named.key_identifier is None or own is None:
        return True
    return isinstance(own.value, x509.SubjectKeyIdentifier) and own.value.digest == named.key_identifier


def _check_known(certificate: _Certificate) -> None:
    for item in certificate.parsed.extensions:
        # Name constraints bind even where somebody forgot to mark them: to pass over them would widen an authority.
        if (item.critical and item.oid not in _KNOWN) or item.oid == x509.NameConstraints.oid:
            raise ChainError("path", "terms that are not understood")


def _check_names(leaf: _Certificate) -> None:
    if all(item.oid != x509.SubjectAlternativeName.oid for item in leaf.parsed.extensions):
        raise ChainError("path", "no names")


@lru_cache(maxsize=32)
def _roots(anchors: tuple[bytes, ...]) -> tuple[_Certificate, ...]:
    found = []
    for der in anchors:
        try:
            x509.load_der_x509_certificate(der)
            found.append(_Certificate.read(der))
        except ChainError:
            continue  # of the other world: it certifies nothing here
        except (MalformedError, *leaves.PARSE_ERRORS) as error:
            raise ChainError("anchor") from error
    if not found:
        raise ChainError("anchor")
    return tuple(found)


def _certificate(
    subject: bytes,
    issuer: bytes,
    public: Sm2Key,
    validity: tuple[datetime, datetime],
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    signer: Sm2Signer,
) -> bytes:
    signed = sequence(
        tlv(0xA0, integer(2)),
        integer(x509.random_serial_number()),
        ALGORITHM,
        issuer,
        sequence(*(_time(moment) for moment in validity)),
        subject,
        public.to_der(),
        tlv(0xA3, encode_extensions(extensions)),
    )
    return sequence(signed, ALGORITHM, tlv(BIT_STRING, b"\0", signer.sign_der(signed)))


def encode_extensions(extensions: Iterable[tuple[x509.ExtensionType, bool]]) -> bytes:
    """Extensions (RFC 5280 §4.1) with their criticality."""
    return sequence(
        *(
            sequence(oid(value.oid.dotted_string), _TRUE if critical else b"", octets(value.public_bytes()))
            for value, critical in extensions
        )
    )


def _time(moment: datetime) -> bytes:
    # Two digits for the year until 2049 (RFC 5280 §4.1.2.5).
    return generalized(moment) if moment.year >= 2050 else tlv(_UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def _identifier(public: Sm2Key) -> bytes:
    """RFC 7093 §2 method 1."""
    return hashlib.sha256(b"\x04" + public.point).digest()[:20]


def _bits(node: Node) -> bytes:
    if node.tag != BIT_STRING or node.body[:1] != b"\0":
        raise MalformedError("der")
    return node.body[1:]
