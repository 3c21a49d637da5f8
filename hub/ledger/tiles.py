"""The tree as C2SP tlog-tiles: each tile holds up to 256 hashes of one level-of-eight.

Tile (level, number) holds the hashes of complete subtrees of 256**level leaves. Only right-edge tiles change, so a
step of the sequencer reads and writes a handful of rows however large the log is.
"""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.tables import LedgerTileRow
from signing.log.merkle import HASH_BYTES, root_at
from signing.log.merkle import root as merkle_root
from signing.log.tiles import TILE_HEIGHT, TILE_WIDTH

_TILES: Final = table(LedgerTileRow)


@dataclass(slots=True)
class Tiles:
    """The tiles of one transaction: read once, changed in memory, written back by `flush`."""

    tx: Connection
    _known: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _changed: set[tuple[int, int]] = field(default_factory=set)

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, empty when there is none."""
        key = (level, number)
        if key not in self._known:
            found = self.tx.execute(
                select(_TILES.c.hashes).where(and_(_TILES.c.level == level, _TILES.c.number == number))
            ).scalar()
            self._known[key] = found or b""
        return self._known[key]

    def append(self, size: int, leaf_hashes: list[bytes]) -> int:
        """Put leaves after the first `size`; answers the new size. Fills parent tiles as tiles become full."""
        for leaf in leaf_hashes:
            self._put(0, size, leaf)
            size += 1
        return size

    def node(self, level: int, index: int) -> bytes:
        """The hash of the complete subtree of 2**level leaves starting at index * 2**level.

        Raises: LedgerBrokenError when the stored tiles do not reach that far.
        """
        tile_level, inner = divmod(level, TILE_HEIGHT)
        first = index << inner
        number, offset = divmod(first, TILE_WIDTH)
        hashes = self.tile(tile_level, number)
        wanted = hashes[offset * HASH_BYTES : (offset + (1 << inner)) * HASH_BYTES]
        if len(wanted) != HASH_BYTES << inner:
            raise LedgerBrokenError(f"tile {tile_level}/{number} is too short")
        return merkle_root(_split(wanted))

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves, from the right edge."""
        return root_at(size, self.node)

    def check_parents(self, first: int, size: int) -> None:
        """Hash the full tiles over leaves `first` to `size` again. Raises LedgerBrokenError where a parent differs."""
        level = 0
        while size >= TILE_WIDTH:
            first, size = first // TILE_WIDTH, size // TILE_WIDTH
            for number in range(first, size):
                if self.node((level + 1) * TILE_HEIGHT, number) != merkle_root(_split(self.tile(level, number))):
                    raise LedgerBrokenError(f"tile {level}/{number} does not hash to its parent")
            level += 1

    def check_edge(self, size: int) -> None:
        """Raises LedgerBrokenError where a level does not end with the log: the sequencer could not go on there."""
        level, count = 0, size
        while True:
            number, width = divmod(count, TILE_WIDTH)
            if len(self.tile(level, number)) != width * HASH_BYTES:
                raise LedgerBrokenError(f"tile {level}/{number} does not end where the checkpoint does")
            if not count:
                return
            level, count = level + 1, number

    def flush(self) -> None:
        """Write what `append` changed."""
        if not self._changed:
            return
        rows = [
            {"level": level, "number": number, "hashes": self._known[level, number]}
            for level, number in sorted(self._changed)
        ]
        insert = postgresql.insert if self.tx.dialect.name == "postgresql" else sqlite.insert
        statement = insert(_TILES)
        self.tx.execute(
            statement.on_conflict_do_update(
                index_elements=["level", "number"], set_={"hashes": statement.excluded.hashes}
            ),
            rows,
        )
        self._changed.clear()

    def _put(self, level: int, index: int, value: bytes) -> None:
        number, offset = divmod(index, TILE_WIDTH)
        before = self.tile(level, number)
        if len(before) != offset * HASH_BYTES:
            raise LedgerBrokenError(f"tile {level}/{number} does not end where the checkpoint does")
        hashes = before + value
        self._known[level, number] = hashes
        self._changed.add((level, number))
        if len(hashes) == TILE_WIDTH * HASH_BYTES:
            self._put(level + 1, number, merkle_root(_split(hashes)))


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)]
