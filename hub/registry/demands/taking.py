"""Steps of demands: each a row, a ledger entry and a notice for whoever must act next, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import ClockService, schedule
from hub.registry.demands import store as demand_store
from hub.registry.demands.states import OPEN, Demand, State, Step
from hub.registry.demands.views import tell
from hub.registry.departments.store import Departments, read_departments
from hub.registry.requests.errors import StepError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

MAX_REASON: Final = 2000
ASKERS: Final = (Role.CONSUMER_ENGINEER,)


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a step, as ledger and steps name him."""

    named: dict[str, str]
    department_id: str | None


Check = Callable[[Connection, Demand, Departments], dict[str, Any]]
"""Whether a step may be taken, and what it changes beside the state."""


class DemandSteps:
    """Takes them."""

    def __init__(self, database: Database, *, clocks: ClockService, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._clocks = clocks
        self._log_key = log_key
        self._clock = clock

    async def take(self, by: By, demand_id: str, step: Step, reason: str, check: Check) -> None:
        """Take a step that `check` allows. Raises: MissingError, DefinitionError, StepError."""
        if len(reason) > MAX_REASON:
            raise DefinitionError(f"demand: a reason has at most {MAX_REASON} characters")
        now = self._clock()

        def unit(tx: Connection) -> None:
            demand = demand_store.find_demand(tx, demand_id, for_update=True)
            if demand is None:
                raise MissingError("demand")
            changes = check(tx, demand, read_departments(tx))
            owner = changes.get("owner_department_id", demand.owner_department_id)
            taken = Step.GIVE_UP if step is Step.FORWARD and owner is None else step
            state = demand.after(taken)
            due_at = self.run(tx, demand.id, now, now) if state in OPEN else None
            if not demand_store.change_demand(tx, demand, state=state.value, due_at=due_at, changed_at=now, **changes):
                raise StepError(step.value, demand.state.value, "changed_meanwhile")
            self.write_down(
                tx, demand.id, demand.row_version + 1, by, taken, state, owner, demand.asking_department_id, reason, now
            )

        await self._database.write(unit)

    def write_down(
        self,
        tx: Connection,
        demand_id: str,
        version: int,
        by: By,
        step: Step,
        state: State,
        owner: str | None,
        asking: str,
        reason: str,
        now: datetime,
    ) -> None:
        """A step with its entry and its notices, in the caller's transaction."""
        detail = {"step": step.value, "state": state.value, "owner": owner, "actor": by.named, "reason": reason}
        entry = Draft(
            kind=f"demand.{step.value}", detail=detail, key=self._log_key, object_id=demand_id, object_version=version
        )
        append(tx, [seal(entry, now=now)])
        demand_store.add_step(
            tx, id=new_id(), demand_id=demand_id, step=step.value, state=state.value, owner_department_id=owner,
            actor=by.named, reason=reason, at=now, ledger_entry_id=entry.id,
        )  # fmt: skip
        tell(tx, demand_id, version, state, owner=owner, asking=asking, now=now)

    def run(self, tx: Connection, demand_id: str, since: datetime, now: datetime) -> datetime:
        """When a clock begun then ends; its reminders are scheduled."""
        clocks = self._clocks.in_force(tx)
        due_at = clocks.calendar.due(since, clocks.on(since).working_days[Limit.ANSWER]).at
        schedule(tx, clocks.calendar, "demand", demand_id, due_at, now)
        return due_at


def asker(who: Actor | Caller) -> By:
    """Whoever asks, as ledger and steps name him."""
    if isinstance(who, Caller):
        return By({"kind": "system", "id": who.client_id}, who.department_id)
    return By(who.as_json(), who.department_id)


def require_asker(who: Actor | Caller, demand: Demand) -> None:
    """Only the department that asked. Raises: ForbiddenError, MissingError."""
    if isinstance(who, Actor):
        who.require(*ASKERS, Role.OPERATOR, owner=demand.asking_department_id)
    elif who.department_id != demand.asking_department_id:
        raise MissingError("demand")
