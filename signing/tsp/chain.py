"""The path from a time-stamp authority's certificate to an anchor.

Authorities of others carry none of our names and roles; what makes one is the critical key purpose "time-stamping",
alone (RFC 3161 §2.3). A key that may do anything else as well must not be able to turn back the clock for us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from signing.canonical import sha256
from signing.errors import ChainError
from signing.x509.leaf import PARSE_ERRORS, refuse_unmarked_terms

MAX_PATH: Final = 5
MAX_CERTIFICATES: Final = 16
_STAMPING: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])

# An authority above may be restricted to time-stamping too; the library would only know web purposes.
_CA_POLICY: Final = ExtensionPolicy.webpki_defaults_ca().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None
)
_LEAF_POLICY: Final = ExtensionPolicy.permit_all().require_present(x509.ExtendedKeyUsage, Criticality.CRITICAL, None)


@dataclass(frozen=True, slots=True)
class TimeStampAuthority:
    """Whose stamp it is."""

    name: str
    not_before: datetime
    """With `not_after`: when every certificate of the path was valid, the root included."""
    not_after: datetime
    fingerprint: str


def validate_authority(chain: Sequence[bytes], *, anchors: Sequence[bytes], now: datetime) -> TimeStampAuthority:
    """Follow a chain to an anchor. Certificates after the leaf may be in any order, and more than needed.

    An authority above that may only certify for other purposes certifies no stamps.

    Raises: ChainError ("too_long", "anchor", "certificate", "purpose", "leaf_is_ca", "path"). ValueError: naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    if not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise ChainError("too_long")
    store = _store(tuple(anchors))
    try:
        leaf, *others = [x509.load_der_x509_certificate(der) for der in chain]
        _check_purpose(leaf)
        verifier = (
            PolicyBuilder()
            .store(store)
            .time(now.astimezone(UTC))
            .max_chain_depth(MAX_PATH)
            .extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
            .build_client_verifier()
        )
        path = verifier.verify(leaf, others).chain
        if not all(map(_certifies_stamps, path[1:])):
            raise ChainError("path", "an authority for another purpose")
        refuse_unmarked_terms(path[1:])
        return TimeStampAuthority(
            name=_name(leaf),
            not_before=max(certificate.not_valid_before_utc for certificate in path),
            not_after=min(certificate.not_valid_after_utc for certificate in path),
            fingerprint=sha256(chain[0]).hex(":").upper(),
        )
    except VerificationError as error:
        raise ChainError("path") from error
    except PARSE_ERRORS as error:
        raise ChainError("certificate") from error


def _check_purpose(leaf: x509.Certificate) -> None:
    found = {item.oid: item for item in leaf.extensions}
    purpose, usage, constraints = (
        found.get(kind.oid) for kind in (x509.ExtendedKeyUsage, x509.KeyUsage, x509.BasicConstraints)
    )
    if purpose is None or not purpose.critical or purpose.value != _STAMPING:
        raise ChainError("purpose")
    if usage is not None and not _signs(usage.value):
        raise ChainError("purpose")
    if constraints is not None and isinstance(constraints.value, x509.BasicConstraints) and constraints.value.ca:
        raise ChainError("leaf_is_ca")


def _certifies_stamps(authority: x509.Certificate) -> bool:
    """Whether extended key usages leave room for it (RFC 5280 §4.2.1.12, as everybody reads it)."""
    purposes = next((item.value for item in authority.extensions if item.oid == x509.ExtendedKeyUsage.oid), None)
    allowed = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return not isinstance(purposes, x509.ExtendedKeyUsage) or not allowed.isdisjoint(purposes)


def _signs(usage: x509.ExtensionType) -> bool:
    """Whether a key signs data, and no certificates: with those it could be another authority tomorrow."""
    if not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign:
        return False
    return usage.digital_signature or usage.content_commitment


def _name(leaf: x509.Certificate) -> str:
    """The common name, else the organisation; printable, since it is shown."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        named = [attribute.value for attribute in leaf.subject.get_attributes_for_oid(kind)]
        if len(named) == 1 and isinstance(named[0], str) and named[0].isprintable():
            return named[0]
    raise ChainError("certificate")


@lru_cache(maxsize=32)
def _store(anchors: tuple[bytes, ...]) -> Store:
    try:
        return Store([x509.load_der_x509_certificate(der) for der in anchors])
    except PARSE_ERRORS as error:
        raise ChainError("anchor") from error
