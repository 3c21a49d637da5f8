"""Scans past their time 扫描件到期删除: the page goes, its digest, seal and time-stamp stay.

A scan serves other cases until its last day, and its own case until that is closed and its archive filed. So many days
after all of that the object is deleted. The day is that of its requirement (`copy_days`), the rest is a setting.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, exists, select, update

from catalog.tables import table
from hub.archive.store import FILED
from hub.archive.tables import CaseArchiveRow
from hub.clock import BEIJING, Clock
from hub.intake import store
from hub.intake.lower.copy_store import SEALED
from hub.intake.lower.sealing import DELETE
from hub.intake.lower.tables import SealedCopyRow
from hub.intake.tables import CaseRow
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

EVERY: Final = timedelta(hours=1)
_AT_ONCE: Final = 100
_COPIES: Final = table(SealedCopyRow)
_CASES: Final = table(CaseRow)
_ARCHIVES: Final = table(CaseArchiveRow)


class ScanAging:
    """Deletes scans: at most `_AT_ONCE` a turn; when none is left it looks again in an hour."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock, kept: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._kept = kept
        self._next: datetime | None = None

    async def sweep(self) -> int:
        """Have the scans deleted whose time is over; answers how many."""
        now = self._clock()
        if self._next is not None and now < self._next:
            return 0
        if not await self._database.read(lambda tx: self._over(tx, now, most=1)):
            self._next = now + EVERY
            return 0
        return await self._database.write(lambda tx: self._delete(tx, now))

    def _over(self, tx: Connection, now: datetime, *, most: int) -> list[tuple[str, str]]:
        """Copies whose time is over, with their cases."""
        last = (now - self._kept).astimezone(BEIJING).date().isoformat()
        waits = exists().where(and_(_ARCHIVES.c.case_id == _COPIES.c.case_id, _ARCHIVES.c.state != FILED))
        over = and_(
            _COPIES.c.state == SEALED,
            _COPIES.c.scan_deleted_at.is_(None),
            _COPIES.c.valid_until < last,
            _CASES.c.state == store.CLOSED,
            _CASES.c.closed_at < now - self._kept,
            ~waits,
        )
        query = select(_COPIES.c.id, _COPIES.c.case_id).join(_CASES, _CASES.c.id == _COPIES.c.case_id).where(over)
        return [(row.id, row.case_id) for row in tx.execute(query.order_by(_COPIES.c.id).limit(most))]

    def _delete(self, tx: Connection, now: datetime) -> int:
        entries = []
        for copy_id, case_id in self._over(tx, now, most=_AT_ONCE):
            once = and_(_COPIES.c.id == copy_id, _COPIES.c.scan_deleted_at.is_(None))
            case = store.case_by_id(tx, case_id)
            if case is None or not tx.execute(update(_COPIES).where(once).values(scan_deleted_at=now)).rowcount:
                continue
            key = self._vault.data_key(case.data_key, case.kek_kid)
            detail = {"case_no": case.case_no, "copy": copy_id}
            entries.append(seal(Draft(kind="copy.scan_deleted", detail=detail, key=key, case_id=case.id), now=now))
            enqueue(tx, DELETE, {"copy": copy_id}, now=now)
        append(tx, entries)
        return len(entries)
