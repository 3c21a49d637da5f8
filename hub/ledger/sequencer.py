"""The sequencer: gives committed entries their index, and signs a checkpoint over them.

One step is three moves, each finished by a restart:
1. in one transaction: take the lease, number the waiting entries, extend the tiles, swap the head (epoch and size
   compared) for the new unsigned checkpoint;
2. sign exactly that body, after re-hashing the new leaves and the right edge from what is stored;
3. hand the note to the publisher, which keeps it outside the database, then store it: nobody is shown a checkpoint
   that a database put back to yesterday would not be held against.
A paused sequencer that wakes up finds another epoch and writes nothing. An entry that commits late is numbered late:
nothing is ever skipped, because numbering looks for missing indexes, not for higher ids (seam D5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from catalog.tables import table
from hub.clock import Clock, new_id
from hub.ledger.entries import entry_leaf_hash
from hub.ledger.errors import LedgerBrokenError, StandbyError
from hub.ledger.tables import LedgerEntryRow, LedgerHeadRow
from hub.ledger.tiles import Tiles
from hub.storage.crash import crash_at
from hub.storage.database import Database
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from signing.log.merkle import EMPTY_ROOT
from signing.log.tiles import TILE_WIDTH

BATCH: Final = 4096
LEASE: Final = timedelta(seconds=5)
CLOCK_SKEW: Final = timedelta(seconds=2)
"""How far the clocks of two hosts on one database may differ."""
_ENTRIES: Final = table(LedgerEntryRow)
_HEAD: Final = table(LedgerHeadRow)


@dataclass(frozen=True, slots=True)
class Head:
    """The stored head: a checkpoint body and, once signed, its note."""

    epoch: int
    size: int
    body: str
    note: str | None
    sequenced_at: datetime
    holder: str
    lease_until: datetime


def create_head(tx: Connection, *, origin: str, now: datetime) -> None:
    """Write the head of an empty log. Once, when the hub is made."""
    body = Checkpoint(origin, 0, EMPTY_ROOT).body().decode()
    tx.execute(
        insert(_HEAD).values(id=1, epoch=0, size=0, body=body, note=None, sequenced_at=now, holder="", lease_until=now)
    )


def has_head(tx: Connection) -> bool:
    """A hub was made on this database."""
    return tx.execute(select(_HEAD.c.id)).one_or_none() is not None


def read_head(tx: Connection) -> Head:
    """The stored head. Raises LedgerBrokenError when there is none."""
    row = tx.execute(select(_HEAD)).one_or_none()
    if row is None:
        raise LedgerBrokenError("the log has no head")
    return Head(row.epoch, row.size, row.body, row.note, row.sequenced_at, row.holder, row.lease_until)


class Sequencer:
    """One per process; of all processes on a database, the one with the lease works."""

    def __init__(
        self,
        database: Database,
        *,
        signer: NoteSigner,
        origin: str,
        clock: Clock,
        publish: Callable[[str], None],
        compare: Callable[[Connection], None],
    ) -> None:
        self._database = database
        self._signer = signer
        self._origin = origin
        self._clock = clock
        self._publish = publish
        self._compare = compare
        self._name = new_id()

    async def step(self) -> int:
        """Number what waits (at most one batch) and sign; answers how many entries were numbered.

        Raises: StandbyError when another process holds the lease; LedgerBrokenError when the stored log contradicts
        itself: nothing is signed then, and a person must look.
        """
        if await self._database.read(lambda tx: not _work_waits(tx)):
            return 0
        numbered = await self._database.write(self._number)
        crash_at("sequence.committed")
        body = await self._database.read(lambda tx: self._checked_body(tx, numbered or BATCH))
        note = sign_note(body.encode(), self._signer)
        crash_at("sequence.signed")
        self._publish(note)
        crash_at("sequence.published")
        await self._database.write(lambda tx: self._store_note(tx, body, note))
        crash_at("sequence.stored")
        return numbered

    async def drain(self) -> None:
        """Step until nothing waits. Raises as `step`."""
        while await self._database.read(_work_waits):
            await self.step()

    async def release(self) -> None:
        """Give the lease back, so that the next process need not wait for it to run out."""
        await self._database.write(
            lambda tx: tx.execute(
                update(_HEAD).where(_HEAD.c.holder == self._name).values(holder="", lease_until=self._clock())
            )
        )

    def _number(self, tx: Connection) -> int:
        row = tx.execute(select(_HEAD).with_for_update()).one_or_none()
        now = self._clock()  # after the lock: whoever held it may have signed while this one waited
        if row is None:
            raise LedgerBrokenError("the log has no head")
        if row.holder not in {"", self._name} and row.lease_until > now:
            raise StandbyError("another process is sequencing")
        if row.sequenced_at > now + CLOCK_SKEW:
            raise LedgerBrokenError("the clock went back behind the last checkpoint")
        waiting = tx.execute(
            select(_ENTRIES.c.id, _ENTRIES.c.recorded_at, _ENTRIES.c.commitment)
            .where(_ENTRIES.c.position.is_(None))
            .order_by(_ENTRIES.c.id)
            .limit(BATCH)
        ).all()
        if row.note is None and row.size:
            waiting = []  # an unsigned head is signed as it stands before anything is added to it
        size = row.size
        body = row.body
        if waiting:
            tiles = Tiles(tx)
            leaves = [entry_leaf_hash(entry.id, entry.recorded_at, entry.commitment) for entry in waiting]
            tx.execute(
                update(_ENTRIES).where(_ENTRIES.c.id == bindparam("entry")).values(position=bindparam("at")),
                [{"entry": entry.id, "at": size + offset} for offset, entry in enumerate(waiting)],
            )
            size = tiles.append(size, leaves)
            body = Checkpoint(self._origin, size, tiles.root(size)).body().decode()
            tiles.flush()
        swapped = tx.execute(
            update(_HEAD)
            .where(and_(_HEAD.c.epoch == row.epoch, _HEAD.c.size == row.size))
            .values(
                epoch=row.epoch + (row.holder != self._name),
                size=size,
                body=body,
                note=None if waiting else row.note,
                sequenced_at=now if waiting else row.sequenced_at,
                holder=self._name,
                lease_until=now + LEASE,
            )
        )
        if swapped.rowcount != 1:
            raise StandbyError("the head was swapped by another sequencer")
        crash_at("sequence.numbering")
        return len(waiting)

    def _checked_body(self, tx: Connection, added: int) -> str:
        """Re-hash the last `added` leaves and what stands on them, from the store: a flipped bit is not published."""
        self._compare(tx)
        head = read_head(tx)
        if head.holder != self._name:
            raise StandbyError("the lease was lost before signing")
        tiles = Tiles(tx)
        first = max(0, head.size - added) // TILE_WIDTH * TILE_WIDTH
        rows = tx.execute(
            select(_ENTRIES.c.id, _ENTRIES.c.recorded_at, _ENTRIES.c.commitment, _ENTRIES.c.position)
            .where(and_(_ENTRIES.c.position >= first, _ENTRIES.c.position < head.size))
            .order_by(_ENTRIES.c.position)
        ).all()
        if [row.position for row in rows] != list(range(first, head.size)):
            raise LedgerBrokenError(f"indexes from {first} to {head.size} are not complete")
        for row in rows:
            if tiles.node(0, row.position) != entry_leaf_hash(row.id, row.recorded_at, row.commitment):
                raise LedgerBrokenError(f"entry {row.position} does not hash to its leaf")
        tiles.check_parents(first, head.size)
        if Checkpoint(self._origin, head.size, tiles.root(head.size)).body().decode() != head.body:
            raise LedgerBrokenError(f"the tree of size {head.size} does not have the root about to be signed")
        return head.body

    def _store_note(self, tx: Connection, body: str, note: str) -> None:
        stored = tx.execute(
            update(_HEAD).where(and_(_HEAD.c.body == body, _HEAD.c.holder == self._name)).values(note=note)
        )
        if stored.rowcount != 1:
            raise StandbyError("the head moved on before the note was stored")


def _work_waits(tx: Connection) -> bool:
    unsigned = tx.execute(select(_HEAD.c.note.is_(None))).scalar()
    waiting = tx.execute(
        select(func.count()).select_from(select(_ENTRIES.c.id).where(_ENTRIES.c.position.is_(None)).limit(1).subquery())
    ).scalar()
    return bool(unsigned or waiting)
