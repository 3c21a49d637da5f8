"""(1) structure and (3) trust, chain: what is no token, or by no key under the root, fails and shows nothing."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from certificates.verifying.trust import TrustPolicy
from signing.canonical import b64u, canonical
from signing.x509.pki import x5c
from tests.certificates.steps import SECOND, failed, shows_nothing
from tests.certificates.trusted import (
    AMR,
    HUB,
    ISSUER,
    NOW,
    POLICE_KEY,
    POLICY,
    ROOT,
    certified,
    licence,
    licence_payload,
    root,
    signed,
    verify,
)
from tests.signing.chains import Recipe

# -- (1) structure


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (b"", "not_an_sd_jwt"),
        (b"no tilde", "not_an_sd_jwt"),
        (b"~", "not_an_sd_jwt"),
        (b"~~~~", "not_an_sd_jwt"),
        (b"a~", "segments"),
        (b"a.b~", "segments"),
        (b"a.b.c.d~", "segments"),
        (b"!.b.c~", "base64url"),
        (b"e30=.e30.AAAA~", "base64url"),
        (b"W10.e30.AAAA~", "header"),
        (b"e30x.e30.AAAA~", "json"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":1,"a":1}').encode(), "duplicate_name"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":1e999}').encode(), "number"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":"\\u0000"}').encode(), "character"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":[[[[[[1]]]]]]}').encode(), "depth"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":"\xff"}').encode(), "encoding"),
        ("é.b.c~".encode(), "encoding"),
        (b"\xff\xfe~", "encoding"),
        (b"e30.e30.AAAA~" + b"~" * 65536, "too_large"),
    ],
)
def test_1_bytes_that_are_no_sd_jwt_fail(token: bytes, reason: str) -> None:
    verdict = verify(token)
    assert failed(verdict, 1, reason)
    assert shows_nothing(verdict)


def test_1_a_plain_jwt_is_no_sd_jwt() -> None:
    assert failed(verify(licence().split(b"~")[0]), 1, "not_an_sd_jwt")


def test_1_junk_where_a_key_binding_belongs_fails() -> None:
    assert failed(verify(licence() + b"junk"), 1, "segments")


# -- (3) trust, chain


def test_3_a_foreign_authority_fails() -> None:
    foreign = certified(root("Somebody Else"), "issuer", AMR)
    verdict = verify(licence(key=foreign))
    assert failed(verdict, 3, "chain_path")
    assert shows_nothing(verdict)


def test_3_a_policy_without_roots_trusts_nobody() -> None:
    assert failed(verify(licence(), trust=TrustPolicy((), POLICY.issuers, HUB)), 3, "chain_anchor")


def test_3_a_token_that_names_a_key_and_no_chain_fails() -> None:
    assert failed(verify(signed(*licence_payload(), key=replace(ISSUER, header={}))), 2, "chain_x5c")


@pytest.mark.parametrize(
    ("member", "reason"),
    [([], "chain_x5c"), ([{}], "chain_x5c"), ("AAAA", "chain_x5c"), (["AAAA"], "chain_certificate")],
)
def test_3_a_chain_that_cannot_be_read_fails(member: Any, reason: str) -> None:
    header = b64u(canonical({"alg": "ES256", "typ": "dc+sd-jwt", "x5c": member})).encode()
    token = header + licence()[licence().index(b".") :]
    assert failed(verify(token), 2, reason)


def test_3_an_issuing_certificate_outside_its_dates_fails_with_a_reason_that_is_not_the_licences() -> None:
    key = certified(ROOT, "issuer", AMR, days=100)
    assert failed(verify(licence(key=key)), 3, "chain_expired")
    key = certified(ROOT, "issuer", AMR, now=NOW + SECOND)
    assert failed(verify(licence(key=key)), 3, "chain_not_yet_valid")


def test_3_a_root_in_the_chain_fails() -> None:
    header = {"x5c": [*ISSUER.header["x5c"], *x5c([ROOT.certificate])]}
    assert failed(verify(licence(key=replace(ISSUER, header=header))), 3, "chain_root_in_chain")


FAULTY_LEAVES = {
    "chain_leaf_is_ca": Recipe(ca=True, sign_certificates=True),
    "chain_key_usage": Recipe(sign_documents=False),
    "chain_subject": Recipe(subject=((NameOID.ORGANIZATION_NAME, "无码机关"),)),
    "chain_leaf_key": Recipe(public=rsa.generate_private_key(65537, 2048).public_key()),
}


@pytest.mark.parametrize(("reason", "recipe"), FAULTY_LEAVES.items(), ids=FAULTY_LEAVES.keys())
def test_3_a_leaf_that_may_not_sign_documents_fails(reason: str, recipe: Recipe) -> None:
    public = serialization.load_der_public_key(ISSUER.signer.public.to_der())
    own = recipe if reason == "chain_leaf_key" else replace(recipe, public=public)
    header = {"x5c": x5c([replace(own, start=NOW - SECOND).make(ROOT)])}
    step = 2 if reason == "chain_leaf_key" else 3
    assert failed(verify(licence(key=replace(ISSUER, header=header))), step, reason)


def test_3_a_certificate_beside_the_path_fails() -> None:
    header = {"x5c": [*ISSUER.header["x5c"], *POLICE_KEY.header["x5c"]]}
    assert failed(verify(licence(key=replace(ISSUER, header=header))), 3, "chain_unused_certificate")
