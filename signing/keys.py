"""ES256, the suite of every token: a `Signer` and its public half. Other suites stand beside it (`port`).

Policy, checked when a key is loaded and not when it is used: ECDSA on P-256.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from signing.canonical import b64u, canonical, sha256, unb64u
from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.port import ES256, SM2SM3, Named, Signer, Spki, VerifyingKey, read_private, read_public, write_private

__all__ = ["ES256", "SIGNATURE_BYTES", "SM2SM3", "Es256Key", "Signer", "SoftwareSigner", "VerifyingKey"]

SIGNATURE_BYTES: Final = 64

_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Es256Key(Spki):
    """A `VerifyingKey` on P-256. Build it with a `from_...` method, which applies the policy.

    What others present by themselves (clients, wallets, agents) is read by this class alone: they have no other suite.
    """

    kid: str
    alg: str
    thumbprint: str
    """RFC 7638, SHA-256, base64url; equal for equal keys whatever their `kid`."""
    public_key: ec.EllipticCurvePublicKey = field(compare=False, repr=False)

    @classmethod
    def from_public_key(cls, public_key: ec.EllipticCurvePublicKey, kid: str | None = None) -> Self:
        """Take a public key; `kid` defaults to the thumbprint.

        Raises: KeyPolicyError ("key_type", "curve").
        """
        _check_policy(public_key)
        thumbprint = b64u(sha256(canonical(_public_members(public_key))))
        return cls(kid=thumbprint if kid is None else kid, alg=ES256, thumbprint=thumbprint, public_key=public_key)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read a SubjectPublicKeyInfo in PEM.

        Raises: MalformedError ("pem"), KeyPolicyError.
        """
        return cls.from_public_key(_check_policy(read_public(pem)), kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Read a public JWK (RFC 7517); members without a meaning here are ignored.

        A JWK with a private part is refused: whoever sent it has published the key.

        Raises: MalformedError ("jwk"), KeyPolicyError ("key_type", "curve", "alg", "use", "private_key").
        """
        if jwk.get("kty") != "EC":
            raise KeyPolicyError("key_type")
        if jwk.get("crv") != "P-256":
            raise KeyPolicyError("curve")
        if jwk.get("alg", ES256) != ES256:
            raise KeyPolicyError("alg")
        if jwk.get("use", "sig") != "sig":
            raise KeyPolicyError("use")
        if "d" in jwk:
            raise KeyPolicyError("private_key")
        kid = jwk.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise MalformedError("jwk")
        numbers = ec.EllipticCurvePublicNumbers(_coordinate(jwk.get("x")), _coordinate(jwk.get("y")), ec.SECP256R1())
        try:
            public_key = numbers.public_key()
        except ValueError as error:  # not a point of the curve
            raise MalformedError("jwk") from error
        return cls.from_public_key(public_key, kid)

    @property
    def jwk(self) -> dict[str, Any]:
        """The key as a public JWK, a fresh dict."""
        return {**_public_members(self.public_key), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if `signature` (64 bytes r || s) is this key's over `message`.

        ECDSA signatures are malleable: (r, n-s) verifies too. Never use a signature as an identifier.

        Raises: SignatureError.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureError
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        try:
            self.public_key.verify(der, message, _ECDSA_SHA256)
        except InvalidSignature as error:
            raise SignatureError from error


class SoftwareSigner(Named[Es256Key]):
    """A `Signer` under ES256 whose private key is in this process's memory."""

    __slots__ = ("_private_key",)

    def __init__(self, private_key: ec.EllipticCurvePrivateKey, kid: str | None = None) -> None:
        super().__init__(Es256Key.from_public_key(private_key.public_key(), kid))
        self._private_key = private_key

    @classmethod
    def generate(cls, kid: str | None = None) -> Self:
        """Make a new P-256 key; `kid` defaults to its thumbprint."""
        return cls(ec.generate_private_key(ec.SECP256R1()), kid)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read an unencrypted private key. Raises: MalformedError ("pem"), KeyPolicyError ("key_type", "curve")."""
        private_key = read_private(pem)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            raise KeyPolicyError("key_type")
        return cls(private_key, kid)

    def to_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM."""
        return write_private(self._private_key)

    def sign(self, message: bytes) -> bytes:
        """Sign the message; 64 bytes r || s."""
        # SEQUENCE { INTEGER r, INTEGER s }, of 72 bytes at most: every length is one byte. An integer has a zero in
        # front when its first bit is set, and fewer than 32 bytes when it is small.
        der = self._private_key.sign(message, _ECDSA_SHA256)
        end_of_r = 4 + der[3]
        return der[4:end_of_r][-32:].rjust(32, b"\0") + der[end_of_r + 2 :][-32:].rjust(32, b"\0")


def _check_policy(public_key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise KeyPolicyError("key_type")
    if not isinstance(public_key.curve, ec.SECP256R1):
        raise KeyPolicyError("curve")
    return public_key


def _public_members(public_key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Exactly the members a thumbprint covers (RFC 7638 §3.2)."""
    numbers = public_key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": b64u(numbers.x.to_bytes(32, "big")),
        "y": b64u(numbers.y.to_bytes(32, "big")),
    }


def _coordinate(text: object) -> int:
    if not isinstance(text, str) or len(data := unb64u(text)) != 32:
        raise MalformedError("jwk")
    return int.from_bytes(data, "big")
