"""The asker's side of a request: check, file, supply what was missing, withdraw. Units of work."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.store import find_matter
from hub.access.actors import Actor, Role
from hub.clock import new_id
from hub.registry.clocks import ClockService, Running, counted, schedule, started
from hub.registry.grants import GrantService, NewGrant, Resource
from hub.registry.requests import store
from hub.registry.requests.check import Surroundings, by_rule, faults_of
from hub.registry.requests.decision import Approval, decide
from hub.registry.requests.errors import Fault, IncompleteError, StepError
from hub.registry.requests.reading import read_filing
from hub.registry.requests.steps import RULE, Taken, enter, locked, take
from hub.registry.requests.values import Clock, Filing, GrantRequest, State, Step
from hub.registry.requests.wording import fault
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey


class Asking:
    """What a consumer's engineer, or a system for itself, does."""

    def __init__(self, *, grants: GrantService, clocks: ClockService, log_key: DataKey) -> None:
        self._grants = grants
        self._clocks = clocks
        self._log_key = log_key

    def check(
        self, tx: Connection, actor: Actor, definition: Mapping[str, Any], now: datetime, *, but: str | None = None
    ) -> tuple[Filing, store.System, Resource | None, list[Fault]]:
        """The form check. Raises: MissingError for a system that is not the actor's, ForbiddenError."""
        if actor.kind == "system":
            definition = {"system": actor.id, **definition}
        filing, faults = read_filing(definition)
        if not filing.system:
            raise IncompleteError([fault("system_missing", "/system"), *faults])
        system = _own_system(tx, actor, filing.system)
        resource = self._grants.resource(tx, filing.resource_kind, filing.resource, now) if filing.resource else None
        if resource is not None:
            filing = replace(filing, resource=resource.code)
        if resource is not None and resource.owner_department_id is None:
            resource = None
        around = Surroundings(
            resource=resource,
            matters={code: found[2] for code in filing.matters if (found := find_matter(tx, code)) is not None},
            asking_department_id=system.department_id,
            asked_already=store.is_asked_already(
                tx, system.id, filing.resource, filing.kind.value, filing.purpose, but=but
            ),
            now=now,
        )
        malformed = {fault.pointer for fault in faults}
        faults += [fault for fault in faults_of(filing, around) if not fault.pointer or fault.pointer not in malformed]
        return filing, system, resource, faults

    def file(self, tx: Connection, actor: Actor, definition: Mapping[str, Any], now: datetime) -> str:
        """File a request, and grant it at once where the owner's terms say so. Raises: IncompleteError."""
        filing, system, resource, faults = self.check(tx, actor, definition, now)
        if faults or resource is None or resource.owner_department_id is None:
            raise IncompleteError(faults)
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.ANSWER, filed_at=now, now=now)
        request = _new(filing, system, resource.owner_department_id, actor, running, now)
        _write(tx, request)
        rules = clocks.on(now)
        detail = {
            "asked": filing.as_json() | {"contact": ""},
            "clock_rules": rules.in_force_from.isoformat(),
            "due_at": running.due_at.isoformat(),
        }
        enter(tx, self._log_key, request, State.SUBMITTED, Taken(Step.FILE, actor, now, detail=detail), version=1)
        if by_rule(filing, resource):
            self._grant_by_rule(tx, request, resource, now)
        else:
            schedule(tx, clocks.calendar, "request", request.id, running.due_at, now)
        return request.id

    def _grant_by_rule(self, tx: Connection, request: GrantRequest, resource: Resource, now: datetime) -> None:
        filing = request.filing
        decided = decide(filing, Approval(), now)
        terms = replace(decided.terms, corroboration=decided.terms.corroboration or resource.corroboration)
        new = NewGrant(
            system_id=request.system_id,
            client_id=filing.system,
            resource=resource,
            owner_department_id=request.owner_department_id,
            kind=filing.kind,
            terms=terms,
            purpose=filing.purpose,
            valid_from=filing.valid_from or now,
            valid_until=decided.valid_until,
        )
        grant_id = self._grants.grant(tx, new, now, {"request": request.id, "actor": RULE.as_json()})
        decision = replace(decided, terms=terms).as_json() | {"by_rule": True}
        taken = Taken(Step.APPROVE, RULE, now, detail={"grant": grant_id, **decision})
        take(
            tx,
            self._log_key,
            self._clocks.in_force(tx),
            request,
            taken,
            decision=decision,
            grant_id=grant_id,
        )

    def supply(
        self, tx: Connection, actor: Actor, request_id: str, definition: Mapping[str, Any], now: datetime
    ) -> None:
        """Answer the owner's one question with a corrected filing; his clock goes on with the days he had left.

        System and resource stay as they were. Raises: IncompleteError, StepError, MissingError.
        """
        request = locked(tx, request_id)
        asker(actor, request)
        fixed = {"system": request.filing.system, request.filing.word: request.filing.resource}
        filing, _, resource, faults = self.check(tx, actor, {**definition, **fixed}, now, but=request.id)
        if faults or resource is None:
            raise IncompleteError(faults)
        if request.state is not State.MORE_ASKED:
            raise StepError(Step.SUPPLY.value, request.state.value)
        clocks = self._clocks.in_force(tx)
        running = counted(clocks.calendar, Clock(Limit.ANSWER, now, max(1, request.clock.left or 0)))
        taken = Taken(Step.SUPPLY, actor, now, running, detail={"asked": filing.as_json() | {"contact": ""}})
        changes = {"asked": filing.as_json(), "purpose": filing.purpose, "kind": filing.kind.value}
        take(tx, self._log_key, clocks, request, taken, **changes)

    def withdraw(self, tx: Connection, actor: Actor, request_id: str, reason: str, now: datetime) -> None:
        """Take an open request back. Raises: StepError, MissingError."""
        request = locked(tx, request_id)
        asker(actor, request)
        taken = Taken(Step.WITHDRAW, actor, now, reason=reason)
        take(tx, self._log_key, self._clocks.in_force(tx), request, taken)


def asker(actor: Actor, request: GrantRequest) -> None:
    """Go on only for the side that asked. Raises: MissingError, ForbiddenError."""
    if actor.kind == "system" and actor.id != request.filing.system:
        raise MissingError("grant request")
    actor.require(Role.CONSUMER_ENGINEER, owner=request.asking_department_id)


def _own_system(tx: Connection, actor: Actor, client_id: str) -> store.System:
    system = store.find_system(tx, client_id)
    if system is None or (actor.kind == "system" and actor.id != client_id):
        raise MissingError("system")
    actor.require(Role.CONSUMER_ENGINEER, owner=system.department_id)
    return system


def _new(
    filing: Filing, system: store.System, owner: str, actor: Actor, running: Running, now: datetime
) -> GrantRequest:
    return GrantRequest(
        id=new_id(),
        owner_department_id=owner,
        asking_department_id=system.department_id,
        system_id=system.id,
        filing=filing,
        state=State.SUBMITTED,
        row_version=1,
        asked_by=actor.as_json(),
        filed_at=now,
        clock=running.clock,
        due_at=running.due_at,
        due_assumed=running.assumed,
        asks=0,
        extensions=0,
        decision={},
        grant_id=None,
        changed_at=now,
    )


def _write(tx: Connection, request: GrantRequest) -> None:
    filing = request.filing
    store.add_request(
        tx,
        id=request.id,
        owner_department_id=request.owner_department_id,
        asking_department_id=request.asking_department_id,
        system_id=request.system_id,
        resource_kind=filing.resource_kind.value,
        resource=filing.resource,
        kind=filing.kind.value,
        purpose=filing.purpose,
        asked=filing.as_json(),
        state=request.state.value,
        row_version=request.row_version,
        asked_by=dict(request.asked_by),
        filed_at=request.filed_at,
        clock=request.clock.as_json(),
        due_at=request.due_at,
        due_assumed=request.due_assumed,
        asks=0,
        extensions=0,
        decision={},
        grant_id=None,
        changed_at=request.changed_at,
    )
