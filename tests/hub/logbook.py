"""Hands on the log: adding entries, reading the head, and what only somebody with the database can do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from catalog.tables import table
from hub.ledger.entries import Draft, Sealed, append, entry_leaf_hash, seal
from hub.ledger.sequencer import Head, read_head
from hub.ledger.tables import LedgerEntryRow, LedgerHeadRow, LedgerTileRow
from hub.ledger.tiles import Tiles
from hub.runtime import LOG_KEY, Hub
from hub.storage.vault import DataKey
from signing.log.checkpoint import Checkpoint

ENTRIES, HEAD, TILES = (table(row) for row in (LedgerEntryRow, LedgerHeadRow, LedgerTileRow))


def log_key(hub: Hub) -> DataKey:
    secret = hub.keys.secret(LOG_KEY)
    return DataKey(secret.value, wrapped=b"", kek_kid=secret.kid)


def sealed(hub: Hub, **changes: Any) -> Sealed:
    return seal(Draft(kind="ask.made", detail={"n": 1}, key=log_key(hub), **changes), now=datetime.now(UTC))


async def add(hub: Hub, count: int = 1) -> None:
    """Commit entries that wait for their numbers."""
    entries = [sealed(hub) for _ in range(count)]
    await hub.database.write(lambda tx: append(tx, entries))


async def head(hub: Hub) -> Head:
    return await hub.database.read(read_head)


async def note(hub: Hub) -> str:
    found = (await head(hub)).note
    assert found is not None
    return found


async def checkpoint(hub: Hub) -> Checkpoint:
    return Checkpoint.parse(await note(hub), verifier=hub.keys.note_signer("log").verifier)


async def positions(hub: Hub) -> dict[str, int | None]:
    statement = select(ENTRIES.c.id, ENTRIES.c.position)
    return dict(await hub.database.read(lambda tx: [(row.id, row.position) for row in tx.execute(statement)]))


def later(seconds: float) -> Callable[[], datetime]:
    """A clock that runs ahead."""
    return lambda: datetime.now(UTC) + timedelta(seconds=seconds)


def rebuild_tiles(tx: Connection) -> tuple[int, bytes]:
    """Make the tiles anew from the entries, as somebody who rewrites history does. Answers size and root."""
    rows = tx.execute(
        select(ENTRIES.c.id, ENTRIES.c.recorded_at, ENTRIES.c.commitment)
        .where(ENTRIES.c.position.is_not(None))
        .order_by(ENTRIES.c.position)
    ).all()
    tx.execute(delete(TILES))
    tiles = Tiles(tx)
    size = tiles.append(0, [entry_leaf_hash(row.id, row.recorded_at, row.commitment) for row in rows])
    tiles.flush()
    return size, tiles.root(size)
