"""The calendar and time limits in force: what ships with the hub, and what two operators put in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from catalog.calendar import SHANGHAI, Calendar, Year, read_year
from catalog.clocks import ClockRules, Clocks, Limit, read_rules, shipped_clocks
from catalog.tables import table
from hub.clock import new_id
from hub.registry.requests.values import Clock
from hub.registry.tables import ClockSettingRow
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical

REMIND: Final = "grant.remind"
"""The kind of job that writes a reminder when it is due."""
_NEAR: Final = 2
"""A reminder is written so many working days before the last one."""
_SETTINGS: Final = table(ClockSettingRow)
_CALENDAR: Final = "calendar"
_RULES: Final = "rules"


@dataclass(frozen=True, slots=True)
class Running:
    """A clock with the instant at which it ends."""

    clock: Clock
    due_at: datetime
    assumed: bool


class ClockService:
    """Reads the settings at every use: they are few, and a change acts at once in every process."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def in_force(self, tx: Connection) -> Clocks:
        """Every dated set of limits and the calendar. Raises: IntegrityBrokenError for a setting nobody confirmed."""
        shipped = shipped_clocks()
        calendar, rules = shipped.calendar, list(shipped.rules)
        for row in tx.execute(select(_SETTINGS).order_by(_SETTINGS.c.id)):
            self._vault.check_row_mac(_meaning(row.id, row.kind, row.definition), row.mac, where="clock_settings")
            if row.kind == _CALENDAR:
                calendar = calendar.with_year(read_year(row.definition))
            else:
                rules.append(read_rules(row.definition))
        return Clocks(rules, calendar)

    def set_calendar(self, tx: Connection, definition: Mapping[str, Any], now: datetime) -> Year:
        """Put a year in the place of the known one. Raises: DefinitionError. Clocks that run are recounted
        by the `recount` of requests, disputes and demands.
        """
        year = read_year(definition)
        self._put(tx, _CALENDAR, year.as_json(), now)
        return year

    def set_rules(self, tx: Connection, definition: Mapping[str, Any], now: datetime) -> ClockRules:
        """Add a dated set of limits, or replace the one of the same date. Raises: DefinitionError."""
        rules = read_rules(definition)
        self._put(tx, _RULES, rules.as_json(), now)
        return rules

    def _put(self, tx: Connection, kind: str, definition: dict[str, Any], now: datetime) -> None:
        setting_id = new_id()
        mac = self._vault.row_mac(_meaning(setting_id, kind, definition))
        values = {"id": setting_id, "kind": kind, "definition": definition, "mac": mac, "created_at": now}
        tx.execute(insert(_SETTINGS).values(**values))


def started(clocks: Clocks, limit: Limit, *, filed_at: datetime, now: datetime, days: int | None = None) -> Running:
    """A clock that starts now, as long as the rules of the filing day say, or `days`."""
    clock = Clock(limit, now, clocks.on(filed_at).working_days[limit] if days is None else days)
    return counted(clocks.calendar, clock)


def counted(calendar: Calendar, clock: Clock) -> Running:
    """When a clock ends."""
    due = calendar.due(clock.start, clock.days)
    return Running(clock, due.at, due.assumed)


def lengthened(calendar: Calendar, clock: Clock, days: int) -> Running:
    """The same clock with more days."""
    return counted(calendar, replace(clock, days=clock.days + days))


def schedule(tx: Connection, calendar: Calendar, about: str, object_id: str, due_at: datetime, now: datetime) -> None:
    """Enqueue the reminders of a clock: shortly before its end, and when it has ended."""
    near = calendar.before(due_at, _NEAR)
    for stage, at in (("near", near), ("over", due_at)):
        if at > now:
            payload = {"about": about, "id": object_id, "due_at": due_at.isoformat(), "stage": stage}
            enqueue(tx, REMIND, payload, now=now, due=at)


def new_year(year: int) -> datetime:
    """The first instant of a year, in Shanghai."""
    return datetime(year, 1, 1, tzinfo=SHANGHAI).astimezone(UTC)


def _meaning(setting_id: str, kind: str, definition: Mapping[str, Any]) -> bytes:
    return b"clock-setting\x1f" + canonical({"id": setting_id, "kind": kind, "definition": dict(definition)})
