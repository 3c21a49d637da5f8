"""A log that signs whatever it is told to, and what it serves to a witness."""

from pathlib import Path

from hub.clock import utc_now
from hub.outbound import OutboundError
from hub.witness.folder import WitnessFolder
from hub.witness.watching import HubLog
from hub.witness.witness import Witness
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from signing.log.merkle import HashTree, consistency_proof, leaf_hash
from signing.log.tiles import Tile, tile_bytes

SIGNER = NoteSigner.generate("log.example")


class Log:
    """Its leaves are letters."""

    def __init__(self, leaves: str, *, root_of: str | None = None) -> None:
        self.tree = HashTree(leaf_hash(leaf.encode()) for leaf in leaves)
        root = self.tree.root() if root_of is None else Log(root_of).tree.root()
        self.note = sign_note(Checkpoint("log.example", self.tree.size, root).body(), SIGNER)

    def proof(self, old: int) -> list[bytes]:
        return list(consistency_proof(old, self.tree.size, self.tree.node)) if old else []

    def served(self) -> "Served":
        return Served(self)


class Served(HubLog):
    """What `look` asks of a hub, answered here."""

    def __init__(self, log: Log, newest: Log | None = None) -> None:
        object.__setattr__(self, "log", log)
        object.__setattr__(self, "newest", newest or log)
        object.__setattr__(self, "taken", [])

    async def to_cosign(self) -> str:
        return self.log.note

    async def latest(self) -> str:
        return self.newest.note

    async def tile(self, tile: Tile) -> bytes:
        try:
            return tile_bytes(tile, self.newest.tree.node)
        except (IndexError, ValueError):
            raise OutboundError("status 404") from None

    async def hand_in(self, note: str) -> None:
        self.taken.append(note)

    log: Log
    newest: Log
    taken: list[str]


def witness_in(folder: Path) -> Witness:
    """A witness with a new folder, or the one that is there."""
    opened = WitnessFolder(folder) if (folder / "name").exists() else WitnessFolder.make(folder, "witness.example/w1")
    return Witness(opened, clock=utc_now)
