"""Drift: a source whose answers stopped being what was published is closed before it does harm (quarantine).

After several questions in a row failed in the same way, the interface version answers `source_unavailable` at once, an
alarm names the first difference, and its owner opens it again after a live test. Counted in this process; the
quarantine itself lies in the database, where every process of the hub learns of it within a second.
"""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

import structlog
from sqlalchemy import Connection, and_, insert, select, update

from catalog.interface_store import StoredInterface
from catalog.tables import table
from hub.clock import Clock, new_id
from hub.exchange.contract import Difference
from hub.ledger.entries import Draft, append, seal
from hub.registry.tables import AlarmRow
from hub.storage.database import Database
from hub.storage.vault import DataKey

DRIFT: Final = "drift"
_ALARMS: Final = table(AlarmRow)
_OPEN: Final = and_(_ALARMS.c.kind == DRIFT, _ALARMS.c.lifted_at.is_(None))
_KEPT_QUESTIONS: Final = 64
KNOWN_SECONDS: Final = 0.5
"""How old the known quarantines may be when a question comes: one small read of the database a process, if any comes.

Not over Redis: what must hold is held by the database, and a second way would be one that can be lost.
"""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An open quarantine of an interface version."""

    interface_id: str
    field: str
    code: str
    raised_at: datetime


@dataclass(slots=True)
class _Streak:
    difference: Difference
    count: int
    questions: set[bytes]


class DriftWatch:
    """Counts faulty answers, closes and opens interface versions."""

    def __init__(self, database: Database, *, log_key: DataKey, clock: Clock, faults_in_a_row: int = 3) -> None:
        self._database = database
        self._log_key = log_key
        self._clock = clock
        self._limit = faults_in_a_row
        self._streaks: dict[str, _Streak] = {}
        self._closed: frozenset[str] = frozenset()
        self._looked = float("-inf")

    async def load(self) -> None:
        """Learn now of quarantines that other processes began or ended."""
        self._looked = monotonic()  # whoever comes meanwhile does not look as well
        try:
            self._closed = frozenset(alarm.interface_id for alarm in await self._database.read(open_quarantines))
        except BaseException:
            self._looked = float("-inf")
            raise

    async def quarantined(self, interface_id: str) -> bool:
        """Whether this version answers nobody. What another process decided counts here within a second."""
        if monotonic() - self._looked >= KNOWN_SECONDS:
            await self.load()
        return interface_id in self._closed

    async def observe(
        self, stored: StoredInterface, difference: Difference | None, *, question: bytes | None = None
    ) -> bool:
        """Take note of an answer, None for a good one; answers whether the version is now quarantined.

        A difference that says something of one record only neither counts nor ends a streak. Equal `question`s (any
        digest of the parameters) count once, so that repeating one question cannot close an interface.
        """
        if difference is None:
            self._streaks.pop(stored.id, None)
            return stored.id in self._closed
        if not difference.structural or not self._counted(stored.id, difference, question):
            return stored.id in self._closed
        del self._streaks[stored.id]
        await self._close(stored, difference)
        return True

    async def lifted(self, interface_id: str) -> None:
        """Forget what was counted, after `lift` was committed."""
        self._streaks.pop(interface_id, None)
        await self.load()

    def _counted(self, interface_id: str, difference: Difference, question: bytes | None) -> bool:
        """Whether this difference fills the measure."""
        streak = self._streaks.get(interface_id)
        if streak is None or streak.difference != difference:
            streak = self._streaks[interface_id] = _Streak(difference, 0, set())
        if question is not None and question in streak.questions:
            return False
        if question is not None and len(streak.questions) < _KEPT_QUESTIONS:
            streak.questions.add(question)
        streak.count += 1
        return streak.count >= self._limit

    async def _close(self, stored: StoredInterface, difference: Difference) -> None:
        now = self._clock()
        began = await self._database.write(lambda tx: self._quarantine(tx, stored, difference, now))
        self._closed |= {stored.id}
        if began:
            _log.error(
                "interface_quarantined",
                alarm=True,
                interface=stored.interface.code,
                version=stored.version,
                field=difference.field,
                code=difference.code,
            )

    def _quarantine(self, tx: Connection, stored: StoredInterface, difference: Difference, now: datetime) -> bool:
        where = and_(_OPEN, _ALARMS.c.interface_id == stored.id)
        if tx.execute(select(_ALARMS.c.id).where(where)).first() is not None:
            return False
        tx.execute(
            insert(_ALARMS).values(
                id=new_id(),
                kind=DRIFT,
                owner_department_id=stored.owner_department_id,
                interface_id=stored.id,
                field=difference.field[:64],
                code=difference.code[:64],
                raised_at=now,
                lifted_at=None,
                lifted_by=None,
            )
        )
        detail = {"code": stored.interface.code, "version": stored.version}
        found = {"field": difference.field, "difference": difference.code}
        append(tx, [seal(Draft(kind="interface.quarantine", detail=detail | found, key=self._log_key), now=now)])
        return True


def open_quarantines(tx: Connection) -> list[Alarm]:
    """Every version that is closed now."""
    rows = tx.execute(select(_ALARMS).where(_OPEN).order_by(_ALARMS.c.raised_at))
    return [Alarm(row.interface_id, row.field, row.code, row.raised_at) for row in rows]


def lift(tx: Connection, interface_id: str, *, by: str, now: datetime) -> bool:
    """End the quarantine of a version; False when there is none. The caller records it."""
    where = and_(_OPEN, _ALARMS.c.interface_id == interface_id)
    return tx.execute(update(_ALARMS).where(where).values(lifted_at=now, lifted_by=by)).rowcount > 0
