"""Reminders before a licence ends: 90, 30 and 7 days ahead, once each, as notices to all who hold it.

Found through the index on the end of validity, from the day up to which holders were last told: a round costs what has
come within reach since, whatever the library holds, and one that was left out is made up for. A licence that is issued
later than one of the days ahead is reminded of from the next one on.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, text, update

from catalog.tables import table
from certificates.profile import CIVIL_ZONE
from certificates.stores.certificates import WHOLE
from certificates.tables import MAY_END, CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.citizens.dossier.tables import ReminderRow
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import Clock
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


@dataclass(frozen=True, slots=True)
class _Reach:
    """Up to which day, and within it up to which version, holders were told."""

    until: str
    version: str


class Reminding:
    """Part of the housekeeping. Two processes that do it at once tell nobody twice: a notice is written once."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
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
        for row in rows:
            self._tell(tx, row, days)
        told = _Reach(rows[-1].valid_until, rows[-1].id) if len(rows) == _SOME else _Reach(end, _LAST)
        here = _REMINDERS.c.days == days
        tx.execute(update(_REMINDERS).where(here).values(told_until=told.until, told_version=told.version))
        return len(rows)

    def _tell(self, tx: Connection, row: Row[Any], days: int) -> None:
        further = select(_FURTHER.c.subject_id).where(_FURTHER.c.version_id == row.id)
        for subject_id in (row.subject_id, *tx.execute(further).scalars()):
            notify(tx, subject_id, NoticeKind.LICENCE_EXPIRING, about=f"{row.id}:{days}", now=self._clock())


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
                _VERSIONS.c.version == _CERTIFICATES.c.current_version,
            )
            .order_by(until, _VERSIONS.c.id)
            .limit(_SOME)
        ).all()
    )
