"""Disputes 争议: negotiate, then the operator decides as the 主管部门 of their level, then the common superior's word.

Only two operators decide (`two_person`). A decision for the asker puts the request before its owner again: nobody but
the owner ever grants.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import ClockService, counted, new_year, schedule, started
from hub.registry.grants import NOBODY
from hub.registry.notices import notify
from hub.registry.requests import dispute_store as disputes
from hub.registry.requests.answering import Answering
from hub.registry.requests.asking import asker
from hub.registry.requests.dispute_store import MOVES, Dispute, Move, Stage
from hub.registry.requests.errors import IncompleteError, StepError
from hub.registry.requests.steps import locked
from hub.registry.requests.store import add_step
from hub.registry.requests.values import GrantRequest, State, StepTaken
from hub.registry.requests.wording import fault
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

_LIMITS: Final = {
    Stage.NEGOTIATING: Limit.NEGOTIATE,
    Stage.COORDINATING: Limit.COORDINATE,
    Stage.SUPERIOR: Limit.SUPERIOR,
}
FOR_ASKER: Final = "for_asker"
FOR_OWNER: Final = "for_owner"


@dataclass(frozen=True, slots=True)
class Moved:
    """A move about to be made in a dispute."""

    move: Move
    actor: Actor
    reason: str
    now: datetime
    outcome: dict[str, Any] | None = None


class DisputeService:
    """The ladder of a dispute, each rung with its clock."""

    def __init__(
        self, database: Database, *, answering: Answering, clocks: ClockService, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._answering = answering
        self._clocks = clocks
        self._log_key = log_key
        self._clock = clock

    async def open(self, actor: Actor, request_id: str, reason: str) -> Dispute:
        """Dispute a refusal, a narrowed grant or an overdue answer.

        Raises: StepError, IncompleteError, MissingError, ForbiddenError.
        """
        now = self._clock()
        return await self._database.write(lambda tx: self._open(tx, actor, request_id, reason, now))

    async def settle(self, actor: Actor, request_id: str, reason: str) -> Dispute:
        """End the negotiation. By the owner: he answers once more. By the asker: the answer stands.

        Raises: as `open`.
        """
        now = self._clock()

        def unit(tx: Connection) -> Dispute:
            request, dispute = self._both(tx, request_id)
            by_owner = _side(actor, request) == "owner"
            verdict = FOR_ASKER if by_owner else FOR_OWNER
            moved = Moved(Move.SETTLE, actor, reason, now, {"verdict": verdict})
            return self._conclude(tx, request, dispute, moved)

        return await self._database.write(unit)

    async def escalate(self, actor: Actor, request_id: str, reason: str) -> Dispute:
        """Put it one rung higher: to the operator, or from his decision to the common superior. Raises: as `open`."""
        now = self._clock()

        def unit(tx: Connection) -> Dispute:
            request, dispute = self._both(tx, request_id)
            _side(actor, request)
            move = Move.APPEAL if dispute.stage is Stage.DECIDED else Move.ESCALATE
            return self._move(tx, request, dispute, Moved(move, actor, reason, now))

        return await self._database.write(unit)

    async def of(self, actor: Actor, request_id: str) -> Dispute | None:
        """The newest dispute about a request that he sees. Raises: MissingError."""

        def unit(tx: Connection) -> Dispute | None:
            found = disputes.find_dispute(tx, request_id)
            if found is None or not (actor.sees(found.owner_department_id) or actor.sees(found.asking_department_id)):
                return None
            return found

        return await self._database.read(unit)

    async def list(self, actor: Actor, *, only_open: bool = True) -> list[Dispute]:
        """Disputes of his department; of the whole city for operator and auditor."""
        actor.require(*Role)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        department = None if everything else actor.department_id or NOBODY
        return await self._database.read(
            lambda tx: disputes.list_disputes(tx, department_id=department, only_open=only_open)
        )

    def decide(self, tx: Connection, payload: dict[str, Any], confirmer: Actor, now: datetime) -> dict[str, Any]:
        """The operator's decision, or the record of the common superior's; a unit of `two_person`."""
        check_decision(payload)
        request, dispute = self._both(tx, str(payload["request"]))
        move = Move.CLOSE if dispute.stage is Stage.SUPERIOR else Move.DECIDE
        outcome: dict[str, Any] = {
            name: payload[name] for name in ("verdict", "legal_basis", "reference") if name in payload
        }
        moved = Moved(move, confirmer, str(payload["reason"]), now, outcome)
        return {"dispute": dispute.id, "stage": self._conclude(tx, request, dispute, moved).stage.value}

    def recount(self, tx: Connection, year: int, now: datetime) -> int:
        """As `GrantRequestService.recount`, for the disputes that run."""
        calendar = self._clocks.in_force(tx).calendar
        found = disputes.running_from(tx, new_year(year))
        for dispute, clock in found:
            due_at = counted(calendar, clock).due_at
            disputes.move_due(tx, dispute, due_at)
            schedule(tx, calendar, "dispute", dispute.id, due_at, now)
        return len(found)

    def _open(self, tx: Connection, actor: Actor, request_id: str, reason: str, now: datetime) -> Dispute:
        request = locked(tx, request_id)
        asker(actor, request)
        late = request.state is State.SUBMITTED and request.due_at is not None and now >= request.due_at
        narrowed = request.state is State.GRANTED and request.decision.get("narrowed", False)
        if not (request.state is State.REFUSED or narrowed or late):
            raise StepError("dispute.open", request.state.value, "nothing_to_dispute")
        before = disputes.find_dispute(tx, request_id)
        if before is not None and before.stage in disputes.OPEN_STAGES:
            raise StepError("dispute.open", before.stage.value, "disputed_already")
        if before is not None and before.stage is not Stage.SETTLED and before.outcome.get("verdict") == FOR_OWNER:
            raise StepError("dispute.open", before.stage.value, "decided_already")
        dispute = disputes.new_dispute(new_id(), request, now)
        disputes.add_dispute(tx, dispute)
        return self._move(tx, request, dispute, Moved(Move.OPEN, actor, reason, now))

    def _both(self, tx: Connection, request_id: str) -> tuple[GrantRequest, Dispute]:
        request = locked(tx, request_id)
        dispute = disputes.find_dispute(tx, request_id)
        if dispute is None:
            raise MissingError("dispute")
        return request, dispute

    def _conclude(self, tx: Connection, request: GrantRequest, dispute: Dispute, moved: Moved) -> Dispute:
        concluded = self._move(tx, request, dispute, moved)
        answered = request.state in {State.REFUSED, State.GRANTED}
        if moved.outcome is not None and moved.outcome.get("verdict") == FOR_ASKER and answered:
            self._answering.reopen(tx, moved.actor, request, moved.reason, moved.now)
        return concluded

    def _move(self, tx: Connection, request: GrantRequest, dispute: Dispute, moved: Moved) -> Dispute:
        if not moved.reason.strip():
            raise IncompleteError([fault("reason_missing", "/reason")])
        stage = MOVES.get((None if moved.move is Move.OPEN else dispute.stage, moved.move))
        if stage is None:
            raise StepError(f"dispute.{moved.move.value}", dispute.stage.value)
        clocks = self._clocks.in_force(tx)
        limit = _LIMITS.get(stage)
        running = started(clocks, limit, filed_at=dispute.filed_at, now=moved.now) if limit else None
        changed = disputes.change_dispute(
            tx, dispute, stage=stage, running=running, outcome=moved.outcome, now=moved.now
        )
        self._enter(tx, request, changed, moved)
        if running is not None:
            schedule(tx, clocks.calendar, "dispute", dispute.id, running.due_at, moved.now)
        return changed

    def _enter(self, tx: Connection, request: GrantRequest, dispute: Dispute, moved: Moved) -> None:
        name = f"dispute.{moved.move.value}"
        detail = {"request": request.id, "stage": dispute.stage.value, **(moved.outcome or {})}
        draft = Draft(
            kind=f"grant.{name}",
            detail={"actor": moved.actor.as_json(), "reason": moved.reason, **detail},
            key=self._log_key,
            object_id=dispute.id,
            object_version=dispute.row_version,
        )
        append(tx, [seal(draft, now=moved.now)])
        actor = moved.actor.as_json()
        add_step(tx, request.id, StepTaken(name, dispute.stage.value, actor, moved.reason, detail, moved.now, draft.id))
        about = ("grant_request", request.id)
        sides = (
            (request.owner_department_id, Role.OWNER_APPROVER),
            (request.asking_department_id, Role.CONSUMER_ENGINEER),
            (None, Role.OPERATOR),
        )
        for department_id, role in sides:
            notify(tx, name, department_id=department_id, role=role, about=about, now=moved.now)


def check_decision(payload: dict[str, Any]) -> None:
    """Whether a decision can be one. Raises: DefinitionError."""
    if payload.get("verdict") not in {FOR_ASKER, FOR_OWNER}:
        raise DefinitionError(f"dispute: verdict is {FOR_ASKER} or {FOR_OWNER}")
    for name in ("request", "reason", "legal_basis"):
        value = payload.get(name)
        if not isinstance(value, str) or not value.strip():
            raise DefinitionError(f"dispute: {name} is missing")


def _side(actor: Actor, request: GrantRequest) -> str:
    """Which side he is on. Raises: MissingError, ForbiddenError."""
    if actor.department_id == request.owner_department_id and Role.OWNER_APPROVER in actor.roles:
        return "owner"
    asker(actor, request)
    return "asker"
