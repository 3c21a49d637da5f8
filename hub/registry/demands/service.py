"""Demands 供需对接: a consumer found nothing and says what is wanted; it reaches the likely owner, with a clock.

Every step is a row, a ledger entry and a notice for whoever must act next, in one transaction. The clock is the one
for answers (`catalog.clocks`), begun anew for each department that gets the demand.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog import store as catalogue
from catalog.declared import text
from catalog.errors import DefinitionError
from catalog.interface_store import answering_interface
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.intake.errors import IdempotencyError
from hub.issuing.types.registry import TypeRegistry
from hub.registry.clocks import ClockService, new_year
from hub.registry.demands import store as demand_store
from hub.registry.demands.owners import likely_owners
from hub.registry.demands.states import OPEN, TRANSITIONS, Demand, Step, read_wanted
from hub.registry.demands.taking import ASKERS, By, Check, DemandSteps, asker, require_asker
from hub.registry.demands.views import DemandView, concerns, view_of
from hub.registry.departments.store import Departments, read_departments
from hub.registry.search.service import CatalogueSearch
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.vault import DataKey

_OWNERS: Final = (Role.OWNER_APPROVER,)


class DemandService:
    """Use cases over demands. Every one takes who acts first; a demand of strangers does not exist."""

    def __init__(
        self,
        database: Database,
        *,
        search: CatalogueSearch,
        types: TypeRegistry,
        clocks: ClockService,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._search = search
        self._types = types
        self._steps = DemandSteps(database, clocks=clocks, log_key=log_key, clock=clock)
        self._clock = clock

    async def file(self, actor: Actor, definition: Mapping[str, Any], *, department: str | None = None) -> DemandView:
        """Leave a demand for one's department; the command line names it by code.

        Raises: IncompleteError with every fault, DefinitionError (unknown matter or department), ForbiddenError.
        """
        actor.require(*ASKERS)
        by = By(actor.as_json(), actor.department_id)
        return await self._file(by, definition, system_id=None, department=department, key=None)

    async def file_for(
        self, caller: Caller, definition: Mapping[str, Any], *, key: RequestKey | None = None
    ) -> DemandView:
        """Leave a demand for the department of a system. The same key gives the same demand. Raises: as `file`."""
        by = By({"kind": "system", "id": caller.client_id}, caller.department_id)
        return await self._file(by, definition, system_id=caller.system_id, department=None, key=key)

    async def publish(self, actor: Actor, demand_id: str, *, kind: str, code: str) -> DemandView:
        """Answer: it is published, as this interface or certificate type.

        Raises: DefinitionError when nothing of that code is published; StepError, MissingError, ForbiddenError.
        """

        def check(tx: Connection, demand: Demand, departments: Departments) -> dict[str, Any]:
            del demand, departments
            if not self._published(tx, kind, code):
                raise DefinitionError("demand: nothing of that kind and code is published")
            return {"answer": {"kind": kind, "code": code}}

        return await self._answer(actor, demand_id, Step.PUBLISH, "", check)

    async def refuse(self, actor: Actor, demand_id: str, reason: str) -> DemandView:
        """Answer: no, with the reason. From the operator's own queue the operator. Raises: as `publish`."""
        text(reason, "demand: reason")
        return await self._answer(actor, demand_id, Step.REFUSE, reason, lambda *_: {"answer": {"reason": reason}})

    async def forward(self, actor: Actor, demand_id: str, reason: str, *, to: str | None = None) -> DemandView:
        """Answer: not ours. On to the department named, else to the next candidate, else to the operator.

        Raises: as `publish`; DefinitionError for an unknown, closed or own department.
        """
        text(reason, "demand: reason")

        def check(tx: Connection, demand: Demand, departments: Departments) -> dict[str, Any]:
            del tx
            rest = [item for item in demand.candidates if item != demand.owner_department_id]
            following = _open(departments, to).id if to else next(iter(rest), None)
            if following == demand.owner_department_id:
                raise DefinitionError("demand: it lies with that department already")
            return {"owner_department_id": following, "candidates": [item for item in rest if item != following]}

        return await self._answer(actor, demand_id, Step.FORWARD, reason, check)

    async def assign(self, actor: Actor, demand_id: str, to: str, reason: str) -> DemandView:
        """The operator names whose it is. Raises: StepError, MissingError, ForbiddenError, DefinitionError."""
        actor.require(Role.OPERATOR)
        text(reason, "demand: reason")

        def check(tx: Connection, demand: Demand, departments: Departments) -> dict[str, Any]:
            del tx, demand
            return {"owner_department_id": _open(departments, to).id}

        await self._steps.take(By(actor.as_json(), None), demand_id, Step.ASSIGN, reason, check)
        return await self._shown(demand_id)

    async def withdraw(self, who: Actor | Caller, demand_id: str) -> DemandView:
        """The asker has no more need of it. Raises: StepError, MissingError, ForbiddenError."""
        by = asker(who)

        def check(tx: Connection, demand: Demand, departments: Departments) -> dict[str, Any]:
            del tx, departments
            require_asker(who, demand)
            return {"owner_department_id": demand.owner_department_id}

        await self._steps.take(by, demand_id, Step.WITHDRAW, "", check)
        return await self._shown(demand_id)

    async def show(self, who: Actor | Caller, demand_id: str) -> DemandView:
        """One demand with its steps, to those who asked, those who must answer, and the hub's own roles.

        Raises: MissingError for everybody else.
        """
        now = self._clock()

        def unit(tx: Connection) -> DemandView:
            demand = demand_store.find_demand(tx, demand_id)
            if demand is None or not concerns(who, demand):
                raise MissingError("demand")
            return view_of(demand, read_departments(tx), now, tuple(demand_store.steps_of(tx, demand.id)))

        return await self._database.read(unit)

    async def list(
        self, who: Actor | Caller, *, queue: bool = False, before: str | None = None, limit: int = 50
    ) -> list[DemandView]:
        """Demands of one's department, newest first; with `queue` those it must answer. The hub's own roles see all:
        with `queue` every one that waits, overdue ones included.
        """
        now = self._clock()
        everything = isinstance(who, Actor) and bool(who.roles & {Role.OPERATOR, Role.AUDITOR})
        mine = None if everything else who.department_id

        def unit(tx: Connection) -> list[DemandView]:
            found = demand_store.list_demands(
                tx,
                owner=mine if queue else None,
                asking=None if queue else mine,
                states=OPEN if queue else (),
                before=before,
                limit=limit,
            )
            departments = read_departments(tx)
            return [view_of(demand, departments, now) for demand in found]

        if mine is None and not everything:
            raise MissingError("department")
        return await self._database.read(unit)

    def recount(self, tx: Connection, year: int, now: datetime) -> int:
        """As `GrantRequestService.recount`, for the demands that wait."""
        found = demand_store.waiting_from(tx, new_year(year))
        for demand, since in found:
            demand_store.change_demand(tx, demand, due_at=self._steps.run(tx, demand.id, since, now))
        return len(found)

    async def _file(
        self,
        by: By,
        definition: Mapping[str, Any],
        *,
        system_id: str | None,
        department: str | None,
        key: RequestKey | None,
    ) -> DemandView:
        wanted = read_wanted(definition)
        owners = await likely_owners(self._search, wanted)
        now = self._clock()

        def unit(tx: Connection) -> str:
            known = find_effect(tx, key, now=now) if key else None
            if known is not None:
                if not known[1]:
                    raise IdempotencyError
                return known[0]
            departments = read_departments(tx)
            asking = _open(departments, department).id if department else by.department_id
            if asking is None:
                raise DefinitionError("demand: name the department that asks")
            if "matter" in wanted and catalogue.find_matter(tx, wanted["matter"]) is None:
                raise DefinitionError("demand: unknown matter")
            # Whoever asks does not have it.
            candidates = [owner for owner in owners if owner != asking]
            step = Step.FILE if candidates else Step.FILE_UNCLEAR
            owner = candidates[0] if candidates else None
            state = TRANSITIONS[None, step]
            demand_id = new_id()
            demand_store.add_demand(
                tx, id=demand_id, asking_department_id=asking, system_id=system_id, owner_department_id=owner,
                state=state.value, wanted=wanted, candidates=candidates[1:], answer={}, row_version=1, filed_at=now,
                due_at=self._steps.run(tx, demand_id, now, now), changed_at=now,
            )  # fmt: skip
            self._steps.write_down(tx, demand_id, 1, by, step, state, owner, asking, "", now)
            if key:
                record_effect(tx, key, demand_id, now=now)
            return demand_id

        return await self._shown(await write_once(self._database, unit))

    async def _answer(self, actor: Actor, demand_id: str, step: Step, reason: str, check: Check) -> DemandView:
        def owned(tx: Connection, demand: Demand, departments: Departments) -> dict[str, Any]:
            if not concerns(actor, demand):
                raise MissingError("demand")
            if demand.owner_department_id is None:
                actor.require(Role.OPERATOR)
            else:
                actor.require(*_OWNERS, Role.OPERATOR, owner=demand.owner_department_id)
            return check(tx, demand, departments)

        await self._steps.take(By(actor.as_json(), actor.department_id), demand_id, step, reason, owned)
        return await self._shown(demand_id)

    def _published(self, tx: Connection, kind: str, code: str) -> bool:
        if kind == "interface":
            return answering_interface(tx, code, now=self._clock()) is not None
        return kind == "certificate_type" and self._types.find(code) is not None

    async def _shown(self, demand_id: str) -> DemandView:
        now = self._clock()

        def unit(tx: Connection) -> DemandView:
            demand = demand_store.find_demand(tx, demand_id)
            if demand is None:
                raise MissingError("demand")
            return view_of(demand, read_departments(tx), now, tuple(demand_store.steps_of(tx, demand_id)))

        return await self._database.read(unit)


def _open(departments: Departments, code: str) -> Any:
    view = departments.by_code(code)
    if view is None or view.closed:
        raise DefinitionError("demand: no such department, or it is closed")
    return view
