"""Copies of source data: verified as copies are, and never as a licence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certificates.data_copy import DATA_VCT, Told, data_claims
from certificates.errors import GrantedClaimsError
from certificates.verifying.verdict import TokenKind, Verdict
from signing.keys import SoftwareSigner
from tests.certificates.steps import failed, passed, undecided
from tests.certificates.trusted import (
    AMR,
    COPY_KEY,
    HUB,
    HUB_KEY,
    ISSUER,
    NOW,
    POLICY,
    RECEIVER,
    copy_payload,
    signed,
    verify,
)

RECEIVER_JWK = SoftwareSigner.generate().public.jwk
TOLD = Told("tax_paid", 2, "纳税信息", AMR, None, "2026-03-01T08:00:00Z")


def claims(record: dict[str, Any] | None = None, **changes: Any) -> tuple[dict[str, Any], frozenset[str]]:
    payload, disclosable = data_claims(
        record=record or {"paid": True, "amount": "12.50", "secret": "x"},
        fields=("paid", "amount"),
        told=TOLD,
        audience=RECEIVER,
        receiver_jwk=RECEIVER_JWK,
        case_no="C-1",
        matter="FOOD",
        purpose="办理",
        hub_uri=HUB,
        issued_at=NOW - timedelta(minutes=5),
        expires_at=NOW + timedelta(hours=1),
        jti="j1",
    )
    return payload | changes, disclosable


def verdict(audience: str | None = RECEIVER, *, key: Any = COPY_KEY, **changes: Any) -> Verdict:
    payload, disclosable = claims(**changes)
    return verify(signed(payload, disclosable, key=key), audience=audience)


def test_it_passes_as_what_it_is() -> None:
    found = verdict()
    assert passed(found)
    assert (found.kind, found.certificate, found.status, found.custody) == (TokenKind.DATA_COPY, None, "unknown", None)
    assert found.claims == {"paid": True, "amount": "12.50"}
    told = found.to_json()
    assert (told["kind"], told["certificate"], told["interface"]) == ("data_copy", None, TOLD.as_json())
    assert undecided(verdict(audience=None), 7, "audience_not_given")
    assert failed(verdict("another"), 7, "audience_mismatch")


@pytest.mark.parametrize("key", [ISSUER, HUB_KEY])
def test_only_the_copy_key_of_the_hub_signs_it(key: Any) -> None:
    found = verdict(key=key)
    assert failed(found, 3, "issuer_uri" if key is ISSUER else "not_the_hubs_copy_key")
    assert (found.kind, found.described) == (TokenKind.UNKNOWN, None)


def test_it_ends_and_says_what_it_is_of() -> None:
    assert failed(verdict(exp=int(NOW.timestamp()) - 60), 5, "expired")
    assert failed(verdict(interface="tax_paid"), 5, "dates")
    payload, disclosable = claims()
    del payload["exp"]
    assert failed(verify(signed(payload, disclosable, key=COPY_KEY), audience=RECEIVER), 4, "missing_exp")


def test_a_certificate_in_it_makes_it_no_licence_and_a_purpose_copy_needs_one() -> None:
    described = copy_payload()[0]["certificate"]
    found = verdict(certificate=described)
    assert (found.kind, found.certificate) == (TokenKind.DATA_COPY, None)
    assert failed(verdict(vct="urn:yizheng:purpose-copy"), 3, "identifier")


def test_a_trust_list_that_is_limited_to_types_does_not_cover_it() -> None:
    payload, disclosable = claims()
    token = signed(payload, disclosable, key=COPY_KEY)
    limited = replace(POLICY, only=frozenset({"11990000MB0000002Q001"}))
    assert failed(verify(token, audience=RECEIVER, trust=limited), 3, "type_not_entitled")


@pytest.mark.parametrize("name", ["iss", "exp", "aud", "purpose", "interface", "certificate", "status"])
def test_a_field_cannot_stand_in_for_what_the_hub_says(name: str) -> None:
    with pytest.raises(GrantedClaimsError):
        data_claims(**_given() | {"fields": (name,), "record": {name: "x"}})


def test_nothing_to_show_is_no_copy() -> None:
    with pytest.raises(ValueError, match="nothing"):
        data_claims(**_given() | {"record": {"other": 1}})
    assert claims()[0]["vct"] == DATA_VCT


def _given() -> dict[str, Any]:
    return {
        "record": {"paid": True},
        "fields": ("paid",),
        "told": TOLD,
        "audience": RECEIVER,
        "receiver_jwk": RECEIVER_JWK,
        "case_no": "C-1",
        "matter": "FOOD",
        "purpose": "办理",
        "hub_uri": HUB,
        "issued_at": NOW,
        "expires_at": NOW,
        "jti": "j1",
    }
