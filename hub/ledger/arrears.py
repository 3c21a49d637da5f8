"""The hub's own monitor: an entry that was committed and is not in the tree within the promised time is an alarm.

From outside the same is asked with the receipts that systems got (`yizheng ledger monitor`).
"""

from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, select

from catalog.tables import table
from hub.access.actors import Role
from hub.clock import Clock
from hub.ledger.tables import LedgerEntryRow
from hub.registry.notices import notify
from hub.storage.database import Database

PROMISED: Final = timedelta(seconds=30)
"""Receipts promise about a second. After thirty nothing that is merely busy explains it."""
_LISTED: Final = 20
_ENTRIES: Final = table(LedgerEntryRow)
_THE_LOG: Final = "00000000-0000-0000-0000-000000000000"
_log = structlog.get_logger(__name__)


class Arrears:
    """One per process."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._told: frozenset[str] = frozenset()
        self.raised = 0
        """For how many entries this process raised the alarm."""

    def waiting(self, tx: Connection) -> list[str]:
        """Ids of entries that wait for longer than was promised; the first of them."""
        late = _ENTRIES.c.position.is_(None) & (_ENTRIES.c.recorded_at < self._clock() - PROMISED)
        return [row.id for row in tx.execute(select(_ENTRIES.c.id).where(late).order_by(_ENTRIES.c.id).limit(_LISTED))]

    async def sweep(self) -> None:
        """Raise the alarm for those that this process did not raise it for yet."""
        found = await self._database.read(self.waiting)
        new = set(found) - self._told
        self.raised += len(new)
        if new:
            _log.error("ledger_waits", alarm=True, entries=found)
            await self._database.write(self._tell)
        self._told = frozenset(found)

    def _tell(self, tx: Connection) -> None:
        now = self._clock()
        day = f"{now:%Y%m%d}"
        notify(
            tx, "ledger.waiting", department_id=None, role=Role.OPERATOR, about=("ledger", _THE_LOG), now=now, once=day
        )
