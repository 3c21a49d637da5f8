"""Time-stamps (RFC 3161) for who wants one and who is shown one: the request, the answer's token, what a token proves.

A token says that a digest existed at a time; who says so is the authority's certificate. `authority` is the other side.

Not here: asking an authority over the network (`hub.issuing.stamping.service`). Wire format: DER; digests are SHA-256.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from signing.cms import message as cms
from signing.cms.check import read_signed
from signing.cms.der import (
    BOOLEAN,
    INTEGER,
    NULL,
    SEQUENCE,
    Node,
    children,
    integer,
    octets,
    oid,
    read,
    read_integer,
    read_oid,
    read_time,
    sequence,
)
from signing.errors import ClaimError, MalformedError
from signing.tsp.chain import validate_authority

TRIAL_POLICY: Final = "2.25.123664625333529139085862978084894115063"
"""Policy of every built-in authority: for trying out, no legal meaning. An arc of our own making (ITU-T X.667)."""
MAX_TOKEN_BYTES: Final = 65_536
TOLERANCE: Final = timedelta(seconds=10)
"""How far the authority's clock may be ahead of ours."""
_TRUE: Final = b"\x01\x01\xff"
_EXTENSIONS: Final = 0xA1
_INFO_ORDER: Final = (SEQUENCE, BOOLEAN, INTEGER, 0xA0, _EXTENSIONS)
"""Accuracy, ordering, nonce, name of the authority, extensions: each may be missing."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token proved."""

    time: datetime
    authority: str
    """Name of the authority, from its certificate."""
    policy: str
    trial: bool
    """Made by a built-in authority: for trying out."""
    serial: int
    accuracy: timedelta | None
    not_after: datetime
    """When the first certificate of the authority's path ends; until then another stamp must have covered this one."""
    fingerprint: str
    """Of the authority's certificate."""


def request(digest: bytes, *, nonce: int | None) -> bytes:
    """A request for a token over a SHA-256, certificates wanted. Raises: ValueError: not 32 bytes."""
    if len(digest) != 32:
        raise ValueError("a SHA-256 digest has 32 bytes")
    said = b"" if nonce is None else integer(nonce)
    return sequence(integer(1), imprint(digest), said, _TRUE)


def token_of(answer: bytes, *, digest: bytes, nonce: int | None) -> bytes:
    """The token out of an authority's answer, if it is for this very request.

    Not checked: the signature, and who the authority is: `verify_token`.

    Raises: MalformedError: not such an answer. ClaimError ("tsp_rejected", "tsp_imprint", "tsp_nonce").
        SignatureError ("signing_certificate").
    """
    if len(answer) > MAX_TOKEN_BYTES:
        raise MalformedError("tsp_size")
    parts = children(read(answer, tag=SEQUENCE))
    status = children(parts[0], tag=SEQUENCE) if parts else []
    if not status:
        raise MalformedError("tsp_answer")
    if read_integer(status[0]) not in {0, 1} or len(parts) != 2:
        raise ClaimError("tsp_rejected")
    info = _info(read_signed(parts[1], content_type=cms.ID_TST_INFO).content)
    if info.imprint not in {imprint(digest), imprint(digest, null=True)}:
        raise ClaimError("tsp_imprint")
    if info.nonce != nonce:
        raise ClaimError("tsp_nonce")
    return parts[1].raw


def verify_token(token: bytes, *, digest: bytes, anchors: Sequence[bytes], now: datetime) -> Stamp:
    """Check a token over a SHA-256 and say when it was stamped, and by whom.

    Args:
        token: DER.
        digest: of what was stamped.
        anchors: DER of the roots that time-stamp authorities are trusted under.
        now: aware; when the authority's path must be valid: the present, or the time of a stamp that covers this one.
    Raises: MalformedError, SignatureError, KeyPolicyError, ChainError; ClaimError ("stamp_imprint", "stamp_time").
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedError("tsp_size")
    signed = read_signed(read(token, tag=SEQUENCE), content_type=cms.ID_TST_INFO)
    info = _info(signed.content)
    if info.imprint not in {imprint(digest), imprint(digest, null=True)}:
        raise ClaimError("stamp_imprint")
    signed.check(hashlib.new(signed.hash_name, signed.content or b"").digest())
    authority = validate_authority(signed.chain, anchors=anchors, now=now)
    if not authority.not_before <= info.time <= min(now + TOLERANCE, authority.not_after):
        raise ClaimError("stamp_time")
    return Stamp(
        time=info.time,
        authority=authority.name,
        policy=info.policy,
        trial=info.policy == TRIAL_POLICY,
        serial=info.serial,
        accuracy=info.accuracy,
        not_after=authority.not_after,
        fingerprint=authority.fingerprint,
    )


@dataclass(frozen=True, slots=True)
class _Info:
    policy: str
    imprint: bytes
    serial: int
    time: datetime
    accuracy: timedelta | None
    nonce: int | None


def _info(content: bytes | None) -> _Info:
    """TSTInfo (§2.4.2). Raises: MalformedError ("tsp_info", "der")."""
    parts = children(read(content or b"", tag=SEQUENCE))
    if len(parts) < 5 or read_integer(parts[0]) != 1:
        raise MalformedError("tsp_info")
    accuracy = nonce = None
    seen = -1
    for part in parts[5:]:
        place = _INFO_ORDER.index(part.tag) if part.tag in _INFO_ORDER else -1
        if place <= seen:  # unknown, twice or out of order
            raise MalformedError("tsp_info")
        seen = place
        if part.tag == SEQUENCE:
            accuracy = _accuracy(part)
        elif part.tag == INTEGER:
            nonce = read_integer(part)
        elif part.tag == _EXTENSIONS and any(len(children(each, tag=SEQUENCE)) != 2 for each in children(part)):
            raise MalformedError("tsp_info", "an extension that is critical, and not understood")
    return _Info(
        policy=read_oid(parts[1]),
        imprint=parts[2].raw,
        serial=read_integer(parts[3]),
        time=read_time(parts[4]),
        accuracy=accuracy,
        nonce=nonce,
    )


def _accuracy(node: Node) -> timedelta:
    units = {INTEGER: "seconds", 0x80: "milliseconds", 0x81: "microseconds"}
    total = timedelta()
    for part in children(node):
        unit = units.pop(part.tag, None)
        if unit is None or not 1 <= len(part.body) <= 4:
            raise MalformedError("tsp_info")
        total += timedelta(**{unit: int.from_bytes(part.body, "big")})
    return total


def imprint(digest: bytes, *, null: bool = False) -> bytes:
    """MessageImprint of a SHA-256, its algorithm without parameters or with NULL (§2.4.1)."""
    return sequence(sequence(oid(cms.ID_SHA256), NULL if null else b""), octets(digest))
