"""The life cycle: every state meets every operation, and each rule says who, why and with what."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from certificates.errors import ActError, TransitionError
from certificates.lifecycle.history import Event, Lifetime, moment_of, standing_at
from certificates.lifecycle.rules import REASON_WORDS, RULES, By, Link, Reason, check_act, check_links
from certificates.lifecycle.states import (
    LISTED,
    MAKING,
    STANDING,
    STATUS_BITS,
    TRANSITIONS,
    Operation,
    Status,
    transition,
)
from deploy import lifecycle_tables

ALLOWED = {
    "valid": "renew>superseded change>superseded correct>revoked supersede>superseded suspend>suspended revoke>revoked"
    " withdraw>withdrawn cancel>cancelled expire>expired transfer_out>transferring other>other",
    "suspended": "correct>revoked supersede>superseded resume>valid revoke>revoked withdraw>withdrawn cancel>cancelled"
    " expire>expired other>other",
    "expired": "renew>superseded correct>revoked supersede>superseded revoke>revoked cancel>cancelled",
    "transferring": "revoke>revoked withdraw>withdrawn cancel>cancelled expire>expired cancel_transfer>valid"
    " complete_transfer>transferred",
    "other": "resume>valid revoke>revoked withdraw>withdrawn cancel>cancelled expire>expired",
    "superseded": "revoke>revoked",
    "revoked": "",
    "withdrawn": "",
    "cancelled": "",
    "transferred": "",
}


@pytest.mark.parametrize(("status", "operation"), list(product(Status, Operation)))
def test_a_step_is_in_the_table_or_refused(status: Status, operation: Operation) -> None:
    expected = dict(step.split(">") for step in ALLOWED[status.value].split()).get(operation.value)
    if expected is not None:
        assert transition(status, operation) is Status(expected)
        return
    with pytest.raises(TransitionError) as caught:
        transition(status, operation)
    assert (caught.value.status, caught.value.operation) == (status, operation)


def test_nothing_that_a_list_called_invalid_ever_comes_back() -> None:
    for (status, _), after in TRANSITIONS.items():
        if STATUS_BITS[status] == 1:
            assert STATUS_BITS[after] == 1
        if status is Status.SUPERSEDED:
            assert after is Status.REVOKED
    assert {status for status in Status if not any(before is status for before, _ in TRANSITIONS)} == (
        set(Status) - STANDING - {Status.SUPERSEDED}
    )


def test_what_a_list_says_of_each_state() -> None:
    said: dict[int, set[str]] = {}
    for status, bits in STATUS_BITS.items():
        said.setdefault(bits, set()).add(status.value)
    assert said == {
        0: {"valid", "expired"},
        1: {"revoked", "withdrawn", "cancelled", "transferred"},
        2: {"suspended", "transferring", "other"},
        3: {"superseded"},
    }
    assert all(STATUS_BITS[status] == bits for bits, status in LISTED.items())


def test_every_operation_has_its_rule_and_every_reason_its_words() -> None:
    assert set(RULES) == set(Operation)
    assert set(REASON_WORDS) == set(Reason)
    assert set().union(*(rule.reasons for rule in RULES.values())) == set(Reason)
    assert {operation for operation, rule in RULES.items() if rule.by == {By.REGISTER}} == {
        Operation.SUPERSEDE,
        Operation.EXPIRE,
    }
    assert {operation for operation, rule in RULES.items() if By.REGISTER in rule.by} == {
        Operation.SUPERSEDE,
        Operation.REVOKE,
        Operation.WITHDRAW,
        Operation.CANCEL,
        Operation.EXPIRE,
    }
    gone = {operation for operation, rule in RULES.items() if Reason.REGISTER_MISSING in rule.reasons}
    assert gone == {Operation.REVOKE}
    assert {operation for operation, rule in RULES.items() if By.OPERATOR in rule.by} == {
        Operation.SUSPEND,
        Operation.RESUME,
        Operation.REVOKE,
    }


@pytest.mark.parametrize("operation", list(Operation))
def test_an_act_is_for_its_hands_and_its_reasons_alone(operation: Operation) -> None:
    rule = RULES[operation]
    for by, reason in product(By, Reason):
        if by in rule.by and reason in rule.reasons:
            check_act(operation, by=by, reason=reason, text="因故", legal_basis="行政许可法")
            continue
        with pytest.raises(ActError) as caught:
            check_act(operation, by=by, reason=reason, text="因故", legal_basis="行政许可法")
        assert caught.value.where == ("reason_code" if by in rule.by else "by")


@pytest.mark.parametrize(
    ("text", "basis", "where", "rule"),
    [
        (" ", "法", "reason", "required"),
        ("因故", "", "legal_basis", "required"),
        ("因" * 501, "法", "reason", "too_long"),
        ("因故", "法" * 501, "legal_basis", "too_long"),
    ],
)
def test_an_act_needs_words_and_a_legal_basis(text: str, basis: str, where: str, rule: str) -> None:
    with pytest.raises(ActError) as caught:
        check_act(Operation.REVOKE, by=By.ISSUER, reason=Reason.OTHER, text=text, legal_basis=basis)
    assert (caught.value.where, caught.value.rule) == (where, rule)


@pytest.mark.parametrize("operation", list(Operation))
def test_what_an_act_must_name(operation: Operation) -> None:
    link, making = RULES[operation].link, operation in MAKING
    for predecessor, origin, claims in product((False, True), repeat=3):
        named = {
            Link.NONE: not origin and not (operation is Operation.ISSUE and predecessor),
            Link.PREDECESSOR: predecessor and not origin,
            Link.ORIGIN: predecessor is not origin,
        }
        if claims is making and named[link]:
            check_links(operation, predecessor=predecessor, origin=origin, claims=claims)
            continue
        with pytest.raises(ActError):
            check_links(operation, predecessor=predecessor, origin=origin, claims=claims)


def on(month: int, day: int = 1, hour: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def act(number: int, operation: str, after: str, effective: datetime, recorded: datetime | None = None) -> Event:
    before = Status.VALID
    return Event(
        number, Operation(operation), before, Status(after), "other", "因故", "法", effective, recorded or effective
    )


JANUARY = on(1)


def life(*events: Event, version: int = 1, made: datetime = JANUARY, until: date | None = None) -> Lifetime:
    return Lifetime(f"v{version}", version, made, made.date(), until, events)


NOW = on(12)
SUSPENDED = (act(2, "suspend", "suspended", on(3)), act(3, "resume", "valid", on(4)))


@pytest.mark.parametrize(
    ("moment", "status"), [(on(2), "valid"), (on(3, 15), "suspended"), (on(4), "valid"), (on(11), "valid")]
)
def test_the_status_at_a_moment_is_what_the_acts_until_then_made_it(moment: datetime, status: str) -> None:
    assert life(*SUSPENDED).status_at(moment, known_at=NOW) is Status(status)


def test_a_back_dated_act_overrides_what_was_recorded_before_it_from_its_day_on() -> None:
    found = life(*SUSPENDED, act(4, "revoke", "revoked", on(2), recorded=on(6)))
    for moment, true, known_then in (
        (on(1, 15), "valid", "valid"),
        (on(2, 15), "revoked", "valid"),
        (on(3, 15), "revoked", "suspended"),
        (on(5), "revoked", "valid"),
        (on(7), "revoked", "revoked"),
    ):
        assert found.status_at(moment, known_at=NOW) is Status(true)
        assert found.status_at(moment, known_at=moment) is Status(known_then)
    assert [item.operation for item in found.changed_after(on(2, 15))] == ["suspend", "resume", "revoke"]
    assert [item.operation for item in found.changed_after(on(5))] == ["revoke"]


def test_before_it_was_made_there_is_no_status_and_after_its_last_day_it_is_not_valid() -> None:
    found = life(until=date(2026, 6, 30))
    assert found.status_at(on(1) - timedelta(seconds=1), known_at=NOW) is None
    assert found.valid_at(moment_of("2026-06-30"), known_at=NOW)
    assert not found.valid_at(moment_of("2026-07-01"), known_at=NOW)
    assert found.status_at(moment_of("2026-07-01"), known_at=NOW) is Status.VALID  # nobody marked it


def test_of_several_versions_the_newest_that_had_begun_stood() -> None:
    first = life(act(2, "change", "superseded", on(5)))
    second = life(version=2, made=on(5))
    assert standing_at([first, second], on(4), known_at=NOW) is first
    assert standing_at([first, second], on(6), known_at=NOW) is second
    assert standing_at([first, second], on(1) - timedelta(days=1), known_at=NOW) is None
    assert first.valid_at(on(4), known_at=NOW)
    assert not first.valid_at(on(6), known_at=NOW)


def test_a_first_day_before_the_making_counts_from_its_beginning_in_shanghai() -> None:
    found = Lifetime("v1", 1, on(5), date(2026, 4, 1), None, ())
    assert found.begins == datetime(2026, 3, 31, 16, tzinfo=UTC)
    assert found.status_at(on(4, 2), known_at=NOW) is Status.VALID
    assert found.status_at(on(4, 2), known_at=on(4, 2)) is None  # nobody knew


def test_a_day_is_its_last_moment_in_shanghai() -> None:
    assert moment_of("2026-05-03") == datetime(2026, 5, 3, 15, 59, 59, 999_999, tzinfo=UTC)
    assert moment_of("2026-05-03T08:00:00+08:00") == datetime(2026, 5, 3, tzinfo=UTC)
    for text in ("2026-05-03T08:00:00", "yesterday", "2026-13-01", "20260503"):
        with pytest.raises(ValueError):
            moment_of(text)


def test_the_page_has_the_tables_of_the_code() -> None:
    page = (Path(__file__).parents[2] / lifecycle_tables.PAGE).read_text(encoding="utf-8")
    assert lifecycle_tables.written(page) == page
