"""Digests that wait for a time-stamp: what was made while the authority was away gets its stamp when it is back.

An order is written in the transaction of what it belongs to, so that none is forgotten; the stamps are asked for
outside of any transaction. Until then the object is pending, which `find` and `waiting` tell. A crash between a stamp
and its row costs that stamp: another one is asked for.

Where an authority was named, the newest checkpoint of the ledger is stamped once an hour: whoever rewrites the log has
to explain a stamp of somebody else. The built-in authority's stamp would only say again what the hub says.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from catalog.tables import table
from hub.clock import Clock, new_id
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps
from hub.issuing.tables import StampOrderRow
from hub.ledger.sequencer import read_head
from hub.storage.database import Database
from signing.canonical import sha256

CHECKPOINT: Final = "checkpoint"
RENDITION: Final = "rendition"
"""Purposes of orders: the ledger's newest checkpoint, and pages by the id of their rendition."""
CHECKPOINT_EVERY: Final = timedelta(hours=1)
RETRY_AFTER: Final = timedelta(minutes=1)
LATE: Final = timedelta(minutes=10)
"""An order that waits longer shows in readiness, as something that the hub does without."""
AT_ONCE: Final = 50
_ORDERS: Final = table(StampOrderRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StampOrder:
    """A digest and its stamp; `token` is None while it waits."""

    id: str
    purpose: str
    reference: str
    digest: bytes
    content: bytes | None
    ordered_at: datetime
    token: bytes | None
    stamped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many orders wait, and since when the oldest does."""

    count: int
    oldest_at: datetime | None


def order(
    tx: Connection, *, purpose: str, reference: str, digest: bytes, now: datetime, content: bytes | None = None
) -> None:
    """Ask for a stamp over a SHA-256; once, however often it is ordered.

    Args:
        purpose: who will look for it, such as `rendition`.
        reference: of the object, never anything personal.
    """
    same = (_ORDERS.c.purpose == purpose) & (_ORDERS.c.reference == reference) & (_ORDERS.c.digest == digest)
    if tx.execute(select(_ORDERS.c.id).where(same)).first() is None:
        row = {"purpose": purpose, "reference": reference, "digest": digest, "content": content, "ordered_at": now}
        tx.execute(insert(_ORDERS).values(id=new_id(), **row))


def find(tx: Connection, *, purpose: str, reference: str | None = None) -> StampOrder | None:
    """The newest order for an object, or of a purpose."""
    wanted = select(_ORDERS).where(_ORDERS.c.purpose == purpose)
    if reference is not None:
        wanted = wanted.where(_ORDERS.c.reference == reference)
    row = tx.execute(wanted.order_by(_ORDERS.c.ordered_at.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return StampOrder(**{name: getattr(row, name) for name in StampOrder.__dataclass_fields__})


def arrived(tx: Connection, *, purpose: str, limit: int) -> list[StampOrder]:
    """Orders of a purpose that have their stamp, the oldest first; `forget` them when it has been used."""
    wanted = select(_ORDERS).where(_ORDERS.c.purpose == purpose, _ORDERS.c.token.is_not(None))
    rows = tx.execute(wanted.order_by(_ORDERS.c.ordered_at).limit(limit))
    return [StampOrder(**{name: getattr(row, name) for name in StampOrder.__dataclass_fields__}) for row in rows]


def forget(tx: Connection, *, purpose: str, reference: str) -> None:
    """Nobody wants a stamp for this object any more."""
    tx.execute(delete(_ORDERS).where(_ORDERS.c.purpose == purpose, _ORDERS.c.reference == reference))


def waiting(tx: Connection) -> Waiting:
    """What waits now."""
    found = select(func.count(), func.min(_ORDERS.c.ordered_at)).where(_ORDERS.c.token.is_(None))
    count, oldest = tx.execute(found).one()
    return Waiting(count, oldest)


class StampQueue:
    """Works orders off. Several processes may; an order is then stamped twice at worst, and keeps its first stamp."""

    def __init__(self, database: Database, *, stamps: TimeStamps, clock: Clock) -> None:
        self._database = database
        self._stamps = stamps
        self._clock = clock

    async def work(self) -> None:
        """One round. An authority that is away ends it: the rest would wait for nothing."""
        if not self._stamps.trial:
            await self._order_checkpoint()
        now = self._clock()
        rested = or_(_ORDERS.c.tried_at.is_(None), _ORDERS.c.tried_at < now - RETRY_AFTER)
        due = select(_ORDERS.c.id, _ORDERS.c.digest).where(_ORDERS.c.token.is_(None), rested)
        due = due.order_by(_ORDERS.c.ordered_at).limit(AT_ONCE)
        for item in await self._database.read(lambda tx: tx.execute(due).all()):
            try:
                token, stamp = await self._stamps.stamped(item.digest)
            except StampUnavailableError as error:
                _log.warning("stamp_waits", reason=error.reason)
                await self._write(item.id, tried_at=now)
                return
            await self._write(item.id, tried_at=now, token=token, stamped_at=stamp.time)

    async def waiting(self) -> Waiting:
        """What waits now."""
        return await self._database.read(waiting)

    async def late(self) -> bool:
        """Whether an order has waited too long."""
        oldest = (await self.waiting()).oldest_at
        return oldest is not None and self._clock() - oldest > LATE

    async def _write(self, order_id: str, **values: object) -> None:
        where = (_ORDERS.c.id == order_id) & _ORDERS.c.token.is_(None)
        await self._database.write(lambda tx: tx.execute(update(_ORDERS).where(where).values(**values)).rowcount)

    async def _order_checkpoint(self) -> None:
        now = self._clock()

        def unit(tx: Connection) -> None:
            last, head = find(tx, purpose=CHECKPOINT), read_head(tx)
            due = last is None or now - last.ordered_at >= CHECKPOINT_EVERY
            if due and head.note is not None and (last is None or last.reference != str(head.size)):
                note = head.note.encode()
                order(tx, purpose=CHECKPOINT, reference=str(head.size), digest=sha256(note), now=now, content=note)

        await self._database.write(unit)
