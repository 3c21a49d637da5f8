"""(4) time, (5) validity and (7) holder: from the first day to the last in Shanghai, and a copy for nobody else."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.verifying.known import Known, KnownStatus
from certificates.verifying.procedure import Result, TokenKind, verify_certificate
from tests.certificates.steps import SECOND, failed, passed, shows_nothing, undecided
from tests.certificates.trusted import (
    AMR,
    ISSUER,
    LICENCE_TYPE,
    NOW,
    POLICY,
    RECEIVER,
    ROOT,
    altered,
    altered_copy,
    certified,
    described,
    licence,
    licence_payload,
    purpose_copy,
    verify,
)

LAST_DAY = date(2026, 12, 31)
SHANGHAI_MIDNIGHT = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)


# -- (6) time


@pytest.mark.parametrize(
    ("now", "holds"),
    [(SHANGHAI_MIDNIGHT - SECOND, True), (SHANGHAI_MIDNIGHT, False)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_a_licence_ends_with_its_last_day_in_shanghai(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = licence(valid_until=LAST_DAY)
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 5, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(SHANGHAI_MIDNIGHT - SECOND, True), (SHANGHAI_MIDNIGHT, False)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_the_civil_end_counts_without_an_exp(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = altered(certificate=described(valid_until="2026-12-31"))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 5, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC), False), (datetime(2026, 2, 28, 16, 0, tzinfo=UTC), True)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_a_licence_begins_with_its_first_day_in_shanghai(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = licence(valid_from=date(2026, 3, 1))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 5, "not_yet_valid")


def test_6_the_29th_of_february_is_a_last_day() -> None:
    token = licence(valid_until=date(2028, 2, 29))
    end = datetime(2028, 2, 29, 16, 0, tzinfo=UTC)
    assert passed(verify(token, now=end - SECOND))
    assert failed(verify(token, now=end), 5, "expired")
    assert failed(verify(altered(certificate=described(valid_until="2027-02-29"))), 5, "dates")


def test_6_long_term_written_as_the_last_day_of_the_calendar_passes() -> None:
    assert passed(verify(licence(valid_until=date.max)))


def test_6_an_issue_in_the_future_fails_beyond_ten_seconds() -> None:
    assert passed(verify(licence(issued_at=NOW + 10 * SECOND)))
    assert failed(verify(licence(issued_at=NOW + 11 * SECOND)), 4, "issued_in_future")
    copy = purpose_copy(issued_at=NOW + 11 * SECOND)
    assert failed(verify(copy, audience=RECEIVER), 4, "issued_in_future")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"drop": "iat"}, "missing_iat"),
        ({"iat": None}, "bad_iat"),
        ({"iat": True}, "bad_iat"),
        ({"iat": "1"}, "bad_iat"),
        ({"iat": 1.5}, "bad_iat"),
        ({"exp": None}, "bad_exp"),
        ({"exp": "never"}, "bad_exp"),
        ({"exp": int(NOW.timestamp())}, "expired"),
        ({"nbf": int(NOW.timestamp()) + 60}, "not_yet_valid"),
        ({"nbf": "later"}, "bad_nbf"),
        ({"sub": 5}, "bad_sub"),
        ({"jti": 5}, "bad_jti"),
        ({"aud": ["x"]}, "bad_aud"),
    ],
)
def test_6_an_instant_that_is_none_or_past_fails(changes: dict[str, Any], reason: str) -> None:
    assert failed(verify(altered(**changes)), 5 if reason in {"expired", "not_yet_valid"} else 4, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": ...}, {"valid_until": ...}, {"valid_from": None}, {"valid_from": 5}, {"valid_until": 5},
        {"valid_until": ""}, {"valid_until": "20991231"}, {"valid_until": "2099-W01-1"}, {"valid_until": "2099-02-29"},
        {"valid_until": "2099-1-1"}, {"valid_until": "２０99-01-01"}, {"valid_until": ["2099-01-01"]},
    ],
)  # fmt: skip
def test_6_civil_dates_that_are_none_fail(changes: dict[str, Any]) -> None:
    assert failed(verify(altered(certificate=described(**changes))), 5, "dates")


def test_6_a_copy_ends_in_its_named_second_and_must_name_one() -> None:
    token = purpose_copy(expires_at=NOW + timedelta(minutes=5))
    assert passed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5) - SECOND))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5)), 5, "expired")
    assert failed(verify(altered_copy(drop="exp"), audience=RECEIVER), 4, "missing_exp")


def test_6_a_copy_does_not_outlive_its_licence() -> None:
    source = licence_payload(valid_until=date(2026, 3, 1))[0]
    token = purpose_copy(source=source, expires_at=NOW + timedelta(days=2))
    assert passed(verify(token, audience=RECEIVER))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(hours=8)), 5, "expired")


# -- (7) receiver


def test_7_a_copy_for_somebody_else_fails() -> None:
    verdict = verify(purpose_copy(), audience="somebody-else")
    assert failed(verdict, 7, "audience_mismatch")
    assert failed(verify(purpose_copy(), audience=""), 7, "audience_mismatch")
    assert failed(verify(altered_copy(drop="aud"), audience=RECEIVER), 7, "audience_mismatch")


def test_7_a_copy_is_undecided_when_nobody_says_who_verifies() -> None:
    verdict = verify(purpose_copy())
    assert undecided(verdict, 7, "audience_not_given")
    assert verdict.kind is TokenKind.PURPOSE_COPY


@pytest.mark.parametrize("audience", [None, RECEIVER, "somebody-else"])
def test_7_a_licence_is_for_everyone(audience: str | None) -> None:
    assert passed(verify(licence(), audience=audience))


def test_7_of_two_undecided_steps_the_first_gives_the_reason() -> None:
    token = altered_copy(vct=f"urn:yizheng:certificate-type:{LICENCE_TYPE.code}")
    assert failed(verify(token), 3, "issuer_not_entitled")
    verdict = verify(licence(), listed=None, audience=None)
    assert [step.result for step in verdict.steps].count(Result.INDETERMINATE) == 1


# -- (4) what the signer's certificate and key have come to since

ENDED = certified(ROOT, "issuer", AMR, days=380)  # ended ten days ago, after the licence was issued


def test_4_an_expired_certificate_passes_only_with_proof_of_an_earlier_time() -> None:
    token = licence(key=ENDED)
    before = NOW - timedelta(days=25)
    assert shows_nothing(verify(token))
    assert failed(verify(token), 4, "chain_expired")
    assert passed(verify(token, proven_at=before))
    assert verify(token, proven_at=before).proven_at == before
    assert passed(verify(token, known=Known(proven_at=before)))
    assert failed(verify(token, proven_at=NOW - timedelta(days=5)), 4, "chain_expired")


def test_4_a_date_before_the_certificates_end_is_no_proof_and_one_after_it_fails_at_once() -> None:
    """Whoever finds an old key can write any date."""
    assert failed(verify(licence(key=ENDED, issued_at=NOW - timedelta(days=300))), 4, "chain_expired")
    late = licence(key=ENDED, issued_at=NOW - timedelta(days=5))
    assert failed(verify(late, proven_at=NOW - timedelta(days=25)), 3, "chain_expired")


def test_4_a_compromised_key_passes_only_with_proof_of_an_earlier_time() -> None:
    since = NOW - timedelta(days=20)
    trust = replace(POLICY, compromised={ISSUER.signer.public.thumbprint: since})
    assert failed(verify(licence(), trust=trust), 4, "chain_key_compromised")
    assert shows_nothing(verify(licence(), trust=trust))
    assert failed(verify(licence(), trust=trust, proven_at=since), 4, "chain_key_compromised")
    assert passed(verify(licence(), trust=trust, proven_at=since - SECOND))


def test_5_validity_and_status_are_of_the_instant_that_was_asked_about() -> None:
    token = licence(valid_until=date(2026, 2, 1))
    then = NOW - timedelta(days=40)

    def as_of(status: Status | None) -> Any:
        return verify_certificate(
            token, trust=POLICY, audience=None, now=NOW, as_of=then,
            statuses=lambda _: KnownStatus(status, then, of_as_of=True),
        )  # fmt: skip

    assert failed(verify(token), 5, "expired")
    assert passed(as_of(Status.VALID))
    assert as_of(Status.VALID).to_json()["as_of"] == "2026-01-20T08:00:00Z"
    assert failed(as_of(Status.SUSPENDED), 6, "certificate_suspended")
    assert undecided(verify(token, as_of=then), 6, "status_unavailable")  # a list of today says nothing of then
