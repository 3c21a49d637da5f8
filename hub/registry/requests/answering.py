"""The owner's side of a request: agree in whole or in part, refuse, ask once for more, extend once. Units of work."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.errors import DefinitionError
from catalog.grants import GrantState
from hub.access.actors import Actor, Role
from hub.registry.clocks import ClockService, lengthened, started
from hub.registry.grants import GrantService, NewGrant
from hub.registry.requests.decision import Approval, decide
from hub.registry.requests.errors import IncompleteError, OwnRequestError, StepError
from hub.registry.requests.steps import LAPSE, Taken, after, locked, take
from hub.registry.requests.store import steps_of
from hub.registry.requests.values import GrantRequest, State, Step
from hub.registry.requests.wording import fault
from hub.storage.vault import DataKey


class Answering:
    """What an approver of the owning department does. Whoever asked does not decide."""

    def __init__(self, *, grants: GrantService, clocks: ClockService, log_key: DataKey) -> None:
        self._grants = grants
        self._clocks = clocks
        self._log_key = log_key

    def approve(self, tx: Connection, actor: Actor, request_id: str, approval: Approval, now: datetime) -> None:
        """Agree: the grant is live when this commits. An earlier, narrower grant of the request is replaced.

        Raises: IncompleteError (faults of the decision), StepError, OwnRequestError, MissingError, ForbiddenError.
        """
        request = _to_decide(tx, actor, request_id)
        after(request.state, Step.APPROVE)
        filing = request.filing
        resource = self._grants.resource(tx, filing.resource_kind, filing.resource, now)
        if resource is None:
            raise StepError(Step.APPROVE.value, request.state.value, "resource_unknown")
        decided = decide(filing, approval, now)
        if request.grant_id is not None:
            self._end(tx, request, actor, now)
        new = NewGrant(
            system_id=request.system_id,
            client_id=filing.system,
            resource=resource,
            owner_department_id=request.owner_department_id,
            kind=filing.kind,
            terms=decided.terms,
            purpose=filing.purpose,
            valid_from=filing.valid_from or now,
            valid_until=decided.valid_until,
        )
        grant_id = self._grants.grant(tx, new, now, {"request": request.id, "actor": actor.as_json()})
        decision = decided.as_json() | _late(request, now)
        taken = Taken(Step.APPROVE, actor, now, detail={"grant": grant_id, **decision})
        clocks = self._clocks.in_force(tx)
        take(tx, self._log_key, clocks, request, taken, decision=decision, grant_id=grant_id)

    def refuse(
        self, tx: Connection, actor: Actor, request_id: str, reason: str, legal_basis: str, now: datetime
    ) -> None:
        """Refuse, only with a reason and its legal basis. Raises: as `approve`."""
        request = _to_decide(tx, actor, request_id)
        empty = [name for name, value in (("reason", reason), ("legal_basis", legal_basis)) if not value.strip()]
        if empty:
            raise IncompleteError([fault(f"{name}_missing", f"/{name}") for name in empty])
        decision: dict[str, Any] = {"reason": reason, "legal_basis": legal_basis, **_late(request, now)}
        taken = Taken(Step.REFUSE, actor, now, reason=reason, detail={"legal_basis": legal_basis})
        take(tx, self._log_key, self._clocks.in_force(tx), request, taken, decision=decision)

    def ask_more(self, tx: Connection, actor: Actor, request_id: str, what: str, now: datetime) -> None:
        """Say what is missing, all of it and once; the owner's clock stops until it is supplied.

        Raises: as `approve`; StepError `asked_before` the second time, `overdue` when the time for asking is over.
        """
        request = _to_decide(tx, actor, request_id)
        _in_time(request, Step.ASK_MORE, now)
        if request.asks:
            raise StepError(Step.ASK_MORE.value, request.state.value, "asked_before")
        if not what.strip():
            raise IncompleteError([fault("reason_missing", "/reason")])
        clocks = self._clocks.in_force(tx)
        left = clocks.calendar.remaining(now, request.due_at) if request.due_at else 0
        running = started(clocks, Limit.SUPPLEMENT, filed_at=request.filed_at, now=now)
        running = replace(running, clock=replace(running.clock, left=left))
        take(tx, self._log_key, clocks, request, Taken(Step.ASK_MORE, actor, now, running, what), asks=1)

    def extend(self, tx: Connection, actor: Actor, request_id: str, reason: str, approval: str, now: datetime) -> None:
        """Extend the time for the answer, once, by what the rules allow. `approval` names who agreed, or the paper.

        Raises: as `approve`; StepError `extended_before`, `overdue`, `no_extension` under the rules of the filing day.
        """
        request = _to_decide(tx, actor, request_id)
        _in_time(request, Step.EXTEND, now)
        if request.extensions:
            raise StepError(Step.EXTEND.value, request.state.value, "extended_before")
        empty = [name for name, value in (("reason", reason), ("approval", approval)) if not value.strip()]
        if empty:
            raise IncompleteError([fault(f"{name}_missing", f"/{name}") for name in empty])
        clocks = self._clocks.in_force(tx)
        days = clocks.on(request.filed_at).working_days[Limit.EXTENSION]
        if days == 0:
            raise StepError(Step.EXTEND.value, request.state.value, "no_extension")
        running = lengthened(clocks.calendar, request.clock, days)
        detail = {"approval": approval, "due_at": running.due_at.isoformat()}
        taken = Taken(Step.EXTEND, actor, now, running, reason, detail)
        take(tx, self._log_key, clocks, request, taken, extensions=1)

    def lapse(self, tx: Connection, request: GrantRequest, now: datetime) -> None:
        """End a request whose asker has let the time pass."""
        take(tx, self._log_key, self._clocks.in_force(tx), request, Taken(Step.LAPSE, LAPSE, now))

    def reopen(self, tx: Connection, actor: Actor, request: GrantRequest, reason: str, now: datetime) -> None:
        """Put an answered request before its owner again, with a clock of full length, after a dispute."""
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.ANSWER, filed_at=request.filed_at, now=now)
        taken = Taken(Step.REOPEN, actor, now, running, reason)
        take(tx, self._log_key, clocks, request, taken, asks=1, extensions=1)

    def _end(self, tx: Connection, request: GrantRequest, actor: Actor, now: datetime) -> None:
        detail = {"replaced_by_request": request.id, "actor": actor.as_json()}
        try:
            self._grants.put_into(tx, str(request.grant_id), GrantState.WITHDRAWN, detail, now)
        except DefinitionError:  # it had been withdrawn already
            return


def _to_decide(tx: Connection, actor: Actor, request_id: str) -> GrantRequest:
    request = locked(tx, request_id)
    actor.require(Role.OWNER_APPROVER, owner=request.owner_department_id)
    asked = [step.actor for step in steps_of(tx, request_id) if step.step in {Step.FILE, Step.SUPPLY}]
    if actor.kind == "staff" and actor.as_json() in [dict(item) for item in asked]:
        raise OwnRequestError
    return request


def _in_time(request: GrantRequest, step: Step, now: datetime) -> None:
    if request.state is not State.SUBMITTED:
        raise StepError(step.value, request.state.value)
    if request.due_at is None or now >= request.due_at:
        raise StepError(step.value, request.state.value, "overdue")


def _late(request: GrantRequest, now: datetime) -> dict[str, bool]:
    return {"late": request.due_at is not None and now >= request.due_at}
