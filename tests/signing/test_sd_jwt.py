import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jws as library
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from signing.canonical import b64u, canonical, sha256, unb64u
from signing.disclosures import digest
from signing.errors import ClaimError, MalformedError, SignatureError, SigningError
from signing.jose import sign_jws
from signing.keys import SoftwareSigner, VerifyingKey
from signing.sd_jwt import (
    NEVER_DISCLOSABLE,
    Parsed,
    Prepared,
    Verified,
    issue,
    parse,
    prepare,
    select,
    sign,
    verify,
    verify_key_binding,
)

NOW = datetime(2025, 10, 9, 8, 0, tzinfo=UTC)
SIGNER = SoftwareSigner.generate("issuing-1")
HOLDER = SoftwareSigner.generate()
SALT = "_26bc4LT-ac6q2KI6cBW5es"
CLAIMS: dict[str, Any] = {
    "iss": "https://hub.example.cn/issuers/1",
    "iat": 1760000000,
    "vct": "urn:yizheng:certificate-type:1",
    "cnf": {"jwk": HOLDER.public.jwk},
    "certificate": {"identifier": "1", "valid_until": None},
    "name": "示例科技有限公司",
    "legal_representative": "李示例",
    "registered_capital": 1000000,
    "business_scope": ["软件开发", "技术咨询"],
    "address": {"region": "某市", "street": "某路1号"},
}
HIDDEN = frozenset({"legal_representative", "registered_capital", "business_scope", "address"})


def token(header: dict[str, Any] | None = None) -> str:
    return issue(CLAIMS, disclosable=HIDDEN, signer=SIGNER, header=header or {})


def disclosure(*content: Any) -> str:
    return b64u(canonical(list(content)))


def forge(payload: Any, *disclosures: str, typ: str = "dc+sd-jwt") -> str:
    """Any payload under the issuer's own signature, with any disclosures."""
    return "~".join((sign_jws(canonical(payload), signer=SIGNER, typ=typ), *disclosures, ""))


def refusal(text: str | bytes | Parsed, kind: type[SigningError] = MalformedError, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        verify(text, **{"key": SIGNER.public, **changes})
    return caught.value.reason


def jwk(key: VerifyingKey) -> Any:
    return JWK.from_pem(key.to_pem())


# -- issuing


def test_holder_of_everything_shows_all_claims() -> None:
    verified = verify(token(), key=SIGNER.public)
    assert verified.claims == CLAIMS
    assert verified.disclosed == HIDDEN
    assert verified.kb_jwt is None
    assert verified.header == {"alg": "ES256", "kid": "issuing-1", "typ": "dc+sd-jwt"}
    assert HIDDEN.isdisjoint(verified.payload)


def test_what_is_signed_is_the_canonical_prepared_payload() -> None:
    prepared = prepare(CLAIMS, HIDDEN)
    text = sign(prepared, signer=SIGNER, header={"x5c": ["AA=="]})
    signed = unb64u(text.split("~")[0].split(".")[1])
    assert signed == canonical(prepared.payload)
    assert text.split("~")[1:-1] == list(prepared.disclosures)
    assert library.verify(text.split("~")[0], SIGNER.public.to_pem().decode(), ["ES256"]) == signed
    assert parse(text).header["x5c"] == ["AA=="]


def test_digests_are_sorted_and_salts_fresh() -> None:
    first, second = prepare(CLAIMS, HIDDEN), prepare(CLAIMS, HIDDEN)
    assert first.payload["_sd"] == sorted(first.payload["_sd"])
    assert first.payload["_sd_alg"] == "sha-256"
    salts = [json.loads(unb64u(text))[0] for text in (*first.disclosures, *second.disclosures)]
    assert len(set(salts)) == 8
    assert all(len(unb64u(salt)) >= 16 for salt in salts)


def test_nothing_disclosable_leaves_no_digests() -> None:
    prepared = prepare(CLAIMS, ())
    assert "_sd" not in prepared.payload
    assert verify(sign(prepared, signer=SIGNER), key=SIGNER.public).disclosed == frozenset()


def test_stored_preparation_signs_the_same_payload() -> None:
    prepared = prepare(CLAIMS, HIDDEN)
    stored = prepared.to_bytes()
    again = Prepared.from_bytes(stored)
    assert again == prepared
    assert again.to_bytes() == stored
    assert again.digest() == sha256(stored)
    assert sign(again, signer=SIGNER).split(".")[:2] == sign(prepared, signer=SIGNER).split(".")[:2]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"{}",
        lambda _: b"[]",
        lambda p: p.to_bytes()[:-1],
        lambda p: canonical({"payload": p.payload, "disclosures": list(p.disclosures), "more": 1}),
        lambda p: canonical({"payload": p.payload, "disclosures": list(p.disclosures[1:])}),
        lambda p: canonical({"payload": p.payload, "disclosures": [*p.disclosures[1:], disclosure(SALT, "name", 1)]}),
        lambda p: canonical({"payload": p.payload, "disclosures": [1, 2, 3, 4]}),
        lambda p: canonical({"payload": {**p.payload, "_sd_alg": "sha-512"}, "disclosures": list(p.disclosures)}),
        lambda _: canonical({"payload": [], "disclosures": []}),
    ],
)
def test_changed_preparation_is_not_signed(change: Callable[[Prepared], bytes]) -> None:
    with pytest.raises(MalformedError):
        Prepared.from_bytes(change(prepare(CLAIMS, HIDDEN)))


def test_preparation_too_large_to_verify_is_refused_before_it_is_stored() -> None:
    prepared = prepare({**CLAIMS, "note": "x" * 41000}, {"note"})
    with pytest.raises(MalformedError) as caught:
        prepared.to_bytes()
    assert caught.value.reason == "too_large"
    with pytest.raises(MalformedError):
        sign(prepare({**CLAIMS, "note": "x" * 66000}, {"note"}), signer=SIGNER)


@pytest.mark.parametrize("name", sorted(NEVER_DISCLOSABLE))
def test_claims_a_verifier_decides_by_cannot_be_hidden(name: str) -> None:
    with pytest.raises(ValueError, match="every verifier"):
        prepare({**CLAIMS, name: "x"}, {name})
    text = disclosure(SALT, name, "x")
    payload = {claim: value for claim, value in CLAIMS.items() if claim != name}
    assert refusal(forge({**payload, "_sd": [digest(text)]}, text)) == "never_disclosable"


def test_misspelt_disclosable_name_is_refused() -> None:
    with pytest.raises(ValueError, match="absent"):
        prepare(CLAIMS, {"adress"})


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_reserved_names_are_refused_at_every_depth(name: str) -> None:
    cases: list[dict[str, Any]] = [{name: 1}, {"a": {name: []}}, {"a": [{"b": ({name: "x"},)}]}]
    for claims in cases:
        for disclosable in ((), tuple(claims)):
            with pytest.raises(MalformedError) as caught:
                prepare(claims, disclosable)
            assert caught.value.reason == "reserved_name"


def test_what_verifiers_could_not_read_is_not_prepared() -> None:
    deep: Any = "x"
    for _ in range(31):
        deep = [deep]
    for disclosable in ((), ("deep",)):
        text = issue({"deep": deep}, disclosable=disclosable, signer=SIGNER)
        assert verify(text, key=SIGNER.public).claims == {"deep": deep}
        with pytest.raises(MalformedError) as caught:
            prepare({"deep": [deep]}, disclosable)
        assert caught.value.reason == "depth"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\0b", "character"),
        (["\x1b"], "character"),
        ({"\x85\x01": 1}, "character"),
        ("\ud800", "character"),
        ({"a": [1e16]}, "number"),
        (-1e300, "number"),
        ({1: 2}, "not_canonical"),
    ],
)
def test_what_could_be_signed_and_not_verified_is_not_prepared(value: Any, reason: str) -> None:
    for disclosable in ((), ("note",)):
        with pytest.raises(MalformedError) as caught:
            prepare({"note": value}, disclosable)
        assert caught.value.reason == reason


@pytest.mark.parametrize("salts", [["short", SALT + "2"], [SALT, SALT], [SALT], [SALT, SALT + "2", SALT + "3"]])
def test_bad_salts_are_a_mistake_of_the_caller(salts: list[str]) -> None:
    with pytest.raises(ValueError):
        issue(CLAIMS, disclosable={"name", "address"}, signer=SIGNER, salts=salts)


def test_given_salts_give_the_same_payload() -> None:
    salts = [SALT + str(number) for number in range(4)]
    first, second = (issue(CLAIMS, disclosable=HIDDEN, signer=SIGNER, salts=salts) for _ in range(2))
    assert parse(first).payload == parse(second).payload


def test_rfc_9901_digest_of_a_disclosure() -> None:
    text = "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"
    assert digest(text) == "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"
    verified = verify(forge({"_sd": [digest(text)]}, text), key=SIGNER.public)
    assert verified.claims == {"given_name": "John"}


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


# -- refusals


def test_every_flipped_byte_is_refused() -> None:
    text = token().encode()
    for position, byte in enumerate(text):
        for other in (byte ^ 1, byte ^ 0x80, ord("A"), ord("~")):
            if other != byte:
                changed = text[:position] + bytes([other]) + text[position + 1 :]
                refusal(changed, SigningError)


def test_text_and_bytes_and_parsed_verify_alike() -> None:
    text = token()
    assert verify(text, key=SIGNER.public) == verify(text.encode(), key=SIGNER.public)
    assert verify(parse(text), key=SIGNER.public) == verify(text, key=SIGNER.public)


def test_a_parsed_payload_is_not_believed() -> None:
    parsed = parse(token())
    parsed.payload["name"] = "别人"
    parsed.header["alg"] = "none"
    assert verify(parsed, key=SIGNER.public).claims["name"] == CLAIMS["name"]


def test_foreign_key_is_refused() -> None:
    foreign = SoftwareSigner.generate("issuing-1")
    assert refusal(token(), SignatureError, key=foreign.public) == "signature"
    assert refusal(issue(CLAIMS, disclosable=HIDDEN, signer=foreign), SignatureError) == "signature"


@pytest.mark.parametrize("typ", ["JWT", "kb+jwt", "vc+sd-jwt", ""])
def test_wrong_typ_is_refused(typ: str) -> None:
    assert refusal(forge(CLAIMS, typ=typ), ClaimError) == "typ"
    assert refusal(token(), ClaimError, typ=frozenset({typ})) == "typ"


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "SM2"])
def test_swapped_algorithm_is_refused(alg: str) -> None:
    _, payload, signature = token().split("~")[0].split(".")
    header = b64u(canonical({"alg": alg, "typ": "dc+sd-jwt"}))
    for last in (signature, ""):
        assert refusal(f"{header}.{payload}.{last}~", ClaimError) == "alg"


def test_unreferenced_disclosure_is_refused() -> None:
    assert refusal(token() + disclosure(SALT, "extra", 1) + "~") == "unreferenced_disclosure"
    withheld, inner = disclosure(SALT, "address", 1), disclosure(SALT + "2", "region", 1)
    text = forge({"_sd": [digest(withheld)]}, inner)
    assert refusal(text) == "unreferenced_disclosure"


def test_duplicated_disclosure_is_refused() -> None:
    text = token()
    assert refusal(text + text.split("~")[1] + "~") == "duplicate_disclosure"


def test_duplicate_digest_is_refused_anywhere() -> None:
    text = disclosure(SALT, "a", 1)
    element = disclosure(SALT, 1)
    other = disclosure(SALT, "b", {"_sd": [digest(text)]})
    for payload, disclosures in (
        ({"_sd": [digest(text)] * 2}, [text]),
        ({"_sd": ["unknown", "unknown"]}, []),
        ({"_sd": [digest(text)], "b": {"_sd": [digest(text)]}}, [text]),
        ({"_sd": [digest(text), digest(other)]}, [text, other]),
        ({"b": [{"...": digest(element)}, {"...": digest(element)}]}, [element]),
        ({"b": [{"...": digest(text)}], "_sd": [digest(text)]}, []),
    ):
        assert refusal(forge(payload, *disclosures)) == "duplicate_digest"


def test_claim_name_collision_is_refused_at_every_level() -> None:
    first, second = disclosure(SALT, "a", 1), disclosure(SALT + "2", "a", 2)
    assert refusal(forge({"a": 0, "_sd": [digest(first)]}, first)) == "claim_collision"
    assert refusal(forge({"_sd": [digest(first), digest(second)]}, first, second)) == "claim_collision"
    assert refusal(forge({"b": [{"a": None, "_sd": [digest(first)]}]}, first)) == "claim_collision"


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_disclosed_reserved_names_are_refused(name: str) -> None:
    text = disclosure(SALT, name, [])
    assert refusal(forge({"_sd": [digest(text)]}, text)) == "reserved_name"


@pytest.mark.parametrize(
    "payload",
    [
        {"...": "x"},
        {"a": {"...": "x"}},
        {"a": [{"...": "x", "b": 1}]},
        {"a": {"_sd_alg": "sha-256"}},
        {"a": [{"_sd_alg": "sha-256"}]},
    ],
)
def test_reserved_names_out_of_place_are_refused(payload: dict[str, Any]) -> None:
    assert refusal(forge(payload)) == "reserved_name"


@pytest.mark.parametrize("payload", [{"_sd": "x"}, {"_sd": None}, {"_sd": {}}, {"_sd": [1]}, {"a": [{"...": 1}]}])
def test_digests_of_another_type_are_refused(payload: dict[str, Any]) -> None:
    assert refusal(forge(payload)) == "sd"


@pytest.mark.parametrize("alg", ["sha-512", "SHA-256", "md5", None, 1, ["sha-256"]])
def test_other_digest_algorithms_are_refused(alg: Any) -> None:
    assert refusal(forge({"_sd_alg": alg})) == "sd_alg"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "disclosure"),
        ([SALT], "disclosure"),
        ([SALT, "a", 1, 2], "disclosure"),
        ([SALT, 1, 2], "disclosure"),
        ({"a": 1}, "disclosure"),
        ("text", "disclosure"),
        (["short", "a", 1], "salt"),
        ([None, "a", 1], "salt"),
        ([123456789, "a", 1], "salt"),
    ],
)
def test_disclosures_of_another_shape_are_refused(content: Any, reason: str) -> None:
    text = b64u(canonical(content))
    assert refusal(forge({"_sd": [digest(text)]}, text)) == reason


def test_disclosure_in_the_wrong_place_is_refused() -> None:
    element, claim = disclosure(SALT, 1), disclosure(SALT, "a", 1)
    assert refusal(forge({"_sd": [digest(element)]}, element)) == "disclosure"
    assert refusal(forge({"a": [{"...": digest(claim)}]}, claim)) == "disclosure"


@pytest.mark.parametrize("text", ["", "!", "W10=", b64u(b"[1,"), b64u(b'["\xff"]'), b64u(b'[{"a":1,"a":1},1]')])
def test_unreadable_disclosure_is_refused(text: str) -> None:
    refusal(forge({"_sd": [digest(text)]}, text))


def test_undisclosed_array_elements_vanish() -> None:
    element = disclosure(SALT, {"a": 1})
    payload = {"list": [1, {"...": digest(element)}, {"...": "decoy"}]}
    assert verify(forge(payload), key=SIGNER.public).claims == {"list": [1]}
    assert verify(forge(payload, element), key=SIGNER.public).claims == {"list": [1, {"a": 1}]}


def test_a_chain_of_nested_disclosures_obeys_the_depth_cap() -> None:
    chain: list[str] = []
    value: Any = "end"
    for number in range(33):
        chain.append(disclosure(f"{SALT}{number}", "a", value))
        value = {"_sd": [digest(chain[-1])]}
        if number == 31:
            assert verify(forge(value, *chain), key=SIGNER.public).disclosed == {"a"}
    assert refusal(forge(value, *chain)) == "depth"


@pytest.mark.parametrize("payload", [[], "text", 1, None])
def test_payload_that_is_no_object_is_refused(payload: Any) -> None:
    assert refusal(forge(payload)) == "payload"
    with pytest.raises(MalformedError):
        parse(forge(payload))


@pytest.mark.parametrize("change", [lambda t: t[:-1] + "~junk", lambda t: t + "a.b.c", lambda t: t + "\n"])
def test_junk_after_the_last_tilde_is_refused(change: Callable[[str], str]) -> None:
    text = change(token())
    refusal(text)
    with pytest.raises(MalformedError):
        parse(text)


@pytest.mark.parametrize("text", ["", "~", "~~", "a.b.c", "~a.b.c~", "é~", b"\xff~", "a" * 70000])
def test_what_is_no_sd_jwt_is_refused(text: str | bytes) -> None:
    refusal(text)
    with pytest.raises(MalformedError):
        parse(text)


# -- key binding


def present(text: str, *, signer: SoftwareSigner = HOLDER, typ: str = "kb+jwt", **changes: Any) -> str:
    claims = {
        "iat": int(NOW.timestamp()),
        "aud": "https://r.example.cn",
        "nonce": "n-1",
        "sd_hash": digest(text),
        **changes,
    }
    return text + sign_jws({name: value for name, value in claims.items() if value is not ...}, signer=signer, typ=typ)


def bind(text: str | Verified, now: datetime = NOW) -> None:
    verified = text if isinstance(text, Verified) else verify(text, key=SIGNER.public)
    verify_key_binding(verified, audience="https://r.example.cn", nonce="n-1", now=now, max_age=timedelta(minutes=5))


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


# -- anything at all

_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats()
    | st.text(max_size=5)
    | st.just(digest(disclosure(SALT, "a", 1))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["_sd", "...", "_sd_alg", "a", "b", "cnf", "jwk"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.text() | st.binary() | st.text("aZ09-_=.~", max_size=60))
def test_no_text_makes_anything_but_a_signing_error(text: str | bytes) -> None:
    refusal(text, SigningError)


@given(_ANY_JSON, st.lists(_ANY_JSON | st.lists(_ANY_JSON | st.just(SALT), min_size=2, max_size=3), max_size=3))
def test_no_signed_payload_makes_anything_but_a_signing_error(payload: Any, contents: list[Any]) -> None:
    try:
        text = forge(payload, *[b64u(canonical(content)) for content in contents])
        verified = verify(present(text), key=SIGNER.public)
        names = json.dumps(verified.claims)
        bind(verified)
    except SigningError:
        return
    assert '"_sd"' not in names


@given(st.data())
def test_no_mutation_of_a_genuine_token_passes(data: st.DataObject) -> None:
    text = present(token()).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 8, len(text))))
    changed = text[:start] + data.draw(st.binary(max_size=8) | st.text("~.", max_size=3).map(str.encode)) + text[end:]
    if changed != text:
        with pytest.raises(SigningError):
            bind(verify(changed, key=SIGNER.public))


@given(st.dictionaries(st.text(max_size=4), _ANY_JSON, max_size=5), st.data())
def test_whatever_can_be_prepared_is_verified_and_shown_whole(claims: dict[str, Any], data: st.DataObject) -> None:
    disclosable = data.draw(st.sets(st.sampled_from(sorted(claims)))) if claims else set()
    try:
        data_at_rest = prepare(claims, disclosable - NEVER_DISCLOSABLE).to_bytes()
    except MalformedError:
        return
    stored = Prepared.from_bytes(data_at_rest)
    assert verify(sign(stored, signer=SIGNER), key=SIGNER.public).claims == claims
