"""JWE with ECDH-ES and AES-GCM: answers of wallets, encrypted to a key made for one question, and what one receiver
alone may read.

One way and no other: compact form, direct agreement on P-256, A128GCM or A256GCM, no compression, no key of the token's
choice. Pure. Source: RFC 7516, RFC 7518 §4.6, OpenID4VP 1.0 §8.3.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from signing.canonical import b64u, canonical, strict_loads, unb64u
from signing.errors import MalformedError, SigningError
from signing.keys import Es256Key

ALG: Final = "ECDH-ES"
ENCRYPTIONS: Final = {"A128GCM": 16, "A256GCM": 32}
MAX_BYTES: Final = 131_072
_PARTS: Final = 5
_HEADER: Final = frozenset({"alg", "enc", "epk", "apu", "apv", "kid", "typ", "cty"})
_TAG_BYTES: Final = 16
_IV_BYTES: Final = 12


def decrypt(token: str, *, key: ec.EllipticCurvePrivateKey, kid: str) -> bytes:
    """What was encrypted to this key. Who encrypted it, nobody says.

    Raises: SigningError: anything else.
    """
    if len(token) > MAX_BYTES or not token.isascii() or token.count(".") != _PARTS - 1:
        raise MalformedError("jwe")
    protected, wrapped, iv, text, tag = token.split(".")
    header = strict_loads(unb64u(protected), max_bytes=8192, max_depth=4)
    if not isinstance(header, dict) or not header.keys() <= _HEADER or wrapped:
        raise MalformedError("jwe_header")
    size = ENCRYPTIONS.get(str(header.get("enc")))
    if header.get("alg") != ALG or size is None or header.get("kid", kid) != kid:
        raise MalformedError("jwe_alg")
    nonce, sealed, mac = unb64u(iv), unb64u(text), unb64u(tag)
    if len(nonce) != _IV_BYTES or len(mac) != _TAG_BYTES:
        raise MalformedError("jwe_size")
    secret = _agreed(key, header, size)
    try:
        return AESGCM(secret).decrypt(nonce, sealed + mac, protected.encode())
    except InvalidTag:
        raise MalformedError("jwe_tag") from None


def encrypt(plain: bytes, jwk: Mapping[str, Any], *, enc: str = "A256GCM") -> str:
    """Encrypt to the owner of a public key (P-256; its `kid` is named if it has one), under a key made for this one
    message.

    Raises: SigningError: no such key.
    """
    receiver = Es256Key.from_jwk({name: jwk.get(name) for name in ("kty", "crv", "x", "y")}).public_key
    sender = ec.generate_private_key(ec.SECP256R1())
    public = Es256Key.from_public_key(sender.public_key())
    header = {
        "alg": ALG,
        "enc": enc,
        "epk": {name: public.jwk[name] for name in ("kty", "crv", "x", "y")},
    } | ({"kid": jwk["kid"]} if "kid" in jwk else {})
    protected, nonce = b64u(canonical(header)), secrets.token_bytes(_IV_BYTES)
    secret = _derived(sender, receiver, header, ENCRYPTIONS[enc])
    sealed = AESGCM(secret).encrypt(nonce, plain, protected.encode())
    return ".".join([protected, "", b64u(nonce), b64u(sealed[:-_TAG_BYTES]), b64u(sealed[-_TAG_BYTES:])])


def encryption_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The public half, as a wallet is told it."""
    public = Es256Key.from_public_key(key.public_key())
    members = {name: public.jwk[name] for name in ("kty", "crv", "x", "y")}
    return members | {"kid": public.thumbprint, "use": "enc", "alg": ALG}


def _agreed(key: ec.EllipticCurvePrivateKey, header: dict[str, Any], size: int) -> bytes:
    sender = header.get("epk")
    if not isinstance(sender, dict):
        raise MalformedError("jwe_epk")
    try:
        other = Es256Key.from_jwk({name: sender.get(name) for name in ("kty", "crv", "x", "y")}).public_key
    except SigningError:
        raise MalformedError("jwe_epk") from None
    return _derived(key, other, header, size)


def _derived(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePublicKey, header: dict[str, Any], size: int
) -> bytes:
    parties = [header.get(name, "") for name in ("apu", "apv")]
    if not all(isinstance(item, str) for item in parties):
        raise MalformedError("jwe_header")
    about = [str(header["enc"]).encode(), *(unb64u(item) for item in parties)]
    info = b"".join(len(item).to_bytes(4, "big") + item for item in about) + (8 * size).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), size, info).derive(key.exchange(ec.ECDH(), other))
