"""SD-JWT (RFC 9901): a signed licence whose holder can leave claims out.

Issuing has two steps because the hub stores what it is about to sign before it uses a key: `prepare` fixes salts and
digests, `sign` adds nothing but a signature. `verify` is the procedure of RFC 9901 §7.1, with every "should" a "must".
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Self

from signing.canonical import canonical, sha256, strict_loads
from signing.disclosures import (
    ALGORITHM,
    MAX_DEPTH,
    checked_salts,
    decode,
    digest,
    encode,
    fresh_salts,
    refuse_unreadable,
    reveal,
)
from signing.errors import ClaimError, MalformedError
from signing.jose import (
    HEADER_NAMES,
    MAX_TOKEN_BYTES,
    Unverified,
    read_header,
    sign_jws,
    take_apart,
    verify_jws,
    verify_jwt,
)
from signing.keys import Signer, VerifyingKey

SD_JWT_TYP: Final = "dc+sd-jwt"
KEY_BINDING_TYP: Final = "kb+jwt"
NEVER_DISCLOSABLE: Final = frozenset(
    {"iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "vct#integrity", "status"}
)
"""Claims a verifier decides by; a holder who could leave them out would decide instead."""

MAX_PREPARED_BYTES: Final = 40960
"""What fits, base64 and certificate chain included, into a token of 64 KiB."""

_KEY_BINDING_HEADER: Final = frozenset({"alg", "typ", "kid"})
_KEY_BINDING_CLAIMS: Final = frozenset({"iat", "aud", "nonce", "sd_hash"})
_NO_HEADER: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything of an SD-JWT but its signature; the salts make it as secret as the claims."""

    payload: dict[str, Any]
    disclosures: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON, for storing; `from_bytes` of a later release reads it.

        Raises: MalformedError ("not_canonical", "too_large").
        """
        data = canonical({"disclosures": self.disclosures, "payload": self.payload})
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


@dataclass(frozen=True, slots=True)
class Split:
    """An SD-JWT taken apart, of which nothing is verified: good for choosing a key by `jws.header`."""

    jws: Unverified
    disclosures: tuple[str, ...]
    kb_jwt: str | None
    presentation: str
    """The token up to and including the last `~`."""


@dataclass(frozen=True, slots=True)
class Parsed(Split):
    """An SD-JWT whose payload can be read, and still nothing is verified."""

    payload: dict[str, Any]

    @property
    def header(self) -> dict[str, Any]:
        """The header, as somebody wrote it."""
        return self.jws.header


@dataclass(frozen=True, slots=True)
class Verified:
    """An SD-JWT signed by the given key. Its dates, audience, status and key binding are still to be checked."""

    header: dict[str, Any]
    payload: dict[str, Any]
    claims: dict[str, Any]
    """The payload with disclosed claims in place, and without `_sd`, `_sd_alg` and `...`."""
    disclosed: frozenset[str]
    """Names of the top-level claims that came from disclosures."""
    kb_jwt: str | None
    """Unverified; see `verify_key_binding`."""
    presentation: str
    """The token up to and including the last `~`, which the key binding signs a hash of."""


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
    refuse_unreadable(payload)
    names = [name for name in payload if name in hidden]
    salts = fresh_salts(len(names)) if salt is None else checked_salts([salt() for _ in names])
    disclosures = tuple(encode(value, name, payload.pop(name)) for value, name in zip(salts, names, strict=True))
    if disclosures:
        # Sorted by digest, so that positions say nothing about which claim is which.
        payload["_sd"] = sorted(map(digest, disclosures))
    payload["_sd_alg"] = ALGORITHM
    return Prepared(payload, disclosures)


def sign(prepared: Prepared, *, signer: Signer, typ: str = SD_JWT_TYP, header: Mapping[str, Any] = _NO_HEADER) -> str:
    """Sign exactly `canonical(prepared.payload)` and append the disclosures: `<jws>~d1~d2~`.

    Raises: MalformedError ("not_canonical", "too_large"). ValueError: `header` as in `sign_jws`.
    """
    jws = sign_jws(canonical(prepared.payload), signer=signer, typ=typ, header=header)
    token = _presentation(jws, prepared.disclosures)
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedError("too_large")
    return token


def issue(
    claims: Mapping[str, Any],
    *,
    disclosable: Collection[str],
    signer: Signer,
    typ: str = SD_JWT_TYP,
    header: Mapping[str, Any] = _NO_HEADER,
    salts: Sequence[str] | None = None,
) -> str:
    """`prepare` and `sign` in one step, for callers that need no record in between; `salts` are for test vectors."""
    if salts is not None and len(salts) != len(frozenset(disclosable)):
        raise ValueError("one salt per disclosable claim")
    salt = None if salts is None else iter(salts).__next__
    return sign(prepare(claims, disclosable, salt=salt), signer=signer, typ=typ, header=header)


def split(token: str | bytes, *, max_bytes: int = MAX_TOKEN_BYTES) -> Split:
    """Take an SD-JWT apart, with or without key binding, and verify nothing.

    Raises: MalformedError.
    """
    if len(token) > max_bytes:
        raise MalformedError("too_large")
    try:
        text = token if isinstance(token, str) else token.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("encoding") from error
    if not text.isascii():
        raise MalformedError("encoding")
    jws, *disclosures, last = text.split("~") if "~" in text else ("", "")
    if not jws:
        raise MalformedError("not_an_sd_jwt")
    if last:
        read_header(last)
    presentation = text[: len(text) - len(last)]
    return Split(take_apart(jws, max_bytes=max_bytes), tuple(disclosures), last or None, presentation)


def parse(token: str | bytes, *, max_bytes: int = MAX_TOKEN_BYTES) -> Parsed:
    """Read an SD-JWT, with or without key binding, and verify nothing.

    Raises: MalformedError.
    """
    parts = split(token, max_bytes=max_bytes)
    payload = _payload(parts.jws.payload, max_bytes)
    return Parsed(parts.jws, parts.disclosures, parts.kb_jwt, parts.presentation, payload)


def verify(
    token: str | bytes | Split,
    *,
    key: VerifyingKey,
    typ: str | frozenset[str] = SD_JWT_TYP,
    max_bytes: int = MAX_TOKEN_BYTES,
    header_names: frozenset[str] = HEADER_NAMES,
) -> Verified:
    """Check the issuer's signature and that every disclosure is covered by it exactly once (RFC 9901 §7.1).

    Dates, audience, status and key binding are the caller's: `claims` is genuine, not necessarily current.
    A `Split` only spares the splitting: the payload is read from the bytes the signature covers.

    Raises: MalformedError (also "unreferenced_disclosure", "duplicate_digest", "duplicate_disclosure",
        "claim_collision", "reserved_name", "never_disclosable", "sd_alg"), ClaimError ("alg", "typ", "kid"),
        SignatureError.
    """
    parts = token if isinstance(token, Split) else split(token, max_bytes=max_bytes)
    signed = verify_jws(parts.jws, key=key, typ=typ, header_names=header_names)
    payload = _payload(signed.payload, max_bytes)
    claims = reveal(payload, parts.disclosures)
    disclosed = frozenset(claims.keys() - payload.keys())
    if not disclosed.isdisjoint(NEVER_DISCLOSABLE):
        raise MalformedError("never_disclosable")
    return Verified(signed.header, payload, claims, disclosed, parts.kb_jwt, parts.presentation)


def select(token: str, names: Collection[str], *, max_bytes: int = MAX_TOKEN_BYTES) -> str:
    """Keep only the disclosures of these top-level claims; verifies nothing.

    Disclosures inside other claims and the key binding, which signs the old selection, are dropped. Names without a
    disclosure are ignored.

    Raises: MalformedError.
    """
    parsed = parse(token, max_bytes=max_bytes)
    digests = parsed.payload.get("_sd", [])
    if not isinstance(digests, list):
        raise MalformedError("sd")
    kept = []
    for disclosure in parsed.disclosures:
        content = decode(disclosure)
        if len(content) == 3 and content[1] in names and digest(disclosure) in digests:
            kept.append(disclosure)
    return _presentation(parsed.presentation.partition("~")[0], kept)


def verify_key_binding(verified: Verified, *, audience: str, nonce: str, now: datetime, max_age: timedelta) -> None:
    """Check that the presenter holds the key in `cnf` and presents to us, now, exactly this selection (§7.3).

    Raises: MalformedError, KeyPolicyError, SignatureError, ClaimError ("key_binding_missing", "missing_cnf", "nonce",
        "sd_hash", "key_binding_age", and those of `verify_jwt`). ValueError: `now` is naive.
    """
    if verified.kb_jwt is None:
        raise ClaimError("key_binding_missing")
    match verified.payload.get("cnf"):
        case {"jwk": dict() as jwk}:
            key = VerifyingKey.from_jwk(jwk)
        case _:
            raise ClaimError("missing_cnf")
    # The licence names the key. A wallet's own name for it in the header is neither needed nor trusted.
    kid = read_header(verified.kb_jwt).get("kid")
    claims = verify_jwt(
        verified.kb_jwt,
        key=replace(key, kid=kid) if isinstance(kid, str) else key,
        typ=KEY_BINDING_TYP,
        issuer=None,
        audience=audience,
        now=now,
        max_lifetime=None,
        required=_KEY_BINDING_CLAIMS,
        header_names=_KEY_BINDING_HEADER,
    )
    if claims["nonce"] != nonce:
        raise ClaimError("nonce")
    if claims["sd_hash"] != digest(verified.presentation):
        raise ClaimError("sd_hash")
    if now.timestamp() - claims["iat"] > max_age.total_seconds():
        raise ClaimError("key_binding_age")


def _payload(data: bytes, max_bytes: int) -> dict[str, Any]:
    payload = strict_loads(data, max_bytes=max_bytes, max_depth=MAX_DEPTH)
    if not isinstance(payload, dict):
        raise MalformedError("payload")
    return payload


def _presentation(jws: str, disclosures: Sequence[str]) -> str:
    return "~".join((jws, *disclosures, ""))
