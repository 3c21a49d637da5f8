"""Checks a signed PDF file as the hub writes it, and says who signed what when. Everything unknown is refused.

Steps, in this order:
 1. structure: tables, trailers and the objects of every update, to the byte (`pades_file`, `pades_revisions`);
 2. one certification signature with `P 1`, over the whole file as it was then but its own hole;
 3. after it only validation data and document time-stamps, each stamp over the whole file as it was then;
 4. stamps, the newest first: each is checked at the time that the one after it proved, the newest one now;
 5. the signature (`cms_check`);
 6. the signer's path to an anchor, at the time that the earliest trusted stamp proved, else now.
The caller still owes: what the signer may sign, whether the licence is in force, what the page says. A file of another
program is refused with `pdf_…`, which is no verdict about its signature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from signing.canonical import sha256
from signing.cms import message as cms
from signing.cms.check import DOCUMENT_ATTRIBUTES, Signed, read_signed
from signing.cms.der import SEQUENCE, read_padded
from signing.errors import ChainError, ClaimError, MalformedError
from signing.pades.file import read_file
from signing.pades.objects import Value, read_text
from signing.pades.revisions import Revisions, read_revisions
from signing.tsp.tokens import TOLERANCE, Stamp, verify_token
from signing.x509.fields import Fields
from signing.x509.pki import Leaf, validate_chain

MAX_STAMPS: Final = 32
SUITES: Final = frozenset({"ES256", "RS256"})
_DATE: Final = "D:%Y%m%d%H%M%SZ"


class Level(StrEnum):
    """Levels of EN 319 142-1, by what this check could confirm."""

    BASIC = "B-B"
    STAMPED = "B-T"
    """A trusted stamp proves that the signature existed at its time."""
    LONG_TERM = "B-LT"
    """And the certificates of the signer's path, up to an anchor of this check and with it, are in the file."""
    ARCHIVED = "B-LTA"
    """And a trusted document time-stamp covers all validation data that is in the file."""


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """A signature that holds."""

    signer: Leaf
    level: Level
    claimed_at: datetime
    """What the signer said; nothing proves it."""
    proven_at: datetime | None
    """By the earliest trusted stamp: the signature existed then."""
    stamps: tuple[Stamp, ...]
    """Trusted ones, the signature's own first, then those over the document, oldest first. One of an authority that
    leads to no anchor proves nothing and harms nothing.
    """
    name: str
    reason: str
    location: str
    signature: bytes = field(repr=False)
    """The signature's value; a stamp for `pades_archive.attach_stamp` is over its SHA-256."""
    validation: dict[str, tuple[bytes, ...]] = field(repr=False)
    """DER by kind: `Certs`, `CRLs`, `OCSPs`; not judged here."""


def check(
    pdf: bytes, *, anchors: Sequence[bytes], now: datetime, stamp_anchors: Sequence[bytes] | None = None
) -> PdfSignature:
    """Check a file that anybody may have made.

    Args:
        pdf: at most 32 MiB.
        anchors: DER of the roots that signers are trusted under.
        now: aware; no signature may be from later.
        stamp_anchors: roots of time-stamp authorities; by default those of the signers.
    Raises: MalformedError: no such file. ClaimError ("pdf_not_signed", "pdf_not_certified", "pdf_byte_range",
        "pdf_changed", "stamp_imprint", "stamp_time", "signed_in_the_future"). SignatureError ("digest", "signature",
        "signing_certificate"), KeyPolicyError, ChainError. ValueError: naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    trusted = anchors if stamp_anchors is None else stamp_anchors
    revisions = read_revisions(read_file(pdf))
    hole = revisions.signature
    signed = _read(hole.content)
    stamps, moment, covered = _stamps(pdf, revisions, signed, trusted=trusted, now=now)
    signed.check(sha256(hole.covered(pdf)))
    leaf = validate_chain(_ordered(signed.chain), anchors=anchors, now=moment, suites=SUITES)
    claimed = _instant(hole.values.get("M"))
    if claimed > moment + TOLERANCE:
        raise ClaimError("signed_in_the_future")
    return PdfSignature(
        signer=leaf,
        level=_level(revisions, signed, stamps, anchors=anchors, archived=0 < revisions.validated <= covered),
        claimed_at=claimed,
        proven_at=moment if stamps else None,
        stamps=stamps,
        name=read_text(hole.values.get("Name")),
        reason=read_text(hole.values.get("Reason")),
        location=read_text(hole.values.get("Location")),
        signature=signed.signature,
        validation=revisions.validation,
    )


def _read(content: bytes) -> Signed:
    info = read_padded(content, tag=SEQUENCE)
    signed = read_signed(info, content_type=cms.ID_DATA, allowed=DOCUMENT_ATTRIBUTES)
    if signed.content is not None or signed.hash_name != "sha256":
        raise MalformedError("cms_content")
    # The hole is covered by nothing: whatever in it is not signed must be as our writer spells it.
    made = cms.new_writer(signed.chain, alg="ES256" if signed.kind == "ec" else "RS256")
    token = None if signed.token is None else signed.token.raw
    if made.envelope(signed.attributes, signed.signature, token=token) != info.raw:
        raise MalformedError("cms_encoding")
    return signed


def _stamps(
    pdf: bytes, revisions: Revisions, signed: Signed, *, trusted: Sequence[bytes], now: datetime
) -> tuple[tuple[Stamp, ...], datetime, int]:
    """Trusted stamps from the innermost on, the time proven, and how much of the file the trusted document time-stamps
    cover.
    """
    if len(revisions.stamps) > MAX_STAMPS:
        raise ClaimError("pdf_changed", "stamps")
    waiting = [
        (read_padded(hole.content, tag=SEQUENCE).raw, sha256(hole.covered(pdf)), hole.end) for hole in revisions.stamps
    ]
    if signed.token is not None:
        waiting.insert(0, (signed.token.raw, sha256(signed.signature), 0))
    found: list[Stamp] = []
    covered = 0
    moment = now
    for token, digest, end in reversed(waiting):
        try:
            stamp = verify_token(token, digest=digest, anchors=trusted, now=moment)
        except ChainError:
            continue
        found.insert(0, stamp)
        moment = min(moment, stamp.time)
        covered = max(covered, end)
    return tuple(found), moment, covered


def _level(
    revisions: Revisions, signed: Signed, stamps: tuple[Stamp, ...], *, anchors: Sequence[bytes], archived: bool
) -> Level:
    if not stamps:
        return Level.BASIC
    kept = set(revisions.validation["Certs"])
    issuer = Fields.of(_ordered(signed.chain)[-1]).issuer
    # An anchor, not whatever bears its name: anybody can add that.
    rooted = any(each in kept and Fields.of(each).subject == issuer for each in anchors)
    if not rooted or not set(signed.chain) <= kept:
        return Level.STAMPED
    return Level.ARCHIVED if archived else Level.LONG_TERM


def _ordered(chain: Sequence[bytes]) -> list[bytes]:
    """Leaf, its issuer, the issuer's issuer: in CMS they stand in the order of their bytes."""
    leaf, *others = chain
    ordered = [leaf]
    while others:
        issuer = Fields.of(ordered[-1]).issuer
        following = next((each for each in others if Fields.of(each).subject == issuer), None)
        if following is None:
            raise ChainError("unused_certificate")
        others.remove(following)
        ordered.append(following)
    return ordered


def _instant(value: Value) -> datetime:
    try:
        return datetime.strptime(read_text(value), _DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedError("pdf_object", "M") from error
