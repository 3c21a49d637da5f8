"""SM2 signatures with SM3 (GB/T 32918.2), as a `Signer` and its public half, on the system's OpenSSL 3.

No JOSE name is registered for SM2: `SM2SM3` is our private one and outside every claim of interoperability. An SM2
signature depends on the signer's user id; everybody uses the default of GM/T 0009 unless agreed otherwise.

A machine without SM2 gets SuiteUnavailableError from every function here; nothing falls back to another suite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from signing import libcrypto
from signing.canonical import b64u, canonical, sha256, unb64u
from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.pem import unwrap, wrap
from signing.port import SM2SM3, Named

__all__ = [
    "MAX_USER_ID_BYTES", "PUBLIC_KEY_PREFIX", "SIGNATURE_BYTES", "SM2SM3", "USER_ID",
    "Sm2Key", "Sm2Signer", "sm3", "to_der", "to_raw",
]  # fmt: skip

USER_ID: Final = b"1234567812345678"
SIGNATURE_BYTES: Final = 64
MAX_USER_ID_BYTES: Final = 8190
"""The length in bits goes into two bytes (GB/T 32918.2 §5.5); the library stops one byte before that."""

PUBLIC_KEY_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
"""SubjectPublicKeyInfo up to the point: id-ecPublicKey on 1.2.156.10197.1.301, an uncompressed point of 65 bytes."""


@dataclass(frozen=True, slots=True)
class Sm2Key:
    """A public SM2 key under one name. Build it with a `from_...` method, which checks the point."""

    kid: str
    alg: str
    thumbprint: str
    """SHA-256 over the members of the JWK as in RFC 7638, base64url."""
    point: bytes = field(compare=False, repr=False)
    """x || y, 64 bytes."""
    _key: libcrypto.Key = field(compare=False, repr=False)

    @classmethod
    def from_point(cls, point: bytes, kid: str | None = None) -> Self:
        """Take x || y, 64 bytes, with or without the 04 in front; `kid` defaults to the thumbprint.

        Raises: MalformedError ("point"): not a point of the curve. SuiteUnavailableError.
        """
        if len(point) == 65 and point[0] == 4:
            point = point[1:]
        if len(point) != 64:
            raise MalformedError("point")
        try:
            key = libcrypto.public_key(PUBLIC_KEY_PREFIX + b"\x04" + point)
        except MalformedError as error:
            raise MalformedError("point") from error
        thumbprint = b64u(sha256(canonical(_members(point))))
        return cls(kid=thumbprint if kid is None else kid, alg=SM2SM3, thumbprint=thumbprint, point=point, _key=key)

    @classmethod
    def from_der(cls, der: bytes, kid: str | None = None) -> Self:
        """Read a SubjectPublicKeyInfo with the named curve and an uncompressed point, the only form we write.

        Raises: KeyPolicyError ("key_type"): another kind of key or spelling. MalformedError. SuiteUnavailableError.
        """
        prefix, point = der[: len(PUBLIC_KEY_PREFIX)], der[len(PUBLIC_KEY_PREFIX) :]
        if prefix != PUBLIC_KEY_PREFIX or point[:1] != b"\x04":
            raise KeyPolicyError("key_type")
        return cls.from_point(point, kid)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read a SubjectPublicKeyInfo in PEM. Raises: MalformedError ("pem"), and as `from_der`."""
        return cls.from_der(unwrap(pem, "PUBLIC KEY"), kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Read a JWK as `jwk` writes it. A JWK with a private part is refused: its sender has published the key.

        Raises: MalformedError ("jwk", "point"), KeyPolicyError ("key_type", "curve", "alg", "use", "private_key").
        """
        for name, expected in (("kty", "EC"), ("crv", "SM2"), ("alg", SM2SM3), ("use", "sig")):
            if jwk.get(name, expected if name in {"alg", "use"} else None) != expected:
                raise KeyPolicyError({"kty": "key_type", "crv": "curve"}.get(name, name))
        if "d" in jwk:
            raise KeyPolicyError("private_key")
        x, y, kid = jwk.get("x"), jwk.get("y"), jwk.get("kid")
        if not isinstance(x, str) or not isinstance(y, str) or not (kid is None or isinstance(kid, str)):
            raise MalformedError("jwk")
        coordinates = unb64u(x), unb64u(y)
        if any(len(coordinate) != 32 for coordinate in coordinates):  # one point, one spelling
            raise MalformedError("point")
        return cls.from_point(b"".join(coordinates), kid)

    @property
    def jwk(self) -> dict[str, Any]:
        """The key as a public JWK with private names for curve and algorithm, a fresh dict."""
        return {**_members(self.point), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def to_der(self) -> bytes:
        """The key as SubjectPublicKeyInfo."""
        return PUBLIC_KEY_PREFIX + b"\x04" + self.point

    def to_pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo in PEM."""
        return wrap(self.to_der(), "PUBLIC KEY")

    def verify(self, message: bytes, signature: bytes, *, user_id: bytes = USER_ID) -> None:
        """Return if `signature` (64 bytes r || s) is this key's over `message`. Raises: SignatureError."""
        self.verify_der(message, to_der(signature), user_id=user_id)

    def verify_der(self, message: bytes, signature: bytes, *, user_id: bytes = USER_ID) -> None:
        """Return if `signature` (DER) is this key's over `message`; as X.509, CMS and SES carry it.

        Raises: SignatureError.
        """
        libcrypto.verify(self._key, message, signature, _checked(user_id))


class Sm2Signer(Named[Sm2Key]):
    """A `Signer` whose private SM2 key is in this process's memory, inside the library."""

    __slots__ = ("_key",)

    def __init__(self, key: libcrypto.Key, kid: str | None = None) -> None:
        super().__init__(Sm2Key.from_point(libcrypto.coordinates(key), kid))
        self._key = key

    @classmethod
    def generate(cls, kid: str | None = None) -> Self:
        """Make a new SM2 key; `kid` defaults to its thumbprint. Raises: SuiteUnavailableError."""
        return cls(libcrypto.generate(), kid)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str | None = None) -> Self:
        """Read an unencrypted PKCS #8 in PEM; encryption at rest is the key store's.

        Raises: MalformedError ("pem"): anything else, or halves that do not belong together. SuiteUnavailableError.
        """
        return cls(libcrypto.private_key(unwrap(pem, "PRIVATE KEY")), kid)

    def to_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM."""
        return wrap(libcrypto.private_bytes(self._key), "PRIVATE KEY")

    def sign(self, message: bytes, *, user_id: bytes = USER_ID) -> bytes:
        """Sign the message; 64 bytes r || s."""
        return to_raw(self.sign_der(message, user_id=user_id))

    def sign_der(self, message: bytes, *, user_id: bytes = USER_ID) -> bytes:
        """Sign the message; DER, as X.509, CMS and SES carry it."""
        return libcrypto.sign(self._key, message, _checked(user_id))


def sm3(data: bytes) -> bytes:
    """SM3 digest (GB/T 32905), 32 bytes. Raises: SuiteUnavailableError."""
    return libcrypto.sm3(data)


def to_raw(signature: bytes) -> bytes:
    """DER to r || s. Raises: SignatureError: not the one DER spelling of two numbers of 32 bytes."""
    try:
        r, s = decode_dss_signature(signature)
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise SignatureError from error
    return raw


def to_der(signature: bytes) -> bytes:
    """64 bytes r || s to DER. Raises: SignatureError."""
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def _members(point: bytes) -> dict[str, str]:
    return {"crv": "SM2", "kty": "EC", "x": b64u(point[:32]), "y": b64u(point[32:])}


def _checked(user_id: bytes) -> bytes:
    if len(user_id) > MAX_USER_ID_BYTES:
        raise ValueError(f"a user id has at most {MAX_USER_ID_BYTES} bytes")
    return user_id
