"""Refusals: each fault of header, payload and disclosures, under the issuer's own signature too, has its reason."""

from typing import Any

import pytest

from signing.canonical import b64u, canonical
from signing.disclosures import digest
from signing.errors import ClaimError, MalformedError, SignatureError
from signing.keys import SoftwareSigner
from signing.sd_jwt import issue, parse, verify
from tests.signing.sd_tokens import CLAIMS, HIDDEN, SALT, SIGNER, disclosure, forge, refusal, token


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


@pytest.mark.parametrize("shown", [0, 1])
@pytest.mark.parametrize("name", ["status", "cnf"])
def test_no_part_of_what_a_verifier_decides_by_is_hidden(name: str, shown: int) -> None:
    part = disclosure(SALT, "status_list", {"idx": 1})
    payload = {"iss": "x", name: {"_sd": [digest(part)]}, "_sd_alg": "sha-256"}
    assert refusal(forge(payload, *[part] * shown)) == "never_disclosable"
    null = disclosure(SALT, name, None)
    assert refusal(forge({"_sd": [digest(null)]}, null)) == "never_disclosable"


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
