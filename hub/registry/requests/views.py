"""What people and programs see of a request: what was asked, whose turn it is, until when, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.clocks import ClockRules, Clocks
from hub.clock import rfc3339
from hub.registry.requests.values import OPEN, GrantRequest, State, StepTaken


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request with its clock read at one instant."""

    request: GrantRequest
    rules: ClockRules
    remaining: int | None
    """Working days left after today; negative when overdue; None when no clock runs."""
    overdue: bool
    steps: Sequence[StepTaken] = ()

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of API and `--json`."""
        request = self.request
        found: dict[str, Any] = {
            "id": request.id,
            "state": request.state.value,
            "waits_for": waits_for(request.state),
            "system": request.filing.system,
            "resource_kind": request.filing.resource_kind.value,
            "resource": request.filing.resource,
            "owner": request.owner_code,
            "asking_department": request.asking_code,
            "asked": request.filing.as_json(),
            "asked_by": dict(request.asked_by),
            "filed_at": rfc3339(request.filed_at),
            "due_at": rfc3339(request.due_at) if request.due_at else None,
            "due_assumed": request.due_assumed,
            "remaining_working_days": self.remaining,
            "overdue": self.overdue,
            "clock_rules": {"in_force_from": self.rules.in_force_from.isoformat(), "source": self.rules.source},
            "decision": dict(request.decision),
            "grant_id": request.grant_id,
        }
        return found | ({"steps": [_step(step) for step in self.steps]} if self.steps else {})


def view(request: GrantRequest, clocks: Clocks, now: datetime, steps: Sequence[StepTaken] = ()) -> RequestView:
    """The request as it stands now."""
    due = request.due_at
    return RequestView(
        request=request,
        rules=clocks.on(request.filed_at),
        remaining=None if due is None else clocks.calendar.remaining(now, due),
        overdue=due is not None and now >= due,
        steps=steps,
    )


def waits_for(state: State) -> str | None:
    """Whose turn it is: `owner`, `asker`, or nobody's."""
    if state not in OPEN:
        return None
    return "owner" if state is State.SUBMITTED else "asker"


def _step(step: StepTaken) -> dict[str, Any]:
    return {
        "step": step.step,
        "state": step.state,
        "actor": dict(step.actor),
        "reason": step.reason,
        "detail": dict(step.detail),
        "at": rfc3339(step.at),
        "ledger_entry": step.ledger_entry_id,
    }
