"""What witnesses said of the log, read: which checkpoint lies before them, who co-signed which, and how lately.

Every line is verified under the present key of a registered witness before it is shown or counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from catalog.tables import table
from hub.clock import Clock
from hub.ledger.witnessing.register import Witness, WitnessRegister
from hub.ledger.witnessing.tables import LedgerCosignatureRow, LedgerForkRow, LedgerRoundRow
from hub.storage.errors import IntegrityBrokenError
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier, add_signature
from signing.log.cosignature import Cosignature

ROUNDS: Final = table(LedgerRoundRow)
LINES: Final = table(LedgerCosignatureRow)
FORKS: Final = table(LedgerForkRow)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with the lines of those who co-signed it, and who they are."""

    size: int
    note: str
    by: Sequence[tuple[Witness, int]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether enough witnesses co-signed lately. `last`: each witness and when it did so last, None: never."""

    wanted: int
    within: timedelta
    last: Sequence[tuple[Witness, datetime | None]]
    lately: int
    new: int
    forks: int

    @property
    def enough(self) -> bool:
        """No fork is known, and as many co-signed as are wanted; who was registered just now is given time."""
        return not self.forks and self.lately + self.new >= self.wanted


class WitnessedLog:
    """Reads it, in the caller's transaction."""

    def __init__(
        self, *, register: WitnessRegister, log: NoteVerifier, clock: Clock, wanted: int | None, within: timedelta
    ) -> None:
        self._log = log
        self._clock = clock
        self._wanted = wanted
        self._within = within
        self._rounds = ROUNDS.c.origin == log.name
        self._lines = LINES.c.origin == log.name
        self.register = register

    def to_cosign(self, tx: Connection) -> str | None:
        """The checkpoint that lies before the witnesses; None: no round was opened yet."""
        return tx.execute(select(ROUNDS.c.note).where(self._rounds).order_by(ROUNDS.c.size.desc()).limit(1)).scalar()

    def cosigned(self, tx: Connection) -> Cosigned | None:
        """The newest checkpoint that as many co-signed as are wanted, or else the newest that anybody did."""
        known = {item.id: item for item in self.register.known(tx)}
        counted = (
            select(LINES.c.size, func.count())
            .join(ROUNDS, (ROUNDS.c.origin == LINES.c.origin) & (ROUNDS.c.size == LINES.c.size))
            .where(self._lines & LINES.c.witness_id.in_(list(known)))
            .group_by(LINES.c.size)
            .order_by(LINES.c.size.desc())
        )
        sizes = [(size, count) for size, count in tx.execute(counted)]
        wanted = max(1, self.wanted_of(len(known)))
        for least in dict.fromkeys((wanted, 1)):
            for size in (size for size, count in sizes if count >= least):  # the first, unless somebody forged lines
                plain = tx.execute(select(ROUNDS.c.note).where(self._rounds & (ROUNDS.c.size == size))).scalar_one()
                found = self._with_lines(tx, plain, known)
                if len(found.by) >= least:
                    return found
        return None

    def under(self, tx: Connection) -> tuple[int, str] | None:
        """Size and note of `cosigned`, for proofs that are to rest on it."""
        found = self.cosigned(tx)
        return None if found is None else (found.size, found.note)

    def with_lines(self, tx: Connection, note: str) -> Cosigned:
        """A checkpoint with what active witnesses said of it. Raises: IntegrityBrokenError."""
        return self._with_lines(tx, note, {item.id: item for item in self.register.known(tx)})

    def _with_lines(self, tx: Connection, note: str, known: Mapping[str, Witness]) -> Cosigned:
        shown = self._parsed(note)
        rows = tx.execute(
            select(LINES).where(self._lines & (LINES.c.size == shown.size)).order_by(LINES.c.witness_id)
        ).all()
        by = []
        for row in rows:
            found = _held(known[row.witness_id], shown, row.line) if row.witness_id in known else None
            if found is not None:
                note = add_signature(note, row.line)
                by.append((known[row.witness_id], found.time))
        return Cosigned(shown.size, note, by)

    def standing(self, tx: Connection) -> Standing:
        """How things are with the witnesses. Raises: IntegrityBrokenError."""
        known, now = self.register.known(tx), self._clock()
        last = [(item, self._last(tx, item)) for item in known]
        lately = sum(at is not None and now - at <= self._within for _, at in last)
        new = sum(at is None and now - item.changed_at <= self._within for item, at in last)
        return Standing(self.wanted_of(len(known)), self._within, last, lately, new, self.forks(tx))

    def forks(self, tx: Connection) -> int:
        """How many checkpoints are kept that this log's key signed and that are not of it.

        Those of a log that it succeeded say nothing of it.
        """
        return sum(self._signed(row.note) for row in tx.execute(select(FORKS.c.note)))

    def wanted_of(self, known: int) -> int:
        """How many are wanted: as set; else one, as soon as there is one."""
        return min(1, known) if self._wanted is None else self._wanted

    def _last(self, tx: Connection, witness: Witness) -> datetime | None:
        """When a witness co-signed last, as its own line says: the row beside it could be anybody's."""
        row = tx.execute(
            select(LINES.c.line, ROUNDS.c.note)
            .join(ROUNDS, (ROUNDS.c.origin == LINES.c.origin) & (ROUNDS.c.size == LINES.c.size))
            .where(self._lines & (LINES.c.witness_id == witness.id))
            .order_by(LINES.c.said.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        found = _held(witness, self._parsed(row.note), row.line)
        return None if found is None else datetime.fromtimestamp(found.time, UTC)

    def _parsed(self, note: str) -> Checkpoint:
        try:
            return Checkpoint.parse(note, verifier=self._log)
        except SigningError:
            raise IntegrityBrokenError("ledger_rounds") from None

    def _signed(self, note: str) -> bool:
        try:
            return bool(Checkpoint.parse(note, verifier=self._log))
        except SigningError:
            return False


def _held(witness: Witness, shown: Checkpoint, line: str) -> Cosignature | None:
    """What a kept line says, if it is this witness's, of its present key: it may have got another since."""
    try:
        return witness.verifier.read(shown.body(), line)
    except SigningError:
        return None
