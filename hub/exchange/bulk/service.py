"""Bulk runs for the systems that asked: how far they are, ending them, and the released file. Others know of none."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock
from hub.exchange.bulk import store
from hub.exchange.bulk.entries import order_of, own_run, write_entry
from hub.exchange.bulk.files import pieces_of
from hub.exchange.bulk.manifest import BulkManifests
from hub.exchange.bulk.standing import ENDED, BulkGround, ended_as
from hub.exchange.bulk.store import Run, RunState
from hub.exchange.bulk.views import RunView
from hub.intake.answers import case_key
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, GrantEndedError
from hub.intake.store import case_by_id
from hub.ledger.entries import Draft, append, seal
from hub.registry.errors import StateError
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey, Vault


class BulkService:
    """Tells how far runs are, gives results out."""

    def __init__(
        self,
        database: Database,
        *,
        objects: ObjectStore,
        vault: Vault,
        ground: BulkGround,
        manifests: BulkManifests,
        cases: CaseService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._ground = ground
        self._manifests = manifests
        self._cases = cases
        self._clock = clock

    async def view(self, caller: Caller, run_id: str) -> RunView:
        """A run of this system. Raises: MissingError."""
        run = await self._database.read(lambda tx: own_run(tx, self._vault, caller, run_id))
        return RunView(run, self._clock())

    async def cancel(self, caller: Caller, run_id: str) -> RunView:
        """End a run that is not released; what was decided stays on the ledger, nothing of it leaves.

        Raises: MissingError; StateError when it is over.
        """
        now = self._clock()

        def unit(tx: Connection) -> Run:
            run = own_run(tx, self._vault, caller, run_id, lock=True)
            if run.state not in {RunState.RUNNING, RunState.FINISHED}:
                raise StateError(run.state.value, RunState.STOPPED.value)
            detail = {"run": run_id, "problem": "cancelled", "answered": run.done, "outcomes": run.outcomes}
            entry = write_entry(tx, run, "bulk.cancel", detail, self._key(tx, run), now)
            return store.replace_run(
                tx, self._vault, run, now=now, state=RunState.STOPPED, problem="cancelled", ledger_entry_id=entry.id,
                finished_at=now, expires_at=now,
            )  # fmt: skip

        return RunView(await self._database.write(unit), now)

    async def download(self, caller: Caller, run_id: str) -> tuple[RunView, Iterator[bytes]]:
        """The released file, in pieces; blocks between them. Its entry is committed before this answers.

        Raises: MissingError for everybody but the system that asked; StateError before its release and after its end;
        CaseClosedError, GrantEndedError when what it stands on has ended, after the refusal is on the ledger.
        """
        now = self._clock()
        try:
            run, key = await self._database.write(lambda tx: self._give_out(tx, caller, run_id, now))
        except ENDED as error:
            run = await self._database.read(lambda tx: own_run(tx, self._vault, caller, run_id))
            case = await self._database.read(lambda tx: case_by_id(tx, run.case_id))
            await self._cases.refuse(caller, ended_as(error), {"run": run_id, "what": "bulk.download"}, case=case)
            if isinstance(error, CaseClosedError):
                raise
            raise GrantEndedError from None
        crash_at("bulk.downloading")
        return RunView(run, now), pieces_of(self._objects, key, run.id, run.file)

    async def manifest(self, caller: Caller, run_id: str) -> str:
        """The signed manifest of a released run. Raises: MissingError; StateError before its release."""
        run = (await self.view(caller, run_id)).run
        _require_released(run, self._clock())
        return await self._manifests.signed(run)

    def _give_out(self, tx: Connection, caller: Caller, run_id: str, now: datetime) -> tuple[Run, DataKey]:
        run = own_run(tx, self._vault, caller, run_id)
        _require_released(run, now)
        key = self._key(tx, run)
        self._ground.hold(tx, run, order_of(run, key), now)
        run = own_run(tx, self._vault, caller, run_id, lock=True)
        _require_released(run, now)
        detail = {"run": run_id, "sha256": run.file["sha256"], "client_id": caller.client_id, "grants": run.grants}
        append(tx, [seal(Draft(kind="bulk.download", detail=detail, key=key, case_id=run.case_id), now=now)])
        store.touch_run(tx, run_id, now=now, downloads=run.downloads + 1)
        return run, key

    def _key(self, tx: Connection, run: Run) -> DataKey:
        case = case_by_id(tx, run.case_id)
        if case is None:
            raise MissingError("case")
        return case_key(self._vault, case)


def _require_released(run: Run, now: datetime) -> None:
    over = run.expires_at is not None and run.expires_at <= now
    if run.state is not RunState.RELEASED or over:
        raise StateError("expired" if over else run.state.value, RunState.RELEASED.value)
