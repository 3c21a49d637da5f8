"""(6) status: what was ended fails, what cannot be known is undecided and never passed."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.verifying.known import VerifierRules
from certificates.verifying.procedure import Result, StatusQuestion, TokenKind, verify_certificate
from tests.certificates.steps import failed, passed, undecided
from tests.certificates.trusted import (
    CLAIMS,
    HUB,
    IDENTIFIER,
    INDEX,
    ISSUER,
    LICENCE_TYPE,
    LIST,
    NOW,
    POLICY,
    RECEIVER,
    altered,
    licence,
    purpose_copy,
    status_list,
    verify,
)


@pytest.mark.parametrize("status", [Status.REVOKED, Status.SUSPENDED, Status.SUPERSEDED])
def test_6_a_licence_that_is_not_valid_any_more_fails_and_says_how(status: Status) -> None:
    verdict = verify(licence(), status=status)
    assert failed(verdict, 6, f"certificate_{status.value}")
    assert verdict.status == status.value
    assert verdict.claims == CLAIMS
    assert verdict.kind is TokenKind.LICENCE


@pytest.mark.parametrize("status", [Status.REVOKED, Status.SUSPENDED, Status.SUPERSEDED])
def test_6_a_revoked_suspended_or_superseded_licence_says_so_also_when_it_has_expired(status: Status) -> None:
    verdict = verify(licence(valid_until=date(2026, 2, 1)), status=status)
    assert failed(verdict, 6, f"certificate_{status.value}")


@pytest.mark.parametrize(
    "listed",
    [
        None,
        status_list(Status.REVOKED, now=NOW - timedelta(days=2)),
        status_list(now=NOW - timedelta(minutes=11)),
        status_list(uri=f"{HUB}/status-lists/4"),
        status_list(key=ISSUER),
        "broken",
    ],
    ids=["missing", "expired", "older than the pack", "another list", "signed by an issuer", "broken"],
)
def test_6_without_a_current_list_the_status_is_undecided(listed: str | None) -> None:
    verdict = verify(licence(), listed=listed)
    assert undecided(verdict, 6, "status_unavailable")
    assert verdict.status == "unknown"
    assert verdict.claims == CLAIMS


def test_6_an_undecided_status_is_overridden_by_a_later_failure() -> None:
    verdict = verify(purpose_copy(), listed=None, audience="somebody-else")
    assert failed(verdict, 7, "audience_mismatch")
    verdict = verify(licence(), listed=None, rules=VerifierRules(suites=frozenset({"SM2SM3"})))
    assert failed(verdict, 8, "suite_not_accepted")
    assert verdict.steps[5].result is Result.INDETERMINATE
    assert verdict.status == "unknown"


def test_6_a_status_older_than_the_verifier_puts_up_with_is_undecided() -> None:
    rules = VerifierRules(max_status_age=timedelta(minutes=1))
    assert passed(verify(licence(), listed=status_list(now=NOW - timedelta(minutes=1)), rules=rules))
    for status in (Status.VALID, Status.REVOKED):
        verdict = verify(licence(), listed=status_list(status, now=NOW - timedelta(minutes=2)), rules=rules)
        assert undecided(verdict, 6, "status_too_old")
        assert verdict.status_at == NOW - timedelta(minutes=2)


def test_6_a_list_older_than_one_that_was_seen_is_undecided() -> None:
    verdict = verify(licence(), listed=status_list(now=NOW - timedelta(minutes=2)), seen={LIST: NOW})
    assert undecided(verdict, 6, "status_went_back")


def test_6_a_stopped_type_is_undecided() -> None:
    assert undecided(verify(licence(), trust=replace(POLICY, halted=frozenset({LICENCE_TYPE.code}))), 6, "type_halted")


@pytest.mark.parametrize(
    "status", [None, 6, "x", [], {}, {"status_list": None}, {"status_list": {}}, {"status_list": {"uri": LIST}}]
)
def test_6_a_licence_without_a_status_entry_fails(status: Any) -> None:
    assert failed(verify(altered(status=status)), 6, "status_missing")
    assert failed(verify(altered(drop="status")), 6, "status_missing")


@pytest.mark.parametrize(
    ("uri", "index"),
    [
        ("https://evil.example/status-lists/3", INDEX),
        (f"{HUB}.evil.example/status-lists/3", INDEX),
        (f"{HUB}/other/3", INDEX),
        (5, INDEX),
        (LIST, "77"),
        (LIST, 77.5),
        (LIST, True),
        (LIST, -1),
        (LIST, None),
    ],
)
def test_6_a_status_entry_off_the_hubs_lists_fails(uri: Any, index: Any) -> None:
    token = altered(status={"status_list": {"uri": uri, "idx": index}})
    assert failed(verify(token), 6, "status_reference")


def test_6_an_index_beyond_the_list_is_undecided() -> None:
    assert undecided(verify(licence(status_index=5000)), 6, "status_unavailable")


def test_6_the_status_is_asked_for_by_list_entry_for_a_licence_and_by_identifier_for_a_copy() -> None:
    asked: list[StatusQuestion] = []

    def source(question: StatusQuestion) -> Status:
        asked.append(question)
        return Status.VALID

    for token in (licence(), purpose_copy()):
        verify_certificate(token, trust=POLICY, statuses=source, audience=RECEIVER, now=NOW)
    assert asked == [
        StatusQuestion(IDENTIFIER.text, LIST, INDEX),
        StatusQuestion(IDENTIFIER.text, None, None),
    ]


def test_6_a_copy_of_a_certificate_known_to_be_revoked_fails() -> None:
    verdict = verify_certificate(
        purpose_copy(), trust=POLICY, statuses=lambda _: Status.REVOKED, audience=RECEIVER, now=NOW
    )
    assert failed(verdict, 6, "certificate_revoked")
    assert verdict.kind is TokenKind.PURPOSE_COPY
