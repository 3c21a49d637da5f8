"""Asking for a bulk run 批量查询: what it stands on is checked, its list stored sealed, and then it begins at once.

A list that is still being received is nobody's run: it cannot be seen, and is forgotten if it does not become one.
"""

import asyncio
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.roles import PLAIN
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange.bulk import store, subject_store
from hub.exchange.bulk.entries import own_run, write_entry
from hub.exchange.bulk.files import order_place, subject_place
from hub.exchange.bulk.mark import Mark
from hub.exchange.bulk.matter_ground import MatterStanding
from hub.exchange.bulk.order import BulkOrder, Parties, faults_of, faults_of_holders, pages_of, who_is
from hub.exchange.bulk.standing import ENDED, BulkGround, Standing, ended_as
from hub.exchange.bulk.store import RUN, RunState
from hub.exchange.bulk.views import RunView
from hub.exchange.errors import NotGrantedError, QuestionError
from hub.exchange.judging import Readers
from hub.exchange.question import Identity
from hub.intake.answers import case_key
from hub.intake.cases import CaseService
from hub.intake.errors import CaseNotFoundError, IdempotencyError
from hub.registry.errors import StateError
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

MOST_HOLDERS: Final = 10_000
"""Of one campaign over a matter, whatever its grants say."""
_REFUSED: Final = (*ENDED, QuestionError)


class BulkAsking:
    """Takes orders. `at_once`: how many runs of one system are worked off at a time."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        ground: BulkGround,
        readers: Readers,
        cases: CaseService,
        clock: Clock,
        at_once: int,
    ) -> None:
        self._database = database
        self._vault = vault
        self._ground = ground
        self._readers = readers
        self._cases = cases
        self._clock = clock
        self._at_once = at_once

    async def check(self, caller: Caller, code: str, *, matter: bool = False) -> None:
        """Before a long list is read: whether any grant of this system over the interface, or for the matter, says bulk
        at all.

        Raises: NotGrantedError, after the refusal is on the ledger.
        """
        ground = self._ground.matters if matter else self._ground
        if not await self._database.read(lambda tx: ground.may_ask(tx, caller.system_id, code)):
            await self._cases.refuse(caller, "bulk_not_granted", {"matter" if matter else "interface": code})
            raise NotGrantedError("bulk_not_granted")

    async def ask(
        self,
        caller: Caller,
        order: BulkOrder,
        parties: Parties,
        *,
        request: RequestKey | None = None,
        asked_by: dict[str, str] | None = None,
    ) -> RunView:
        """Begin a run. With the same Idempotency-Key, the run it began the first time.

        Raises: InvalidBodyError with the first faults of the list; StateError (`too_many`); IdempotencyError; and,
        after the refusal is on the ledger, CaseNotFoundError, CaseClosedError, UnknownInterfaceError, QuestionError,
        NotGrantedError, FieldNotGrantedError.
        """
        known = await self._database.read(lambda tx: self._known(tx, caller, request))
        if known is not None:
            return known
        standing = await self._stand(caller, order, 0)
        count, faults = await asyncio.to_thread(self._faults, parties, standing, order)
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
        if begun.run.id != run_id:
            await self._forget(run_id)
        return begun

    def _faults(
        self, parties: Parties, standing: Standing | MatterStanding, order: BulkOrder
    ) -> tuple[int, list[Fault]]:
        if isinstance(standing, MatterStanding):
            return faults_of_holders(parties, standing.matter.rules.get(standing.role, PLAIN), MOST_HOLDERS)
        return faults_of(parties, standing.interface.interface, self._readers.of(standing.interface), order)

    async def _stand(self, caller: Caller, order: BulkOrder, count: int) -> Standing | MatterStanding:
        now = self._clock()
        try:
            return await self._database.read(
                lambda tx: self._ground.begin(tx, caller.system_id, order, count=count, now=now)
            )
        except _REFUSED as error:
            detail = {"purpose": order.purpose, **_about(order), "what": "bulk"}
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
        standing: Standing | MatterStanding,
        run_id: str,
        asked_by: dict[str, str] | None,
    ) -> None:
        now = self._clock()
        sealed = canonical({"officer": order.officer, "params": dict(order.params)})
        store.add_run(
            tx,
            id=run_id,
            asking_department_id=standing.case.department_id,
            system_id=caller.system_id,
            case_id=standing.case.id,
            **standing.row(),
            ordered=standing.ordered()
            | {
                "purpose": order.purpose,
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

        pages = pages_of(parties, subject_store.PAGE)
        while page := await asyncio.to_thread(next, pages, None):
            rows = await asyncio.to_thread(sealed, page)

            def unit(tx: Connection, rows: list[dict[str, Any]] = rows) -> None:
                seen = subject_store.known_places(tx, run_id, [row["place"] for row in rows])
                for row in rows:
                    if row["place"] in seen:
                        raise InvalidBodyError(Fault(f"/parties/{row['number']}", "repeated"))
                    seen.add(row["place"])
                subject_store.add_subjects(tx, rows)

            await self._database.write(unit)

    def _begin(
        self, tx: Connection, caller: Caller, order: BulkOrder, run_id: str, count: int, request: RequestKey | None
    ) -> RunView:
        """A twin that came with the same key and was faster is answered instead; both hold the system's row for it."""
        now = self._clock()
        running = store.under_way(tx, caller.system_id)
        twin = self._known(tx, caller, request)
        if twin is not None:
            return twin
        if running >= self._at_once:
            raise StateError("too_many", RunState.RUNNING.value)
        standing = self._ground.begin(tx, caller.system_id, order, count=count, now=now)
        key = case_key(self._vault, standing.case)
        run = store.find_run(tx, run_id, lock=True)
        if run is None:
            raise MissingError("bulk run")
        detail = {
            "run": run_id,
            "case_no": order.case_no,
            **_about(order),
            "purpose": order.purpose,
            "officer": order.officer,
            "grants": run.grants,
            "fields": run.ordered["fields"],
            "subjects": count,
            "asked_by": run.ordered["asked_by"],
        }
        entry = write_entry(tx, run, "bulk.ask", detail, key, now)
        run = store.replace_run(
            tx, self._vault, run, now=now, state=RunState.RUNNING, subjects=count, ledger_entry_id=entry.id
        )
        if request is not None:
            record_effect(tx, request, run_id, now=now)
        enqueue(tx, RUN, {"run": run_id, "turn": run.turn}, now=now)
        return RunView(run, now)

    def _known(self, tx: Connection, caller: Caller, request: RequestKey | None) -> RunView | None:
        found = find_effect(tx, request, now=self._clock()) if request else None
        if found is None:
            return None
        if not found[1]:
            raise IdempotencyError
        return RunView(own_run(tx, self._vault, caller, found[0]), self._clock())

    async def _forget(self, run_id: str) -> None:
        """A list that does not become a run. One whose commit nobody knows of may have become one: that is left."""

        def unit(tx: Connection) -> int:
            run = store.find_run(tx, run_id, lock=True)
            return subject_store.forget_subjects(tx, run_id) if run and run.state is RunState.RECEIVING else 0

        while await self._database.write(unit):
            pass
        await self._database.write(lambda tx: store.forget_run(tx, run_id))


def _about(order: BulkOrder) -> dict[str, str]:
    return {"interface": order.interface} if order.matter is None else {"matter": order.matter}


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
