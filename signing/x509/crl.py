"""Revocation lists of authorities outside: read strictly, checked under their authority, asked about a path.

Only whole and direct lists are taken: one authority about the certificates it issued itself, for every reason. A delta,
a list by another signer, one for some reasons only would each say less than it seems to, and is refused by its name.

Not here: fetching, whether a number went back (the caller knows the last one), OCSP.
Wire format: X.509 CRL v2, DER or one PEM block. Source: RFC 5280 §5, §6.3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing.cms.der import BIT_STRING, SEQUENCE, children, read
from signing.errors import ChainError, KeyPolicyError, MalformedError, SignatureError
from signing.pem import unwrap
from signing.sm2 import PUBLIC_KEY_PREFIX
from signing.x509 import leaf as leaves
from signing.x509 import sm2 as x509_sm2

MAX_CRL_BYTES: Final = 16 * 1024 * 1024
SKEW: Final = timedelta(minutes=5)
"""An authority's clock may be ahead of ours by this much."""
_LARGEST_NUMBER: Final = 1 << 159
"""RFC 5280 §5.2.3."""
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_KNOWN: Final = frozenset(
    {x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid, x509.IssuingDistributionPoint.oid, x509.FreshestCRL.oid}
)
_KNOWN_OF_ENTRIES: Final = frozenset({x509.CRLReason.oid, x509.InvalidityDate.oid})


@dataclass(frozen=True, slots=True)
class Crl:
    """A list, of which nothing is believed before `check_crl`.

    Attributes:
        issuer: the authority's name, DER.
        scope: its issuing distribution point, DER; authorities may keep a list in parts, each with a point of its own.
    """

    der: bytes = field(repr=False)
    issuer: bytes
    number: int
    this_update: datetime
    next_update: datetime
    count: int
    scope: bytes = b""

    def forgets(self, older: "Crl") -> bool:
        """Whether it is another part of the authority's list than `older`, or was moved, and lacks what is on that."""
        return self.scope != older.scope and not _serials(older.der) <= _serials(self.der)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that is on a list: what was signed under it from `since` on is not to be believed."""

    since: datetime
    reason: str
    serial: int


def read_crl(data: bytes) -> Crl:
    """Read a list, DER or PEM. Raises: MalformedError ("too_large", "pem", "crl")."""
    if len(data) > 2 * MAX_CRL_BYTES:
        raise MalformedError("too_large")
    der = unwrap(data, "X509 CRL") if data.lstrip().startswith(b"-----") else data
    if len(der) > MAX_CRL_BYTES:
        raise MalformedError("too_large")
    parsed = _parsed(der)
    try:
        number = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        end = parsed.next_update_utc
        if end is None or not 0 <= number < _LARGEST_NUMBER:
            raise MalformedError("crl", "a list has a number, of at most 20 octets, and an end")
        return Crl(der, parsed.issuer.public_bytes(), number, parsed.last_update_utc, end, len(parsed), _scope(parsed))
    except leaves.PARSE_ERRORS as error:
        raise MalformedError("crl") from error


def check_crl(crl: Crl, authority: bytes, *, now: datetime) -> None:
    """Return if this authority signed the list, whole and direct, and it has begun. One past its end is still true.

    Args:
        authority: DER; that it may be believed itself is the caller's to know.
    Raises: ChainError ("crl_issuer", "crl_signature", "crl_usage", "crl_not_yet_valid", "crl_indirect", "crl_partial",
        "crl_delta", "crl_terms"), MalformedError, SuiteUnavailableError. ValueError: naive `now`.
    Source: RFC 5280 §6.3.3.
    """
    if crl.this_update > leaves.aware(now) + SKEW:
        raise ChainError("crl_not_yet_valid")
    _check_terms(_parsed(crl.der))
    _check_authority(crl, authority)


def _check_authority(crl: Crl, authority: bytes) -> None:
    parsed = _parsed(crl.der)
    try:
        issuer = x509.load_der_x509_certificate(authority)
        if issuer.subject.public_bytes() != crl.issuer or not _identifiers_agree(parsed, issuer):
            raise ChainError("crl_issuer")
        usage = [item.value for item in issuer.extensions if item.oid == x509.KeyUsage.oid]
        if any(isinstance(item, x509.KeyUsage) and not item.crl_sign for item in usage):
            raise ChainError("crl_usage")
    except leaves.PARSE_ERRORS as error:
        raise MalformedError("certificate") from error
    _check_signature(crl.der, parsed, authority)


class RevocationLists:
    """What some lists say about paths. Each list is asked only about certificates of the authority that signed it; its
    terms were judged by `check_crl` when it was taken in.
    """

    def __init__(self, ders: Iterable[bytes]) -> None:
        """Raises: MalformedError."""
        self._by_issuer: dict[bytes, list[Crl]] = {}
        for der in ders:
            crl = read_crl(der)
            self._by_issuer.setdefault(crl.issuer, []).append(crl)
        self._signed: dict[tuple[bytes, bytes], bool] = {}

    def revocation(self, path: Sequence[bytes]) -> Revocation | None:
        """The earliest revocation on a path, DER, leaf first and root last; None: no list has any of it."""
        found = [
            self._entry(crl, x509.load_der_x509_certificate(below).serial_number)
            for below, authority in pairwise(path)
            for crl in self._of(authority)
        ]
        return min((item for item in found if item is not None), key=lambda item: item.since, default=None)

    def of_path(self, path: Sequence[bytes]) -> tuple[bytes, ...]:
        """The lists, DER, that speak about this path: what a check of it later will need."""
        return tuple(dict.fromkeys(crl.der for authority in path[1:] for crl in self._of(authority)))

    def covered_until(self, path: Sequence[bytes]) -> datetime | None:
        """Until when the newest lists cover every certificate of a path but its root; None: some have no list."""
        ends = [max((crl.next_update for crl in self._of(authority)), default=None) for authority in path[1:]]
        known = [end for end in ends if end is not None]
        return min(known) if known and len(known) == len(ends) else None

    def _of(self, authority: bytes) -> list[Crl]:
        if not self._by_issuer:
            return []
        name = x509.load_der_x509_certificate(authority).subject.public_bytes()
        return [crl for crl in self._by_issuer.get(name, ()) if self._is_signed(crl, authority)]

    def _is_signed(self, crl: Crl, authority: bytes) -> bool:
        """Two authorities may have one name; a list is only of the one whose key signed it."""
        known = self._signed.get((crl.der, authority))
        if known is None:
            try:
                _check_authority(crl, authority)
                known = True
            except (ChainError, MalformedError):
                known = False
            self._signed[crl.der, authority] = known
        return known

    @staticmethod
    def _entry(crl: Crl, serial: int) -> Revocation | None:
        if serial not in _serials(crl.der):
            return None
        item = _parsed(crl.der).get_revoked_certificate_by_serial_number(serial)
        return None if item is None else _revocation(item)


@lru_cache(maxsize=64)
def revocation_lists(ders: tuple[bytes, ...]) -> RevocationLists:
    """The lists of a policy, read once and remembered. Raises: MalformedError."""
    return RevocationLists(ders)


@lru_cache(maxsize=64)
def _parsed(der: bytes) -> x509.CertificateRevocationList:
    try:
        parsed = x509.load_der_x509_crl(der)
        _ = parsed.extensions
    except leaves.PARSE_ERRORS as error:
        raise MalformedError("crl") from error
    return parsed


@lru_cache(maxsize=64)
def _serials(der: bytes) -> frozenset[int]:
    """Everything on a list: it is else read from its beginning for each certificate, and may have 500 000."""
    return frozenset(item.serial_number for item in _parsed(der))


def _revocation(item: x509.RevokedCertificate) -> Revocation:
    since, reason = item.revocation_date_utc, "unspecified"
    for extension in item.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.name
        elif isinstance(extension.value, x509.InvalidityDate):  # since when the key may have been in other hands
            since = min(since, extension.value.invalidity_date_utc)
    return Revocation(since, reason, item.serial_number)


def _check_terms(parsed: x509.CertificateRevocationList) -> None:
    for extension in parsed.extensions:
        if extension.oid == x509.DeltaCRLIndicator.oid:
            raise ChainError("crl_delta")
        if extension.critical and extension.oid not in _KNOWN:
            raise ChainError("crl_terms")
        point = extension.value
        if isinstance(point, x509.IssuingDistributionPoint):
            if point.indirect_crl:
                raise ChainError("crl_indirect")
            if point.only_some_reasons or point.only_contains_ca_certs or point.only_contains_attribute_certs:
                raise ChainError("crl_partial")
    for item in parsed:
        try:
            unknown = [each for each in item.extensions if each.critical and each.oid not in _KNOWN_OF_ENTRIES]
            said = _revocation(item).reason
        except leaves.PARSE_ERRORS as error:
            raise MalformedError("crl") from error
        if unknown:
            raise ChainError("crl_terms")
        if said == x509.ReasonFlags.remove_from_crl.name:
            raise ChainError("crl_delta")


def _scope(parsed: x509.CertificateRevocationList) -> bytes:
    found = (item.value for item in parsed.extensions if item.oid == x509.IssuingDistributionPoint.oid)
    return next((item.public_bytes() for item in found if isinstance(item, x509.IssuingDistributionPoint)), b"")


def _identifiers_agree(parsed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    named = next((item.value for item in parsed.extensions if item.oid == x509.AuthorityKeyIdentifier.oid), None)
    own = next((item.value for item in issuer.extensions if item.oid == x509.SubjectKeyIdentifier.oid), None)
    if not isinstance(named, x509.AuthorityKeyIdentifier) or not isinstance(own, x509.SubjectKeyIdentifier):
        return True
    return named.key_identifier in {None, own.digest}


def _check_signature(der: bytes, parsed: x509.CertificateRevocationList, authority: bytes) -> None:
    try:
        if PUBLIC_KEY_PREFIX in authority:
            signed, algorithm, signature = children(read(der, tag=SEQUENCE))
            inner = [item.raw for item in children(signed, tag=SEQUENCE)[:2]]
            if algorithm.raw not in x509_sm2.ALGORITHMS or algorithm.raw not in inner or signature.tag != BIT_STRING:
                raise ChainError("crl_signature")
            x509_sm2.leaf_key(authority).verify_der(signed.raw, signature.body[1:])
            return
        key = x509.load_der_x509_certificate(authority).public_key()
        if not isinstance(parsed.signature_hash_algorithm, _HASHES):
            raise ChainError("crl_signature")
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey) or not parsed.is_signature_valid(key):
            raise ChainError("crl_signature")
    except (SignatureError, KeyPolicyError, InvalidSignature, *leaves.PARSE_ERRORS) as error:
        raise ChainError("crl_signature") from error
