"""Looking at a hub's log from outside: fetch what is to be co-signed, prove it by tiles, co-sign, hand it in.

The hub is believed for nothing. Its tiles count because they hash to the root that its log signed; what they say of the
tree that was co-signed before is then the log's own word.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from hub.outbound import Outbound, OutboundError
from hub.witness.errors import BehindError, UnprovenError
from hub.witness.folder import Seen
from hub.witness.witness import Cosigned, Witness
from signing.errors import ProofError
from signing.log.checkpoint import MAX_NOTE_BYTES, Checkpoint, NoteVerifier
from signing.log.merkle import HASH_BYTES, Node, consistency_proof, root_at
from signing.log.tiles import TILE_WIDTH, Tile, node_from_tiles

T = TypeVar("T")
Fetch = Callable[[Tile], Awaitable[bytes]]
_NOTE: Final = "text/plain; charset=utf-8"
_MAX_TILES: Final = 512
"""More than any proof reads, of however large a tree."""


@dataclass(frozen=True, slots=True)
class HubLog:
    """The log of a hub behind its address. Its methods raise OutboundError."""

    outbound: Outbound
    url: str

    @classmethod
    def at(cls, url: str) -> "HubLog":
        """The log at an address. Raises: ValueError: not one."""
        return cls(Outbound(url, plain=True), url.rstrip("/"))

    async def to_cosign(self) -> str:
        """The checkpoint that waits for co-signatures: one for all witnesses, and a new one about every minute."""
        return await self._note("/ledger/checkpoint/to-cosign")

    async def latest(self) -> str:
        """The newest checkpoint."""
        return await self._note("/ledger/checkpoint")

    async def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile."""
        address = f"{self.url}/ledger/{tile.path}"
        return await self.outbound.fetch(address, accept="*/*", max_bytes=TILE_WIDTH * HASH_BYTES)

    async def hand_in(self, note: str) -> None:
        """Give the hub a co-signed checkpoint."""
        await self.outbound.hand(f"{self.url}/api/v1/ledger/cosignatures", note.encode(), media_type=_NOTE)

    async def _note(self, path: str) -> str:
        found = await self.outbound.fetch(f"{self.url}{path}", accept="text/plain", max_bytes=MAX_NOTE_BYTES)
        try:
            return found.decode()
        except UnicodeDecodeError as error:
            raise OutboundError("not_text") from error


async def look(witness: Witness, log: HubLog, *, key: NoteVerifier) -> Cosigned:
    """Look once, and co-sign. The co-signature is not handed in.

    Raises: ForkError, with the evidence kept. SigningError: no checkpoint of this log. UnprovenError, OutboundError:
        no proof was to be had. BehindError: something newer was co-signed since, by another process on the same folder.
        FolderError.
    """
    note = await log.to_cosign()
    shown = Checkpoint.parse(note, verifier=key)
    seen = witness.seen(key)
    if seen is None:
        return witness.cosign(note, log=key, old_size=0, proof=())
    old = seen.checkpoint
    if shown.size < old.size:
        await _go_on_from(witness, log, key=key, seen=seen)
        raise BehindError(old.size)
    proof: tuple[bytes, ...] = ()
    if old.size < shown.size:
        proof = await _prove(witness, log, seen=seen, shown=shown, note=note)
    return witness.cosign(note, log=key, old_size=old.size, proof=proof)


async def newest(log: HubLog, *, key: NoteVerifier) -> int:
    """How many entries the newest checkpoint of the log covers. Raises: OutboundError, SigningError."""
    return Checkpoint.parse(await log.latest(), verifier=key).size


async def _go_on_from(witness: Witness, log: HubLog, *, key: NoteVerifier, seen: Seen) -> None:
    """What lies before the witnesses may be older than what anybody brought to `serve`: no fault of the log's, as long
    as its newest checkpoint goes on from there. Raises: ForkError, and as `look`.
    """
    note = await log.latest()
    newest = Checkpoint.parse(note, verifier=key)
    if newest.size < seen.checkpoint.size:
        raise witness.accuse("shrank", seen=seen, shown=note)
    await _prove(witness, log, seen=seen, shown=newest, note=note)


async def _prove(witness: Witness, log: HubLog, *, seen: Seen, shown: Checkpoint, note: str) -> tuple[bytes, ...]:
    """The path from what was co-signed to what is shown. Raises: ForkError."""
    old = seen.checkpoint

    def work(node: Node) -> tuple[bytes, bytes, tuple[bytes, ...]]:
        path = consistency_proof(old.size, shown.size, node) if old.size else ()
        return root_at(shown.size, node), root_at(old.size, node), tuple(path)

    try:
        new_root, old_root, path = await _with_tiles(shown.size, log.tile, work)
    except ProofError as error:
        raise UnprovenError(error.reason) from error
    if new_root != shown.root:
        raise witness.accuse("groundless", seen=seen, shown=note)
    if old_root != old.root:
        raise witness.accuse("forked", seen=seen, shown=note, proof=path)
    return path


async def _with_tiles(size: int, fetch: Fetch, work: Callable[[Node], T]) -> T:
    """Do `work` over the nodes of a tree, fetching each tile that it turns out to need. Raises: as `fetch`."""
    known: dict[Tile, bytes] = {}
    node = node_from_tiles(size, known.__getitem__)
    while len(known) < _MAX_TILES:
        try:
            return work(node)
        except KeyError as missing:
            tile: Tile = missing.args[0]
            known[tile] = await fetch(tile)
    raise UnprovenError("too_many_tiles")
