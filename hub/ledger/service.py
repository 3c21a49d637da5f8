"""The ledger as the rest of the hub sees it: kept in sequence in the background, proved and verified on demand."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from hub.clock import Clock
from hub.ledger.errors import LedgerBrokenError, StandbyError
from hub.ledger.keeper import CheckpointKeeper
from hub.ledger.sequencer import LEASE, Sequencer, read_head
from hub.ledger.verify import LedgerReport, LedgerVerifier
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.log.checkpoint import NoteSigner

STEP_SECONDS: Final = 0.2
"""How often waiting entries are taken into the tree: well inside the promised second."""
_log = structlog.get_logger(__name__)


class LedgerService:
    """One per process."""

    def __init__(
        self,
        database: Database,
        *,
        signer: NoteSigner,
        origin: str,
        clock: Clock,
        keeper: CheckpointKeeper,
        vault: Vault,
        log_key: DataKey,
    ) -> None:
        self._database = database
        self._signer = signer
        self._keeper = keeper
        self._vault = vault
        self._log_key = log_key
        self.origin = origin
        self.sequencer = Sequencer(
            database, signer=signer, origin=origin, clock=clock, publish=keeper.remember, compare=keeper.compare
        )
        self.broken: tuple[str, ...] = ()

    @property
    def verifier(self) -> str:
        """The log's public key as a line of text (C2SP signed-note): whoever has it can check every checkpoint."""
        return self._signer.verifier.text

    async def check_start(self) -> None:
        """Refuse to run on a store older than the remembered checkpoint. Raises LedgerBrokenError."""
        await self._database.read(self._keeper.check)

    async def run(self) -> None:
        """Sequence until cancelled. A contradiction stops the sequencer for good and shows in readiness."""
        while True:
            try:
                await self.sequencer.step()
            except StandbyError:
                await asyncio.sleep(LEASE.total_seconds() / 2)
            except LedgerBrokenError as error:
                self.broken = error.findings
                _log.error("ledger_broken", alarm=True, findings=error.findings)
                return
            except Exception as error:  # noqa: BLE001  # a store that is down must not end the sequencer unseen
                _log.warning("sequencer_waits", error=type(error).__name__)
            await asyncio.sleep(STEP_SECONDS)

    async def drain(self, *, patience: timedelta = timedelta(seconds=15)) -> None:
        """For a command that wrote: return when everything committed is under a signed checkpoint.

        If another process sequences, wait for it; when its lease runs out, do it here.
        Raises: StandbyError when neither happened in time.
        """
        rounds = int(patience.total_seconds() / STEP_SECONDS)
        for last in range(rounds):
            try:
                await self.sequencer.drain()
                await self.sequencer.release()
            except StandbyError:
                if last == rounds - 1:
                    raise
                await asyncio.sleep(STEP_SECONDS)
            else:
                return

    async def checkpoint(self) -> str | None:
        """The latest signed checkpoint; None before the first."""
        head = await self._database.read(read_head)
        if head.note is not None:
            return head.note
        kept = self._keeper.remembered()
        return kept[0] if kept else None

    async def verify(self, against: str | None = None) -> LedgerReport:
        """Re-hash the whole stored log, and hold it against the kept checkpoint and `against`.

        Raises: SigningError when `against` is not a checkpoint of this log.
        """
        verifier = LedgerVerifier(
            vault=self._vault, log_key=self._log_key, verifier=self._signer.verifier, against=against
        )
        while await self._database.read(verifier.page):  # noqa: ASYNC110
            await asyncio.sleep(0)  # lets requests through between pages
        report = await self._database.read(verifier.report)
        try:
            await self._database.read(self._keeper.compare)
        except LedgerBrokenError as error:
            return replace(report, findings=tuple(dict.fromkeys((*report.findings, *error.findings))))
        return report
