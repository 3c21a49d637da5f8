"""Compact JWS under ES256, and the hub's key set. No other algorithm, and no key that a token names itself."""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from yizheng_client.errors import ConfigurationError, UnknownKeyError, VerificationError

MAX_TOKEN_CHARACTERS: Final = 4 * 1024 * 1024
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_ES256: Final = ec.ECDSA(SHA256())


class SigningKey:
    """The system's own private key. Its `repr` shows the `kid` and nothing else."""

    __slots__ = ("_key", "kid")

    def __init__(self, key: ec.EllipticCurvePrivateKey, kid: str) -> None:
        self._key = key
        self.kid = kid

    @classmethod
    def from_pem(cls, pem: bytes, *, kid: str | None = None, password: bytes | None = None) -> Self:
        """Read a P-256 key in PEM; `kid` is as registered, by default the key's RFC 7638 thumbprint.

        Raises: ConfigurationError.
        """
        try:
            key = load_pem_private_key(pem, password=password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                "the private key cannot be read: PEM wanted, with its password if it has one"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigurationError("the private key must be on the curve P-256")
        return cls(key, kid or _thumbprint(key.public_key()))

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """The claims as a compact JWS."""
        head = write_json({"alg": "ES256", "kid": self.kid, "typ": typ})
        signed = f"{b64u(head)}.{b64u(write_json(claims))}"
        first, second = decode_dss_signature(self._key.sign(signed.encode(), _ES256))
        return f"{signed}.{b64u(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"


class Jwks:
    """The hub's public keys by `kid`. File `text` with what it signed: with both, anyone can verify later."""

    __slots__ = ("_keys", "_members")

    def __init__(self, members: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._members = dict(members or {})
        self._keys = {kid: _public_key(member) for kid, member in self._members.items()}

    @classmethod
    def read(cls, text: bytes | str) -> Self:
        """Read a JWK set; keys other than ES256 ones are passed over. Raises: VerificationError."""
        found = read_json(text)
        keys = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(keys, list):
            raise VerificationError("not_a_key_set")
        return cls({str(key["kid"]): key for key in keys if isinstance(key, dict) and _usable(key)})

    def merged(self, newer: Self) -> Self:
        """These keys and newer ones; a `kid` means one key for ever, so the older stays."""
        return type(self)({**newer._members, **self._members})

    @property
    def text(self) -> str:
        """As a JWK set."""
        return json.dumps({"keys": list(self._members.values())})

    def verify(self, token: str, *, typ: str) -> dict[str, Any]:
        """The claims of a JWS of this type that one of these keys signed.

        What the claims say, for whom and since when, is not checked here.

        Raises: UnknownKeyError: no such `kid`. VerificationError: everything else.
        """
        if len(token) > MAX_TOKEN_CHARACTERS or token.count(".") != 2:
            raise VerificationError("not_a_jws")
        head, body, mark = token.split(".")
        header = read_json(unb64u(head))
        if not isinstance(header, dict) or header.get("alg") != "ES256" or not {"crit", "b64"}.isdisjoint(header):
            raise VerificationError("algorithm")
        if header.get("typ") != typ:
            raise VerificationError("token_type")
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise UnknownKeyError
        _check(key, f"{head}.{body}".encode(), unb64u(mark))
        claims = read_json(unb64u(body))
        if not isinstance(claims, dict):
            raise VerificationError("claims")
        return claims


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """Decode base64url; one text per value, so that one signature has one spelling. Raises: VerificationError."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise VerificationError("base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(data) != text:
        raise VerificationError("base64url")
    return data


def read_json(data: bytes | str) -> Any:
    """Read JSON; a repeated name, which readers disagree about, is refused. Raises: VerificationError."""
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise VerificationError("json") from error


def write_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _check(key: ec.EllipticCurvePublicKey, signed: bytes, mark: bytes) -> None:
    if len(mark) != 64:
        raise VerificationError("signature")
    der = encode_dss_signature(int.from_bytes(mark[:32], "big"), int.from_bytes(mark[32:], "big"))
    try:
        key.verify(der, signed, _ES256)
    except InvalidSignature as error:
        raise VerificationError("signature") from error


def _usable(key: Mapping[str, Any]) -> bool:
    return (
        (key.get("kty"), key.get("crv")) == ("EC", "P-256")
        and key.get("alg", "ES256") == "ES256"
        and key.get("use", "sig") == "sig"
        and isinstance(key.get("kid"), str)
    )


def _public_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = (int.from_bytes(unb64u(str(jwk.get(name, ""))), "big") for name in ("x", "y"))
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise VerificationError("key") from error


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    numbers = key.public_numbers()
    x, y = (b64u(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
    return b64u(hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _constant(_: str) -> Any:
    raise ValueError("not a number")
