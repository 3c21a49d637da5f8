"""How a demand is shown, to whom, and who is told when it moves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import rfc3339
from hub.registry.demands.states import OPEN, Demand, State
from hub.registry.demands.store import StepTaken
from hub.registry.departments.store import Departments
from hub.registry.notices import notify


@dataclass(frozen=True, slots=True)
class DemandView:
    """A demand with the codes of its departments, and its steps when one demand was asked for."""

    demand: Demand
    asking: str
    owner: str | None
    candidates: tuple[str, ...]
    overdue: bool
    steps: tuple[StepTaken, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the API and `--json` show it; departments by code."""
        demand = self.demand
        return {
            "id": demand.id,
            "state": demand.state.value,
            "asking": self.asking,
            "owner": self.owner,
            "candidates": list(self.candidates),
            "wanted": dict(demand.wanted),
            "answer": dict(demand.answer),
            "filed_at": rfc3339(demand.filed_at),
            "due_at": rfc3339(demand.due_at) if demand.due_at else None,
            "overdue": self.overdue,
            "steps": [
                {"step": item.step, "state": item.state, "by": item.actor["kind"], "reason": item.reason,
                 "at": rfc3339(item.at)}
                for item in self.steps
            ],
        }  # fmt: skip


def tell(
    tx: Connection, demand_id: str, version: int, state: State, *, owner: str | None, asking: str, now: datetime
) -> None:
    """Write the notice of a step: to whoever must act next, or to the asker that it was answered."""
    about, once = ("demand", demand_id), str(version)
    if state is State.ASSIGNED:
        notify(tx, "demand.waiting", department_id=owner, role=Role.OWNER_APPROVER, about=about, now=now, once=once)
    elif state is State.UNASSIGNED:
        notify(tx, "demand.unassigned", department_id=None, role=Role.OPERATOR, about=about, now=now, once=once)
    elif state is not State.WITHDRAWN:
        notify(
            tx, "demand.answered", department_id=asking, role=Role.CONSUMER_ENGINEER, about=about, now=now, once=once
        )


def concerns(who: Actor | Caller, demand: Demand) -> bool:
    """Whether a demand exists for somebody: he asked, or must answer, or looks after the whole hub."""
    if isinstance(who, Actor):
        return who.sees(demand.asking_department_id) or (
            demand.owner_department_id is not None and who.sees(demand.owner_department_id)
        )
    return who.department_id == demand.asking_department_id


def view_of(demand: Demand, departments: Departments, now: datetime, steps: tuple[StepTaken, ...] = ()) -> DemandView:
    """A demand as shown, at this moment."""
    codes = departments.by_id
    return DemandView(
        demand,
        codes[demand.asking_department_id].code,
        codes[demand.owner_department_id].code if demand.owner_department_id else None,
        tuple(codes[item].code for item in demand.candidates),
        overdue=demand.due_at is not None and demand.state in OPEN and now >= demand.due_at,
        steps=steps,
    )
