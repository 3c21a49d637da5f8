"""Bulk runs 批量查询, for the systems that ask: many subjects under one campaign case, a file as the result.

A run is asked for by a system for a named officer, worked off by a job (`bulk_run`), released by somebody of the owning
department (`bulk_release`), and fetched by the system that asked. Only that system knows of it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange import bulk_store as store
from hub.exchange.bulk_files import order_place, pieces_of, subject_place
from hub.exchange.bulk_manifest import BulkManifests
from hub.exchange.bulk_mark import Mark
from hub.exchange.bulk_order import BulkOrder, Parties, faults_of, pages_of, who_is
from hub.exchange.bulk_standing import ENDED, BulkGround, Standing, ended_as
from hub.exchange.bulk_store import Run, RunState
from hub.exchange.bulk_views import RunView
from hub.exchange.errors import NotGrantedError, QuestionError
from hub.exchange.judging import Readers
from hub.exchange.question import Identity
from hub.intake.answers import case_key
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError, GrantEndedError, IdempotencyError
from hub.intake.store import case_by_id
from hub.ledger.entries import Draft, append, seal
from hub.registry.errors import StateError
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.jobs import enqueue
from hub.storage.objects import ObjectStore
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads

RUN: Final = "bulk.run"
_REFUSED: Final = (*ENDED, QuestionError)


@dataclass(frozen=True, slots=True)
class Limits:
    """`runs` of a system at once; `kept` is how long a result waits, for its release and then to be fetched."""

    runs: int
    kept: timedelta


class BulkService:
    """Takes orders, tells how far they are, gives results out."""

    def __init__(
        self,
        database: Database,
        *,
        objects: ObjectStore,
        vault: Vault,
        ground: BulkGround,
        readers: Readers,
        manifests: BulkManifests,
        cases: CaseService,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._ground = ground
        self._readers = readers
        self._manifests = manifests
        self._cases = cases
        self._clock = clock
        self._limits = limits

    async def check(self, caller: Caller, interface: str) -> None:
        """Before a long list is read: whether any grant of this system over the interface says bulk at all.

        Raises: NotGrantedError, after the refusal is on the ledger.
        """
        if not await self._database.read(lambda tx: self._ground.may_ask(tx, caller.system_id, interface)):
            await self._cases.refuse(caller, "bulk_not_granted", {"interface": interface})
            raise NotGrantedError("bulk_not_granted")

    async def ask(
        self,
        caller: Caller,
        order: BulkOrder,
        parties: Parties,
        *,
        request: RequestKey | None = None,
        asked_by: dict[str, str] | None = None,
    ) -> tuple[RunView, str | None]:
        """Begin a run; answers it and the job to nudge. With the same Idempotency-Key, the run it began the first time.

        Raises: InvalidBodyError with the first faults of the list; StateError (`too_many`); IdempotencyError; and,
        after the refusal is on the ledger, CaseNotFoundError, CaseClosedError, UnknownInterfaceError, QuestionError,
        NotGrantedError, FieldNotGrantedError.
        """
        # A write: a key past its 24 hours is freed.
        known = await self._database.write(lambda tx: self._known(tx, caller, request))
        if known is not None:
            return known, None
        standing = await self._stand(caller, order, 0)
        interface = standing.interface.interface
        reader = self._readers.of(standing.interface)
        count, faults = await asyncio.to_thread(faults_of, parties, interface, reader, order)
        if faults:
            raise InvalidBodyError(*faults)
        await self._stand(caller, order, count)
        run_id = new_id()
        key = case_key(self._vault, standing.case)
        try:
            await self._database.write(lambda tx: self._open(tx, caller, order, standing, run_id, asked_by))
            await self._store(run_id, caller.client_id, key, parties)
            crash_at("bulk.received")
            begun = await self._database.write(lambda tx: self._begin(tx, caller, order, run_id, count, request))
        except Exception:
            await self._forget(run_id)
            raise
        if begun[0].run.id != run_id:
            await self._forget(run_id)
        return begun

    async def view(self, caller: Caller, run_id: str) -> RunView:
        """A run of this system. Raises: MissingError."""
        run = await self._database.read(lambda tx: self._own(tx, caller, run_id))
        return RunView(run, self._clock())

    async def cancel(self, caller: Caller, run_id: str) -> RunView:
        """End a run that is not released; what was decided stays on the ledger, nothing of it leaves.

        Raises: MissingError; StateError when it is over.
        """
        now = self._clock()

        def unit(tx: Connection) -> Run:
            run = self._own(tx, caller, run_id, lock=True)
            if run.state not in {RunState.RUNNING, RunState.FINISHED}:
                raise StateError(run.state.value, RunState.STOPPED.value)
            detail = {"run": run_id, "problem": "cancelled", "answered": run.done, "outcomes": run.outcomes}
            entry = self._entry(tx, caller, run, "bulk.cancel", detail, now)
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
            run = await self._database.read(lambda tx: self._own(tx, caller, run_id))
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

    async def _stand(self, caller: Caller, order: BulkOrder, count: int) -> Standing:
        now = self._clock()
        try:
            return await self._database.read(
                lambda tx: self._ground.begin(tx, caller.system_id, order, count=count, now=now)
            )
        except _REFUSED as error:
            detail = {"purpose": order.purpose, "interface": order.interface, "what": "bulk"}
            if isinstance(error, CaseNotFoundError):
                await self._cases.refuse(caller, "case_not_found", detail | {"case_no": order.case_no})
                raise
            case = await self._cases.get(caller, order.case_no)
            reason = "question_not_acceptable" if isinstance(error, QuestionError) else ended_as(error)
            await self._cases.refuse(caller, reason, detail, case=case)
            raise

    def _open(
        self,
        tx: Connection,
        caller: Caller,
        order: BulkOrder,
        standing: Standing,
        run_id: str,
        asked_by: dict[str, str] | None,
    ) -> None:
        now = self._clock()
        sealed = canonical({"officer": order.officer, "params": dict(order.params)})
        store.add_run(
            tx,
            id=run_id,
            owner_department_id=standing.interface.owner_department_id,
            asking_department_id=standing.case.department_id,
            system_id=caller.system_id,
            case_id=standing.case.id,
            interface=standing.interface.interface.code,
            grant_id=standing.grant.id,
            ordered={
                "purpose": order.purpose,
                "fields": sorted(standing.fields),
                "language": order.language,
                "asked_by": asked_by or {"kind": "system", "id": caller.client_id},
            },
            sealed=case_key(self._vault, standing.case).encrypt(order_place(run_id), sealed),
            subjects=0,
            created_at=now,
            changed_at=now,
        )

    async def _store(self, run_id: str, client_id: str, key: DataKey, parties: Parties) -> None:
        """The list, sealed, a page at a time. Raises: InvalidBodyError for somebody who stands there twice."""
        mark = Mark(self._vault, client_id)

        def sealed(page: list[tuple[int, Identity]]) -> list[dict[str, Any]]:
            return [_row(run_id, number, identity, mark, key) for number, identity in page]

        pages = pages_of(parties, store.PAGE)
        while page := await asyncio.to_thread(next, pages, None):
            rows = await asyncio.to_thread(sealed, page)

            def unit(tx: Connection, rows: list[dict[str, Any]] = rows) -> None:
                seen = store.known_places(tx, run_id, [row["place"] for row in rows])
                for row in rows:
                    if row["place"] in seen:
                        raise InvalidBodyError(Fault(f"/parties/{row['number']}", "repeated"))
                    seen.add(row["place"])
                store.add_subjects(tx, rows)

            await self._database.write(unit)

    def _begin(
        self, tx: Connection, caller: Caller, order: BulkOrder, run_id: str, count: int, request: RequestKey | None
    ) -> tuple[RunView, str | None]:
        """A twin that came with the same key and was faster is answered instead; both hold the system's row for it."""
        now = self._clock()
        running = store.under_way(tx, caller.system_id)
        twin = self._known(tx, caller, request)
        if twin is not None:
            return twin, None
        if running >= self._limits.runs:
            raise StateError("too_many", RunState.RUNNING.value)
        self._ground.begin(tx, caller.system_id, order, count=count, now=now)
        run = store.find_run(tx, run_id, lock=True)
        if run is None:
            raise MissingError("bulk run")
        detail = {
            "run": run_id,
            "case_no": order.case_no,
            "interface": order.interface,
            "purpose": order.purpose,
            "officer": order.officer,
            "grants": [run.grant_id],
            "fields": run.ordered["fields"],
            "subjects": count,
            "asked_by": run.ordered["asked_by"],
        }
        entry = self._entry(tx, caller, run, "bulk.ask", detail, now)
        run = store.replace_run(
            tx, self._vault, run, now=now, state=RunState.RUNNING, subjects=count, ledger_entry_id=entry.id
        )
        if request is not None:
            record_effect(tx, request, run_id, now=now)
        return RunView(run, now), enqueue(tx, RUN, {"run": run_id, "turn": run.turn}, now=now)

    def _give_out(self, tx: Connection, caller: Caller, run_id: str, now: datetime) -> tuple[Run, DataKey]:
        run = self._own(tx, caller, run_id)
        _require_released(run, now)
        case = case_by_id(tx, run.case_id)
        if case is None:
            raise MissingError("case")
        key = case_key(self._vault, case)
        self._ground.again(tx, run, order_of(run, key), now, lock=True)
        run = self._own(tx, caller, run_id, lock=True)
        _require_released(run, now)
        detail = {"run": run_id, "sha256": run.file["sha256"], "client_id": caller.client_id, "grants": [run.grant_id]}
        append(tx, [seal(Draft(kind="bulk.download", detail=detail, key=key, case_id=run.case_id), now=now)])
        store.touch_run(tx, run_id, now=now, downloads=run.downloads + 1)
        return run, key

    def _known(self, tx: Connection, caller: Caller, request: RequestKey | None) -> RunView | None:
        found = find_effect(tx, request, now=self._clock()) if request else None
        if found is None:
            return None
        if not found[1]:
            raise IdempotencyError
        return RunView(self._own(tx, caller, found[0]), self._clock())

    def _own(self, tx: Connection, caller: Caller, run_id: str, *, lock: bool = False) -> Run:
        run = store.find_run(tx, run_id, lock=lock)
        if run is None or run.system_id != caller.system_id or run.state is RunState.RECEIVING:
            raise MissingError("bulk run")
        store.check_run(tx, self._vault, run)
        return run

    def _entry(
        self, tx: Connection, caller: Caller, run: Run, kind: str, detail: dict[str, Any], now: datetime
    ) -> Draft:
        case = case_by_id(tx, run.case_id)
        if case is None:
            raise MissingError("case")
        draft = Draft(
            kind=kind,
            detail=detail | {"client_id": caller.client_id},
            key=case_key(self._vault, case),
            case_id=run.case_id,
            object_id=run.id,
            object_version=run.row_version + 1,
        )
        append(tx, [seal(draft, now=now)])
        return draft

    async def _forget(self, run_id: str) -> None:
        """A list that does not become a run. One whose commit nobody knows of may have become one: that is left."""

        def unit(tx: Connection) -> int:
            run = store.find_run(tx, run_id, lock=True)
            return store.forget_subjects(tx, run_id) if run and run.state is RunState.RECEIVING else 0

        while await self._database.write(unit):
            pass
        await self._database.write(lambda tx: store.forget_run(tx, run_id))


def order_of(run: Run, key: DataKey) -> BulkOrder:
    """The order of a stored run. Its fields are those the grant gave when it began. Raises: IntegrityBrokenError."""
    sealed = strict_loads(key.decrypt(order_place(run.id), run.sealed), max_bytes=1_048_576)
    return BulkOrder(
        interface=run.interface,
        case_no=run.case_no,
        purpose=run.ordered["purpose"],
        officer=sealed["officer"],
        fields=tuple(run.ordered["fields"]),
        params=sealed["params"],
        language=run.ordered["language"],
    )


def _row(run_id: str, number: int, identity: Identity, mark: Mark, key: DataKey) -> dict[str, Any]:
    subject_id = new_id()
    who = {"id_type": identity.id_type, "id_number": identity.id_number, "name": identity.name}
    return {
        "id": subject_id,
        "run_id": run_id,
        "number": number,
        "place": mark.place(who_is(identity)),
        "sealed": key.encrypt(subject_place(subject_id, "sealed"), canonical(who)),
    }


def _require_released(run: Run, now: datetime) -> None:
    over = run.expires_at is not None and run.expires_at <= now
    if run.state is not RunState.RELEASED or over:
        raise StateError("expired" if over else run.state.value, RunState.RELEASED.value)
