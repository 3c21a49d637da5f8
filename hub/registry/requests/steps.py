"""Taking one step with a request: state, history, ledger entry and notices in one transaction, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Clocks
from hub.access.actors import Actor, Role
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import Running, schedule
from hub.registry.notices import notify
from hub.registry.requests import store
from hub.registry.requests.errors import StepError
from hub.registry.requests.values import TRANSITIONS, GrantRequest, State, Step, StepTaken
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

RULE: Final = Actor("rule", "unconditional-terms", "rule", None, frozenset())
"""Grants what the owner's terms share with everybody who has a legal basis."""
LAPSE: Final = Actor("rule", "time-limit", "rule", None, frozenset())
"""Ends a request whose asker did not answer in time."""
_TO_ASKER: Final = frozenset({Step.ASK_MORE, Step.EXTEND, Step.APPROVE, Step.REFUSE, Step.LAPSE, Step.REOPEN})
_TO_OWNER: Final = frozenset({Step.FILE, Step.SUPPLY, Step.WITHDRAW, Step.LAPSE, Step.REOPEN})


@dataclass(frozen=True, slots=True)
class Taken:
    """A step about to be taken. `running` is the clock from now on; None stops it."""

    step: Step
    actor: Actor
    now: datetime
    running: Running | None = None
    reason: str = ""
    detail: Mapping[str, Any] | None = None


def locked(tx: Connection, request_id: str) -> GrantRequest:
    """The request, locked. Raises: MissingError."""
    request = store.find_request(tx, request_id, lock=True)
    if request is None:
        raise MissingError("grant request")
    return request


def after(state: State | None, step: Step) -> State:
    """Where the step leads. Raises: StepError."""
    target = TRANSITIONS.get((state, step))
    if target is None:
        raise StepError(step.value, state.value if state else "new")
    return target


def take(tx: Connection, key: DataKey, clocks: Clocks, request: GrantRequest, taken: Taken, **changes: Any) -> None:
    """Take the step; `changes` are other columns of the row. Raises: StepError, also when somebody was faster."""
    target = after(request.state, taken.step)
    values: dict[str, Any] = {"state": target.value, "changed_at": taken.now, **_clock(taken.running), **changes}
    if not store.change_request(tx, request, **values):
        raise StepError(taken.step.value, request.state.value, "changed_meanwhile")
    enter(tx, key, request, target, taken, version=request.row_version + 1)
    if taken.running is not None:
        schedule(tx, clocks.calendar, "request", request.id, taken.running.due_at, taken.now)


def enter(tx: Connection, key: DataKey, request: GrantRequest, target: State, taken: Taken, *, version: int) -> None:
    """The ledger entry, the line of history and the notices of a step."""
    detail = dict(taken.detail or {})
    draft = Draft(
        kind=f"grant.request.{taken.step.value}",
        detail={
            "system": request.filing.system,
            "resource_kind": request.filing.resource_kind.value,
            "resource": request.filing.resource,
            "actor": taken.actor.as_json(),
            "state": target.value,
            "reason": taken.reason,
            **detail,
        },
        key=key,
        object_id=request.id,
        object_version=version,
    )
    append(tx, [seal(draft, now=taken.now)])
    line = StepTaken(taken.step.value, target.value, taken.actor.as_json(), taken.reason, detail, taken.now, draft.id)
    store.add_step(tx, request.id, line)
    _tell(tx, request, taken)


def _tell(tx: Connection, request: GrantRequest, taken: Taken) -> None:
    about = ("grant_request", request.id)
    step = taken.step
    code = "request.rule" if taken.actor.id == RULE.id else f"request.{step.value}"
    if step in _TO_ASKER:
        notify(
            tx,
            code,
            department_id=request.asking_department_id,
            role=Role.CONSUMER_ENGINEER,
            about=about,
            now=taken.now,
        )
    if step in _TO_OWNER or taken.actor.id == RULE.id:
        notify(
            tx, code, department_id=request.owner_department_id, role=Role.OWNER_APPROVER, about=about, now=taken.now
        )


def _clock(running: Running | None) -> dict[str, Any]:
    if running is None:
        return {"due_at": None, "due_assumed": False}
    return {"clock": running.clock.as_json(), "due_at": running.due_at, "due_assumed": running.assumed}
