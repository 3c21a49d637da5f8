"""What signs and what checks, whatever the suite: the `Signer` port and its public half, and what every signer shares.

Suites stand beside each other, each with its own pair of classes bound to its own algorithm name: `keys`, `sm2`,
`rsa_keys`; `suites` tells them apart.
"""

from typing import Any, Final, Generic, Protocol, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing.errors import MalformedError

ES256: Final = "ES256"
SM2SM3: Final = "SM2SM3"
"""A private name (`sm2`); names of algorithms are here because they must be known without what computes them."""
RS256: Final = "RS256"


class Signer(Protocol):
    """Signs with one private key under one algorithm; the key itself may live in a token or at a department.

    Consistency: `kid`, `alg` and `public` never change during the life of an object.
    Concurrency: `sign` may be called from several threads at once.
    Time-out: implementations that leave the process bound every call themselves.
    Errors: a key store that does not answer raises its own error outside `SigningError`; nothing was signed then.
    """

    @property
    def kid(self) -> str:
        """Name of the key in headers and key sets."""
        ...

    @property
    def alg(self) -> str:
        """JOSE algorithm name; the only one this key is used with."""
        ...

    @property
    def public(self) -> "VerifyingKey":
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign the message (not its digest); for ES256 (RFC 7518 §3.4) and SM2SM3 64 bytes r || s.

        `suites.document_signature` writes it as X.509 and CMS want it.
        """
        ...


class VerifyingKey(Protocol):
    """A public key bound to one algorithm and one name: what the suites share.

    The caller chooses it, by exact kid or by certificate; nothing in what it checks can choose another.
    Consistency: immutable; equal to a key of the same suite, name and thumbprint. Concurrency: any.
    """

    @property
    def kid(self) -> str:
        """Name of the key in headers and key sets."""
        ...

    @property
    def alg(self) -> str:
        """JOSE algorithm name; the only one this key is used with."""
        ...

    @property
    def thumbprint(self) -> str:
        """RFC 7638, SHA-256, base64url; equal for equal keys whatever their `kid`."""
        ...

    @property
    def jwk(self) -> dict[str, Any]:
        """The key as a public JWK, a fresh dict."""
        ...

    def to_der(self) -> bytes:
        """The key as SubjectPublicKeyInfo."""
        ...

    def to_pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo in PEM."""
        ...

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if `signature`, in the form `Signer.sign` gives it, is this key's over `message`.

        Raises: SignatureError. SuiteUnavailableError: this machine cannot tell.
        """
        ...


Public = TypeVar("Public", bound=VerifyingKey)


class Named(Generic[Public]):
    """What a signer says of its key, all of it out of the public half."""

    __slots__ = ("_public",)

    def __init__(self, public: Public) -> None:
        self._public = public

    @property
    def kid(self) -> str:
        """Name of the key in headers and key sets."""
        return self._public.kid

    @property
    def alg(self) -> str:
        """The algorithm of its suite."""
        return self._public.alg

    @property
    def public(self) -> Public:
        """The public half, as it was when the signer was made."""
        return self._public

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kid={self.kid!r})"


class Spki:
    """Writes a public key that `cryptography` holds."""

    __slots__ = ()
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey

    def to_der(self) -> bytes:
        """The key as SubjectPublicKeyInfo."""
        return self.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def to_pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo in PEM."""
        return self.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_public(pem: bytes) -> object:
    """A SubjectPublicKeyInfo in PEM, of whatever kind. Raises: MalformedError ("pem")."""
    try:
        return serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedError("pem") from error


def read_private(pem: bytes) -> object:
    """An unencrypted private key in PEM, of whatever kind; encryption at rest is the key store's.

    Raises: MalformedError ("pem").
    """
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedError("pem") from error


def write_private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """Unencrypted PKCS #8 in PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
