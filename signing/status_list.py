"""Token Status List: the published, compressed answer to "is certificate number n of this list still good?".

A list is public and says nothing about whom an index belongs to, as long as indexes are handed out in an order nobody
can guess: `permute` does that without remembering which are taken.

Wire format. Source: draft-ietf-oauth-status-list §4 (list), §5.1 (token), §8.3 (validation), §13.2 (unlinkability).
"""

import hmac
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from signing.canonical import b64u, unb64u
from signing.errors import ClaimError, MalformedError, StatusListError
from signing.jose import sign_jws, verify_jwt
from signing.keys import Signer, VerifyingKey

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2
SUPERSEDED: Final = 3
"""0x03 is left to applications (§7.1); here a newer version of the certificate exists."""

MAX_ENTRIES: Final = 2**20
MAX_TOKEN_BYTES: Final = 512 * 1024
"""A list of 2**20 two-bit entries that does not compress at all, base64 twice over, and its header."""

TYP: Final = "statuslist+jwt"
_REQUIRED: Final = frozenset({"sub", "iat", "exp", "status_list"})
_WIDTHS: Final = (1, 2, 4, 8)
_ROUNDS: Final = 10
# §4.1 recommends the highest level; on a full-size list it takes ten times as long for a few per cent, and a list is
# made anew for every revocation.
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class StatusList:
    """Statuses packed from the least significant bit of each byte upwards (§4.1)."""

    values: bytes
    bits: int = 2

    def __post_init__(self) -> None:
        if self.bits not in _WIDTHS:
            raise StatusListError("bits")

    def __len__(self) -> int:
        return len(self.values) * 8 // self.bits

    def get(self, index: int) -> int:
        """Return the status at `index`.

        Raises: StatusListError ("index"): beyond the list; no statement is made then, least of all "valid" (§8.3).
        """
        if not 0 <= index < len(self):
            raise StatusListError("index")
        position = index * self.bits
        return self.values[position >> 3] >> (position & 7) & ((1 << self.bits) - 1)


@dataclass(frozen=True, slots=True)
class SignedStatusList:
    """A verified list and how long it may be believed: never after `expires_at`; after `ttl` ask for a newer one."""

    uri: str
    issued_at: datetime
    expires_at: datetime
    list: StatusList
    ttl: timedelta | None = None


def empty(size: int, bits: int = 2) -> StatusList:
    """A list of `size` entries, all VALID. Raises: StatusListError ("bits")."""
    return StatusList(bytes((size * bits + 7) // 8), bits)


def replaced(statuses: StatusList, changes: Mapping[int, int]) -> StatusList:
    """The list with some entries changed. Time grows with the changes, and with the copy of its bytes.

    Raises: StatusListError ("index", "status"): an entry outside the list, or too wide for it.
    """
    packed, bits = bytearray(statuses.values), statuses.bits
    mask, size = (1 << bits) - 1, len(statuses)
    for index, status in changes.items():
        if not 0 <= index < size:
            raise StatusListError("index")
        if not 0 <= status <= mask:
            raise StatusListError("status")
        position = index * bits
        place, shift = position >> 3, position & 7
        packed[place] = packed[place] & ~(mask << shift) | status << shift
    return StatusList(bytes(packed), bits)


def encode(statuses: StatusList) -> str:
    """Compress a list for its token."""
    return b64u(zlib.compress(statuses.values, _LEVEL))


def decode(lst: str, bits: int, *, max_entries: int = MAX_ENTRIES) -> StatusList:
    """Unpack a list, writing no more memory than `max_entries` need, whatever the text promises.

    Raises: MalformedError ("base64url"). StatusListError ("bits", "compression", "too_large").
    """
    if bits not in _WIDTHS:
        raise StatusListError("bits")
    compressed, max_bytes = unb64u(lst), (max_entries * bits + 7) // 8
    reader = zlib.decompressobj()
    try:
        values = reader.decompress(compressed, max_bytes + 1)
    except zlib.error as error:
        raise StatusListError("compression") from error
    if len(values) > max_bytes:
        raise StatusListError("too_large")
    if not reader.eof or reader.unused_data:  # cut short, or a second stream that others might read
        raise StatusListError("compression")
    return StatusList(values, bits)


def sign_status_list(
    *,
    uri: str,
    statuses: StatusList,
    signer: Signer,
    header: Mapping[str, Any],
    now: datetime,
    expires_in: timedelta,
    ttl: timedelta,
) -> str:
    """Make the Status List Token published at `uri`.

    `iat` is `now` cut to the second: sign at most one list a second, or readers cannot tell which is newer.

    Raises: ValueError: naive `now`.
    """
    issued_at = _seconds(now)
    claims = {
        "sub": uri,
        "iat": issued_at,
        "exp": issued_at + int(expires_in.total_seconds()),
        "ttl": int(ttl.total_seconds()),
        "status_list": {"bits": statuses.bits, "lst": encode(statuses)},
    }
    return sign_jws(claims, signer=signer, typ=TYP, header=header)


def read_status_list(
    token: str | bytes,
    *,
    key: VerifyingKey,
    uri: str,
    now: datetime,
    not_before: datetime | None = None,
    max_entries: int = MAX_ENTRIES,
) -> SignedStatusList:
    """Verify a Status List Token fetched for `uri`.

    An expired list says nothing, not even of a certificate it shows revoked. The draft lets `exp` be absent; a list
    without one could be replayed for ever, so it is required here.

    Args:
        token: compact JWS, at most 512 KiB.
        key: the status key, chosen by the caller.
        uri: the `uri` of the certificate's status claim.
        now: aware UTC.
        not_before: `iat` of the newest list already seen for this uri; an older one is a replay.
        max_entries: cap on the unpacked list.
    Raises: MalformedError, SignatureError, StatusListError; ClaimError ("typ", "subject", "expired",
        "issued_in_future", "older_than_seen", "missing_…", "bad_…").
    """
    claims = verify_jwt(
        token,
        key=key,
        typ=TYP,
        issuer=None,
        audience=None,
        now=now,
        max_lifetime=None,
        required=_REQUIRED,
        max_bytes=MAX_TOKEN_BYTES,
    )
    if claims["sub"] != uri:
        raise ClaimError("subject")
    ttl = claims.get("ttl")
    if ttl is not None and (type(ttl) is not int or not 0 < ttl < 2**31):
        raise ClaimError("bad_ttl")
    issued_at, expires_at = _instant(claims["iat"], "bad_iat"), _instant(claims["exp"], "bad_exp")
    if not_before is not None and issued_at < not_before:
        raise ClaimError("older_than_seen")
    member = claims["status_list"]
    if not isinstance(member, dict) or type(member.get("bits")) is not int or not isinstance(member.get("lst"), str):
        raise MalformedError("status_list")
    return SignedStatusList(
        uri=uri,
        issued_at=issued_at,
        expires_at=expires_at,
        list=decode(member["lst"], member["bits"], max_entries=max_entries),
        ttl=None if ttl is None else timedelta(seconds=ttl),
    )


def permute(counter: int, *, key: bytes, bits: int = 20) -> int:
    """Map a counter to a list index: one to one over 2**bits, and unguessable without `key`.

    Indexes given out in order would date certificates and link those issued together (§13.2). A Feistel network
    permutes whatever its round function is, so no two counters share an index.

    Raises: ValueError: counter outside 2**bits, odd `bits`, or a key under 16 bytes.
    """
    if bits % 2 or not 2 <= bits <= 62 or not 0 <= counter < 1 << bits or len(key) < 16:
        raise ValueError("permute needs a counter below 2**bits, an even number of bits and a key of 16 bytes")
    half = bits // 2
    mask = (1 << half) - 1
    left, right = counter >> half, counter & mask
    for number in range(_ROUNDS):
        message = b"status-index" + bytes((bits, number)) + right.to_bytes(4, "big")
        digest = hmac.digest(key, message, "sha256")
        left, right = right, left ^ (int.from_bytes(digest[:8], "big") & mask)
    return left << half | right


def _seconds(now: datetime) -> int:
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return int(now.timestamp())


def _instant(seconds: int, reason: str) -> datetime:
    if not 0 <= seconds < 253402300800:  # the year 10000
        raise ClaimError(reason)
    return datetime.fromtimestamp(seconds, UTC)
