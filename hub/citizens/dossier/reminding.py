"""Reminders before a licence ends: 90, 30 and 7 days ahead, once each, as notices to all the living who hold it.

Found through the index on the end of validity, from the day up to which holders were last told: a round costs what has
come within reach since, whatever the library holds, and one that was left out is made up for. A licence that is issued
later than one of the days ahead is reminded of from the next one on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, text, union, update

from catalog.tables import table
from certificates.profile import CIVIL_ZONE
from certificates.stores.version import WHOLE
from certificates.tables import MAY_END, CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.citizens.dossier.tables import ReminderRow
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import Clock
from hub.intake.identity import DEATH
from hub.issuing.shelf import CURRENT
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.tables import ErasureRow
from hub.storage.database import Database

AHEAD: Final = (90, 30, 7)
_SOME: Final = 200
"""Licences in one transaction."""
_ROUND: Final = 25
"""Transactions in one round of the housekeeping: other work goes between."""
_REMINDERS: Final = table(ReminderRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)
_ERASURES: Final = table(ErasureRow)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Up to which day, and within it up to which version, holders were told."""

    until: str
    version: str


class Reminding:
    """Part of the housekeeping. Two processes that do it at once tell nobody twice: a notice is written once."""

    def __init__(self, database: Database, *, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._types = types
        self._clock = clock

    async def sweep(self) -> int:
        """Remind of what has come within reach; answers of how many licences. Raises: StorageError."""
        today = self._clock().astimezone(CIVIL_ZONE).date()
        reached = await self._database.read(_reached)
        done = 0
        for place, days in enumerate(AHEAD):
            if days in reached and reached[days] >= (today + timedelta(days=days)).isoformat():
                continue
            below = AHEAD[place + 1] if place + 1 < len(AHEAD) else -1
            for _ in range(_ROUND):
                some = await self._database.write(lambda tx, d=days, b=below: self._some(tx, d, b, today))  # type: ignore[misc]
                done += some
                if some < _SOME:
                    break
        return done

    def _some(self, tx: Connection, days: int, below: int, today: date) -> int:
        """`below`: what the next reminder will be about is not told twice when the first round begins."""
        known = tx.execute(select(_REMINDERS).where(_REMINDERS.c.days == days).with_for_update()).one_or_none()
        if known is None:
            first = (today + timedelta(days=below)).isoformat()
            tx.execute(insert(_REMINDERS).values(days=days, told_until=first, told_version=_LAST))
            place = _Reach(first, _LAST)
        else:
            place = _Reach(known.told_until, known.told_version)
        end = (today + timedelta(days=days)).isoformat()
        rows = _ending(tx, place, max(place.until, today.isoformat()), end)
        self._tell(tx, rows, days)
        told = _Reach(rows[-1].valid_until, rows[-1].id) if len(rows) == _SOME else _Reach(end, _LAST)
        here = _REMINDERS.c.days == days
        tx.execute(update(_REMINDERS).where(here).values(told_until=told.until, told_version=told.version))
        return len(rows)

    def _tell(self, tx: Connection, rows: Sequence[Row[Any]], days: int) -> None:
        """Whoever was erased has no notices, and a message to the telephone of the dead helps nobody."""
        further = select(_FURTHER.c.version_id, _FURTHER.c.subject_id)
        found = tx.execute(further.where(_FURTHER.c.version_id.in_([row.id for row in rows])))
        holders = [(row.id, row.subject_id) for row in rows] + [(row.version_id, row.subject_id) for row in found]
        gone = self._gone(tx, {subject_id for _, subject_id in holders})
        for version_id, subject_id in holders:
            if subject_id not in gone:
                notify(tx, subject_id, NoticeKind.LICENCE_EXPIRING, about=f"{version_id}:{days}", now=self._clock())

    def _gone(self, tx: Connection, subjects: Collection[str]) -> set[str]:
        erased = select(_ERASURES.c.subject_id).where(_ERASURES.c.subject_id.in_(subjects))
        death = self._types.find(DEATH)
        if death is None:
            return set(tx.execute(erased).scalars())
        dead = (
            select(_CERTIFICATES.c.subject_id)
            .join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
            .where(
                _CERTIFICATES.c.subject_id.in_(subjects),
                _CERTIFICATES.c.type_code == death.type.code,
                CURRENT,
                _VERSIONS.c.state.in_(WHOLE),
                _VERSIONS.c.status == "valid",
            )
        )
        return set(tx.execute(union(erased, dead)).scalars())


_LAST: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Sorts behind every version."""


def _reached(tx: Connection) -> dict[int, str]:
    rows = tx.execute(select(_REMINDERS))
    return {row.days: row.told_until if row.told_version == _LAST else "" for row in rows}


def _ending(tx: Connection, place: _Reach, first: str, last: str) -> list[Row[Any]]:
    until = _VERSIONS.c.valid_until
    behind = or_(until > place.until, and_(until == place.until, _VERSIONS.c.id > place.version))
    return list(
        tx.execute(
            select(_VERSIONS.c.id, until, _CERTIFICATES.c.subject_id)
            .join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
            .where(
                text(MAY_END),
                until >= first,
                until <= last,
                behind,
                _VERSIONS.c.state.in_(WHOLE),
                _VERSIONS.c.status == "valid",
                CURRENT,
            )
            .order_by(until, _VERSIONS.c.id)
            .limit(_SOME)
        ).all()
    )
