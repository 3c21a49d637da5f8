"""The one strict wrapper around python-jose: compact JWS and JWT under ES256, and beside it under SM2SM3.

No other file imports `jose`. The library accepts what it is given (no `typ`, unknown `crit`, any `aud`, base64 with
junk); everything it does not check is checked here, before it sees the token. Encryption, `alg: none`, HMAC and keys
named by the token (`jku`, `x5u`, `jwk`) have no code path. RSA keys, which sign documents, are refused in tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from jose import jwk
from jose.backends.cryptography_backend import CryptographyECKey

from signing.canonical import b64u, canonical, strict_loads, unb64u
from signing.errors import ClaimError, KeyPolicyError, MalformedError, SignatureError
from signing.keys import ES256, SM2SM3, Es256Key, Signer, VerifyingKey

MAX_TOKEN_BYTES: Final = 65536
HEADER_NAMES: Final = frozenset({"alg", "typ", "kid", "x5c", "cty"})
TOKEN_ALGORITHMS: Final = frozenset({ES256, SM2SM3})
REQUIRED_CLAIMS: Final = frozenset({"iss", "aud", "exp", "iat"})
FUTURE_LEEWAY: Final = timedelta(seconds=10)
"""How far ahead of ours a sender's clock may be; expiry has no leeway."""

_MAX_HEADER_DEPTH: Final = 4
_REMEMBERED_HEADER_BYTES: Final = 8192
_MAX_CLAIM_DEPTH: Final = 32
_NO_HEADER: Final[Mapping[str, Any]] = MappingProxyType({})

# python-jose falls back to pure-Python `ecdsa`, whose signing leaks time, when its cryptography backend is missing.
if jwk.get_key(ES256) is not CryptographyECKey:  # pragma: no cover
    raise ImportError("python-jose must run on its cryptography backend")


@dataclass(frozen=True, slots=True)
class Jws:
    """Header and payload of a JWS whose signature and type were checked."""

    header: dict[str, Any]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Unverified:
    """A compact JWS as `take_apart` made it: each part read strictly, nothing verified.

    Good for choosing a key by the header before `verify_jws`, which then need not read the token again.
    """

    protected: bytes
    """The encoded header, with which `signing_input` begins."""
    signing_input: bytes
    payload: bytes
    signature: bytes

    @property
    def header(self) -> dict[str, Any]:
        """The header, made anew at each call: changing it changes nothing."""
        members = _read(self.protected).items()
        return {name: value.copy() if type(value) in {list, dict} else value for name, value in members}


def sign_jws(
    payload: bytes | Mapping[str, Any], *, signer: Signer, typ: str, header: Mapping[str, Any] = _NO_HEADER
) -> str:
    """Sign a payload as compact JWS; a mapping is signed in canonical form.

    `alg` and `kid` come from the signer, `typ` from the argument; `header` adds other names.

    Raises: MalformedError: the mapping or header is not JSON. KeyPolicyError ("alg"): the signer's suite has no tokens.
        ValueError: `header` names alg, kid, typ, crit or b64.
    """
    body = payload if isinstance(payload, bytes) else canonical(dict(payload))
    signing_input = f"{_protected(signer, typ, header)}.{b64u(body)}"
    return f"{signing_input}.{b64u(signer.sign(signing_input.encode('ascii')))}"


def verify_jws(
    token: str | bytes | Unverified,
    *,
    key: VerifyingKey,
    typ: str | frozenset[str],
    max_bytes: int = MAX_TOKEN_BYTES,
    header_names: frozenset[str] = HEADER_NAMES,
) -> Jws:
    """Check a compact JWS against one key and the one kind (or kinds) of token expected here.

    A `kid` in the header must be the key's own, unless an `x5c` beside it names the key.

    Raises: MalformedError, ClaimError ("alg", "typ", "kid"), SignatureError, KeyPolicyError ("alg"): the key's suite
        has no tokens. SuiteUnavailableError: this machine cannot compute the suite.
    """
    parts = token if isinstance(token, Unverified) else take_apart(token, max_bytes=max_bytes)
    header = parts.header
    if not header.keys() <= header_names:
        raise MalformedError("header_name")
    if header.get("alg") != key.alg:
        raise ClaimError("alg")
    kind = header.get("typ")
    if not isinstance(kind, str) or (kind != typ if isinstance(typ, str) else kind not in typ):
        raise ClaimError("typ")
    if "kid" in header and "x5c" not in header and header["kid"] != key.kid:
        raise ClaimError("kid")
    _check_signature(parts, key)
    return Jws(header, parts.payload)


def read_header(token: str | bytes, *, max_bytes: int = MAX_TOKEN_BYTES) -> dict[str, Any]:
    """Header of a compact JWS, UNVERIFIED: good for looking up a key by `kid`, for nothing else.

    Raises: MalformedError.
    """
    return take_apart(token, max_bytes=max_bytes).header


def take_apart(token: str | bytes, *, max_bytes: int = MAX_TOKEN_BYTES) -> Unverified:
    """Split and decode a compact JWS.

    Raises: MalformedError.
    """
    if len(token) > max_bytes:
        raise MalformedError("too_large")
    try:
        raw = token.encode("ascii") if isinstance(token, str) else token
    except UnicodeEncodeError as error:
        raise MalformedError("encoding") from error
    if raw.count(b".") != 2:
        raise MalformedError("segments")
    signing_input, _, signature = raw.rpartition(b".")
    protected, _, payload = signing_input.partition(b".")
    _read(protected)
    return Unverified(protected, signing_input, unb64u(payload), unb64u(signature))


def verify_jwt(
    token: str | bytes,
    *,
    key: VerifyingKey,
    typ: str | frozenset[str],
    issuer: str | None,
    audience: str | None,
    now: datetime,
    max_lifetime: timedelta | None,
    required: frozenset[str] = REQUIRED_CLAIMS,
    max_bytes: int = MAX_TOKEN_BYTES,
    header_names: frozenset[str] = HEADER_NAMES,
) -> dict[str, Any]:
    """Check a JWT as `verify_jws` does, then its claims, and return them.

    Args:
        token: compact JWS with a JSON object as payload.
        key: the key chosen by the caller, by `kid` or certificate chain; the token cannot choose another.
        typ: the kind, or kinds, of token expected here.
        issuer: the exact `iss`; None leaves the value to the caller.
        audience: the exact `aud`, which is one string, never a list; None leaves the value to the caller.
        now: aware UTC. The token is dead in the second named by `exp`; `iat` and `nbf` may be 10 s ahead.
        max_lifetime: cap on exp - iat, which are then both required; None sets no cap.
        required: claims that must be present.
        max_bytes: cap on the token, checked before anything is parsed.
        header_names: names the header may have.
    Raises: MalformedError, SignatureError, ClaimError ("missing_<claim>", "bad_<claim>", "issuer", "audience",
        "expired", "issued_in_future", "not_yet_valid", "lifetime"). ValueError: `now` is naive.
    """
    seconds = _seconds(now)
    payload = verify_jws(token, key=key, typ=typ, max_bytes=max_bytes, header_names=header_names).payload
    claims = strict_loads(payload, max_bytes=max_bytes, max_depth=_MAX_CLAIM_DEPTH)
    if not isinstance(claims, dict):
        raise MalformedError("claims")
    check_claims(
        claims,
        issuer=issuer,
        audience=audience,
        seconds=seconds,
        max_lifetime=max_lifetime,
        required=required,
    )
    return claims


def check_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str | None,
    audience: str | None,
    seconds: float,
    max_lifetime: timedelta | None,
    required: frozenset[str],
) -> None:
    """Apply the claim rules of `verify_jwt` to claims that were read strictly."""
    if max_lifetime is not None:
        required |= {"exp", "iat"}
    if not required <= claims.keys():
        raise ClaimError(f"missing_{min(required - claims.keys())}")
    for name in ("iss", "sub", "aud", "jti"):
        if name in claims and not isinstance(claims[name], str):
            raise ClaimError(f"bad_{name}")
    for name in ("exp", "nbf", "iat"):
        if name in claims and type(claims[name]) is not int:  # a bool is an int, a float is not an instant
            raise ClaimError(f"bad_{name}")
    if issuer is not None and claims.get("iss") != issuer:
        raise ClaimError("issuer")
    if audience is not None and claims.get("aud") != audience:
        raise ClaimError("audience")
    latest = seconds + FUTURE_LEEWAY.total_seconds()
    if claims.get("iat", seconds) > latest:
        raise ClaimError("issued_in_future")
    if claims.get("nbf", seconds) > latest:
        raise ClaimError("not_yet_valid")
    if "exp" in claims and seconds >= claims["exp"]:
        raise ClaimError("expired")
    if max_lifetime is not None and not 0 < claims["exp"] - claims["iat"] <= max_lifetime.total_seconds():
        raise ClaimError("lifetime")


def _check_signature(parts: Unverified, key: VerifyingKey) -> None:
    if isinstance(key, Es256Key):
        # A prepared key object, never bytes: raw key material lets the library guess an algorithm.
        prepared = CryptographyECKey(key.public_key, key.alg)
        if not prepared.verify(parts.signing_input, parts.signature):  # type: ignore[no-untyped-call]
            raise SignatureError
    elif key.alg in TOKEN_ALGORITHMS:
        key.verify(parts.signing_input, parts.signature)
    else:
        raise KeyPolicyError("alg")


def _seconds(now: datetime) -> float:
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return now.timestamp()


def _read(protected: bytes) -> Mapping[str, Any]:
    return (_remembered if len(protected) <= _REMEMBERED_HEADER_BYTES else _remembered.__wrapped__)(protected)


# Everything one key signs has the same header, certificate chain included.
@lru_cache(maxsize=256)
def _remembered(protected: bytes) -> Mapping[str, Any]:
    header = strict_loads(unb64u(protected), max_bytes=len(protected), max_depth=_MAX_HEADER_DEPTH)
    if not isinstance(header, dict):
        raise MalformedError("header")
    return header


def _protected(signer: Signer, typ: str, header: Mapping[str, Any]) -> str:
    if not header:
        return _encode_header(signer.alg, signer.kid, typ, (), ())
    if not header.keys().isdisjoint(("alg", "kid", "typ", "crit", "b64")):
        raise ValueError("header may not set alg, kid, typ, crit or b64")
    names = tuple(header)
    values = tuple(tuple(value) if type(value) is list else value for value in header.values())
    if all(type(value) is str or (type(value) is tuple and all(type(v) is str for v in value)) for value in values):
        return _encode_header(signer.alg, signer.kid, typ, names, values)
    return _encode_header.__wrapped__(signer.alg, signer.kid, typ, names, values)


# Only strings and lists of strings are cached: 1, 1.0 and True are one cache key.
@lru_cache(maxsize=256)
def _encode_header(alg: str, kid: str, typ: str, names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    if alg not in TOKEN_ALGORITHMS:
        raise KeyPolicyError("alg")
    return b64u(canonical({**dict(zip(names, values, strict=True)), "alg": alg, "kid": kid, "typ": typ}))
