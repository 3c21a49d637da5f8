"""Checking a sealed document, in the order of GB/T 38540-2020 §7.3.

(1) structure → (2) signature → (3) signer's certificate → (4) the seal names it → (5) the seal itself → (6) the
document → (7) time-stamp. Whether the signer may issue what the document says is the verification procedure's.

The time of signing is the signer's own word. It is proven from when a stamp was put on it, by `Sealed.stamp`; who
needs more than the word must ask for that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from signing.canonical import sha256
from signing.errors import ClaimError, SignatureError
from signing.ses import asn1 as ses_asn1
from signing.ses.asn1 import Picture, Seal, SealedData
from signing.sm2 import SM2SM3, Sm2Key, sm3
from signing.x509.fields import Fields
from signing.x509.pki import Leaf, validate_chain

CLOCK_SKEW: Final = timedelta(seconds=10)
SEAL_ROLE: Final = "seal"
_SUITES: Final = frozenset({SM2SM3})


class Timed(Protocol):
    """What a stamp must say at least."""

    @property
    def time(self) -> datetime:
        """When the signature was there, by the authority."""
        ...


_Stamp = TypeVar("_Stamp", bound=Timed | None)


@dataclass(frozen=True, slots=True)
class Sealed(Generic[_Stamp]):
    """What a checked seal says.

    Attributes:
        leaf: whose key signed; its roles, dates and organisation are the caller's to judge further.
        maker: who made the seal.
        signed_at: the signer's own word.
        stamp: what the caller's `verify_stamp` returned; None: no stamp was there.
        token: the stamp itself, verified.
    """

    leaf: Leaf
    maker: Leaf
    signed_at: datetime
    seal_id: str
    seal_name: str
    valid_from: datetime
    valid_until: datetime
    picture: Picture
    stamp: _Stamp | None
    token: bytes | None = field(repr=False)


def check(
    signed_value: bytes,
    *,
    data: bytes,
    location: str,
    anchors: Sequence[bytes],
    now: datetime,
    verify_stamp: Callable[[bytes, bytes], _Stamp],
) -> Sealed[_Stamp]:
    """Check an SES_Signature over `data` and say what it proves.

    Args:
        signed_value: DER; every byte counts.
        data, location: as given to `ses.sign`.
        anchors: DER of the roots trusted, for the signer and for the maker.
        now: aware; a later time of signing is refused.
        verify_stamp: (token, SHA-256 that it must be over) → what it says; raises SigningError on a bad one. It is
            called if a stamp is there, so that no stamp is ever passed over.
    Raises: SigningError: MalformedError at (1), SignatureError ("signature") at (2), or ChainError, KeyPolicyError,
        MalformedError of a certificate without a key of SM2, ChainError at (3),
        ClaimError ("seal_certificate") at (4), SignatureError ("seal_signature"), ChainError and ClaimError
        ("seal_role", "seal_not_yet_valid", "seal_expired") at (5), SignatureError ("data_hash") and ClaimError
        ("location") at (6), ClaimError ("signed_in_future": later than its stamp, too) and what `verify_stamp` raises
        at (7).
    """
    # (1) structure
    parsed = ses_asn1.parse(signed_value)
    # (2) signature. The key is the certificate's; whose it is, (3) says.
    leaf_key = _key(parsed.certificate)
    leaf_key.verify_der(parsed.to_sign, parsed.signature)
    # (3) signer's certificate, at the time of signing
    if parsed.signed_at > now + CLOCK_SKEW:
        raise ClaimError("signed_in_future")
    chain = (parsed.certificate, *parsed.intermediates)
    leaf = validate_chain(chain, anchors=anchors, now=parsed.signed_at, suites=_SUITES)
    # (4) the seal names it
    if parsed.certificate not in parsed.seal.certificates:
        raise ClaimError("seal_certificate")
    # (5) the seal itself
    maker = _maker(parsed.seal, anchors=anchors, moment=parsed.signed_at)
    # (6) the document
    if parsed.location != location:
        raise ClaimError("location")
    if parsed.digest != sm3(data):
        raise SignatureError("data_hash")
    # (7) time-stamp
    stamp = None if parsed.stamp is None else verify_stamp(parsed.stamp, sha256(parsed.signature))
    if stamp is not None and parsed.signed_at > stamp.time + CLOCK_SKEW:  # it was there before it was made
        raise ClaimError("signed_in_future")
    return _sealed(parsed, leaf, maker, stamp)


def _maker(seal: Seal, *, anchors: Sequence[bytes], moment: datetime) -> Leaf:
    try:
        _key(seal.maker).verify_der(seal.seal_info, seal.signature)
    except SignatureError as error:
        raise SignatureError("seal_signature") from error
    # The maker's certificate at the making: a seal outlives it, as a document outlives its signer's.
    maker = validate_chain((seal.maker,), anchors=anchors, now=seal.created_at, suites=_SUITES)
    if SEAL_ROLE not in maker.roles:
        raise ClaimError("seal_role")
    if moment < seal.valid_from:
        raise ClaimError("seal_not_yet_valid")
    if moment > seal.valid_until:
        raise ClaimError("seal_expired")
    return maker


def _key(certificate: bytes) -> Sm2Key:
    """The public key of a certificate, which is otherwise not looked at: a signature is checked before its chain."""
    return Sm2Key.from_der(Fields.of(certificate).key)


def _sealed(parsed: SealedData, leaf: Leaf, maker: Leaf, stamp: _Stamp | None) -> Sealed[_Stamp]:
    seal = parsed.seal
    return Sealed(
        leaf=leaf,
        maker=maker,
        signed_at=parsed.signed_at,
        seal_id=seal.seal_id,
        seal_name=seal.name,
        valid_from=seal.valid_from,
        valid_until=seal.valid_until,
        picture=seal.picture,
        stamp=stamp,
        token=parsed.stamp,
    )
