"""Time limits of sharing as dated configuration: the set in force on the day of filing governs to the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from catalog.calendar import MAX_WORKING_DAYS, Calendar, civil_day, shipped_calendar
from catalog.declared import text
from catalog.errors import DefinitionError


class Limit(StrEnum):
    """What a clock measures."""

    FORM_CHECK = "form_check"
    ANSWER = "answer"
    EXTENSION = "extension"
    SUPPLEMENT = "supplement"
    PROVIDE = "provide"
    NEGOTIATE = "negotiate"
    COORDINATE = "coordinate"
    SUPERIOR = "superior"
    SUPPLY_DEBT = "supply_debt"
    VERIFICATION = "verification"
    PROMISE = "promise"
    DEAD_END = "dead_end"
    OBJECTION = "objection"
    HOLDER_QUESTION = "holder_question"


_LATER: Mapping[Limit, int] = MappingProxyType(
    {
        Limit.SUPPLY_DEBT: 5,
        Limit.VERIFICATION: 3,
        Limit.PROMISE: 20,
        Limit.DEAD_END: 5,
        Limit.OBJECTION: 10,
        Limit.HOLDER_QUESTION: 5,
    }
)
"""Limits that sets from before they were named do not have, and their length there: nobody has confirmed it."""


@dataclass(frozen=True, slots=True)
class ClockRules:
    """One dated set. `confirmed`: somebody has compared the numbers with the official text."""

    in_force_from: date
    source: str
    confirmed: bool
    working_days: Mapping[Limit, int]

    def as_json(self) -> dict[str, Any]:
        """As `read_rules` reads it, here and in releases that do not know the later limits."""
        told = {limit: days for limit, days in self.working_days.items() if _LATER.get(limit) != days}
        return {
            "in_force_from": self.in_force_from.isoformat(),
            "source": self.source,
            "confirmed": self.confirmed,
            "working_days": {limit.value: days for limit, days in sorted(told.items())},
        }


class Clocks:
    """Every dated set, and the calendar they count on."""

    __slots__ = ("_rules", "calendar")

    def __init__(self, rules: Iterable[ClockRules], calendar: Calendar) -> None:
        found = {item.in_force_from: item for item in rules}
        if not found:
            raise ValueError("at least one set of rules")
        self._rules = tuple(found[day] for day in sorted(found))
        self.calendar = calendar

    @property
    def rules(self) -> tuple[ClockRules, ...]:
        """Every set, oldest first."""
        return self._rules

    def on(self, filed: datetime) -> ClockRules:
        """The set that governs what was filed at this instant; before the first one, the first."""
        day = civil_day(filed)
        governing = [item for item in self._rules if item.in_force_from <= day]
        return governing[-1] if governing else self._rules[0]


def read_rules(definition: Mapping[str, Any]) -> ClockRules:
    """Read a declared set; it must give every limit but the later ones. Raises: DefinitionError."""
    try:
        days = {**_LATER} | {Limit(name): value for name, value in definition["working_days"].items()}
        found = ClockRules(
            in_force_from=date.fromisoformat(str(definition["in_force_from"])),
            source=text(definition["source"], "clocks: source"),
            confirmed=bool(definition.get("confirmed", False)),
            working_days=MappingProxyType(days),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DefinitionError(f"clocks: {type(error).__name__} {error}") from error
    missing = set(Limit) - days.keys()
    if missing:
        raise DefinitionError(f"clocks: working_days lacks {sorted(missing)}")
    if not all(type(value) is int and 0 <= value <= MAX_WORKING_DAYS for value in days.values()):
        raise DefinitionError("clocks: working_days are whole numbers from 0 to 1000")
    return found


@cache
def shipped_clocks() -> Clocks:
    """The sets and the calendar that come with the hub."""
    declared = yaml.safe_load(resources.files("catalog").joinpath("clocks.yaml").read_text(encoding="utf-8"))
    return Clocks((read_rules(item) for item in declared), shipped_calendar())
