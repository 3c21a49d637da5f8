import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]

from signing.canonical import b64u
from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.keys import Es256Key, SoftwareSigner


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_signature_is_64_bytes_whatever_the_size_of_r_and_s() -> None:
    signer = SoftwareSigner.generate()
    signatures = [signer.sign(b"message") for _ in range(2000)]
    assert any(signature[0] == 0 or signature[32] == 0 for signature in signatures)  # a short integer was padded
    for signature in signatures:
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        assert len(signature) == 64
        signer.public.public_key.verify(der, b"message", ec.ECDSA(hashes.SHA256()))


def test_own_signature_verifies_and_any_flipped_byte_does_not() -> None:
    signer = SoftwareSigner.generate()
    signature = signer.sign(b"message")
    signer.public.verify(b"message", signature)
    for position in range(64):
        flipped = bytearray(signature)
        flipped[position] ^= 1
        with pytest.raises(SignatureError):
            signer.public.verify(b"message", bytes(flipped))
    with pytest.raises(SignatureError):
        signer.public.verify(b"massage", signature)
    with pytest.raises(SignatureError):
        SoftwareSigner.generate().public.verify(b"message", signature)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_signature_of_other_length_or_range_is_refused(signature: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        SoftwareSigner.generate().public.verify(b"message", signature)
    assert caught.value.reason == "signature"


def test_kid_is_the_rfc_7638_thumbprint_unless_given() -> None:
    signer = SoftwareSigner.generate()
    assert signer.kid == signer.public.thumbprint == JWK.from_pem(signer.public.to_pem()).thumbprint()
    assert SoftwareSigner.from_pem(signer.to_pem(), "issuing-2025").kid == "issuing-2025"
    assert SoftwareSigner.generate("a").public.jwk["kid"] == "a"


def test_pem_and_jwk_round_trip() -> None:
    signer = SoftwareSigner.generate()
    again = SoftwareSigner.from_pem(signer.to_pem())
    assert again.public == signer.public == Es256Key.from_pem(signer.public.to_pem())
    assert Es256Key.from_jwk(signer.public.jwk) == signer.public
    assert set(signer.public.jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert json.loads(JWK(**signer.public.jwk).export_public()) == signer.public.jwk
    signer.public.verify(b"m", again.sign(b"m"))


def test_keys_compare_by_name_and_thumbprint() -> None:
    signer = SoftwareSigner.generate()
    other = Es256Key.from_public_key(signer.public.public_key, "other")
    assert other != signer.public
    assert other.thumbprint == signer.public.thumbprint
    assert len({signer.public, Es256Key.from_jwk(signer.public.jwk), other}) == 2


def test_texts_of_keys_show_no_secret() -> None:
    signer = SoftwareSigner.generate("k1")
    assert repr(signer) == "SoftwareSigner(kid='k1')"
    assert "public_key" not in repr(signer.public)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    for load in (
        lambda: SoftwareSigner.from_pem(private_pem(key)),
        lambda: Es256Key.from_pem(public_pem(key)),
        lambda: Es256Key.from_public_key(key.public_key()),
    ):
        with pytest.raises(KeyPolicyError) as caught:
            load()
        assert caught.value.reason == "curve"


def test_other_key_types_are_refused() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    for load in (
        lambda: SoftwareSigner.from_pem(private_pem(rsa_key)),
        lambda: SoftwareSigner.from_pem(private_pem(ed25519.Ed25519PrivateKey.generate())),
        lambda: Es256Key.from_pem(public_pem(rsa_key)),
    ):
        with pytest.raises(KeyPolicyError) as caught:
            load()
        assert caught.value.reason == "key_type"


def test_unreadable_pem_is_malformed() -> None:
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    signer = SoftwareSigner.generate()
    for pem in (b"", b"junk", encrypted, signer.public.to_pem(), signer.to_pem()[:-40]):
        with pytest.raises(MalformedError):
            SoftwareSigner.from_pem(pem)
    for pem in (b"", b"junk", signer.to_pem()):
        with pytest.raises(MalformedError):
            Es256Key.from_pem(pem)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kty": "RSA"}, "key_type"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "key_type"),
        ({"kty": None}, "key_type"),
        ({"crv": "P-384"}, "curve"),
        ({"crv": ["P-256"]}, "curve"),
        ({"alg": "ES384"}, "alg"),
        ({"alg": None}, "alg"),
        ({"use": "enc"}, "use"),
        ({"d": "AA"}, "private_key"),
    ],
)
def test_jwk_off_policy_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(KeyPolicyError) as caught:
        Es256Key.from_jwk({**SoftwareSigner.generate().public.jwk, **change})
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [
        {"x": None},
        {"x": 1},
        {"y": "AA"},
        {"y": b64u(bytes(33))},
        {"x": b64u(bytes(32)), "y": b64u(bytes(32))},
        {"x": b64u(b"\xff" * 32)},
        {"kid": 1},
    ],
)
def test_jwk_that_is_no_point_is_malformed(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        Es256Key.from_jwk({**SoftwareSigner.generate().public.jwk, **change})
