"""Rounds of co-signing: a checkpoint is laid before the witnesses, what they say of it is kept and shown.

A log signs a checkpoint every second, and witnesses who come by at times of their own would never sign the same one:
a round lays one before all of them, and the next is opened once the log has grown and a minute went by. Nobody is asked
for anything but the signature: it is the witness's credential, and only its word counts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, delete, insert, select, update

from hub.access.actors import Role
from hub.clock import Clock
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.sequencer import read_head
from hub.ledger.tiles import Tiles
from hub.ledger.verify import LedgerReport
from hub.ledger.witnessing.errors import ForkReportedError, NoRoundError, NotOfThisLogError, NoWitnessError
from hub.ledger.witnessing.reading import FORKS, LINES, ROUNDS, Cosigned, WitnessedLog
from hub.ledger.witnessing.register import WitnessRegister
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from signing.canonical import sha256
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier, signed_by
from signing.log.cosignature import Cosignature, cosignatures

ROUND: Final = timedelta(seconds=60)
KEPT: Final = timedelta(days=1)
"""Rounds that a newer co-signed one has made needless."""
AHEAD: Final = timedelta(minutes=5)
"""How far a witness's clock may be in front."""
MOST_FORKS: Final = 100
"""Evidence that is kept; the first counts."""
_THE_LOG: Final = "00000000-0000-0000-0000-000000000000"
_log = structlog.get_logger(__name__)


class Witnessing(WitnessedLog):
    """One per process: what is read, and what changes it."""

    def __init__(
        self,
        database: Database,
        *,
        register: WitnessRegister,
        log: NoteVerifier,
        clock: Clock,
        wanted: int | None,
        within: timedelta,
    ) -> None:
        super().__init__(register=register, log=log, clock=clock, wanted=wanted, within=within)
        self._database = database
        self._quiet = True

    async def shown(self, note: str) -> str:
        """A checkpoint with the lines of those who co-signed it. Raises: IntegrityBrokenError."""
        return (await self._database.read(lambda tx: self.with_lines(tx, note))).note

    async def take(self, note: str) -> Sequence[Cosignature]:
        """Keep the co-signatures of a checkpoint; each witness's newest counts.

        Raises: NotOfThisLogError, NoWitnessError, NoRoundError; ForkReportedError: this log's key signed another log.
        """
        try:
            shown = Checkpoint.parse(note, verifier=self._log)
            plain = signed_by(note, verifier=self._log)
        except SigningError as error:
            raise NotOfThisLogError from error
        now = self._clock()
        found, fork = await self._database.write(lambda tx: self._take(tx, shown, plain, note, now))
        if fork:
            _log.error("ledger_forked", alarm=True, size=shown.size)
            raise ForkReportedError
        return found

    async def verify(self, report: LedgerReport) -> tuple[LedgerReport, Cosigned | None]:
        """Hold what lay before witnesses against the stored log, whose verification found `report`: each must be a
        beginning of it, and no fork known.
        """

        def unit(tx: Connection) -> tuple[list[str], Cosigned | None]:
            head, tiles = read_head(tx), Tiles(tx)
            found = []
            for row in tx.execute(select(ROUNDS.c.note).where(self._rounds).order_by(ROUNDS.c.size)):
                shown = Checkpoint.parse(row.note, verifier=self._log)
                if shown.size > head.size or tiles.root(shown.size) != shown.root:
                    found.append(f"the checkpoint of size {shown.size} that lay before witnesses is not of this log")
            forks = self.forks(tx)
            if forks:
                found.append(f"{forks} checkpoints were handed in that this log's key signed and that are not of it")
            return found, self.cosigned(tx)

        try:
            found, cosigned = await self._database.read(unit)
        except (SigningError, LedgerBrokenError, IntegrityBrokenError) as error:
            found, cosigned = [f"the log's witnesses: {error}"], None
        return replace(report, findings=(*report.findings, *found)), cosigned

    async def late(self) -> bool:
        """Whether too few co-signed lately, a fork is known, or a row is not what the hub wrote; for readiness."""
        try:
            return not (await self._database.read(self.standing)).enough
        except IntegrityBrokenError:
            return True

    async def sweep(self) -> None:
        """Open the next round when it is time, forget what nobody needs, and give the alarm when it falls silent."""
        now = self._clock()
        if await self._database.read(lambda tx: self._due(tx, now)):
            await self._database.write(lambda tx: self._open(tx, now))
        standing = await self._database.read(self.standing)
        if not standing.enough and self._quiet:
            _log.error(
                "witnesses_silent", alarm=True, lately=standing.lately, wanted=standing.wanted, forks=standing.forks
            )
            code = "witness.forked" if standing.forks else "witness.silent"
            await self._database.write(lambda tx: tell_operators(tx, code, now))
        self._quiet = standing.enough

    def _take(
        self, tx: Connection, shown: Checkpoint, plain: str, note: str, now: datetime
    ) -> tuple[Sequence[Cosignature], bool]:
        if not self._ours(tx, shown):
            _keep_fork(tx, plain, now)
            return (), True
        known = {item.name: item for item in self.register.known(tx)}
        try:
            found = cosignatures(note, [item.verifier for item in known.values()])
        except SigningError as error:
            raise NoWitnessError from error
        latest = (now + AHEAD).timestamp()
        if not found or any(item.time > latest for item in found):
            raise NoWitnessError
        round_ = tx.execute(select(ROUNDS.c.note).where(self._rounds & (ROUNDS.c.size == shown.size))).scalar()
        if round_ is None or Checkpoint.parse(round_, verifier=self._log) != shown:
            raise NoRoundError
        for item in found:
            _keep_line(tx, self._log.name, shown.size, known[item.name].id, item)
        return found, False

    def _ours(self, tx: Connection, shown: Checkpoint) -> bool:
        if shown.size > read_head(tx).size:
            return False
        return Tiles(tx).root(shown.size) == shown.root

    def _due(self, tx: Connection, now: datetime) -> bool:
        head = read_head(tx)
        newest = tx.execute(select(ROUNDS).where(self._rounds).order_by(ROUNDS.c.size.desc()).limit(1)).one_or_none()
        if head.note is None or not self.register.known(tx):
            return False
        return newest is None or (head.size > newest.size and now - newest.opened_at >= ROUND)

    def _open(self, tx: Connection, now: datetime) -> None:
        if not self._due(tx, now):
            return
        head = read_head(tx)
        if head.note is None:
            raise LedgerBrokenError("the newest checkpoint is not signed")
        tx.execute(insert(ROUNDS).values(origin=self._log.name, size=head.size, note=head.note, opened_at=now))
        keep = self.cosigned(tx)
        if keep is not None:
            old = self._rounds & (ROUNDS.c.opened_at < now - KEPT) & (ROUNDS.c.size < keep.size)
            gone = [row.size for row in tx.execute(select(ROUNDS.c.size).where(old).limit(1000))]
            tx.execute(delete(LINES).where(self._lines & LINES.c.size.in_(gone)))
            tx.execute(delete(ROUNDS).where(self._rounds & ROUNDS.c.size.in_(gone)))


def _keep_line(tx: Connection, origin: str, size: int, witness_id: str, found: Cosignature) -> None:
    here = (LINES.c.origin == origin) & (LINES.c.size == size) & (LINES.c.witness_id == witness_id)
    said = tx.execute(select(LINES.c.said).where(here).with_for_update()).scalar()
    values = {"line": found.line, "said": found.time}
    if said is None:
        tx.execute(insert(LINES).values(origin=origin, size=size, witness_id=witness_id, **values))
    elif said < found.time:
        tx.execute(update(LINES).where(here).values(**values))


def _keep_fork(tx: Connection, plain: str, now: datetime) -> None:
    digest = sha256(plain.encode()).hex()
    known = {row.digest for row in tx.execute(select(FORKS.c.digest))}
    if digest not in known and len(known) < MOST_FORKS:
        tx.execute(insert(FORKS).values(digest=digest, note=plain, reported_at=now))
        tell_operators(tx, "witness.forked", now)


def tell_operators(tx: Connection, code: str, now: datetime) -> None:
    """A notice about the log, once a day."""
    day = f"{now:%Y%m%d}"
    notify(tx, code, department_id=None, role=Role.OPERATOR, about=("ledger", _THE_LOG), now=now, once=day)
