"""Rows of codes that holders show: each lives a while and ends once. One rule for presentations and for showings.

The entry of its end holds that once (`hub.ledger.spent`): whoever ends one writes it under the row's id, so that a row
which is put back by SQL lives no more. What takes a connection never commits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, Select, Table, delete, insert, select, update

from hub.citizens.once import Once
from hub.intake.errors import IdempotencyError
from hub.ledger.spent import spent
from hub.storage.database import Database
from hub.storage.vault import Vault

LIVE: Final = "live"
TAKEN: Final = "taken"
EXPIRED: Final = "expired"
REPLACED: Final = "replaced"
KEPT: Final = timedelta(days=90)
ONCE: Final = timedelta(hours=24)
"""For so long an Idempotency-Key stands for what it made."""
_SWEEP: Final = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CodeRows:
    """One table of them. `keyed` selects its rows with their subject's key, and whether they are `spent`; `wiped`: what
    a row loses at its end.
    """

    rows: Table
    keyed: Select[Any]
    wiped: Mapping[str, None] = field(default_factory=lambda: {"content": None})

    def add(self, tx: Connection, values: Mapping[str, Any]) -> None:
        """Write a new one."""
        tx.execute(insert(self.rows).values(**values))

    def made_before(
        self, tx: Connection, vault: Vault, whose: Sequence[str], once: Once | None, now: datetime
    ) -> tuple[str | None, dict[str, Any]]:
        """The row that came with this key within a day; or what a new one has of it. An older row gives its key back.

        Raises: IdempotencyError: the key came with another request.
        """
        if once is None:
            return None, {}
        named = vault.lookup_hash(*whose, once.key).hex()
        mine = self.rows.c.once == named
        tx.execute(update(self.rows).where(mine, self.rows.c.made_at < now - ONCE).values(once=None))
        known = tx.execute(select(self.rows.c.id, self.rows.c.once_hash).where(mine)).one_or_none()
        if known is None:
            return None, {"once": named, "once_hash": once.request_hash}
        if known.once_hash != once.request_hash:
            raise IdempotencyError
        return str(known.id), {}

    def own(self, tx: Connection, row_id: str) -> Row[Any] | None:
        """The one with this id, with its subject's key."""
        return tx.execute(self.keyed.where(self.rows.c.id == row_id)).one_or_none()

    def lives(self, row: Row[Any], now: datetime) -> bool:
        """Whether it could be taken. One that lives and has ended was put back: that is an alarm."""
        if row.state != LIVE or row.expires_at <= now:
            return False
        if row.spent:
            _log.error("code_put_back", alarm=True, table=self.rows.name, code=row.id)
        return not row.spent

    def end(self, tx: Connection, row_id: str, state: str, now: datetime, **more: Any) -> bool:
        """Let a live one end, once; the caller writes the entry. False: it has ended, or is to be taken too late."""
        where = (self.rows.c.id == row_id) & (self.rows.c.state == LIVE) & ~spent(self.rows.c.id)
        if state == TAKEN:
            where &= self.rows.c.expires_at > now
        values = {"state": state, "ended_at": now, **self.wiped, **more}
        return tx.execute(update(self.rows).where(where).values(**values)).rowcount == 1

    def refused(self, tx: Connection, row_id: str, department_id: str | None, now: datetime) -> None:
        """Remember that somebody tried it who may not."""
        tx.execute(update(self.rows).where(self.rows.c.id == row_id).values(refused_at=now, refused_by=department_id))

    def live_of(self, tx: Connection, subject_id: str) -> list[Row[Any]]:
        """The holder's that have not ended, locked: he has one at a time."""
        query = self.keyed.where(self.rows.c.subject_id == subject_id, self.rows.c.state == LIVE)
        return list(tx.execute(query.with_for_update(of=self.rows)))

    async def sweep(
        self, database: Database, now: datetime, end: Callable[[Connection, Row[Any], str, datetime], bool]
    ) -> int:
        """Part of the housekeeping: ends those past their time by `end`, and forgets old rows, which the ledger
        remembers; answers how many ended.
        """
        before = now - KEPT
        old = select(self.rows.c.id).where(self.rows.c.expires_at < before, self.rows.c.state != LIVE)
        if await database.read(lambda tx: tx.execute(old.limit(1)).first()) is not None:
            some = delete(self.rows).where(self.rows.c.id.in_(old.limit(_SWEEP)))
            await database.write(lambda tx: tx.execute(some).rowcount)
        if not await database.read(lambda tx: self._overdue(tx, now, 1)):
            return 0

        def unit(tx: Connection) -> int:
            put_back = (self.rows.c.state == LIVE) & (self.rows.c.expires_at <= now) & spent(self.rows.c.id)
            tx.execute(update(self.rows).where(put_back).values(state=EXPIRED, **self.wiped))
            return sum(end(tx, row, EXPIRED, now) for row in self._overdue(tx, now, _SWEEP))

        return await database.write(unit)

    def _overdue(self, tx: Connection, now: datetime, limit: int) -> list[Row[Any]]:
        late = self.keyed.where(self.rows.c.state == LIVE, self.rows.c.expires_at <= now)
        return list(tx.execute(late.order_by(self.rows.c.expires_at, self.rows.c.id).limit(limit)))
