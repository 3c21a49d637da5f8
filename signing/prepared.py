"""An SD-JWT before its signature: salts and digests fixed, so that it can be stored, shown and recorded first.

Part of `sd_jwt`, through which others have it. Source: RFC 9901 §4.2, §5.1.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from signing.canonical import b64u, b64u_bytes, canonical, quick_canonical, sha256, strict_loads
from signing.disclosures import (
    ALGORITHM,
    MAX_DEPTH,
    RESERVED,
    checked_salts,
    digest,
    encode,
    fresh_salts,
    plain,
    refuse_unreadable,
    write,
)
from signing.errors import MalformedError

NEVER_DISCLOSABLE: Final = frozenset(
    {"iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "vct#integrity", "status"}
)
"""Claims a verifier decides by; a holder who could leave them out would decide instead."""

MAX_PREPARED_BYTES: Final = 40960
"""What fits, base64 and certificate chain included, into a token of 64 KiB."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything of an SD-JWT but its signature; the salts make it as secret as the claims."""

    payload: dict[str, Any]
    disclosures: tuple[str, ...]
    _signed: bytes | None = field(default=None, compare=False, repr=False)
    """The payload as `prepare` wrote it."""

    @property
    def signed(self) -> bytes:
        """What a signature covers: the payload in its canonical form. Raises: MalformedError ("not_canonical")."""
        return canonical(self.payload) if self._signed is None else self._signed

    def to_bytes(self) -> bytes:
        """Canonical JSON, for storing; `from_bytes` of a later release reads it.

        Raises: MalformedError ("not_canonical", "too_large").
        """
        # As `canonical` writes these two members.
        data = b'{"disclosures":%b,"payload":%b}' % (canonical(self.disclosures), self.signed)
        if len(data) > MAX_PREPARED_BYTES:
            raise MalformedError("too_large")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises: MalformedError: anything else, also disclosures the payload does not commit to.
        """
        stored = strict_loads(data, max_bytes=MAX_PREPARED_BYTES, max_depth=MAX_DEPTH + 1)
        match stored:
            case {"payload": {"_sd_alg": "sha-256"} as payload, "disclosures": [*disclosures]} if len(stored) == 2:
                pass
            case _:
                raise MalformedError("prepared")
        if not all(isinstance(disclosure, str) for disclosure in disclosures):
            raise MalformedError("prepared")
        if sorted(digest(disclosure) for disclosure in disclosures) != payload.get("_sd", []):
            raise MalformedError("prepared")
        return cls(payload, tuple(disclosures))

    def digest(self) -> bytes:
        """SHA-256 of `to_bytes()`: what the ledger commits to before a key is used."""
        return sha256(self.to_bytes())


def prepare(
    claims: Mapping[str, Any], disclosable: Collection[str], *, salt: Callable[[], str] | None = None
) -> Prepared:
    """Fix payload and disclosures; everything random happens here.

    The payload shares nested values with `claims`: do not change them before `sign`.

    Args:
        claims: all claims, disclosed or not.
        disclosable: top-level names that become disclosures; the rest stays in clear.
        salt: makes one salt per disclosure, 22 characters of base64url or more; by default 144 random bits each.
    Raises: MalformedError ("reserved_name", "depth", "character", "number", "not_canonical").
        ValueError: `disclosable` holds an absent name (a slip would leave a claim in clear) or one that every verifier
        needs (`NEVER_DISCLOSABLE`); a salt is short or repeated.
    """
    hidden = frozenset(disclosable)
    if not hidden <= claims.keys():
        raise ValueError("disclosable names a claim that is absent")
    if not hidden.isdisjoint(NEVER_DISCLOSABLE):
        raise ValueError("disclosable names a claim that every verifier needs")
    payload: dict[str, Any] = dict(claims)
    names = [name for name in payload if name in hidden]
    salts = fresh_salts(len(names)) if salt is None else checked_salts([salt() for _ in names])
    texts = [write(value, name, payload.pop(name)) for value, name in zip(salts, names, strict=True)]
    packed = [b64u_bytes(text) for text in texts]
    _commit(payload, packed)
    signed = quick_canonical(payload, reserved=RESERVED)
    if signed is None or b"" in texts or not RESERVED.isdisjoint(claims) or not plain((signed, *texts)):
        return _prepare_closely(claims, names, salts)
    return Prepared(payload, tuple([each.decode("ascii") for each in packed]), signed)


def _prepare_closely(claims: Mapping[str, Any], names: Sequence[str], salts: Sequence[str]) -> Prepared:
    """Prepare what the quick way would not vouch for, looking at every value."""
    payload: dict[str, Any] = dict(claims)
    refuse_unreadable(payload)
    disclosures = tuple(encode(salt, name, payload.pop(name)) for salt, name in zip(salts, names, strict=True))
    _commit(payload, [each.encode() for each in disclosures])
    return Prepared(payload, disclosures, canonical(payload))


def _commit(payload: dict[str, Any], disclosures: Sequence[bytes]) -> None:
    if disclosures:
        # Sorted by digest, so that positions say nothing about which claim is which.
        payload["_sd"] = sorted([b64u(sha256(each)) for each in disclosures])
    payload["_sd_alg"] = ALGORITHM
