"""Electronic seals: made by a seal maker's key, put on a document by a key that the seal names (GB/T 38540-2020).

SM2 with SM3 and nothing else: the standard knows no other suite, and a seal under another one would be read by nobody.
A seal's maker (role "seal") and its users are different keys; a seal ends with its own dates, not with a certificate.
Putting a seal on is two steps, so that a key elsewhere may sign between them: `prepare`, then `finish`.

Wire format. Source: GB/T 38540-2020 §6.2 (making a seal), §7.2 (sealing).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from signing.canonical import sha256
from signing.errors import KeyPolicyError
from signing.keys import Signer
from signing.ses import asn1 as ses_asn1
from signing.ses.asn1 import Picture
from signing.sm2 import SM2SM3, sm3, to_der
from signing.x509.pki import MAX_CHAIN

VENDOR: Final = "YIZHENG"
TYPE_OFFICIAL: Final = 1
"""Kind of seal, by our own numbering; the standard leaves the numbers to the makers."""

Stamp: TypeAlias = Callable[[bytes], bytes]
"""A SHA-256 in, a time-stamp token over it out (DER). What it raises passes through; nothing is sealed then."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document about to be sealed. `to_sign` is the exact message for the signer; it may be stored and signed later.

    It names the seal, the instant and the digest of the document, and nothing of it is secret.
    """

    to_sign: bytes = field(repr=False)
    certificate: bytes = field(repr=False)


def new_seal(
    *,
    maker: Signer,
    maker_certificate: bytes,
    seal_id: str,
    name: str,
    certificates: Sequence[bytes],
    picture: Picture,
    now: datetime,
    valid_until: datetime,
    type_number: int = TYPE_OFFICIAL,
) -> bytes:
    """Make a seal; returns SESeal in DER. Whether the maker may is its certificate's to say: see `ses_check`.

    Args:
        maker: SM2 key in the role "seal".
        seal_id: unique among the maker's seals; ASCII.
        name: of the seal's owner, as on the seal.
        certificates: DER, of every key that may use the seal; a new key needs a new seal.
        now: aware; the seal is valid from here on, to the second.
        valid_until: aware, inclusive.
    Raises: KeyPolicyError ("alg"): not an SM2 key. ValueError: naive instants, no certificate, an end before `now`.
    """
    check_suite(maker)
    start, end = _second(now), _second(valid_until)
    if not certificates or end < start:
        raise ValueError("a seal has a key that may use it, and ends after it was made")
    info = ses_asn1.seal_info(
        vendor=VENDOR,
        seal_id=seal_id,
        type_number=type_number,
        name=name,
        certificates=certificates,
        created_at=start,
        valid_from=start,
        valid_until=end,
        picture=picture,
    )
    return ses_asn1.seal(info, maker=maker_certificate, signature=to_der(maker.sign(info)))


def prepare(data: bytes, *, location: str, seal: bytes, chain: Sequence[bytes], now: datetime) -> Prepared:
    """What a signer signs to put `seal` on `data`. The same arguments give the same bytes.

    Args:
        data: what is sealed; of an OFD the whole of `Signature.xml`, which holds the digests of all the rest.
        location: path of `data` in its document, ASCII.
        seal: DER, as `new_seal` made it.
        chain: DER, the signer's certificate first, root left out.
        now: aware; the signer's statement of the time, to the second. A stamp proves it.
    Raises: ValueError: naive `now`, a chain of none or too many, a certificate that the seal does not name.
        MalformedError: not a seal.
    """
    if not 1 <= len(chain) <= MAX_CHAIN or chain[0] not in ses_asn1.parse_seal(seal).certificates:
        raise ValueError("a document is sealed by a key that the seal names")
    return Prepared(
        to_sign=ses_asn1.to_sign(
            seal=seal,
            signed_at=_second(now),
            digest=sm3(data),
            location=location,
            intermediates=chain[1:],
        ),
        certificate=chain[0],
    )


def finish(prepared: Prepared, signature: bytes, *, stamp: Stamp | None) -> bytes:
    """SES_Signature in DER, of what `prepare` gave and the signer's 64 bytes over `to_sign`.

    The signature is not verified here. The stamp is over the SHA-256 of its DER.

    Raises: SignatureError: not 64 bytes. What `stamp` raises.
    """
    value = to_der(signature)
    token = None if stamp is None else stamp(sha256(value))
    return ses_asn1.sealed(prepared.to_sign, certificate=prepared.certificate, signature=value, stamp=token)


def sign(
    data: bytes,
    *,
    location: str,
    seal: bytes,
    signer: Signer,
    chain: Sequence[bytes],
    now: datetime,
    stamp: Stamp | None,
) -> bytes:
    """`prepare`, sign and `finish` with a key that answers at once.

    Raises: KeyPolicyError ("alg"): not an SM2 key. What the three raise.
    """
    check_suite(signer)
    prepared = prepare(data, location=location, seal=seal, chain=chain, now=now)
    return finish(prepared, signer.sign(prepared.to_sign), stamp=stamp)


def check_suite(signer: Signer) -> None:
    """Return if the signer may make and use seals. Raises: KeyPolicyError ("alg")."""
    if signer.alg != SM2SM3:
        raise KeyPolicyError("alg", "seals are made and used with SM2")


def _second(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant must be aware")
    return moment.replace(microsecond=0)
