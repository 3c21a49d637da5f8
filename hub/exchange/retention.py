"""What the exchange remembers only for a time: who used what, messages sent, receipts of pushed batches, used keys.

Deleted a few hundred rows a transaction and a few transactions a turn, oldest first and through an index, so that a
turn costs little however much there is; the next turn goes on. Nothing of it is evidence: the ledger keeps that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select

from catalog.tables import SystemRow, table
from hub.clock import Clock
from hub.exchange.tables import PushedBatchRow, SubscriptionRow, UseRow, WebhookRow
from hub.storage.database import Database
from hub.storage.idempotency import KEPT
from hub.storage.tables import IdempotencyRow

STEP: Final = 500
"""Rows of one transaction: some milliseconds of the embedded database's one writer."""
STEPS: Final = 20
"""Transactions of one turn."""
_SYSTEMS: Final = table(SystemRow)
_USES: Final = table(UseRow)
_SUBSCRIPTIONS: Final = table(SubscriptionRow)
_MESSAGES: Final = table(WebhookRow)
_BATCHES: Final = table(PushedBatchRow)
_KEYS: Final = table(IdempotencyRow)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long what is kept. `used` where the system has no subscription, `subscribed` where it has one."""

    used: timedelta
    subscribed: timedelta
    messages: timedelta
    batches: timedelta


class Retention:
    """Forgets what is past its time; part of the hub's housekeeping."""

    def __init__(self, database: Database, *, periods: Periods, clock: Clock) -> None:
        self._database = database
        self._periods = periods
        self._clock = clock

    async def sweep(self) -> int:
        """One turn; answers how many rows are gone. Raises: StorageError."""
        now, periods, gone = self._clock(), self._periods, 0
        systems = await self._database.read(lambda tx: _systems_with_old_uses(tx, periods, now))
        old = [(_USES, query) for query in systems]
        old += [
            (_MESSAGES, _old_messages(now - periods.messages)),
            (_SUBSCRIPTIONS, _ended(now - periods.messages)),
            (_BATCHES, _older(_BATCHES, _BATCHES.c.received_at, now - periods.batches)),
            (_KEYS, _older(_KEYS, _KEYS.c.created_at, now - KEPT)),
        ]
        left = STEPS
        for rows, query in old:
            while left > 0 and await self._database.read(lambda tx, query=query: _any(tx, query)):  # type: ignore[misc]
                gone += await self._database.write(lambda tx, rows=rows, query=query: _forget(tx, rows, query))  # type: ignore[misc]
                left -= 1
        return gone


def _systems_with_old_uses(tx: Connection, periods: Periods, now: datetime) -> list[Select[Any]]:
    """Per system that has uses past their time, the query for the oldest of them."""
    oldest = select(func.min(_USES.c.used_at)).where(_USES.c.system_id == _SYSTEMS.c.id).scalar_subquery()
    live = _SUBSCRIPTIONS.c.state == "active"
    subscribed = exists().where(and_(_SUBSCRIPTIONS.c.system_id == _SYSTEMS.c.id, live))
    queries = []
    for system_id, first, hears in tx.execute(select(_SYSTEMS.c.id, oldest, subscribed)):
        kept = max(periods.subscribed, periods.used) if hears else periods.used
        if first is not None and first < now - kept:
            query = select(_USES.c.id).where(_USES.c.system_id == system_id, _USES.c.used_at < now - kept)
            queries.append(query.order_by(_USES.c.used_at))
    return queries


def _old_messages(before: datetime) -> Select[Any]:
    """Delivered or given up; one that waits is kept as long as its subscription lives."""
    ended = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.state == "ended")
    settled = or_(_MESSAGES.c.state.in_(["delivered", "dead"]), _MESSAGES.c.subscription_id.in_(ended))
    return _older(_MESSAGES, _MESSAGES.c.changed_at, before).where(settled)


def _ended(before: datetime) -> Select[Any]:
    """Subscriptions that have ended and left no message."""
    left = exists().where(_MESSAGES.c.subscription_id == _SUBSCRIPTIONS.c.id)
    return _older(_SUBSCRIPTIONS, _SUBSCRIPTIONS.c.changed_at, before).where(_SUBSCRIPTIONS.c.state == "ended", ~left)


def _older(rows: Any, at: Any, before: datetime) -> Select[Any]:
    return select(rows.c.id).where(at < before).order_by(at)


def _any(tx: Connection, which: Select[Any]) -> bool:
    return tx.execute(which.limit(1)).first() is not None


def _forget(tx: Connection, rows: Any, which: Select[Any]) -> int:
    # Locked, so that a message being sent again is not deleted with the state it had; what others hold waits a turn.
    ids = list(tx.execute(which.limit(STEP).with_for_update(of=rows, skip_locked=True)).scalars())
    if ids:
        tx.execute(delete(rows).where(rows.c.id.in_(ids)))
    return len(ids)
