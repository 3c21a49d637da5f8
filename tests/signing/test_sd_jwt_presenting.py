"""Presenting: selections and key bindings, and the library `sd-jwt` as oracle of what they show."""

from datetime import timedelta
from typing import Any

import pytest
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from signing.disclosures import digest
from signing.errors import ClaimError, MalformedError, SignatureError, SigningError
from signing.keys import SoftwareSigner
from signing.sd_jwt import parse, select, verify
from tests.signing.sd_tokens import (
    CLAIMS,
    HIDDEN,
    HOLDER,
    NOW,
    SALT,
    SIGNER,
    bind,
    disclosure,
    forge,
    jwk,
    present,
    token,
)

# -- the library `sd-jwt` as oracle


def test_library_accepts_ours() -> None:
    for text in (token(), select(token(), {"address"}), select(token(), ())):
        theirs = SDJWTVerifier(text, lambda *_: jwk(SIGNER.public)).get_verified_payload()
        assert theirs == verify(text, key=SIGNER.public).claims


def test_library_accepts_our_key_binding() -> None:
    text = present(token())
    theirs = SDJWTVerifier(text, lambda *_: jwk(SIGNER.public), "https://r.example.cn", "n-1").get_verified_payload()
    assert theirs == CLAIMS


def test_ours_accepts_the_librarys_nested_and_array_disclosures() -> None:
    claims = {
        "iss": "https://issuer.example.cn",
        SDObj("name"): "示例",
        SDObj("address"): {SDObj("region"): "某市", "street": {SDObj("no"): 1}},
        "nationalities": [SDObj("CN"), "XX", SDObj({SDObj("deep"): [SDObj(1), 2]})],
    }
    private = JWK.from_pem(SIGNER.to_pem())
    theirs = SDJWTIssuer(
        claims, private, None, "ES256", add_decoy_claims=True, extra_header_parameters={"typ": "dc+sd-jwt"}
    ).sd_jwt_issuance
    plain = {"name": "示例", "address": {"region": "某市", "street": {"no": 1}}}
    verified = verify(theirs, key=SIGNER.public)
    assert verified.claims == {
        "iss": "https://issuer.example.cn",
        **plain,
        "nationalities": ["CN", "XX", {"deep": [1, 2]}],
    }
    assert verified.disclosed == {"name", "address"}
    for selection in ({"address": {"region": True}}, {"nationalities": [False, False, {"deep": [True]}]}, {}):
        holder = SDJWTHolder(theirs)
        holder.create_presentation(selection)
        shown = verify(holder.sd_jwt_presentation, key=SIGNER.public).claims
        assert shown == SDJWTVerifier(holder.sd_jwt_presentation, lambda *_: jwk(SIGNER.public)).get_verified_payload()


# -- selecting


def test_selection_shows_the_named_claims_only() -> None:
    verified = verify(select(token(), {"address", "name", "nonsense"}), key=SIGNER.public)
    assert verified.disclosed == {"address"}
    assert verified.claims == {name: value for name, value in CLAIMS.items() if name not in HIDDEN - {"address"}}
    assert select(token(), ()).count("~") == 1


def test_selection_drops_nested_disclosures_and_key_binding() -> None:
    inner, outer = disclosure(SALT, "region", "某市"), disclosure(SALT + "2", "name", "示例")
    text = forge({"address": {"_sd": [digest(inner)]}, "_sd": [digest(outer)]}, inner, outer)
    assert verify(select(text, {"region", "name"}), key=SIGNER.public).claims == {"address": {}, "name": "示例"}
    assert parse(select(present(token()), HIDDEN)).kb_jwt is None
    with pytest.raises(MalformedError):
        select(forge({"_sd": 1}), ())


# -- key binding


def test_holder_of_the_key_is_accepted() -> None:
    bind(present(token()))
    bind(present(select(token(), {"address"})), NOW + timedelta(minutes=5))
    bind(present(token(), signer=SoftwareSigner.from_pem(HOLDER.to_pem(), "a wallet's own name")))


def test_stolen_binding_does_not_fit_another_selection() -> None:
    kb_jwt = present(token()).rpartition("~")[2]
    with pytest.raises(ClaimError) as caught:
        bind(select(token(), {"address"}) + kb_jwt)
    assert caught.value.reason == "sd_hash"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example.cn"}, "audience"),
        ({"aud": ["https://r.example.cn"]}, "bad_aud"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": ...}, "missing_nonce"),
        ({"iat": ...}, "missing_iat"),
        ({"iat": int(NOW.timestamp()) + 11}, "issued_in_future"),
        ({"iat": int(NOW.timestamp()) - 301}, "key_binding_age"),
        ({"exp": int(NOW.timestamp())}, "expired"),
        ({"sd_hash": "x"}, "sd_hash"),
        ({"sd_hash": ...}, "missing_sd_hash"),
        ({"typ": "JWT"}, "typ"),
    ],
)
def test_binding_for_elsewhere_or_another_time_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClaimError) as caught:
        bind(present(token(), **changes))
    assert caught.value.reason == reason


def test_binding_by_another_key_is_refused() -> None:
    with pytest.raises(SignatureError):
        bind(present(token(), signer=SoftwareSigner.generate()))


def test_missing_binding_or_missing_key_is_refused() -> None:
    with pytest.raises(ClaimError) as caught:
        bind(token())
    assert caught.value.reason == "key_binding_missing"
    for cnf in (None, {}, {"jwk": "x"}, {"kid": "x"}):
        with pytest.raises(ClaimError) as caught:
            bind(present(forge({"cnf": cnf})))
        assert caught.value.reason == "missing_cnf"
    with pytest.raises(SigningError):
        bind(present(forge({"cnf": {"jwk": {"kty": "EC"}}})))
