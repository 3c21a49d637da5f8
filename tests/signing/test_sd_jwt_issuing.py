"""Issuing: what is prepared is what is signed, and nothing is prepared that a verifier could not read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from jose import jws as library

from signing.canonical import canonical, sha256, unb64u
from signing.disclosures import digest
from signing.errors import MalformedError
from signing.sd_jwt import NEVER_DISCLOSABLE, Prepared, issue, parse, prepare, sign, verify
from tests.signing.sd_tokens import CLAIMS, HIDDEN, SALT, SIGNER, disclosure, forge, refusal, token


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


@pytest.mark.parametrize("value", [5, None, "text", "\ud800"])
@pytest.mark.parametrize("name", [1, None, True, 1.5])
def test_a_name_that_is_no_text_is_refused_hidden_or_not(name: Any, value: object) -> None:
    for hidden in ((), (name,)):
        with pytest.raises(MalformedError) as error:
            prepare({"iss": "x", name: value}, hidden)
        assert error.value.reason == "not_canonical"
