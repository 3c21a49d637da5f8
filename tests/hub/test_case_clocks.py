"""The clocks of a case stand still for what its handler cannot help, by whole working days, each counted once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.calendar import SHANGHAI, Calendar, Year
from catalog.matters.reading import read_matter
from hub.intake.handling.clocks import StageClock, clocks_of
from hub.intake.owed.store import Debt
from tests.hub.resolving import CASE
from tests.support import matter_definition

# 2026-03-02 is a Monday.
CALENDAR = Calendar([Year(2026, frozenset(), frozenset(), "test", assumed=False)])
MATTER = read_matter(matter_definition() | {"accept_days": 3, "decide_days": 5})


def day(number: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=SHANGHAI).astimezone(UTC)


OPENED = replace(CASE, opened_at=day(2))


def debt(opened: int, ended: int | None, **changes: Any) -> Debt:
    values: dict[str, Any] = dict.fromkeys(Debt.__dataclass_fields__)
    return Debt(
        **values
        | {"owed_clock": "pauses", "opened_at": day(opened), "ended_at": day(ended) if ended else None}
        | changes
    )


def clocks(case: Any, *debts: Debt, now: datetime) -> dict[str, StageClock]:
    return {clock.stage: clock for clock in clocks_of(case, MATTER, debts, CALENDAR, now)}


def test_a_clock_runs_from_the_day_after_and_the_next_begins_where_it_ends() -> None:
    assert clocks(OPENED, now=day(2))["accept"].due_at == day(6, 0)
    accepted = replace(OPENED, accepted_at=day(4), stage="accepted")
    found = clocks(accepted, now=day(5))
    assert (found["accept"].ended_at, found["accept"].overdue(day(30))) == (day(4), False)
    assert found["decide"].due_at == day(12, 0)
    assert found["decide"].overdue(day(12, 0))
    assert not found["decide"].overdue(day(11, 23))
    late = replace(OPENED, accepted_at=day(9), stage="accepted")
    assert clocks(late, now=day(9))["accept"].overdue(day(9)), "late stays late"


@pytest.mark.parametrize(
    ("debts", "due"),
    [
        ([debt(3, 5)], 10),  # two working days, and a week's end behind
        ([debt(3, 5), debt(4, 5)], 10),  # two at once cost no more than one
        ([debt(3, 3)], 6),  # an hour costs nobody a day
        ([debt(3, 5, owed_clock="runs")], 6),
        ([debt(6, 9)], 7),  # Saturday and Sunday are no working days
    ],
)  # fmt: skip
def test_what_is_owed_keeps_a_clock_from_going_on(debts: list[Debt], due: int) -> None:
    found = clocks(OPENED, *debts, now=day(10))["accept"]
    assert not found.paused
    assert found.due_at == day(due, 0)


def test_a_clock_that_stands_still_has_no_end_and_is_never_too_late() -> None:
    found = clocks(OPENED, debt(3, None), now=day(27))["accept"]
    assert (found.paused, found.due_at, found.overdue(day(27))) == (True, None, False)
    asked = replace(OPENED, asked_at=day(3))
    assert clocks(asked, now=day(27))["accept"].paused
    back = clocks(replace(asked, supplied_at=day(5)), now=day(5))["accept"]
    assert (back.paused_days, back.due_at) == (2, day(10, 0))


def test_a_matter_without_days_counts_nothing() -> None:
    plain = read_matter(matter_definition())
    assert clocks_of(OPENED, plain, [], CALENDAR, day(2) + timedelta(days=99)) == ()
