"""(6) time and (7) receiver: from the first day to the last in Shanghai, and a copy for nobody else."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from certificates.verifying import Result, TokenKind
from tests.certificates.steps import SECOND, failed, passed, undecided
from tests.certificates.trusted import (
    LICENCE_TYPE,
    NOW,
    RECEIVER,
    altered,
    altered_copy,
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
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(SHANGHAI_MIDNIGHT - SECOND, True), (SHANGHAI_MIDNIGHT, False)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_the_civil_end_counts_without_an_exp(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = altered(certificate=described(valid_until="2026-12-31"))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC), False), (datetime(2026, 2, 28, 16, 0, tzinfo=UTC), True)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_a_licence_begins_with_its_first_day_in_shanghai(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = licence(valid_from=date(2026, 3, 1))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "not_yet_valid")


def test_6_the_29th_of_february_is_a_last_day() -> None:
    token = licence(valid_until=date(2028, 2, 29))
    end = datetime(2028, 2, 29, 16, 0, tzinfo=UTC)
    assert passed(verify(token, now=end - SECOND))
    assert failed(verify(token, now=end), 6, "expired")
    assert failed(verify(altered(certificate=described(valid_until="2027-02-29"))), 6, "dates")


def test_6_long_term_written_as_the_last_day_of_the_calendar_passes() -> None:
    assert passed(verify(licence(valid_until=date.max)))


def test_6_an_issue_in_the_future_fails_beyond_ten_seconds() -> None:
    assert passed(verify(licence(issued_at=NOW + 10 * SECOND)))
    assert failed(verify(licence(issued_at=NOW + 11 * SECOND)), 6, "issued_in_future")
    copy = purpose_copy(issued_at=NOW + 11 * SECOND)
    assert failed(verify(copy, audience=RECEIVER), 6, "issued_in_future")


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
    assert failed(verify(altered(**changes)), 6, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": ...}, {"valid_until": ...}, {"valid_from": None}, {"valid_from": 5}, {"valid_until": 5},
        {"valid_until": ""}, {"valid_until": "20991231"}, {"valid_until": "2099-W01-1"}, {"valid_until": "2099-02-29"},
        {"valid_until": "2099-1-1"}, {"valid_until": "２０99-01-01"}, {"valid_until": ["2099-01-01"]},
    ],
)  # fmt: skip
def test_6_civil_dates_that_are_none_fail(changes: dict[str, Any]) -> None:
    assert failed(verify(altered(certificate=described(**changes))), 6, "dates")


def test_6_a_copy_ends_in_its_named_second_and_must_name_one() -> None:
    token = purpose_copy(expires_at=NOW + timedelta(minutes=5))
    assert passed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5) - SECOND))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5)), 6, "expired")
    assert failed(verify(altered_copy(drop="exp"), audience=RECEIVER), 6, "missing_exp")


def test_6_a_copy_does_not_outlive_its_licence() -> None:
    source = licence_payload(valid_until=date(2026, 3, 1))[0]
    token = purpose_copy(source=source, expires_at=NOW + timedelta(days=2))
    assert passed(verify(token, audience=RECEIVER))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(hours=8)), 6, "expired")


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
    assert failed(verify(token), 4, "issuer_not_entitled")
    verdict = verify(licence(), listed=None, audience=None)
    assert [step.result for step in verdict.steps].count(Result.INDETERMINATE) == 1
