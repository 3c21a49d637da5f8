"""The suites by name: each key under its own, none for another, RSA for documents and never for tokens."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]

from signing import sm2, suites
from signing.errors import ChainError, KeyPolicyError, MalformedError, SignatureError
from signing.jose import sign_jws, take_apart, verify_jws
from signing.keys import ES256, SM2SM3, Es256Key, SoftwareSigner
from signing.rsa_keys import RS256, RsaKey, RsaSigner
from signing.x509.pki import issue_leaf, validate_chain
from tests.signing.chains import NAME, NOW, ROOT, URI, USCC

RSA = RsaSigner.generate()
SIGNERS = {ES256: suites.generate(ES256), SM2SM3: suites.generate(SM2SM3), RS256: RSA}
EVERY = pytest.mark.parametrize("alg", sorted(suites.ALGORITHMS))


@EVERY
def test_a_key_goes_through_every_form_and_stays_itself(alg: str) -> None:
    signer = SIGNERS[alg]
    again = suites.read_signer(alg, signer.to_pem(), "name")
    assert (again.alg, again.kid, again.public.thumbprint) == (alg, "name", signer.public.thumbprint)
    assert suites.key_from_jwk(signer.public.jwk) == signer.public
    assert suites.key_from_der(signer.public.to_der()) == signer.public
    assert signer.kid == signer.public.thumbprint
    assert type(signer.public).from_pem(signer.public.to_pem()) == signer.public  # type: ignore[attr-defined]
    assert "PRIVATE" not in repr(signer)


@EVERY
def test_a_signature_is_this_keys_over_this_message_and_no_other(alg: str) -> None:
    signer, other = SIGNERS[alg], suites.generate(alg)
    signature = signer.sign(b"message")
    signer.public.verify(b"message", signature)
    for key, message, forged in (
        (signer.public, b"massage", signature),
        (other.public, b"message", signature),
        (signer.public, b"message", signature[:-1]),
        (signer.public, b"message", b""),
        (signer.public, b"message", bytes(len(signature))),
    ):
        with pytest.raises(SignatureError):
            key.verify(message, forged)
    written = suites.document_signature(alg, signature)
    assert (written if alg == RS256 else sm2.to_raw(written)) == signature


@EVERY
def test_a_key_is_read_as_its_own_suite_alone(alg: str) -> None:
    for other in suites.ALGORITHMS - {alg}:
        with pytest.raises((KeyPolicyError, MalformedError)):
            suites.read_signer(alg, SIGNERS[other].to_pem())
        with pytest.raises((KeyPolicyError, MalformedError)):
            suites.key_from_jwk({**SIGNERS[other].public.jwk, "alg": alg})


@pytest.mark.parametrize("alg", ["", "none", "HS256", "ES384", "PS256", "EdDSA", "es256", None, ["ES256"]])
def test_no_suite_stands_in_for_another(alg: object) -> None:
    for use in (
        lambda: suites.generate(alg),  # type: ignore[arg-type]
        lambda: suites.read_signer(alg, SIGNERS[ES256].to_pem()),  # type: ignore[arg-type]
        lambda: suites.key_from_jwk({**SIGNERS[ES256].public.jwk, "alg": alg}),
    ):
        with pytest.raises(KeyPolicyError) as error:
            use()
        assert error.value.reason == "alg"


def test_what_strangers_present_is_es256_or_nothing() -> None:
    for alg in (SM2SM3, RS256):
        with pytest.raises(KeyPolicyError):
            Es256Key.from_jwk(SIGNERS[alg].public.jwk)


def test_rsa_signs_and_verifies_no_token() -> None:
    with pytest.raises(KeyPolicyError) as error:
        sign_jws(b"{}", signer=RSA, typ="t")
    assert error.value.reason == "alg"

    class Willing:
        kid, alg, public, sign = RSA.kid, ES256, RSA.public, RSA.sign

    forged = sign_jws(b"{}", signer=Willing(), typ="t")
    head, payload, _ = forged.split(".")
    from signing.canonical import b64u, canonical

    head = b64u(canonical({"alg": RS256, "kid": RSA.kid, "typ": "t"}))
    token = f"{head}.{payload}." + b64u(RSA.sign(f"{head}.{payload}".encode()))
    take_apart(token)
    with pytest.raises(KeyPolicyError) as error:
        verify_jws(token, key=RSA.public, typ="t")
    assert error.value.reason == "alg"


def test_an_rsa_leaf_is_for_documents_where_the_caller_says_so() -> None:
    leaf = issue_leaf(
        ROOT, public=RSA.public, organization=NAME, organization_id=USCC, role="seal", uri=URI, now=NOW, days=9
    )
    with pytest.raises(ChainError) as error:
        validate_chain([leaf], anchors=[ROOT.certificate], now=NOW)
    assert error.value.reason == "leaf_key"
    found = validate_chain([leaf], anchors=[ROOT.certificate], now=NOW, suites=suites.ALGORITHMS)
    assert (found.public, found.roles) == (RSA.public, {"seal"})


def test_the_thumbprint_of_rsa_is_that_of_rfc_7638() -> None:
    assert JWK.from_pem(RSA.public.to_pem()).thumbprint() == RSA.kid
    assert SoftwareSigner.generate().public.to_der() != RSA.public.to_der()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kty": "EC"}, "key_type"),
        ({"use": "enc"}, "use"),
        ({"d": "AA"}, "private_key"),
        ({"n": 1}, "jwk"),
        ({"e": None}, "jwk"),
        ({"kid": 1}, "jwk"),
        ({"e": "Aw"}, "exponent"),
        ({"n": "_" * 128}, "size"),
        ({"n": "_" * 2000}, "size"),
    ],
)
def test_rsa_keys_off_policy_do_not_load(change: dict[str, object], reason: str) -> None:
    with pytest.raises((KeyPolicyError, MalformedError)) as error:
        RsaKey.from_jwk({**RSA.public.jwk, **change})
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "size"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "key_type"),
        (ed25519.Ed25519PrivateKey.generate, "key_type"),
    ],
)
def test_private_keys_off_policy_do_not_load(make: Callable[[], rsa.RSAPrivateKey], reason: str) -> None:
    pem = make().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(KeyPolicyError) as error:
        RsaSigner.from_pem(pem)
    assert error.value.reason == reason


def test_other_public_keys_are_refused_by_name() -> None:
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    for key, reason in (
        (ed25519.Ed25519PrivateKey.generate().public_key(), "key_type"),
        (ec.generate_private_key(ec.SECP384R1()).public_key(), "curve"),
        (rsa.RSAPublicNumbers(3, RSA.public.public_key.public_numbers().n).public_key(), "exponent"),
    ):
        with pytest.raises(KeyPolicyError) as error:
            suites.key_from_der(key.public_bytes(*der))
        assert error.value.reason == reason
    with pytest.raises(MalformedError):
        suites.key_from_der(b"junk")
    for junk in (b"", b"junk", RSA.to_pem()):
        with pytest.raises(MalformedError):
            RsaKey.from_pem(junk)
    with pytest.raises(KeyPolicyError):
        RsaKey.from_pem(SIGNERS[ES256].public.to_pem())
    with pytest.raises(MalformedError):
        RsaSigner.from_pem(b"junk")
