"""Purpose copies: granted claims and nothing else, for one receiver, case and purpose."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import GrantedClaimsError
from signing.keys import SoftwareSigner
from tests.certificates.trusted import (
    AMR,
    HUB,
    IDENTIFIER,
    LICENCE_TYPE,
    NOW,
    RECEIVER,
    copy_payload,
    licence,
    licence_payload,
    purpose_copy,
)


def type_that_hides(name: str) -> CertificateType:
    hidden = replace(LICENCE_TYPE.claims[name], disclosure=Disclosure.NEVER)
    return replace(LICENCE_TYPE, claims=MappingProxyType({**LICENCE_TYPE.claims, name: hidden}))


def test_a_copy_says_this_and_no_more() -> None:
    jwk = SoftwareSigner.generate().public.jwk
    payload, selective = copy_payload(receiver_jwk=jwk)
    source, _ = licence_payload()
    assert payload == {
        "iss": HUB,
        "vct": "urn:yizheng:purpose-copy",
        "aud": RECEIVER,
        "iat": int(NOW.timestamp()) - 300,
        "exp": int(NOW.timestamp()) + 3600,
        "jti": "0190-1",
        "cnf": {"jwk": {name: jwk[name] for name in ("kty", "crv", "x", "y")}},
        "certificate": {
            "identifier": IDENTIFIER.text,
            "type": LICENCE_TYPE.code,
            "type_name": "营业执照",
            "version": 2,
            "issuer": {"name": "市场监督管理局", "uscc": AMR},
            "issued_on": "2026-01-01",
            "valid_from": "2026-01-01",
            "valid_until": None,
            "custody": "hub_held",
        },
        "purpose": {"text": "办理食品经营许可", "case_no": "C-1", "matter": "FOOD"},
        **{name: source[name] for name in ("name", "uscc", "address")},
    }
    assert selective == {"name", "uscc", "address"}


def test_the_original_cannot_be_found_through_its_copy() -> None:
    payload, _ = copy_payload()
    assert "status" not in payload
    original, first, second = (
        set(token.decode().split("~")[1:-1]) for token in (licence(), purpose_copy(), purpose_copy())
    )
    assert len(first) == 3
    assert first.isdisjoint(second | original)


def test_custody_is_the_callers_to_say() -> None:
    assert copy_payload(custody="department_held")[0]["certificate"]["custody"] == "department_held"


def test_a_granted_claim_that_the_licence_lacks_is_left_out() -> None:
    payload, selective = copy_payload(granted={"name", "enterprise_type"})
    assert "enterprise_type" not in payload
    assert selective == {"name"}


def test_nothing_granted_shows_nothing() -> None:
    payload, selective = copy_payload(granted=set())
    assert selective == frozenset()
    assert not set(LICENCE_TYPE.claims) & payload.keys()


@pytest.mark.parametrize("granted", [{"name", "status"}, {"certificate", "status", "name"}, {"shoe_size", "status"}])
def test_what_the_type_does_not_show_cannot_be_granted(granted: set[str]) -> None:
    with pytest.raises(GrantedClaimsError) as caught:
        copy_payload(granted=granted)
    assert caught.value.claims == tuple(sorted(granted - {"name"}))


def test_a_claim_that_never_leaves_cannot_be_granted_even_if_the_source_has_it() -> None:
    with pytest.raises(GrantedClaimsError) as caught:
        copy_payload(type=type_that_hides("address"))
    assert caught.value.claims == ("address",)
    assert "address" not in copy_payload(type=type_that_hides("address"), granted={"name"})[0]


def test_the_end_is_cut_to_the_second_and_never_later() -> None:
    payload, _ = copy_payload(expires_at=NOW + timedelta(seconds=59, microseconds=999_999))
    assert payload["exp"] == int(NOW.timestamp()) + 59


def test_a_receivers_private_key_never_gets_into_a_copy() -> None:
    jwk = SoftwareSigner.generate().public.jwk | {"d": "secret", "kid": "k"}
    assert set(copy_payload(receiver_jwk=jwk)[0]["cnf"]["jwk"]) == {"kty", "crv", "x", "y"}


def test_a_copy_is_made_from_the_licence_it_names_and_no_other() -> None:
    with pytest.raises(ValueError, match="another licence"):
        copy_payload(identifier=replace(IDENTIFIER, version=3))
