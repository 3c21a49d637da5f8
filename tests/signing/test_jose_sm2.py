"""J1-J16 under SM2: the same wrapper, another key; what of the list depends on the suite, one test each."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import sd_jwt, sm2
from signing.canonical import b64u, unb64u
from signing.errors import ClaimError, KeyPolicyError, MalformedError, SignatureError, SigningError
from signing.jose import sign_jws, verify_jwt
from signing.keys import SM2SM3, Es256Key, Signer, SoftwareSigner
from signing.sm2 import Sm2Key, Sm2Signer
from tests.signing import sd_tokens
from tests.signing.sd_tokens import CLAIMS as LICENCE
from tests.signing.sd_tokens import HIDDEN, HOLDER, bind, present

NOW = datetime(2025, 10, 9, 8, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TYP = "trust-pack+jwt"
SIGNER = Sm2Signer.generate("sm2-1")
OTHER = SoftwareSigner.generate("sm2-1")
CLAIMS = {"iss": "hub", "aud": "us", "iat": SECONDS - 1, "exp": SECONDS + 59, "jti": "j-1"}
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


def forge(header: Any = None, payload: Any = None, signer: Signer = SIGNER) -> str:
    header = {"alg": SM2SM3, "typ": TYP} if header is None else header
    parts = [json.dumps(part).encode() for part in (header, CLAIMS if payload is None else payload)]
    signing_input = ".".join(map(b64u, parts))
    return f"{signing_input}.{b64u(signer.sign(signing_input.encode()))}"


def check(token: str | bytes, **changes: Any) -> dict[str, Any]:
    return verify_jwt(
        token,
        **{
            "key": SIGNER.public,
            "typ": TYP,
            "issuer": "hub",
            "audience": "us",
            "now": NOW,
            "max_lifetime": timedelta(seconds=60),
            **changes,
        },
    )


def refusal(token: str | bytes, kind: type[SigningError] = SigningError, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        check(token, **changes)
    return caught.value.reason


def test_own_token_verifies_and_says_its_suite() -> None:
    token = sign_jws(CLAIMS, signer=SIGNER, typ=TYP)
    assert check(token) == CLAIMS
    header = json.loads(unb64u(token.split(".")[0]))
    assert header == {"alg": "SM2SM3", "kid": "sm2-1", "typ": TYP}


def test_j1_hmac_keyed_with_the_public_key_is_refused() -> None:
    for secret in (SIGNER.public.to_pem(), SIGNER.public.to_der(), SIGNER.public.point):
        for digest in (hashlib.sha256, "sm3"):
            signing_input = forge({"alg": "HS256", "typ": TYP}).rpartition(".")[0]
            forged = f"{signing_input}.{b64u(hmac.digest(secret, signing_input.encode(), digest))}"
            assert refusal(forged, ClaimError) == "alg"


def test_j2_the_header_does_not_choose_the_suite() -> None:
    for alg in ("ES256", "none", "SM2", "sm2sm3", "RS256", "HS256", "", None, [SM2SM3]):
        assert refusal(forge({"alg": alg, "typ": TYP}), ClaimError) == "alg"
    # A token of the other suite under the same kid, whatever its header says, meets the key that was chosen.
    for alg in ("ES256", SM2SM3):
        token = forge({"alg": alg, "typ": TYP, "kid": "sm2-1"}, signer=OTHER)
        assert refusal(token) == ("alg" if alg == "ES256" else "signature")
        token = forge({"alg": alg, "typ": TYP, "kid": "sm2-1"})
        assert refusal(token, key=OTHER.public) == ("signature" if alg == "ES256" else "alg")


def test_j2_the_numbers_of_one_suite_are_no_key_of_the_other() -> None:
    jwk = SIGNER.public.jwk
    for changed in (jwk, {**jwk, "crv": "P-256"}, {**jwk, "crv": "P-256", "alg": "ES256"}):
        with pytest.raises((KeyPolicyError, MalformedError)):
            Es256Key.from_jwk(changed)
    with pytest.raises((KeyPolicyError, MalformedError)):
        Sm2Key.from_jwk({**OTHER.public.jwk, "crv": "SM2", "alg": SM2SM3})


def test_j4_j5_names_and_kinds_are_as_strict() -> None:
    assert refusal(forge({"alg": SM2SM3, "typ": TYP, "crit": ["exp"]}), MalformedError) == "header_name"
    assert refusal(forge({"alg": SM2SM3, "typ": TYP, "jwk": SIGNER.public.jwk}), MalformedError) == "header_name"
    for typ in ("JWT", "dc+sd-jwt", None):
        assert refusal(forge({"alg": SM2SM3, "typ": typ}), ClaimError) == "typ"


def test_j6_j7_claims_are_compared_as_strictly() -> None:
    assert refusal(forge(payload={**CLAIMS, "aud": ["us"]}), ClaimError) == "bad_aud"
    assert refusal(forge(payload={**CLAIMS, "exp": SECONDS}), ClaimError) == "expired"
    assert refusal(forge(payload={key: CLAIMS[key] for key in ("aud", "iat", "exp")}), ClaimError) == "missing_iss"


def test_j11_a_token_has_one_spelling_and_no_twin() -> None:
    signing_input, _, signature = forge().rpartition(".")
    raw = unb64u(signature)
    twin = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    assert refusal(f"{signing_input}.{b64u(twin)}", SignatureError) == "signature"
    assert refusal(f"{signing_input}.{b64u(sm2.to_der(raw))}", SignatureError) == "signature"
    assert refusal(f"{signing_input}.{signature}==", MalformedError) == "base64url"


def test_j12_the_kid_is_exact() -> None:
    assert check(forge({"alg": SM2SM3, "typ": TYP, "kid": "sm2-1"})) == CLAIMS
    assert refusal(forge({"alg": SM2SM3, "typ": TYP, "kid": "sm2-2"}), ClaimError) == "kid"


def test_every_flipped_character_is_refused() -> None:
    token = sign_jws(CLAIMS, signer=SIGNER, typ=TYP)
    for position, character in enumerate(token):
        refusal(token[:position] + ("A" if character != "A" else "B") + token[position + 1 :])


@given(st.data())
def test_j8_no_mutation_makes_anything_but_a_signing_error(data: st.DataObject) -> None:
    token = sign_jws(CLAIMS, signer=SIGNER, typ=TYP).encode()
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(start + 8, len(token))))
    mutated = token[:start] + data.draw(st.binary(max_size=8)) + token[end:]
    if mutated != token:
        refusal(mutated)


def test_a_licence_goes_from_issuing_to_a_bound_copy() -> None:
    licence = sd_jwt.issue(LICENCE, disclosable=HIDDEN, signer=SIGNER)
    verified = sd_jwt.verify(licence, key=SIGNER.public)
    assert verified.claims == LICENCE
    assert verified.header["alg"] == SM2SM3
    # The copy is signed afresh under SM2 too; who holds it shows so with the key every wallet has.
    copy = sd_jwt.issue({**LICENCE, "aud": "intake"}, disclosable=HIDDEN, signer=SIGNER)
    shown = present(sd_jwt.select(copy, {"address"}))
    found = sd_jwt.verify(shown, key=SIGNER.public)
    assert found.disclosed == {"address"}
    bind(found)
    with pytest.raises(SignatureError):
        bind(sd_jwt.verify(present(copy, signer=SoftwareSigner.generate()), key=SIGNER.public))
    with pytest.raises(ClaimError):
        sd_jwt.verify(shown, key=OTHER.public)
    assert HOLDER.alg == "ES256"


def test_a_holder_key_of_sm2_is_refused() -> None:
    claims = {**LICENCE, "cnf": {"jwk": SIGNER.public.jwk}}
    shown = present(sd_jwt.issue(claims, disclosable=HIDDEN, signer=SIGNER), signer=SIGNER)  # type: ignore[arg-type]
    with pytest.raises(KeyPolicyError):
        bind(sd_jwt.verify(shown, key=SIGNER.public))


def test_refusals_of_the_format_come_with_the_same_reasons() -> None:
    text = sd_tokens.disclosure(sd_tokens.SALT, "extra", 1)
    licence = sd_jwt.issue(LICENCE, disclosable=HIDDEN, signer=SIGNER)
    with pytest.raises(MalformedError) as error:
        sd_jwt.verify(f"{licence}{text}~", key=SIGNER.public)
    assert error.value.reason == "unreferenced_disclosure"
    with pytest.raises(ClaimError) as kind:
        sd_jwt.verify(sd_jwt.issue(LICENCE, disclosable=(), signer=SIGNER, typ="JWT"), key=SIGNER.public)
    assert kind.value.reason == "typ"
