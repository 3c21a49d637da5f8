"""J1-J16 are the known faults of python-jose 3.5.0, one test each, named after its number."""

import ast
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jose import jws as library

from signing.canonical import b64u, canonical, unb64u
from signing.errors import ClaimError, KeyPolicyError, MalformedError, SignatureError, SigningError
from signing.jose import read_header, sign_jws, verify_jws, verify_jwt
from signing.keys import Es256Key, SoftwareSigner

NOW = datetime(2025, 10, 9, 8, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TYP = "client-authentication+jwt"
AUDIENCE = "https://hub.example.cn"
SIGNER = SoftwareSigner.generate("system-1")
CLAIMS = {"iss": "intake", "aud": AUDIENCE, "iat": SECONDS - 1, "exp": SECONDS + 59, "jti": "j-1"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ROOT = Path(__file__).parents[2]


def forge(header: Any = None, payload: Any = None, signer: SoftwareSigner = SIGNER) -> str:
    """A token with any header and payload (values, or JSON text) under a genuine signature."""
    header = {"alg": "ES256", "typ": TYP} if header is None else header
    payload = CLAIMS if payload is None else payload
    parts = [part.encode() if isinstance(part, str) else json.dumps(part).encode() for part in (header, payload)]
    signing_input = ".".join(map(b64u, parts))
    return f"{signing_input}.{b64u(signer.sign(signing_input.encode()))}"


def check(token: str | bytes, **changes: Any) -> dict[str, Any]:
    return verify_jwt(
        token,
        **{
            "key": SIGNER.public,
            "typ": TYP,
            "issuer": "intake",
            "audience": AUDIENCE,
            "now": NOW,
            "max_lifetime": timedelta(seconds=60),
            **changes,
        },
    )


def refusal(token: str | bytes, kind: type[SigningError] = SigningError, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        check(token, **changes)
    return caught.value.reason


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}


def test_own_token_verifies_here_and_in_python_jose() -> None:
    token = sign_jws(CLAIMS, signer=SIGNER, typ=TYP, header={"x5c": ["AA=="]})
    assert check(token) == CLAIMS
    assert verify_jws(token.encode(), key=SIGNER.public, typ=frozenset({TYP, "other"})).payload == canonical(CLAIMS)
    assert read_header(token) == {"alg": "ES256", "kid": "system-1", "typ": TYP, "x5c": ["AA=="]}
    assert json.loads(library.verify(token, SIGNER.public.to_pem().decode(), ["ES256"])) == CLAIMS


def test_token_made_by_python_jose_verifies_here() -> None:
    token = library.sign(CLAIMS, SIGNER.to_pem().decode(), headers={"typ": TYP}, algorithm="ES256")
    assert check(token) == CLAIMS


@pytest.mark.parametrize("payload", [b"", b"\0\xff", "一证".encode()])
def test_any_bytes_can_be_a_payload(payload: bytes) -> None:
    token = sign_jws(payload, signer=SIGNER, typ=TYP)
    assert verify_jws(token, key=SIGNER.public, typ=TYP).payload == payload


def test_header_of_equal_but_different_values_is_not_shared() -> None:
    headers = [read_header(sign_jws(b"", signer=SIGNER, typ=TYP, header={"a": value})) for value in (1, True, "1")]
    assert [type(header["a"]) for header in headers] == [int, bool, str]


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "crit", "b64"])
def test_header_cannot_set_what_the_wrapper_decides(name: str) -> None:
    with pytest.raises(ValueError):
        sign_jws(b"", signer=SIGNER, typ=TYP, header={name: "x"})


def test_every_flipped_character_is_refused() -> None:
    token = sign_jws(CLAIMS, signer=SIGNER, typ=TYP)
    for position, character in enumerate(token):
        for other in ("A", "B", ".", "="):
            if other != character:
                refusal(token[:position] + other + token[position + 1 :])


def test_token_of_a_foreign_key_is_refused() -> None:
    assert refusal(forge(signer=SoftwareSigner.generate("system-1")), SignatureError) == "signature"


def test_empty_and_short_signatures_are_refused() -> None:
    signing_input, _, signature = forge().rpartition(".")
    for other in (b"", bytes(64), unb64u(signature)[:63], unb64u(signature) + b"\0"):
        assert refusal(f"{signing_input}.{b64u(other)}", SignatureError) == "signature"


def test_der_signature_is_refused() -> None:
    signing_input = forge().rpartition(".")[0]
    private = serialization.load_pem_private_key(SIGNER.to_pem(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    der = private.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(f"{signing_input}.{b64u(der)}", SignatureError) == "signature"


def test_naive_now_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError):
        check(forge(), now=NOW.replace(tzinfo=None))


def test_j1_hmac_keyed_with_the_public_key_is_refused() -> None:
    public = SIGNER.public.public_key
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        secret = public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        signing_input = forge({"alg": "HS256", "typ": TYP}).rpartition(".")[0]
        forged = f"{signing_input}.{b64u(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"
        assert refusal(forged, ClaimError) == "alg"


def test_j2_the_header_does_not_choose_the_algorithm() -> None:
    for alg in ("none", "None", "HS256", "RS256", "ES384", "ES512", "es256", "", None):
        assert refusal(forge({"alg": alg, "typ": TYP}), ClaimError) == "alg"
    assert refusal(forge({"typ": TYP}), ClaimError) == "alg"
    unsigned = forge({"alg": "none", "typ": TYP}).rpartition(".")[0] + "."
    assert refusal(unsigned, ClaimError) == "alg"


def test_j2_only_the_wrapper_imports_python_jose() -> None:
    importers = set()
    for package in ("hub", "adapters", "certificates", "catalog", "signing"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_bytes()
            for node in ast.walk(ast.parse(text)) if b"jose" in text else ():
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                if any(name.split(".")[0] == "jose" for name in names):
                    importers.add(file.relative_to(ROOT).as_posix())
    assert importers == {"signing/jose.py"}


def test_j3_encrypted_and_compressed_tokens_are_refused() -> None:
    bomb = b64u(zlib.compress(bytes(10_000_000))[2:-4])
    header = b64u(json.dumps({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}).encode())
    assert refusal(f"{header}..{b64u(bytes(12))}.{bomb}.{b64u(bytes(16))}", MalformedError) == "segments"
    for name in ("enc", "zip"):
        assert refusal(forge({"alg": "ES256", "typ": TYP, name: "DEF"}), MalformedError) == "header_name"
    for token in ("", ".", "a", "a.b", "....", "a.b.c.d"):
        assert refusal(token, MalformedError) == "segments"


def test_j4_crit_b64_and_unknown_header_names_are_refused() -> None:
    extras: list[dict[str, Any]] = [{"crit": []}, {"crit": ["exp"]}, {"b64": False}, {"b64": True}, {"x": 1}]
    for extra in [*extras, {"crit": ["b64"], "b64": False}]:
        assert refusal(forge({"alg": "ES256", "typ": TYP, **extra}), MalformedError) == "header_name"


def test_j5_typ_must_be_the_one_expected() -> None:
    for typ in ("JWT", "at+jwt", TYP.upper(), f"application/{TYP}", "", None, 1, [TYP], {TYP: 1}):
        for expected in (TYP, frozenset({TYP, "kb+jwt"})):
            assert refusal(forge({"alg": "ES256", "typ": typ}), ClaimError, typ=expected) == "typ"
    assert refusal(forge({"alg": "ES256"}), ClaimError) == "typ"


def test_j6_every_required_claim_must_be_there() -> None:
    required = frozenset({"iss", "aud", "exp", "iat", "jti"})
    for name in required:
        assert refusal(forge(payload=claims(**{name: ...})), ClaimError, required=required) == f"missing_{name}"
    for name in ("exp", "iat"):  # a lifetime cannot be capped without them
        token = forge(payload=claims(**{name: ...}))
        assert refusal(token, ClaimError, required=frozenset()) == f"missing_{name}"
        assert check(token, required=frozenset(), max_lifetime=None) == claims(**{name: ...})
    for name, reason in (("iss", "issuer"), ("aud", "audience")):
        assert refusal(forge(payload=claims(**{name: ...})), ClaimError, required=frozenset()) == reason


def test_j7_values_are_compared_strictly() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"aud": [AUDIENCE]}, "bad_aud"),
        ({"aud": [AUDIENCE, "https://other.example.cn"]}, "bad_aud"),
        ({"aud": "https://other.example.cn"}, "audience"),
        ({"aud": AUDIENCE + "/"}, "audience"),
        ({"iss": "other"}, "issuer"),
        ({"iss": ["intake"]}, "bad_iss"),
        ({"jti": 1}, "bad_jti"),
        ({"sub": {}}, "bad_sub"),
        ({"iat": SECONDS + 11}, "issued_in_future"),
        ({"iat": True}, "bad_iat"),
        ({"iat": str(SECONDS)}, "bad_iat"),
        ({"exp": float(SECONDS + 9)}, "bad_exp"),
        ({"exp": str(SECONDS + 9)}, "bad_exp"),
        ({"exp": True}, "bad_exp"),
        ({"nbf": "0"}, "bad_nbf"),
        ({"nbf": SECONDS + 11}, "not_yet_valid"),
        ({"exp": SECONDS}, "expired"),
        ({"exp": SECONDS - 1}, "expired"),
        ({"exp": SECONDS + 60}, "lifetime"),
        ({"iat": SECONDS + 10, "exp": SECONDS + 10}, "lifetime"),
    ]
    for change, reason in cases:
        assert refusal(forge(payload=claims(**change)), ClaimError) == reason
    for change in ({"iat": SECONDS + 10}, {"exp": SECONDS + 1}, {"nbf": SECONDS + 10, "sub": "s"}):
        assert check(forge(payload=claims(**change))) == claims(**change)
    nearly = NOW + timedelta(seconds=58, microseconds=999_999)
    assert check(forge(), now=nearly) == CLAIMS
    assert refusal(forge(), ClaimError, now=NOW + timedelta(seconds=59)) == "expired"


def test_j8_input_that_crashes_the_library_is_refused_as_malformed() -> None:
    text = json.dumps(CLAIMS)
    for value, reason in (("null", "bad_exp"), ("[]", "bad_exp"), ("{}", "bad_exp")):
        assert refusal(forge(payload=text.replace(str(CLAIMS["exp"]), value)), ClaimError) == reason
    for value in ("Infinity", "-Infinity", "1e400", "NaN"):
        assert refusal(forge(payload=text.replace(str(CLAIMS["exp"]), value)), MalformedError) == "number"
    assert refusal(forge("[" * 20_000), MalformedError) == "depth"
    assert refusal(forge({"alg": ["ES256"], "typ": TYP}), ClaimError) == "alg"
    assert refusal(forge({"alg": {}, "typ": TYP}), ClaimError) == "alg"
    assert refusal(forge('{"alg":"ES256","typ":"' + TYP + '","kid":"\\ud800"}'), MalformedError) == "character"
    for token in ("\ud800..", "一.二.三", b"\xff..", forge() + "\u2003"):
        assert refusal(token, MalformedError) in {"encoding", "base64url"}
    for payload in ("[]", "1", "null", '"x"', ""):
        assert refusal(forge(payload=payload), MalformedError) in {"claims", "json"}
    for header in ("[]", "1", "null", ""):
        assert refusal(forge(header), MalformedError) in {"header", "json"}


def test_j9_size_and_depth_are_capped_before_anything_is_parsed() -> None:
    token = forge()
    assert check(token, max_bytes=len(token)) == CLAIMS
    assert refusal(token, MalformedError, max_bytes=len(token) - 1) == "too_large"
    with pytest.raises(MalformedError) as caught:
        read_header("A" * 100_000 + "..")
    assert caught.value.reason == "too_large"
    assert refusal(forge({"alg": "ES256", "typ": TYP, "x5c": [[[[]]]]}), MalformedError) == "depth"
    assert refusal(forge(payload='{"a":' + "[" * 32 + "]" * 32 + "}"), MalformedError) == "depth"


def test_j10_json_that_readers_disagree_about_is_refused() -> None:
    twice = json.dumps(CLAIMS)[:-1] + ',"aud":"https://other.example.cn"}'
    assert refusal(forge(payload=twice), MalformedError) == "duplicate_name"
    assert refusal(forge('{"alg":"none","alg":"ES256","typ":"x"}'), MalformedError) == "duplicate_name"
    assert refusal(forge(payload=json.dumps(CLAIMS)[:-1] + f',"n":{2**53}}}'), MalformedError) == "number"
    assert refusal(forge(payload="\ufeff" + json.dumps(CLAIMS)), MalformedError) == "json"
    signing_input = f"{forge().partition('.')[0]}.{b64u(json.dumps(CLAIMS).encode('utf-16'))}"
    other = f"{signing_input}.{b64u(SIGNER.sign(signing_input.encode()))}"
    assert refusal(other, MalformedError) == "encoding"


def test_j11_a_token_has_one_spelling_but_for_the_ecdsa_twin() -> None:
    token = forge()
    header, payload, signature = token.split(".")
    padded = base64.urlsafe_b64encode(unb64u(payload)).decode()
    last = signature[:-1] + chr(ord(signature[-1]) + 1)  # 64 bytes leave four unused bits
    respelled = [
        f"{header}.{payload}.{signature}==",
        f"{header}.{payload}.{last}",
        f"{header}.{payload}\n.{signature}",
        f"{header}.{payload}.{signature}\n",
        f" {token}",
        f"{header[:3]}~{header[3:]}.{payload}.{signature}",
    ]
    if padded != payload:
        respelled.append(f"{header}.{padded}.{signature}")
    for text in respelled:
        assert refusal(text, MalformedError) == "base64url"
    # The twin (r, n-s) cannot be told from the original: replay guards go by jti, hashes by the payload.
    raw = unb64u(signature)
    twin = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    assert check(f"{header}.{payload}.{b64u(twin)}")["jti"] == CLAIMS["jti"]


def test_j12_the_key_is_ours_and_its_kid_exact() -> None:
    assert check(forge({"alg": "ES256", "typ": TYP, "kid": "system-1"})) == CLAIMS
    for kid in ("system-2", "", None, 1, ["system-1"]):
        assert refusal(forge({"alg": "ES256", "typ": TYP, "kid": kid}), ClaimError) == "kid"
    attacker = SoftwareSigner.generate()
    for extra in ({"jwk": attacker.public.jwk}, {"jku": "https://a.example"}, {"x5u": "https://a.example"}):
        header = {"alg": "ES256", "typ": TYP, **extra}
        assert refusal(forge(header, signer=attacker), MalformedError) == "header_name"
    # Beside a certificate chain the chain names the key, and the caller has validated it.
    assert check(forge({"alg": "ES256", "typ": TYP, "kid": "any", "x5c": ["AA=="]})) == CLAIMS


def test_j13_keys_off_policy_do_not_load() -> None:
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(KeyPolicyError):
            SoftwareSigner.from_pem(pem)
    with pytest.raises(KeyPolicyError):
        Es256Key.from_jwk({"kty": "oct", "k": "", "alg": "HS256"})


def test_j14_algorithms_the_library_lacks_are_refused_not_guessed() -> None:
    for alg in ("EdDSA", "Ed25519", "PS256", "SM2", "yizheng-sm2-sm3"):
        assert refusal(forge({"alg": alg, "typ": TYP}), ClaimError) == "alg"


def test_j15_the_wrapper_does_not_load_on_another_backend() -> None:
    code = "import jose.jwk; jose.jwk.get_key = lambda alg: object; import signing.jose"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "ImportError: python-jose must run on its cryptography backend" in result.stderr


def test_j16_the_callers_claims_are_left_alone() -> None:
    given_claims = {"iss": "intake", "exp": NOW}
    with pytest.raises(MalformedError) as caught:
        sign_jws(given_claims, signer=SIGNER, typ=TYP)
    assert caught.value.reason == "not_canonical"
    assert given_claims == {"iss": "intake", "exp": NOW}
    header = {"x5c": ["AA=="]}
    sign_jws(CLAIMS, signer=SIGNER, typ=TYP, header=header)
    assert header == {"x5c": ["AA=="]}


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "x5c", "crit", "enc"]), _ANY_JSON, max_size=5)
_CLAIMS = st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "jti", "sub"]), _ANY_JSON, max_size=7)


@given(st.text() | st.binary() | st.text("abAZ09-_=.+/ ~", max_size=80))
def test_no_text_makes_anything_but_a_signing_error(token: str | bytes) -> None:
    refusal(token)


@given(_HEADERS | _ANY_JSON, _CLAIMS | _ANY_JSON)
def test_no_header_or_claims_make_anything_but_a_signing_error(header: Any, payload: Any) -> None:
    if isinstance(header, dict):
        header = {"alg": "ES256", "typ": TYP, **header}
    if isinstance(payload, dict):
        payload = {**CLAIMS, **payload}
    try:
        assert check(forge(json.dumps(header), json.dumps(payload))) == payload
    except SigningError as error:
        assert error.reason  # noqa: PT017 - both outcomes are right


@given(st.data())
def test_no_mutation_of_a_genuine_token_makes_anything_but_a_signing_error(data: st.DataObject) -> None:
    token = forge().encode()
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(start + 8, len(token))))
    mutated = token[:start] + data.draw(st.binary(max_size=8)) + token[end:]
    if mutated != token:
        refusal(mutated)
