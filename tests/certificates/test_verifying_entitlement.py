"""(3) trust, entitlement: who may sign which type, and the hub's copy key alone may sign copies."""

from dataclasses import replace
from typing import Any

import pytest

from certificates.numbering import Identifier
from certificates.verifying.trust import Issuer
from tests.certificates.steps import failed, shows_nothing
from tests.certificates.trusted import (
    AMR,
    COPY_KEY,
    HUB,
    HUB_BODY,
    HUB_KEY,
    IDENTIFIER,
    IDENTITY_TYPE,
    ISSUER,
    LICENCE_TYPE,
    POLICE,
    POLICE_KEY,
    POLICY,
    RECEIVER,
    ROOT,
    STATUS_KEY,
    Key,
    altered,
    altered_copy,
    certified,
    described,
    entitled_to,
    licence,
    purpose_copy,
    verify,
)


@pytest.mark.parametrize("vct", ["urn:example:diploma", "", None, 5, ["urn:yizheng:purpose-copy"], {"a": 1}])
def test_3_what_is_neither_licence_nor_copy_fails(vct: Any) -> None:
    verdict = verify(altered(vct=vct))
    assert failed(verdict, 3, "vct")
    assert shows_nothing(verdict)


@pytest.mark.parametrize(
    "member",
    [
        None, 5, "x", [], {}, ["identifier"], described(identifier=...), described(identifier=5),
        described(identifier=[IDENTIFIER.text]), described(identifier={"text": IDENTIFIER.text}),
        described(identifier=IDENTIFIER.text[:-1] + "?"), described(identifier=""),
    ],
)  # fmt: skip
def test_3_a_certificate_without_a_correct_identifier_fails(member: Any) -> None:
    assert failed(verify(altered(certificate=member)), 3, "identifier")


@pytest.mark.parametrize("uri", [f"{HUB}/issuers/{POLICE}", HUB, None, 5, [ISSUER.uri], {}])
def test_3_an_issuer_uri_that_is_not_in_the_signers_certificate_fails(uri: Any) -> None:
    assert failed(verify(altered(iss=uri)), 3, "issuer_uri")


def test_3_an_issuer_nobody_entitled_fails() -> None:
    stranger = replace(POLICY, issuers={POLICE: POLICY.issuers[POLICE]})
    verdict = verify(licence(), trust=stranger)
    assert failed(verdict, 3, "issuer_not_entitled")
    assert shows_nothing(verdict)


def test_3_a_type_its_issuer_is_not_entitled_to_fails() -> None:
    assert failed(verify(licence(), trust=entitled_to(IDENTITY_TYPE.code)), 3, "type_not_entitled")
    assert failed(verify(licence(), trust=entitled_to()), 3, "type_not_entitled")


def test_3_a_vct_of_another_type_than_the_identifier_fails() -> None:
    other = f"urn:yizheng:certificate-type:{IDENTITY_TYPE.code}"
    both = entitled_to(LICENCE_TYPE.code, IDENTITY_TYPE.code)
    assert failed(verify(altered(vct=other), trust=both), 3, "type_not_entitled")


def test_3_an_identifier_of_another_issuer_than_the_certificates_fails() -> None:
    foreign = Identifier(LICENCE_TYPE.code, POLICE, "2026ABCDEFGHJKLM", 2)
    assert failed(verify(altered(certificate=described(identifier=foreign.text))), 3, "issuer_not_entitled")
    entitled = replace(POLICY, issuers={POLICE: Issuer("公安局", frozenset({LICENCE_TYPE.code}))})
    assert failed(verify(altered(key=POLICE_KEY, iss=POLICE_KEY.uri), trust=entitled), 3, "issuer_not_entitled")


def test_3_a_division_as_issuer_has_no_certificate_to_be_the_issuers() -> None:
    division = Identifier(LICENCE_TYPE.code, "340100", "000000016")
    assert failed(verify(altered(certificate=described(identifier=division.text))), 3, "issuer_not_entitled")


@pytest.mark.parametrize("issuer", [{"name": "公安局", "uscc": POLICE}, {"name": "x"}, "市场监督管理局", None, ...])
def test_3_a_licence_that_prints_another_issuer_than_its_signer_fails(issuer: Any) -> None:
    assert failed(verify(altered(certificate=described(issuer=issuer))), 3, "issuer_not_entitled")


@pytest.mark.parametrize("key", [COPY_KEY, HUB_KEY, STATUS_KEY])
def test_3_a_licence_signed_by_a_key_of_the_hub_fails(key: Key) -> None:
    assert failed(verify(altered(key=key, iss=HUB)), 3, "issuer_not_entitled")
    assert failed(verify(altered(key=key)), 3, "issuer_uri")


def test_3_a_licence_signed_by_a_copy_key_certified_for_the_department_fails() -> None:
    key = certified(ROOT, "purpose-copy", AMR, uri=ISSUER.uri)
    assert failed(verify(licence(key=key)), 3, "issuer_not_entitled")


def test_3_a_copy_signed_by_an_issuing_key_fails() -> None:
    assert failed(verify(purpose_copy(key=ISSUER), audience=RECEIVER), 3, "issuer_uri")
    assert failed(verify(altered_copy(key=ISSUER, iss=ISSUER.uri), audience=RECEIVER), 3, "not_the_hubs_copy_key")
    posing = certified(ROOT, "issuer", AMR, uri=HUB)
    assert failed(verify(purpose_copy(key=posing), audience=RECEIVER), 3, "not_the_hubs_copy_key")


@pytest.mark.parametrize("key", [HUB_KEY, STATUS_KEY])
def test_3_a_copy_signed_by_another_key_of_the_hub_fails(key: Key) -> None:
    assert failed(verify(purpose_copy(key=key), audience=RECEIVER), 3, "not_the_hubs_copy_key")


def test_3_a_copy_of_another_hub_under_the_same_root_fails() -> None:
    other = certified(ROOT, "purpose-copy", HUB_BODY, uri="https://other.example")
    token = altered_copy(key=other, iss="https://other.example")
    assert failed(verify(token, audience=RECEIVER), 3, "not_the_hubs_copy_key")
