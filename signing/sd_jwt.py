"""SD-JWT (RFC 9901): a signed licence whose holder can leave claims out.

Issuing has two steps because the hub stores what it is about to sign before it uses a key: `prepare` fixes salts and
digests, `sign` adds nothing but a signature. `verify` is the procedure of RFC 9901 §7.1, with every "should" a "must".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from signing.canonical import strict_loads
from signing.disclosures import MAX_DEPTH, decode, digest, reveal
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
from signing.keys import Es256Key, Signer, VerifyingKey
from signing.prepared import NEVER_DISCLOSABLE, Prepared, prepare

__all__ = [
    "KEY_BINDING_TYP", "NEVER_DISCLOSABLE", "SD_JWT_TYP",
    "Parsed", "Prepared", "Split", "Verified",
    "issue", "parse", "prepare", "select", "sign", "split", "verify", "verify_key_binding",
]  # fmt: skip

SD_JWT_TYP: Final = "dc+sd-jwt"
KEY_BINDING_TYP: Final = "kb+jwt"
_KEY_BINDING_HEADER: Final = frozenset({"alg", "typ", "kid"})
_KEY_BINDING_CLAIMS: Final = frozenset({"iat", "aud", "nonce", "sd_hash"})
_NO_HEADER: Final[Mapping[str, Any]] = MappingProxyType({})


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


def sign(prepared: Prepared, *, signer: Signer, typ: str = SD_JWT_TYP, header: Mapping[str, Any] = _NO_HEADER) -> str:
    """Sign exactly `prepared.signed` and append the disclosures: `<jws>~d1~d2~`.

    Raises: MalformedError ("not_canonical", "too_large"). ValueError: `header` as in `sign_jws`.
    """
    jws = sign_jws(prepared.signed, signer=signer, typ=typ, header=header)
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
    # Neither the claim nor a part of it may have been hidden: a status without its list is no status.
    hidden = any(claims.get(name) != payload.get(name) for name in NEVER_DISCLOSABLE)
    if hidden or not disclosed.isdisjoint(NEVER_DISCLOSABLE):
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
            key = Es256Key.from_jwk(jwk)  # a wallet has this suite, whichever the licence has
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
