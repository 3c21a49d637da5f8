"""RSA keys for documents whose readers know nothing else: PKCS #1 v1.5 with SHA-256, 3072 bits or more.

For CMS and PDF only; `jose` refuses them in tokens. Source: RFC 8017 §8.2; sizes as NIST SP 800-57 for 128 bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from signing.canonical import b64u, canonical, sha256, unb64u
from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.port import RS256, Named, Spki, read_private, read_public, write_private

__all__ = ["MAX_BITS", "MIN_BITS", "RS256", "RsaKey", "RsaSigner"]

MIN_BITS: Final = 3072
MAX_BITS: Final = 8192
"""A longer key makes each check slow enough to stop a server."""

_EXPONENT: Final = 65537
_PADDING: Final = padding.PKCS1v15()
_SHA256: Final = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class RsaKey(Spki):
    """A `VerifyingKey` of RSA. Build it with a `from_...` method, which applies the policy."""

    kid: str
    alg: str
    thumbprint: str
    """RFC 7638, SHA-256, base64url."""
    public_key: rsa.RSAPublicKey = field(compare=False, repr=False)

    @classmethod
    def from_public_key(cls, public_key: rsa.RSAPublicKey, kid: str | None = None) -> Self:
        """Take a public key; `kid` defaults to the thumbprint.

        Raises: KeyPolicyError ("size", "exponent").
        """
        if not MIN_BITS <= public_key.key_size <= MAX_BITS:
            raise KeyPolicyError("size")
        if public_key.public_numbers().e != _EXPONENT:
            raise KeyPolicyError("exponent")
        thumbprint = b64u(sha256(canonical(_members(public_key))))
        return cls(kid=thumbprint if kid is None else kid, alg=RS256, thumbprint=thumbprint, public_key=public_key)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read a SubjectPublicKeyInfo in PEM. Raises: MalformedError ("pem"), KeyPolicyError."""
        public_key = read_public(pem)
        if not isinstance(public_key, rsa.RSAPublicKey):
            raise KeyPolicyError("key_type")
        return cls.from_public_key(public_key, kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Read a public JWK (RFC 7518 §6.3). A JWK with a private part is refused.

        Raises: MalformedError ("jwk"), KeyPolicyError ("key_type", "alg", "use", "private_key", "size", "exponent").
        """
        for name, expected in (("kty", "RSA"), ("alg", RS256), ("use", "sig")):
            if jwk.get(name, None if name == "kty" else expected) != expected:
                raise KeyPolicyError("key_type" if name == "kty" else name)
        if "d" in jwk:
            raise KeyPolicyError("private_key")
        n, e, kid = jwk.get("n"), jwk.get("e"), jwk.get("kid")
        if not isinstance(n, str) or not isinstance(e, str) or not (kid is None or isinstance(kid, str)):
            raise MalformedError("jwk")
        modulus, exponent = int.from_bytes(unb64u(n), "big"), int.from_bytes(unb64u(e), "big")
        if not MIN_BITS <= modulus.bit_length() <= MAX_BITS:
            raise KeyPolicyError("size")
        if exponent != _EXPONENT:
            raise KeyPolicyError("exponent")
        try:
            return cls.from_public_key(rsa.RSAPublicNumbers(exponent, modulus).public_key(), kid)
        except ValueError as error:
            raise MalformedError("jwk") from error

    @property
    def jwk(self) -> dict[str, Any]:
        """The key as a public JWK, a fresh dict."""
        return {**_members(self.public_key), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if `signature` is this key's over `message`. Raises: SignatureError."""
        try:
            self.public_key.verify(signature, message, _PADDING, _SHA256)
        except InvalidSignature as error:
            raise SignatureError from error


class RsaSigner(Named[RsaKey]):
    """A `Signer` whose private RSA key is in this process's memory."""

    __slots__ = ("_private_key",)

    def __init__(self, private_key: rsa.RSAPrivateKey, kid: str | None = None) -> None:
        super().__init__(RsaKey.from_public_key(private_key.public_key(), kid))
        self._private_key = private_key

    @classmethod
    def generate(cls, kid: str | None = None, *, bits: int = MIN_BITS) -> Self:
        """Make a new key, which takes a good part of a second; `kid` defaults to its thumbprint."""
        return cls(rsa.generate_private_key(_EXPONENT, bits), kid)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read an unencrypted private key.

        Raises: MalformedError ("pem"), KeyPolicyError ("key_type", "size", "exponent").
        """
        private_key = read_private(pem)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise KeyPolicyError("key_type")
        return cls(private_key, kid)

    def to_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM."""
        return write_private(self._private_key)

    def sign(self, message: bytes) -> bytes:
        """Sign the message; as many bytes as the modulus."""
        return self._private_key.sign(message, _PADDING, _SHA256)


def _members(public_key: rsa.RSAPublicKey) -> dict[str, str]:
    """Exactly the members a thumbprint covers (RFC 7638 §3.2)."""
    numbers = public_key.public_numbers()
    n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
    return {"e": b64u(e), "kty": "RSA", "n": b64u(n)}
