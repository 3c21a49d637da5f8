"""Disputes as values and rows: the stages, what may follow what, queries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from catalog.tables import table
from hub.clock import rfc3339
from hub.registry.clocks import Running
from hub.registry.requests.errors import StepError
from hub.registry.requests.values import Clock, GrantRequest, read_clock
from hub.registry.tables import GrantDisputeRow

_DISPUTES: Final = table(GrantDisputeRow)


class Stage(StrEnum):
    """Where a dispute stands. `decided` may still be put to the common superior."""

    NEGOTIATING = "negotiating"
    COORDINATING = "coordinating"
    DECIDED = "decided"
    SUPERIOR = "superior"
    SETTLED = "settled"
    CLOSED = "closed"


class Move(StrEnum):
    """What somebody does in a dispute."""

    OPEN = "open"
    SETTLE = "settle"
    ESCALATE = "escalate"
    DECIDE = "decide"
    APPEAL = "appeal"
    CLOSE = "close"


MOVES: Final[Mapping[tuple[Stage | None, Move], Stage]] = MappingProxyType(
    {
        (None, Move.OPEN): Stage.NEGOTIATING,
        (Stage.NEGOTIATING, Move.SETTLE): Stage.SETTLED,
        (Stage.NEGOTIATING, Move.ESCALATE): Stage.COORDINATING,
        (Stage.COORDINATING, Move.SETTLE): Stage.SETTLED,
        (Stage.COORDINATING, Move.DECIDE): Stage.DECIDED,
        (Stage.DECIDED, Move.APPEAL): Stage.SUPERIOR,
        (Stage.SUPERIOR, Move.CLOSE): Stage.CLOSED,
    }
)
"""The one transition table of disputes."""
OPEN_STAGES: Final = (Stage.NEGOTIATING, Stage.COORDINATING, Stage.SUPERIOR)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute as stored."""

    id: str
    request_id: str
    owner_department_id: str
    asking_department_id: str
    stage: Stage
    row_version: int
    filed_at: datetime
    due_at: datetime | None
    outcome: Mapping[str, Any]
    changed_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of API and `--json`."""
        return {
            "id": self.id,
            "request_id": self.request_id,
            "stage": self.stage.value,
            "filed_at": rfc3339(self.filed_at),
            "due_at": rfc3339(self.due_at) if self.due_at else None,
            "outcome": dict(self.outcome),
        }


def new_dispute(dispute_id: str, request: GrantRequest, now: datetime) -> Dispute:
    """A dispute about a request, before its first move is written."""
    return Dispute(
        id=dispute_id,
        request_id=request.id,
        owner_department_id=request.owner_department_id,
        asking_department_id=request.asking_department_id,
        stage=Stage.NEGOTIATING,
        row_version=0,
        filed_at=request.filed_at,
        due_at=None,
        outcome={},
        changed_at=now,
    )


def add_dispute(tx: Connection, dispute: Dispute) -> None:
    """Write a dispute row."""
    tx.execute(
        insert(_DISPUTES).values(
            id=dispute.id,
            request_id=dispute.request_id,
            owner_department_id=dispute.owner_department_id,
            asking_department_id=dispute.asking_department_id,
            stage=dispute.stage.value,
            row_version=dispute.row_version,
            filed_at=dispute.filed_at,
            clock={},
            due_at=None,
            outcome={},
            changed_at=dispute.changed_at,
        )
    )


def change_dispute(
    tx: Connection,
    dispute: Dispute,
    *,
    stage: Stage,
    running: Running | None,
    outcome: Mapping[str, Any] | None,
    now: datetime,
) -> Dispute:
    """The dispute in its next stage. Raises: StepError when somebody was faster."""
    changed = replace(
        dispute,
        stage=stage,
        row_version=dispute.row_version + 1,
        due_at=running.due_at if running else None,
        outcome=dispute.outcome if outcome is None else outcome,
        changed_at=now,
    )
    where = and_(_DISPUTES.c.id == dispute.id, _DISPUTES.c.row_version == dispute.row_version)
    values = {
        "stage": changed.stage.value,
        "row_version": changed.row_version,
        "clock": running.clock.as_json() if running else {},
        "due_at": changed.due_at,
        "outcome": dict(changed.outcome),
        "changed_at": now,
    }
    if tx.execute(update(_DISPUTES).where(where).values(**values)).rowcount != 1:
        raise StepError("dispute", dispute.stage.value, "changed_meanwhile")
    return changed


def find_dispute(tx: Connection, request_id: str) -> Dispute | None:
    """The newest dispute about a request. The request's lock guards it too."""
    query = select(_DISPUTES).where(_DISPUTES.c.request_id == request_id).order_by(_DISPUTES.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else _dispute(row)


def running_from(tx: Connection, instant: datetime) -> list[tuple[Dispute, Clock]]:
    """Disputes whose clock runs beyond this instant, locked, each with its clock: a calendar is about to change."""
    query = select(_DISPUTES).where(
        and_(_DISPUTES.c.stage.in_([stage.value for stage in OPEN_STAGES]), _DISPUTES.c.due_at > instant)
    )
    rows = tx.execute(query.order_by(_DISPUTES.c.id).with_for_update())
    return [(_dispute(row), read_clock(row.clock)) for row in rows]


def move_due(tx: Connection, dispute: Dispute, due_at: datetime) -> None:
    """Let the clock of a locked dispute end at another instant; nobody has taken a step."""
    changed = update(_DISPUTES).where(_DISPUTES.c.id == dispute.id)
    tx.execute(changed.values(due_at=due_at, row_version=dispute.row_version + 1))


def dispute_by_id(tx: Connection, dispute_id: str) -> Dispute | None:
    """One dispute."""
    row = tx.execute(select(_DISPUTES).where(_DISPUTES.c.id == dispute_id)).one_or_none()
    return None if row is None else _dispute(row)


def list_disputes(tx: Connection, *, department_id: str | None, only_open: bool) -> list[Dispute]:
    """Disputes of a department, or of all, soonest due first. At most 500."""
    query = select(_DISPUTES)
    if department_id is not None:
        own = or_(_DISPUTES.c.owner_department_id == department_id, _DISPUTES.c.asking_department_id == department_id)
        query = query.where(own)
    if only_open:
        query = query.where(_DISPUTES.c.stage.in_([stage.value for stage in OPEN_STAGES]))
    ordered = query.order_by(_DISPUTES.c.due_at.is_(None), _DISPUTES.c.due_at, _DISPUTES.c.id.desc()).limit(500)
    return [_dispute(row) for row in tx.execute(ordered)]


def _dispute(row: Row[Any]) -> Dispute:
    return Dispute(
        id=row.id,
        request_id=row.request_id,
        owner_department_id=row.owner_department_id,
        asking_department_id=row.asking_department_id,
        stage=Stage(row.stage),
        row_version=row.row_version,
        filed_at=row.filed_at,
        due_at=row.due_at,
        outcome=row.outcome,
        changed_at=row.changed_at,
    )
