"""Inclusion and consistency proofs, and the public leaves, all read from the stored tiles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, select

from catalog.tables import table
from hub.ledger.entries import entry_leaf_hash, leaf_data
from hub.ledger.errors import NotSequencedError
from hub.ledger.sequencer import read_head
from hub.ledger.tables import LedgerEntryRow
from hub.ledger.tiles import Tiles
from signing.log.merkle import HASH_BYTES, consistency_proof, inclusion_proof
from signing.log.tiles import TILE_WIDTH, Tile

_ENTRIES: Final = table(LedgerEntryRow)
_LEAVES: Final = select(_ENTRIES.c.id, _ENTRIES.c.recorded_at, _ENTRIES.c.commitment, _ENTRIES.c.position)
_AT_ONCE: Final = 500
Under = Callable[[Connection], tuple[int, str] | None]
"""Size and note of the newest checkpoint that witnesses co-signed; None: there is none."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry stands at `index` in the tree of the signed checkpoint `note`."""

    entry_id: str
    index: int
    size: int
    leaf_data: bytes
    leaf_hash: bytes
    path: tuple[bytes, ...]
    note: str


def prove_inclusion(tx: Connection, entry_id: str, *, under: tuple[int, str] | None = None) -> InclusionProof | None:
    """The proof against the latest signed checkpoint; None when there is no such entry.

    Args:
        under: size and note of an earlier checkpoint of this log, which counts if it covers the entry.
    Raises: NotSequencedError while no signed checkpoint covers it.
    """
    row = tx.execute(_LEAVES.where(_ENTRIES.c.id == entry_id)).one_or_none()
    if row is None:
        return None
    head = read_head(tx)
    if row.position is None or head.note is None or row.position >= head.size:
        raise NotSequencedError(entry_id)
    size, note = under if under is not None and row.position < under[0] else (head.size, head.note)
    return _proof(row, size, note, Tiles(tx))


def prove_each(
    tx: Connection, entries: Sequence[str], *, under: tuple[int, str] | None = None
) -> dict[str, InclusionProof]:
    """As `prove_inclusion`, of many at once, by entry. Those that no signed checkpoint covers yet, and those that are
    not there, are left out.
    """
    head, tiles, found = read_head(tx), Tiles(tx), dict[str, InclusionProof]()
    latest = None if head.note is None else (head.size, head.note)
    trees = [tree for tree in (under, latest) if tree is not None]
    for first in range(0, len(entries), _AT_ONCE):
        for row in tx.execute(_LEAVES.where(_ENTRIES.c.id.in_(entries[first : first + _AT_ONCE]))):
            tree = next((tree for tree in trees if row.position is not None and row.position < tree[0]), None)
            if tree is not None:
                found[row.id] = _proof(row, *tree, tiles)
    return found


def _proof(row: Row[Any], size: int, note: str, tiles: Tiles) -> InclusionProof:
    return InclusionProof(
        entry_id=row.id,
        index=row.position,
        size=size,
        leaf_data=leaf_data(row.id, row.recorded_at, row.commitment),
        leaf_hash=entry_leaf_hash(row.id, row.recorded_at, row.commitment),
        path=tuple(inclusion_proof(row.position, size, tiles.node)),
        note=note,
    )


def prove_consistency(tx: Connection, old_size: int) -> tuple[tuple[bytes, ...], str]:
    """That the tree of `old_size` is a prefix of today's; with today's signed checkpoint.

    Raises: ValueError when the log was never that long; NotSequencedError while the newest checkpoint is unsigned.
    """
    head = read_head(tx)
    if not 0 <= old_size <= head.size:
        raise ValueError("the log was never that long")
    if head.note is None:
        raise NotSequencedError("checkpoint")
    return tuple(consistency_proof(old_size, head.size, Tiles(tx).node)), head.note


def entry_bundle(tx: Connection, wanted: Tile) -> bytes | None:
    """The tlog-tiles entry bundle: the leaves under a level-0 tile, each after its length in two bytes."""
    first = wanted.index * TILE_WIDTH
    if first + wanted.width > read_head(tx).size:
        return None
    rows = tx.execute(
        select(_ENTRIES.c.id, _ENTRIES.c.recorded_at, _ENTRIES.c.commitment)
        .where(and_(_ENTRIES.c.position >= first, _ENTRIES.c.position < first + wanted.width))
        .order_by(_ENTRIES.c.position)
    )
    leaves = [leaf_data(row.id, row.recorded_at, row.commitment) for row in rows]
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def published_tile(tx: Connection, wanted: Tile) -> bytes | None:
    """The hashes of a tile at the asked width; None when the log is not that long yet."""
    hashes = Tiles(tx).tile(wanted.level, wanted.index)
    end = wanted.width * HASH_BYTES
    return hashes[:end] if len(hashes) >= end else None
