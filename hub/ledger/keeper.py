"""The remembered checkpoint: kept outside the database and its backups, compared at every start (drills 15, 33, 48).

A database that was put back to yesterday would otherwise hand out yesterday's indexes a second time, and the log would
fork. The keeper refuses to go on; the operator opens a successor log or brings the newer store back.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from hub.clock import Clock, rfc3339
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.sequencer import read_head
from hub.ledger.tiles import Tiles
from hub.storage.errors import UnavailableError
from hub.storage.files import write_durably
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier

FILE: Final = "last-checkpoint.json"


class CheckpointKeeper:
    """A small file in a folder that no backup of the database contains."""

    def __init__(self, folder: Path, *, verifier: NoteVerifier, clock: Clock) -> None:
        self._path = folder / FILE
        self._verifier = verifier
        self._clock = clock

    def remember(self, note: str) -> None:
        """Keep this signed checkpoint, unless a longer one is already kept. Raises UnavailableError."""
        kept = self.remembered()
        if kept is not None and self._parse(kept[0]).size > self._parse(note).size:
            return
        record = {"note": note, "kept_at": rfc3339(self._clock())}
        try:
            write_durably(self._path, json.dumps(record).encode(), mode=0o600)
        except OSError as error:
            raise UnavailableError(f"the witness folder cannot be written: {error.strerror}") from error

    def remembered(self) -> tuple[str, datetime] | None:
        """The kept note and when it was kept; None before the first."""
        if not self._path.exists():
            return None
        try:
            record = json.loads(self._path.read_bytes())
            return record["note"], datetime.fromisoformat(record["kept_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerBrokenError("the kept checkpoint cannot be read") from error

    def check(self, tx: Connection) -> None:
        """Raises LedgerBrokenError when the store is older than, or differs from, the remembered checkpoint, or the
        clock went back behind it.
        """
        kept = self.remembered()  # in this order: another process may be publishing and extending meanwhile
        head = read_head(tx)
        now = self._clock()
        if now < head.sequenced_at:
            raise LedgerBrokenError(f"the clock went back: the log was extended at {rfc3339(head.sequenced_at)}")
        if kept is not None and now < kept[1]:
            raise LedgerBrokenError(f"the clock went back: a checkpoint was kept at {rfc3339(kept[1])}")
        self.compare(tx)

    def compare(self, tx: Connection) -> None:
        """Raises LedgerBrokenError when the store does not begin with what the remembered checkpoint promised."""
        kept = self.remembered()  # before the head is read, as above
        if kept is None:
            return
        remembered, head = self._parse(kept[0]), read_head(tx)
        if head.size < remembered.size:
            raise LedgerBrokenError(
                f"the store holds {head.size} entries, a signed checkpoint of {remembered.size} was published: "
                "restore the newer store, or open a successor log"
            )
        if remembered.size and Tiles(tx).root(remembered.size) != remembered.root:
            raise LedgerBrokenError(f"the first {remembered.size} entries are not those of the published checkpoint")

    def _parse(self, note: str) -> Checkpoint:
        try:
            return Checkpoint.parse(note, verifier=self._verifier)
        except SigningError as error:
            raise LedgerBrokenError("the kept checkpoint is not signed by this log") from error
