"""Working days: the announced years day by day, years nobody has announced, and what holds for any span."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.calendar import SHANGHAI, Calendar, civil_day, read_year, shipped_calendar
from catalog.clocks import Clocks, Limit, read_rules, shipped_clocks
from catalog.errors import DefinitionError

CALENDAR = shipped_calendar()
INSTANTS = st.integers(0, 4 * 365 * 86_400).map(lambda second: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(0, second))
DAYS = st.integers(0, 60)


def beijing(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


def last_day(start: datetime, days: int) -> date:
    """The last civil day that is in time."""
    return civil_day(CALENDAR.due(start, days).at - timedelta(microseconds=1))


@pytest.mark.parametrize(("year", "days"), [(2025, 248), (2026, 248), (2027, 248)])
def test_a_year_has_as_many_working_days_as_the_law_leaves(year: int, days: int) -> None:
    # 365 days, less 104 of weekends, less the 13 of the law: made-up days move them and add none.
    every = (date(year, 1, 1) + timedelta(days=count) for count in range(365))
    assert sum(CALENDAR.is_working(day) for day in every) == days


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-02-13", True),   # Friday
        ("2026-02-14", True),   # Saturday, made up
        ("2026-02-15", False),  # Sunday, the first day of the Spring Festival
        ("2026-02-23", False),  # Monday
        ("2026-02-28", True),   # Saturday, made up
        ("2026-03-01", False),  # Sunday
        ("2026-10-07", False),  # Wednesday
        ("2026-10-10", True),   # Saturday, made up
        ("2025-10-08", False),  # National Day and Mid-Autumn in one
        ("2028-01-01", False),  # Saturday; nobody has announced 2028
        ("2028-01-03", True),   # Monday
    ],
)  # fmt: skip
def test_announced_holidays_and_made_up_days(day: str, working: object) -> None:
    assert CALENDAR.is_working(date.fromisoformat(day)) is working


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        (beijing(2026, 3, 2, 9), 10, "2026-03-16"),
        (beijing(2026, 3, 2, 23, 59), 10, "2026-03-16"),  # the hour makes no difference, the day does
        (beijing(2026, 3, 3, 0, 0), 10, "2026-03-17"),
        (beijing(2026, 2, 13, 9), 2, "2026-02-24"),  # over the Spring Festival: Saturday the 14th counts
        (beijing(2026, 2, 18, 9), 1, "2026-02-24"),  # filed on a holiday
        (beijing(2026, 9, 30, 9), 3, "2026-10-10"),  # the 8th, the 9th and the made-up Saturday
        (beijing(2026, 3, 7, 9), 0, "2026-03-07"),
    ],
)
def test_a_limit_ends_with_its_last_working_day(start: datetime, days: int, last: str) -> None:
    assert last_day(start, days).isoformat() == last
    assert CALENDAR.due(start, days).at.astimezone(SHANGHAI).time().isoformat() == "00:00:00"


def test_what_rests_on_a_year_nobody_announced_says_so() -> None:
    assert not CALENDAR.due(beijing(2026, 12, 1), 10).assumed
    assert CALENDAR.due(beijing(2026, 12, 25), 10).assumed  # ends in 2027, of which only the law is known
    assert CALENDAR.due(beijing(2031, 5, 1), 3).assumed
    assert Calendar(()).is_working(date(2026, 10, 1)), "without data a Thursday is a Thursday"


def test_the_day_counts_in_shanghai_not_in_utc() -> None:
    evening = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # the 3rd has begun in Shanghai
    assert CALENDAR.due(evening, 1) == CALENDAR.due(beijing(2026, 3, 3, 12), 1)
    with pytest.raises(ValueError, match="naive"):
        CALENDAR.due(datetime(2026, 3, 2), 1)  # noqa: DTZ001


@given(INSTANTS, DAYS)
def test_exactly_n_working_days_lie_between_start_and_end(start: datetime, days: int) -> None:
    last = last_day(start, days)
    between = Counter(
        CALENDAR.is_working(civil_day(start) + timedelta(days=count))
        for count in range(1, (last - civil_day(start)).days + 1)
    )
    assert between[True] == days
    assert days == 0 or CALENDAR.is_working(last)


@given(INSTANTS, DAYS, DAYS)
def test_a_limit_of_m_and_then_n_days_is_one_of_m_plus_n(start: datetime, first: int, second: int) -> None:
    half = CALENDAR.due(start, first).at - timedelta(microseconds=1)
    assert CALENDAR.due(half, second).at == CALENDAR.due(start, first + second).at


@given(INSTANTS, st.integers(1, 60))
def test_remaining_counts_down_to_the_last_day_and_then_below_nothing(start: datetime, days: int) -> None:
    due = CALENDAR.due(start, days).at
    assert CALENDAR.remaining(start, due) == days
    assert CALENDAR.remaining(due - timedelta(microseconds=1), due) == 0
    assert CALENDAR.remaining(due, due) == -1
    late = CALENDAR.due(due - timedelta(microseconds=1), 3).at
    assert CALENDAR.remaining(late - timedelta(microseconds=1), due) == -3


@given(INSTANTS, st.integers(3, 60))
def test_a_reminder_two_days_before_leaves_two_working_days(start: datetime, days: int) -> None:
    due = CALENDAR.due(start, days).at
    reminder = CALENDAR.before(due, 2)
    assert start < reminder < due
    assert CALENDAR.remaining(reminder, due) == 1, "the day of the reminder, and one more"


@given(INSTANTS)
def test_remaining_never_rises(start: datetime) -> None:
    due = CALENDAR.due(start, 5).at
    counts = [CALENDAR.remaining(start + timedelta(hours=7 * step), due) for step in range(60)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holidays": ["2027-01-01"]}, "every day must lie in its year"),
        ({"holidays": ["2026-01-05/2026-01-01"]}, "first day first"),
        ({"working": ["2026-01-01"]}, "both a holiday and a working day"),
        ({"working": ["2026-01-06"]}, "weekend days"),
        ({"source": " "}, "calendar: source"),
        ({"holidays": ["new year"]}, "ValueError"),
        ({"holidays": None}, "TypeError"),
    ],
)
def test_a_year_with_a_slip_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        read_year({"year": 2026, "source": "x", "holidays": ["2026-01-01"], "working": []} | changes)


def test_a_year_survives_being_stored() -> None:
    for year in CALENDAR.years.values():
        assert read_year(year.as_json()) == year


# Rules


def test_the_rules_of_the_filing_day_govern() -> None:
    clocks = shipped_clocks()
    assert clocks.on(beijing(2025, 7, 31, 23, 59)).working_days[Limit.EXTENSION] == 0
    assert clocks.on(datetime(2025, 7, 31, 16, 0, tzinfo=UTC)).working_days[Limit.EXTENSION] == 10
    assert clocks.on(beijing(2010, 1, 1)).in_force_from == date(2016, 9, 5)
    assert [rules.confirmed for rules in clocks.rules] == [False, False]
    newest = clocks.rules[-1]
    assert newest.working_days[Limit.ANSWER] == 10
    assert newest.working_days[Limit.PROVIDE] == 20
    assert "809" in newest.source


def test_a_later_set_of_the_same_day_replaces_the_earlier() -> None:
    first = shipped_clocks().rules[-1]
    changed = read_rules(first.as_json() | {"confirmed": True})
    clocks = Clocks([first, changed], CALENDAR)
    assert clocks.rules == (changed,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"working_days": {"answer": 10}}, "lacks"),
        ({"working_days": {"tea_break": 10}}, "ValueError"),
        ({"in_force_from": "soon"}, "ValueError"),
        ({"source": ""}, "clocks: source"),
    ],
)
def test_a_set_with_a_slip_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        read_rules(shipped_clocks().rules[0].as_json() | changes)


@pytest.mark.parametrize("days", [-1, 1001, True, 1.5])
def test_limits_are_whole_numbers_of_days(days: Any) -> None:
    rules = shipped_clocks().rules[0].as_json()
    rules["working_days"]["answer"] = days
    with pytest.raises(DefinitionError, match="whole numbers"):
        read_rules(rules)
