"""The tiles a log is published in: runs of 256 hashes that never change, and that any cache may serve.

Wire format. Source: c2sp.org/tlog-tiles.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from signing.errors import ProofError
from signing.log.merkle import HASH_BYTES, Node, root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_TILE_PATH = re.compile(
    r"tile/([0-7])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 neighbouring hashes of one level; `level` counts in steps of eight tree levels."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.level < 8 and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise ValueError("no such tile")

    @property
    def path(self) -> str:
        """Where the tile is published, below the log's prefix: `tile/0/x001/x234/067.p/112`."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(groups)}{partial}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read a published path back; ProofError unless it is exactly what `path` would print."""
        match = _TILE_PATH.fullmatch(path)
        if match is None:
            raise ProofError("tile_path")
        tile = cls(int(match[1]), int(re.sub("[x/]", "", match[2])), int(match[3] or TILE_WIDTH))
        if tile.path != path:
            raise ProofError("tile_path")
        return tile


def tiles(new_size: int, old_size: int = 0) -> Iterator[Tile]:
    """Name the tiles to publish when a log grows from `old_size` to `new_size`, lowest level first.

    A tile that was partial before is named again at its new width; an unchanged one is not.
    """
    level = 0
    while hashes := new_size >> (TILE_HEIGHT * level):
        published = old_size >> (TILE_HEIGHT * level)
        if hashes > published:
            for index in range(published // TILE_WIDTH, -(-hashes // TILE_WIDTH)):
                yield Tile(level, index, min(TILE_WIDTH, hashes - index * TILE_WIDTH))
        level += 1


def tile_bytes(tile: Tile, node: Node) -> bytes:
    """Build a tile's content, `width` hashes of 32 bytes, from stored nodes."""
    first = tile.index * TILE_WIDTH
    return b"".join(node(TILE_HEIGHT * tile.level, first + offset) for offset in range(tile.width))


def node_from_tiles(size: int, read: Callable[[Tile], bytes]) -> Node:
    """Resolve nodes of the tree of `size` leaves from its tiles.

    Tiles are not authenticated here: check the root, or verify the proof made from them. The caller caches `read`.

    Raises: ProofError (from the returned function): a tile has another length than its width.
    """

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        hashes, first = size >> (TILE_HEIGHT * tile_level), index << height
        if first + (1 << height) > hashes:
            raise ValueError("the subtree is not complete in a tree of this size")
        tile_index, offset = divmod(first, TILE_WIDTH)
        tile = Tile(tile_level, tile_index, min(TILE_WIDTH, hashes - tile_index * TILE_WIDTH))
        data = read(tile)
        if len(data) != tile.width * HASH_BYTES:
            raise ProofError("tile_length")
        wanted = range(offset * HASH_BYTES, (offset + (1 << height)) * HASH_BYTES, HASH_BYTES)
        return root(data[at : at + HASH_BYTES] for at in wanted)

    return node
