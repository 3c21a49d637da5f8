"""The statutory clocks of a case 受理期限、办结期限, which stand still while it waits for what is not its handler's.

Nothing is stored of them: they follow from the case, from what was owed to it, and from the calendar in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.calendar import MAX_WORKING_DAYS, Calendar, civil_day
from catalog.matters.values import Matter
from hub.access.actors import Role
from hub.clock import rfc3339
from hub.intake.owed.store import Debt, debts_of
from hub.intake.store import CLOSED, Case, case_by_id
from hub.registry.clocks import ClockService
from hub.registry.matters.guard import MatterBook
from hub.registry.notices import notify
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

REMIND: Final = "case.clock"
"""The kind of job that looks at a case's clock."""
_NEAR: Final = 2
"""Working days before the end at which whoever acts is reminded."""
_DAY: Final = timedelta(days=1)
Pause = tuple[datetime, datetime | None]
"""From when until when; None: it lasts."""


@dataclass(frozen=True, slots=True)
class StageClock:
    """How long one stage may last, and how long it has. `due_at` None: it stands still now."""

    stage: str
    days: int
    started_at: datetime
    ended_at: datetime | None
    paused_days: int
    paused: bool
    due_at: datetime | None

    def overdue(self, now: datetime) -> bool:
        """Whether it ended too late, or has not ended and is too late."""
        return self.due_at is not None and (self.ended_at or now) >= self.due_at

    def as_json(self, now: datetime) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "stage": self.stage,
            "working_days": self.days,
            "started_at": rfc3339(self.started_at),
            "ended_at": rfc3339(self.ended_at) if self.ended_at else None,
            "paused": self.paused,
            "paused_days": self.paused_days,
            "due_at": rfc3339(self.due_at) if self.due_at else None,
            "overdue": self.overdue(now),
        }


class CaseClocks:
    """Reads the clocks of cases, and has whoever acts reminded of them."""

    def __init__(self, vault: Vault) -> None:
        self._matters = MatterBook(vault)
        self._clocks = ClockService(vault)

    def running(self, tx: Connection, case: Case, now: datetime) -> tuple[StageClock, ...]:
        """The clocks that have begun."""
        matter = self._matters.matter(tx, case.matter_id)
        if matter.accept_days is None and matter.decide_days is None:
            return ()
        return clocks_of(case, matter, debts_of(tx, case.id), self._clocks.in_force(tx).calendar, now)

    def order(self, tx: Connection, case: Case, now: datetime) -> None:
        """Order the reminders of the clocks that go on."""
        for clock in self.running(tx, case, now):
            if clock.ended_at is None and clock.due_at is not None:
                near = self._clocks.in_force(tx).calendar.before(clock.due_at, _NEAR)
                for at in (near, clock.due_at):
                    if at > now:
                        enqueue(tx, REMIND, {"case": case.id, "stage": clock.stage}, now=now, due=at)

    def remind(self, tx: Connection, case_id: str, stage: str, now: datetime) -> None:
        """A step of the job `REMIND`: told near the end and at it, each once; what stands still is looked at later."""
        case = case_by_id(tx, case_id)
        running = () if case is None or case.state == CLOSED else self.running(tx, case, now)
        clock = next((item for item in running if item.stage == stage), None)
        if case is None or clock is None or clock.ended_at is not None:
            return
        again = {"case": case_id, "stage": stage}
        if clock.due_at is None:
            enqueue(tx, REMIND, again, now=now, due=now + _DAY)
            return
        near, over = self._clocks.in_force(tx).calendar.before(clock.due_at, _NEAR), now >= clock.due_at
        if not over:
            enqueue(tx, REMIND, again, now=now, due=near if now < near else clock.due_at)
        if now >= near:
            _told(tx, case, clock, over=over, now=now)


def _told(tx: Connection, case: Case, clock: StageClock, *, over: bool, now: datetime) -> None:
    deciding = clock.stage == "decide"
    acting = case.approving_department_id if deciding else case.department_id
    told: list[tuple[str | None, Role]] = [(acting, Role.DECIDER if deciding else Role.CLERK)]
    code, once = f"case.{clock.stage}_{'over' if over else 'near'}", str(clock.due_at)
    for department_id, role in told + ([(None, Role.OPERATOR)] if over else []):
        notify(tx, code, department_id=department_id, role=role, about=("case", case.id), now=now, once=once)


def clocks_of(
    case: Case, matter: Matter, debts: Sequence[Debt], calendar: Calendar, now: datetime
) -> tuple[StageClock, ...]:
    """The clocks that have begun; none for what the matter sets no time."""
    pauses: list[Pause] = [] if case.asked_at is None else [(case.asked_at, case.supplied_at or case.decided_at)]
    pauses += [(debt.opened_at, debt.ended_at) for debt in debts if debt.owed_clock == "pauses"]
    ended = case.closed_at
    found = []
    if matter.accept_days is not None:
        until = case.accepted_at or case.decided_at or ended
        found.append(_clock("accept", matter.accept_days, case.opened_at, until, pauses, calendar, now))
    if matter.decide_days is not None and case.accepted_at is not None:
        until = case.decided_at or ended
        found.append(_clock("decide", matter.decide_days, case.accepted_at, until, pauses, calendar, now))
    return tuple(found)


def _clock(
    stage: str,
    days: int,
    started_at: datetime,
    ended_at: datetime | None,
    pauses: Sequence[Pause],
    calendar: Calendar,
    now: datetime,
) -> StageClock:
    until = ended_at or now
    within = [
        (max(begin, started_at), min(end or until, until))
        for begin, end in pauses
        if begin < until and (end or until) > started_at
    ]
    paused_days = len({day for begin, end in within for day in _still(begin, end, calendar)})
    paused = ended_at is None and any(begin <= now and end is None for begin, end in pauses)
    due = calendar.due(started_at, min(days + paused_days, MAX_WORKING_DAYS)).at
    return StageClock(stage, days, started_at, ended_at, paused_days, paused, None if paused else due)


def _still(begin: datetime, end: datetime, calendar: Calendar) -> list[date]:
    """The working days on which a pause keeps a clock from going on: those after the day on which it begins, up to the
    one on which it ends. So a pause of an hour costs nobody a day.
    """
    first, last = civil_day(begin), civil_day(end)
    days = (first + _DAY * count for count in range(1, (last - first).days + 1))
    return [day for day in days if calendar.is_working(day)]
