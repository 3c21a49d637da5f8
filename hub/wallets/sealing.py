"""Credential requests and answers encrypted on top of TLS (OpenID4VCI 1.0 §10), for a wallet that wants it so.

The key that wallets encrypt to is the hub's alone and derived from its secrets: every process has it, no row or file
keeps it, and it changes every thirty days; the one before it is still read. An answer is encrypted only to a key that
came in an encrypted request: in a readable one somebody could have put his own. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from hub.storage.vault import Vault
from hub.wallets.errors import WalletError
from hub.wallets.jwe import ALG, ENCRYPTIONS, decrypt, encrypt, encryption_jwk
from signing.canonical import canonical
from signing.errors import SigningError
from signing.keys import Es256Key

MEDIA_TYPE: Final = "application/jwt"
PERIOD: Final = timedelta(days=30)
_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
_MOST_KID: Final = 256
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256's group (SEC 2 §2.4.2)."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A wallet's key for one answer, and how the content is encrypted."""

    jwk: Mapping[str, Any]
    enc: str

    def seal(self, body: Mapping[str, Any]) -> str:
        """An answer that this key alone opens."""
        return encrypt(canonical(dict(body)), self.jwk, enc=self.enc)


def request_encryption(vault: Vault, now: datetime) -> dict[str, Any]:
    """What the metadata says of encrypted requests."""
    jwk = encryption_jwk(_key(vault, _period(now)))
    return {"jwks": {"keys": [jwk]}, "enc_values_supported": list(ENCRYPTIONS), "encryption_required": False}


def response_encryption() -> dict[str, Any]:
    """What the metadata says of encrypted answers."""
    return {"alg_values_supported": [ALG], "enc_values_supported": list(ENCRYPTIONS), "encryption_required": False}


def opened_request(vault: Vault, token: str, now: datetime) -> bytes:
    """What a wallet encrypted to the hub. Raises: WalletError ("invalid_encryption_parameters")."""
    for period in (_period(now), _period(now) - 1):
        key = _key(vault, period)
        try:
            return decrypt(token, key=key, kid=encryption_jwk(key)["kid"])
        except SigningError:
            continue
    raise WalletError("invalid_encryption_parameters", "not encrypted to a key of the metadata")


def receiver_of(said: object) -> Receiver:
    """The key in `credential_response_encryption`. Raises: WalletError ("invalid_encryption_parameters")."""
    match said:
        case {"jwk": dict() as jwk, "enc": str() as enc, **more} if enc in ENCRYPTIONS and "zip" not in more:
            pass
        case _:
            raise WalletError("invalid_encryption_parameters", "a jwk and a known enc, uncompressed")
    kid = jwk.get("kid")
    if jwk.get("alg") != ALG or "d" in jwk or not (kid is None or (isinstance(kid, str) and len(kid) <= _MOST_KID)):
        raise WalletError("invalid_encryption_parameters", f"a public key for {ALG}")
    try:
        Es256Key.from_jwk({name: jwk.get(name) for name in ("kty", "crv", "x", "y")})
    except SigningError:
        raise WalletError("invalid_encryption_parameters", "a key on P-256") from None
    return Receiver(jwk, enc)


def _period(now: datetime) -> int:
    return (now - _START) // PERIOD


def _key(vault: Vault, period: int) -> ec.EllipticCurvePrivateKey:
    """Twice as many bits as the group's order has, so that no key is likelier than another (FIPS 186-5 A.2.1)."""
    wide = b"".join(vault.row_mac(f"wallet-request-key\x1f{period}\x1f{half}".encode()) for half in (0, 1))
    return ec.derive_private_key(int.from_bytes(wide) % (_ORDER - 1) + 1, ec.SECP256R1())
