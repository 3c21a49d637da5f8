"""(2) signature: nothing counts that the signature of the chain's key does not cover, disclosures included."""

import json
from dataclasses import replace
from typing import Any

import pytest

from signing import sd_jwt
from signing.canonical import b64u, canonical
from signing.disclosures import digest
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.certificates.steps import failed, shows_nothing
from tests.certificates.trusted import HUB, ISSUER, licence, licence_payload, verify


def test_2_a_signature_by_another_key_than_the_chains_fails() -> None:
    verdict = verify(licence(key=replace(ISSUER, signer=SoftwareSigner.generate())))
    assert failed(verdict, 2, "signature")
    assert shows_nothing(verdict)


def test_2_a_changed_claim_fails() -> None:
    jws, rest = licence().split(b"~", 1)
    header, _, signature = jws.split(b".")
    forged = b64u(canonical(licence_payload()[0] | {"name": "别人"})).encode()
    assert failed(verify(b".".join((header, forged, signature)) + b"~" + rest), 2, "signature")


def test_2_another_kind_of_token_fails() -> None:
    token = sd_jwt.issue(*licence_payload()[:1], disclosable=(), signer=ISSUER.signer, typ="JWT", header=ISSUER.header)
    assert failed(verify(token.encode()), 2, "typ")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "alg"),
        ({"alg": "HS256"}, "alg"),
        ({"crit": ["exp"]}, "header_name"),
        ({"jku": HUB}, "header_name"),
    ],
)
def test_2_a_header_that_asks_for_something_else_fails(header: dict[str, Any], reason: str) -> None:
    members = {"alg": "ES256", "typ": "dc+sd-jwt", **ISSUER.header} | header
    token = b64u(canonical(members)).encode() + licence()[licence().index(b".") :]
    assert failed(verify(token), 2, reason)


def disclosure(*content: Any) -> bytes:
    return b64u(canonical(list(content))).encode() + b"~"


SALT = "A" * 22


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (disclosure(SALT, "registered_capital", "1"), "unreferenced_disclosure"),
        (disclosure(SALT, "name", "别人"), "unreferenced_disclosure"),
        (disclosure("short", "x", 1), "salt"),
        (disclosure(SALT, "_sd", []), "reserved_name"),
        (disclosure(SALT), "disclosure"),
        (disclosure(SALT, 1, 2), "disclosure"),
        (b"e30~", "disclosure"),
        (b"AAAA~", "json"),
        (b"!~", "base64url"),
        (b"~", "json"),
        (b64u(b'["' + b"A" * 22 + b'","x","\xff"]').encode() + b"~", "encoding"),
        (b64u(b'["' + b"A" * 22 + b'","x","\\u0000"]').encode() + b"~", "character"),
        (b64u(b'["' + b"A" * 22 + b'","x",' + b"[" * 40 + b"]" * 40 + b"]").encode() + b"~", "depth"),
        (b64u(b'["' + b"A" * 22 + b'","x",{"a":1,"a":1}]').encode() + b"~", "duplicate_name"),
    ],
)
def test_2_a_disclosure_the_signature_does_not_cover_fails(tail: bytes, reason: str) -> None:
    assert failed(verify(licence() + tail), 2, reason)


def test_2_a_disclosure_shown_twice_fails() -> None:
    token = licence()
    first = token.split(b"~")[1]
    assert failed(verify(token + first + b"~"), 2, "duplicate_disclosure")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_sd_alg": "sha-512"}, "sd_alg"),
        ({"_sd": {}}, "sd"),
        ({"_sd": [1]}, "sd"),
        ({"_sd": ["x", "x"]}, "duplicate_digest"),
        ({"name": {"...": 1}}, "reserved_name"),
        ({"iat": 2**60}, "number"),
    ],
)
def test_2_a_signed_payload_that_is_no_sd_jwt_fails(changes: dict[str, Any], reason: str) -> None:
    body = json.dumps(licence_payload()[0] | changes, ensure_ascii=False).encode()
    token = sign_jws(body, signer=ISSUER.signer, typ="dc+sd-jwt", header=ISSUER.header).encode() + b"~"
    assert failed(verify(token), 2, reason)


def test_2_a_payload_that_is_no_object_fails() -> None:
    token = sign_jws(b"[]", signer=ISSUER.signer, typ="dc+sd-jwt", header=ISSUER.header).encode() + b"~"
    assert failed(verify(token), 2, "payload")


def test_2_a_claim_a_verifier_decides_by_may_not_come_from_a_disclosure() -> None:
    hidden = b64u(canonical([SALT, "exp", 1]))
    payload = licence_payload()[0] | {"_sd": [digest(hidden)]}
    token = f"{sign_jws(payload, signer=ISSUER.signer, typ='dc+sd-jwt', header=ISSUER.header)}~{hidden}~".encode()
    assert failed(verify(token), 2, "never_disclosable")


def test_2_a_disclosure_over_a_claim_in_clear_fails() -> None:
    hidden = b64u(canonical([SALT, "name", "别人"]))
    payload = licence_payload()[0] | {"_sd": [digest(hidden)]}
    token = f"{sign_jws(payload, signer=ISSUER.signer, typ='dc+sd-jwt', header=ISSUER.header)}~{hidden}~".encode()
    assert failed(verify(token), 2, "claim_collision")
