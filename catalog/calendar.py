"""Working days 工作日: holidays and make-up working days (调休) as dated data, in the civil time of Shanghai.

The State Council announces a year's holidays in the November before. A year without an announcement is computed with
what the law alone gives, or with weekends only, and everything that rests on it says `assumed`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from catalog.declared import text
from catalog.errors import DefinitionError

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
_DAY: Final = timedelta(days=1)
MAX_WORKING_DAYS: Final = 1000
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Year:
    """The holidays of one year, and the weekend days on which people work instead. `source` is the announcement."""

    year: int
    holidays: frozenset[date]
    working: frozenset[date]
    source: str
    assumed: bool

    def as_json(self) -> dict[str, Any]:
        """As `read_year` reads it, with single days."""
        return {
            "year": self.year,
            "source": self.source,
            "assumed": self.assumed,
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
            "working": [day.isoformat() for day in sorted(self.working)],
        }


@dataclass(frozen=True, slots=True)
class Due:
    """When a time limit ends: the first instant that is too late. `assumed`: a year on the way was not announced."""

    at: datetime
    assumed: bool


class Calendar:
    """Which days count. Two calendars of the same years count alike."""

    __slots__ = ("years",)

    def __init__(self, years: Iterable[Year]) -> None:
        self.years: Mapping[int, Year] = MappingProxyType({year.year: year for year in years})

    def is_working(self, day: date) -> bool:
        """Whether offices are open. Without data for its year: Monday to Friday."""
        known = self.years.get(day.year)
        if known is not None and day in known.holidays:
            return False
        return day.weekday() < _SATURDAY or (known is not None and day in known.working)

    def is_assumed(self, first: date, last: date) -> bool:
        """Whether a year between these days has no announced calendar."""
        years = (self.years.get(year) for year in range(first.year, last.year + 1))
        return any(known is None or known.assumed for known in years)

    def due(self, start: datetime, working_days: int) -> Due:
        """The end of the n-th working day after the day of `start`, which itself does not count (民法典 art. 201).

        Zero days end with the day of `start`. Raises: ValueError for a naive instant or more than 1000 days.
        """
        if not 0 <= working_days <= MAX_WORKING_DAYS:
            raise ValueError("working_days must lie between 0 and 1000")
        first = day = civil_day(start)
        for _ in range(working_days):
            day = self._next_working(day)
        return Due(_midnight_after(day), self.is_assumed(first, day))

    def remaining(self, now: datetime, due: datetime) -> int:
        """Working days left: those after today, up to the last that is in time. Today counts for nothing, and 0 may
        mean today. Negative once it is overdue: the working days since the last day that was in time, at least -1.
        """
        today, last = civil_day(now), civil_day(due) - _DAY
        if now >= due:
            return -max(1, self._between(last, today))
        return self._between(today, last)

    def _between(self, first: date, last: date) -> int:
        """Working days after `first`, up to and with `last`."""
        return sum(self.is_working(first + _DAY * count) for count in range(1, (last - first).days + 1))

    def _next_working(self, day: date) -> date:
        day += _DAY
        while not self.is_working(day):
            day += _DAY
        return day

    def before(self, due: datetime, working_days: int) -> datetime:
        """The start of the n-th last working day before `due`, for reminders."""
        day = civil_day(due)
        for _ in range(working_days):
            day -= _DAY
            while not self.is_working(day):
                day -= _DAY
        return _midnight(day)

    def with_year(self, year: Year) -> "Calendar":
        """The same calendar with one year replaced."""
        return Calendar([*self.years.values(), year])


def civil_day(instant: datetime) -> date:
    """The day of an instant in Shanghai. Raises: ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("naive datetime")
    return instant.astimezone(SHANGHAI).date()


def read_year(definition: Mapping[str, Any]) -> Year:
    """Read a declared year; a day may be a range, `2026-02-15/2026-02-23`. Raises: DefinitionError."""
    try:
        year = definition["year"]
        found = Year(
            year=year,
            holidays=_days(definition["holidays"], "calendar: holidays"),
            working=_days(definition.get("working", ()), "calendar: working"),
            source=text(definition["source"], "calendar: source"),
            assumed=bool(definition.get("assumed", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DefinitionError(f"calendar: {type(error).__name__} {error}") from error
    _check(found)
    return found


def _check(found: Year) -> None:
    if type(found.year) is not int or any(day.year != found.year for day in found.holidays | found.working):
        raise DefinitionError("calendar: every day must lie in its year")
    if found.holidays & found.working:
        raise DefinitionError("calendar: a day is both a holiday and a working day")
    if any(day.weekday() < _SATURDAY for day in found.working):
        raise DefinitionError("calendar: working names weekend days on which people work")


@cache
def shipped_calendar() -> Calendar:
    """The years that come with the hub."""
    declared = yaml.safe_load(resources.files("catalog").joinpath("calendar.yaml").read_text(encoding="utf-8"))
    return Calendar(read_year(item) for item in declared)


def _days(value: Collection[object], where: str) -> frozenset[date]:
    days: set[date] = set()
    for item in value:
        first, _, last = str(item).partition("/")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        if not day <= end < day + _DAY * 31:
            raise DefinitionError(f"{where}: a range of at most 31 days, first day first")
        while day <= end:
            days.add(day)
            day += _DAY
    return frozenset(days)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def _midnight_after(day: date) -> datetime:
    return _midnight(day + _DAY)
