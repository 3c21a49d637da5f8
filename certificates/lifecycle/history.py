"""What was true of a version when, and what was known of it when: the acts on it, on two axes of time.

An act counts from `effective_at` on, and is known from `recorded_at` on. Of the acts known, the one recorded last has
the say from its effective instant onward: a revocation back-dated to May overrides a suspension lifted in June.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Final

from certificates.lifecycle.states import Operation, Status
from certificates.profile import CIVIL_ZONE

EARLIEST: Final = 1900
LATEST: Final = 9998
"""Years that a question or an act may name."""


@dataclass(frozen=True, slots=True)
class Event:
    """One act on a version. `number` is the version's row version after it; 1 made it. `guarded`: its MAC is right;
    acts of early releases have none.
    """

    number: int
    operation: Operation
    before: Status | None
    after: Status
    reason_code: str
    reason: str
    legal_basis: str
    effective_at: datetime
    recorded_at: datetime
    by: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    related_id: str | None = None
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A version with all acts on it, oldest first. `made_at` is when the hub made it."""

    identifier: str
    version: int
    made_at: datetime
    valid_from: date
    valid_until: date | None
    events: Sequence[Event]

    @property
    def begins(self) -> datetime:
        """Since when it stands: its making, or, where its first day is an earlier one, the beginning of that day."""
        first = datetime.combine(self.valid_from, time.min, CIVIL_ZONE)
        return self.made_at if self.valid_from == self.made_at.astimezone(CIVIL_ZONE).date() else first

    def status_at(self, moment: datetime, *, known_at: datetime) -> Status | None:
        """The status at a moment, as it was known at another; None: there was no such version, or nobody knew of it."""
        if moment < self.begins or known_at < self.made_at:
            return None
        status = Status.VALID
        for event in self.events:
            if event.effective_at <= moment and event.recorded_at <= known_at:
                status = event.after
        return status

    def valid_at(self, moment: datetime, *, known_at: datetime) -> bool:
        """Whether it was valid: in that state, and between its first and its last day."""
        day = moment.astimezone(CIVIL_ZONE).date()
        within = self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
        return within and self.status_at(moment, known_at=known_at) is Status.VALID

    def changed_after(self, moment: datetime) -> list[Event]:
        """Acts that took effect, or became known, only after a moment."""
        return [item for item in self.events if item.number > 1 and max(item.effective_at, item.recorded_at) > moment]


def standing_at(lifetimes: Sequence[Lifetime], moment: datetime, *, known_at: datetime) -> Lifetime | None:
    """Of the versions of one certificate, the one that stood at a moment: the newest that had begun."""
    begun = [item for item in lifetimes if item.status_at(moment, known_at=known_at) is not None]
    return max(begun, key=lambda item: item.version, default=None)


def moment_of(text: str) -> datetime:
    """The instant that a question as of `text` means: itself, or of a civil day its last microsecond in Asia/Shanghai.

    What was issued on the day counts then, what was revoked on it no longer does.

    Raises: ValueError: neither a date (YYYY-MM-DD) nor an instant with a time zone.
    """
    if len(text) == len("2026-05-03"):
        moment = datetime.combine(date.fromisoformat(text), time.max, CIVIL_ZONE)
    else:
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    if not EARLIEST <= moment.year <= LATEST:  # at the ends of the calendar no instant has a day in every zone
        raise ValueError("out of the calendar")
    return moment
