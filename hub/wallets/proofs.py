"""Proofs of possession that wallets send: of the key of a token (DPoP, RFC 9449), of keys that licences are bound to.

Pure: signature, kind, audience and age. That a proof is used once is the caller's, who keeps `once` until `until`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hub.wallets.errors import WalletError
from signing.canonical import b64u, sha256
from signing.errors import SigningError
from signing.jose import read_header, verify_jwt
from signing.keys import Es256Key

DPOP_TYP: Final = "dpop+jwt"
PROOF_TYP: Final = "openid4vci-proof+jwt"
DPOP_AGE: Final = timedelta(seconds=60)
PROOF_AGE: Final = timedelta(minutes=5)
MAX_DPOP_BYTES: Final = 8192
MAX_PROOF_BYTES: Final = 16_384
_HEADER: Final = frozenset({"alg", "typ", "jwk", "kid"})
_ATTESTED: Final = _HEADER | {"key_attestation"}
"""Some wallets always send an attestation of their keys. None is asked for, so it is passed over, and not believed."""
_MAX_JTI: Final = 256


@dataclass(frozen=True, slots=True)
class Dpop:
    """Whose key a request was signed with, and by what this very proof is known again."""

    thumbprint: str
    once: str
    until: datetime


@dataclass(frozen=True, slots=True)
class KeyProof:
    """A key that its wallet holds, shown over a nonce; whose nonce that is, is still to be checked."""

    key: Es256Key
    nonce: str


def read_dpop(proof: str | None, *, method: str, url: str, now: datetime, token: str | None = None) -> Dpop:
    """The key behind a DPoP proof for this request.

    Args:
        url: of the endpoint as the metadata names it, without query.
        token: the access token that goes with it; its hash must be in the proof.
    Raises: WalletError ("invalid_dpop_proof").
    Source: RFC 9449 §4.3.
    """
    if not proof:
        raise WalletError("invalid_dpop_proof", "a DPoP proof is needed")
    required = frozenset({"jti", "htm", "htu", "iat"}) | ({"ath"} if token is not None else frozenset())
    try:
        key, claims = _verified(
            proof,
            typ=DPOP_TYP,
            audience=None,
            now=now,
            required=required,
            header_names=_HEADER,
            max_bytes=MAX_DPOP_BYTES,
        )
    except SigningError as error:
        raise WalletError("invalid_dpop_proof", error.reason) from None
    jti, issued = claims["jti"], claims["iat"]
    if not 1 <= len(jti) <= _MAX_JTI or claims["htm"] != method or claims["htu"] != url:
        raise WalletError("invalid_dpop_proof", "htm, htu or jti")
    if issued < (now - DPOP_AGE).timestamp():
        raise WalletError("invalid_dpop_proof", "too old")
    if token is not None and claims["ath"] != b64u(sha256(token.encode())):
        raise WalletError("invalid_dpop_proof", "ath")
    return Dpop(
        key.thumbprint, f"dpop\x1f{key.thumbprint}\x1f{jti}", datetime.fromtimestamp(issued, UTC) + 2 * DPOP_AGE
    )


def read_key_proof(proof: str, *, issuer: str, now: datetime) -> KeyProof:
    """The key that a wallet wants a licence bound to.

    Raises: WalletError ("invalid_proof").
    Source: OpenID4VCI 1.0, appendix F.1 and F.4.
    """
    required = frozenset({"aud", "iat", "nonce"})
    try:
        key, claims = _verified(
            proof,
            typ=PROOF_TYP,
            audience=issuer,
            now=now,
            required=required,
            header_names=_ATTESTED,
            max_bytes=MAX_PROOF_BYTES,
        )
    except SigningError as error:
        raise WalletError("invalid_proof", error.reason) from None
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or claims["iat"] < (now - PROOF_AGE).timestamp():
        raise WalletError("invalid_proof", "nonce or iat")
    return KeyProof(key, nonce)


def _verified(
    proof: str,
    *,
    typ: str,
    audience: str | None,
    now: datetime,
    required: frozenset[str],
    header_names: frozenset[str],
    max_bytes: int,
) -> tuple[Es256Key, Mapping[str, Any]]:
    """By the key in the proof itself: it shows that somebody holds that key, and nothing else. Raises: SigningError."""
    header = read_header(proof, max_bytes=max_bytes)
    jwk = header.get("jwk")
    key = Es256Key.from_jwk(jwk if isinstance(jwk, dict) else {})
    kid = header.get("kid")
    claims = verify_jwt(
        proof,
        key=replace(key, kid=kid) if isinstance(kid, str) else key,
        typ=typ,
        issuer=None,
        audience=audience,
        now=now,
        max_lifetime=None,
        required=required,
        max_bytes=max_bytes,
        header_names=header_names,
    )
    return key, claims
