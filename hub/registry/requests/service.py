"""Requests for access 授权申请: a department asks for its system, the owner answers in time, the grant is live."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.clocks import Clocks
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake.errors import IdempotencyError
from hub.registry.clocks import ClockService, counted, new_year, schedule
from hub.registry.grants import NOBODY, GrantService
from hub.registry.requests import store
from hub.registry.requests.answering import Answering
from hub.registry.requests.asking import Asking
from hub.registry.requests.decision import Approval
from hub.registry.requests.errors import Fault, IncompleteError
from hub.registry.requests.values import GrantRequest
from hub.registry.requests.views import RequestView, view
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.vault import DataKey


class GrantRequestService:
    """Every step is one transaction: state, history, ledger entry, notices, and the grant where one follows."""

    def __init__(
        self, database: Database, *, grants: GrantService, clocks: ClockService, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._clock = clock
        self.asking = Asking(grants=grants, clocks=clocks, log_key=log_key)
        self.answering = Answering(grants=grants, clocks=clocks, log_key=log_key)

    async def check(self, actor: Actor, definition: Mapping[str, Any]) -> list[Fault]:
        """Everything that is missing or wrong, for a form that is being filled in. Nothing is stored."""
        now = self._clock()
        try:
            return await self._database.read(lambda tx: self.asking.check(tx, actor, definition, now)[3])
        except IncompleteError as error:
            return list(error.faults)

    async def file(
        self, actor: Actor, definition: Mapping[str, Any], *, request: RequestKey | None = None
    ) -> RequestView:
        """File a request; one for unconditional terms is granted at once, by rule.

        Raises: IncompleteError with every fault, MissingError, ForbiddenError, IdempotencyError.
        """
        now = self._clock()

        def unit(tx: Connection) -> str:
            known = find_effect(tx, request, now=now) if request else None
            if known is not None:
                return _same(known)
            request_id = self.asking.file(tx, actor, definition, now)
            if request is not None:
                record_effect(tx, request, request_id, now=now)
            return request_id

        return await self.get(actor, await write_once(self._database, unit))

    async def get(self, actor: Actor, request_id: str) -> RequestView:
        """A request with its history, for asker, owner, operator and auditor. Raises: MissingError."""
        return await self._database.read(lambda tx: self._view(tx, actor, request_id))

    async def list(
        self, actor: Actor, *, state: str | None = None, overdue: bool = False, to_decide: bool = False
    ) -> list[RequestView]:
        """Requests that concern him; the whole city's for operator and auditor. At most 500, soonest due first.

        `overdue`: whose answer is late. `to_decide`: his own department's queue.
        """
        actor.require(*Role)
        now = self._clock()
        scope: dict[str, Any] = {"state": state, "overdue_at": now if overdue else None}

        def unit(tx: Connection) -> list[RequestView]:
            clocks = self._clocks.in_force(tx)
            found = store.list_requests(tx, **scope, **_reach(tx, actor, to_decide=to_decide))
            return [view(request, clocks, now) for request in found]

        return await self._database.read(unit)

    async def supply(self, actor: Actor, request_id: str, definition: Mapping[str, Any]) -> RequestView:
        """Answer what the owner asked for. Raises: IncompleteError, StepError, MissingError, ForbiddenError."""
        return await self._do(
            actor, request_id, lambda tx, now: self.asking.supply(tx, actor, request_id, definition, now)
        )

    async def withdraw(self, actor: Actor, request_id: str, reason: str = "") -> RequestView:
        """Take a request back. Raises: StepError, MissingError, ForbiddenError."""
        return await self._do(
            actor, request_id, lambda tx, now: self.asking.withdraw(tx, actor, request_id, reason, now)
        )

    async def approve(self, actor: Actor, request_id: str, approval: Approval | None = None) -> RequestView:
        """Agree, in whole or as `approval` narrows it; the grant is live when this returns.

        Raises: IncompleteError, StepError, OwnRequestError, MissingError, ForbiddenError.
        """
        given = approval or Approval()
        return await self._do(
            actor, request_id, lambda tx, now: self.answering.approve(tx, actor, request_id, given, now)
        )

    async def refuse(self, actor: Actor, request_id: str, reason: str, legal_basis: str) -> RequestView:
        """Refuse with a reason and its legal basis. Raises: as `approve`."""
        return await self._do(
            actor, request_id, lambda tx, now: self.answering.refuse(tx, actor, request_id, reason, legal_basis, now)
        )

    async def ask_more(self, actor: Actor, request_id: str, what: str) -> RequestView:
        """Say once what is missing; the clock stops until it is supplied. Raises: as `approve`."""
        return await self._do(
            actor, request_id, lambda tx, now: self.answering.ask_more(tx, actor, request_id, what, now)
        )

    async def extend(self, actor: Actor, request_id: str, reason: str, approval: str) -> RequestView:
        """Extend the time for the answer, once. Raises: as `approve`."""
        return await self._do(
            actor, request_id, lambda tx, now: self.answering.extend(tx, actor, request_id, reason, approval, now)
        )

    def recount(self, tx: Connection, year: int, now: datetime) -> int:
        """Count running clocks again after the calendar of `year` was set: the law gives days, not instants.

        Answers how many there were.
        """
        clocks = self._clocks.in_force(tx)
        running_requests = store.running_from(tx, new_year(year))
        for request in running_requests:
            running = counted(clocks.calendar, request.clock)
            values = {"due_at": running.due_at, "due_assumed": running.assumed}
            store.change_request(tx, request, **values)
            schedule(tx, clocks.calendar, "request", request.id, running.due_at, now)
        return len(running_requests)

    async def _do(self, actor: Actor, request_id: str, step: Callable[[Connection, datetime], None]) -> RequestView:
        now = self._clock()
        await self._database.write(lambda tx: step(tx, now))
        return await self.get(actor, request_id)

    def _view(self, tx: Connection, actor: Actor, request_id: str) -> RequestView:
        request = store.find_request(tx, request_id)
        if request is None or not _sees(actor, request):
            raise MissingError("grant request")
        clocks: Clocks = self._clocks.in_force(tx)
        return view(request, clocks, self._clock(), store.steps_of(tx, request_id))


def system_actor(caller: Caller) -> Actor:
    """A system that asks for itself."""
    roles = frozenset({Role.CONSUMER_ENGINEER})
    return Actor("system", caller.client_id, caller.client_id, caller.department_id, roles)


def _sees(actor: Actor, request: GrantRequest) -> bool:
    if actor.kind == "system":
        return actor.id == request.filing.system
    return actor.sees(request.owner_department_id) or actor.sees(request.asking_department_id)


def _reach(tx: Connection, actor: Actor, *, to_decide: bool) -> dict[str, Any]:
    if actor.kind == "system":
        system = store.find_system(tx, actor.id)
        return {"system_id": system.id if system else NOBODY}
    if to_decide and actor.department_id is not None:
        return {"to_decide_by": actor.department_id}
    everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
    return {} if everything else {"department_id": actor.department_id or NOBODY}


def _same(known: tuple[str, bool]) -> str:
    object_id, same = known
    if not same:
        raise IdempotencyError
    return object_id
