"""The licence's profile: what a licence says, in which form, and until when."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest

from certificates.claims import Disclosure
from certificates.definitions.loading import shipped_types
from certificates.numbering import Identifier
from certificates.profile import end_of
from signing import sd_jwt
from tests.certificates.trusted import (
    AMR,
    CLAIMS,
    IDENTIFIER,
    INDEX,
    ISSUER,
    LICENCE_TYPE,
    LIST,
    NOW,
    POLICE,
    licence_payload,
)


def test_a_licence_says_this_and_no_more() -> None:
    payload, selective = licence_payload()
    assert payload == {
        "iss": ISSUER.uri,
        "vct": "urn:yizheng:certificate-type:11990000MB0000002Q001",
        "iat": int(NOW.timestamp()) - 30 * 86400,
        "status": {"status_list": {"idx": INDEX, "uri": LIST}},
        "certificate": {
            "identifier": IDENTIFIER.text,
            "type_name": "营业执照",
            "issuer": {"name": "市场监督管理局", "uscc": AMR},
            "issued_on": "2026-01-01",
            "valid_from": "2026-01-01",
            "valid_until": None,
        },
        **CLAIMS,
    }
    assert selective == {"business_scope", "address", "legal_representative"}


def test_what_a_verifier_decides_by_is_never_selective_for_any_type() -> None:
    for item in shipped_types().values():
        claims: dict[str, str | int] = dict.fromkeys(item.claims, "x")
        identifier = replace(IDENTIFIER, type_code=item.code)
        payload, selective = licence_payload(type=item, claims=claims, identifier=identifier)
        assert selective == set(item.disclosed(Disclosure.SELECTIVE))
        sd_jwt.prepare(payload, selective)
        assert payload["certificate"]["type_name"] == item.name.zh


def test_claims_the_type_does_not_know_and_absent_ones_are_left_out() -> None:
    payload, selective = licence_payload(claims=CLAIMS | {"note": "x"})
    assert "note" not in payload
    assert "enterprise_type" not in payload
    assert "enterprise_type" not in selective


def test_a_claim_that_never_leaves_is_in_neither_form() -> None:
    name = "legal_representative"
    secret = replace(LICENCE_TYPE.claims[name], disclosure=Disclosure.NEVER)
    item = replace(LICENCE_TYPE, claims=MappingProxyType({**LICENCE_TYPE.claims, name: secret}))
    payload, selective = licence_payload(type=item)
    assert name not in payload
    assert name not in selective


@pytest.mark.parametrize(
    ("last_day", "first_second_after"),
    [
        (date(2026, 12, 31), datetime(2026, 12, 31, 16, 0, tzinfo=UTC)),
        (date(2028, 2, 28), datetime(2028, 2, 28, 16, 0, tzinfo=UTC)),
        (date(2028, 2, 29), datetime(2028, 2, 29, 16, 0, tzinfo=UTC)),
        (date(2026, 2, 28), datetime(2026, 2, 28, 16, 0, tzinfo=UTC)),
    ],
)
def test_a_licence_expires_when_its_last_day_ends_in_shanghai(last_day: date, first_second_after: datetime) -> None:
    payload, _ = licence_payload(valid_until=last_day)
    assert payload["exp"] == int(first_second_after.timestamp()) == end_of(last_day)
    assert payload["certificate"]["valid_until"] == last_day.isoformat()


def test_the_last_day_of_the_calendar_is_a_last_day_like_any_other() -> None:
    payload, _ = licence_payload(valid_until=date.max)
    assert payload["exp"] == int(datetime(9999, 12, 31, 16, 0, tzinfo=UTC).timestamp())


def test_the_instant_of_issue_is_cut_to_the_second() -> None:
    payload, _ = licence_payload(issued_at=NOW.replace(microsecond=999_999))
    assert payload["iat"] == int(NOW.timestamp())


@pytest.mark.parametrize(
    "identifier", [replace(IDENTIFIER, issuer_code=POLICE), replace(IDENTIFIER, type_code=f"{AMR}002")]
)
def test_an_identifier_of_another_type_or_issuer_is_not_signed(identifier: Identifier) -> None:
    with pytest.raises(ValueError, match="another type or issuer"):
        licence_payload(identifier=identifier)
