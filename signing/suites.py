"""The signature suites by name, for whoever stores keys: make one, read one back, write a signature for X.509 or CMS.

Which suite a key has is decided where the key is made or stored, never by what it is asked to check. An unknown name
is an error; no suite stands in for another.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing import sm2
from signing.errors import KeyPolicyError, MalformedError
from signing.jose import TOKEN_ALGORITHMS
from signing.keys import ES256, SM2SM3, Es256Key, Signer, SoftwareSigner, VerifyingKey
from signing.rsa_keys import RS256, RsaKey, RsaSigner
from signing.sm2 import Sm2Key, Sm2Signer

_T = TypeVar("_T")

ALGORITHMS: Final = frozenset({ES256, SM2SM3, RS256})
"""Suites that certify and sign documents (X.509, CMS, PDF, OFD)."""

TOKEN_SUITES: Final = TOKEN_ALGORITHMS
"""Suites that sign tokens."""


class SoftwareKey(Signer, Protocol):
    """A `Signer` whose private key can be stored."""

    def to_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM."""
        ...


_SIGNERS: Final[Mapping[str, type[SoftwareSigner | Sm2Signer | RsaSigner]]] = {
    ES256: SoftwareSigner,
    SM2SM3: Sm2Signer,
    RS256: RsaSigner,
}
_KEYS: Final[Mapping[object, type[Es256Key | Sm2Key | RsaKey]]] = {ES256: Es256Key, SM2SM3: Sm2Key, RS256: RsaKey}


def generate(alg: str, kid: str | None = None) -> SoftwareKey:
    """Make a new key of this suite; `kid` defaults to its thumbprint.

    Raises: KeyPolicyError ("alg"): no such suite. SuiteUnavailableError.
    """
    return _class(_SIGNERS, alg).generate(kid)


def read_signer(alg: str, pem: bytes, kid: str | None = None) -> SoftwareKey:
    """Read a private key (PKCS #8, PEM) that must be of this suite.

    Raises: KeyPolicyError ("alg", "key_type", ...), MalformedError ("pem"), SuiteUnavailableError.
    """
    return _class(_SIGNERS, alg).from_pem(pem, kid)


def key_from_jwk(jwk: Mapping[str, Any]) -> VerifyingKey:
    """Read a JWK from our own tables or key set; its `alg` must be there and names the suite.

    For a key that a stranger presents use `Es256Key.from_jwk`.

    Raises: KeyPolicyError ("alg", ...), MalformedError, SuiteUnavailableError.
    """
    return _class(_KEYS, jwk.get("alg")).from_jwk(jwk)


def key_from_der(der: bytes, kid: str | None = None) -> VerifyingKey:
    """Read a SubjectPublicKeyInfo, as certificates and requests carry it.

    Raises: KeyPolicyError ("key_type", "curve", "size", "exponent"), MalformedError, SuiteUnavailableError.
    """
    if der.startswith(sm2.PUBLIC_KEY_PREFIX):
        return Sm2Key.from_der(der, kid)
    try:
        public_key = serialization.load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedError("public_key") from error
    return key_from_public(public_key, kid)


def key_from_public(public_key: object, kid: str | None = None) -> VerifyingKey:
    """Take a public key object of `cryptography`. Raises: KeyPolicyError."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return RsaKey.from_public_key(public_key, kid)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return Es256Key.from_public_key(public_key, kid)
    raise KeyPolicyError("key_type")


def document_signature(alg: str, signature: bytes) -> bytes:
    """What `Signer.sign` gave, as X.509, CMS and SES carry it: two integers in DER, for RSA unchanged.

    Raises: SignatureError: not 64 bytes.
    """
    return signature if alg == RS256 else sm2.to_der(signature)


def _class(table: Mapping[Any, _T], alg: object) -> _T:
    found = table.get(alg) if isinstance(alg, str) else None
    if found is None:
        raise KeyPolicyError("alg")
    return found
