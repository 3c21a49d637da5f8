"""Debts as they are shown: to the system whose case it is, to the department that owes, to the operator."""

from datetime import datetime
from typing import Any

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.access.staff_reading import HUB_WIDE
from hub.clock import Clock, rfc3339
from hub.intake.cases import CaseService
from hub.intake.owed import store
from hub.intake.owed.store import OPEN, Debt
from hub.storage.database import Database


class Owed:
    """Lists debts."""

    def __init__(self, database: Database, *, cases: CaseService, clock: Clock) -> None:
        self._database = database
        self._cases = cases
        self._clock = clock

    async def of_case(self, caller: Caller, case_no: str) -> list[dict[str, Any]]:
        """All that is, or was, owed to the caller's own case, oldest first, also of a closed one.

        Raises: CaseNotFoundError.
        """
        case = await self._cases.get(caller, case_no)
        found = await self._database.read(lambda tx: store.debts_of(tx, case.id))
        return [shown(debt, self._clock()) for debt in found]

    async def list(self, actor: Actor, *, everything: bool = False, limit: int = 1000) -> list[dict[str, Any]]:
        """What the actor's department owes, with the numbers of the cases; operator and auditor: all."""
        whole = actor.kind == "command" or bool(actor.roles & HUB_WIDE)
        mine = None if whole else actor.department_id or ""
        found = await self._database.read(
            lambda tx: store.list_debts(tx, department_id=mine, only_open=not everything, limit=limit)
        )
        return [shown(debt, self._clock()) | {"case_no": debt.case_no} for debt in found]


def shown(debt: Debt, now: datetime) -> dict[str, Any]:
    """A debt as JSON. `evidence` is where the answer lies that ended it."""
    return {
        "id": debt.id,
        "code": debt.code,
        "party": debt.party,
        "department": debt.department,
        "cause": debt.cause,
        "state": debt.state,
        "owed_clock": debt.owed_clock,
        "opened_at": rfc3339(debt.opened_at),
        "due_at": rfc3339(debt.due_at),
        "overdue": debt.state == OPEN and now > debt.due_at,
        "attempts": debt.attempts,
        "next_try_at": rfc3339(debt.next_try_at) if debt.state == OPEN else None,
        "outcome": debt.outcome,
        "evidence_request_id": debt.answer_id,
        "evidence": f"/api/v1/evidence-requests/{debt.answer_id}" if debt.answer_id else None,
        "ended_at": rfc3339(debt.ended_at) if debt.ended_at else None,
    }
