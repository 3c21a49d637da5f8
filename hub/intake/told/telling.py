"""Telling a case's own system what happened in it: the event is written in the transaction of what happened.

A job of its own sends it to whoever subscribed (`hub.exchange.subscriptions.delivery`); the events of a case are
numbered without gaps, so that a receiver sees what it missed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select

from catalog.tables import SystemRow, table
from hub.clock import new_id, rfc3339
from hub.intake.materials.store import material_of
from hub.intake.tables import CaseRow
from hub.intake.told.tables import CaseEventRow
from hub.storage.jobs import enqueue

TOLD: Final = "case.told"
"""The kind of job that writes the messages of an event."""
_EVENTS: Final = table(CaseEventRow)
_CASES: Final = table(CaseRow)
_SYSTEMS: Final = table(SystemRow)


class CaseEvent(StrEnum):
    """What a system can hear of its cases."""

    DEBT_PAID = "debt.paid"
    DEBT_ENDED = "debt.ended"
    DEBT_OVERDUE = "debt.overdue"
    EVIDENCE_RENEWED = "evidence.renewed"
    TASK_ANSWERED = "task.answered"
    CASE_ACCEPTED = "case.accepted"
    CASE_ASKED = "case.asked"
    CASE_DECIDED = "case.decided"
    CASE_CLOSED = "case.closed"
    DEAD_END_ANSWERED = "dead_end.answered"
    HOLDER_AGREED = "holder.agreed"
    """Asked for this case, a party said yes: the answer is ready, or the query may be put again."""
    HOLDER_REFUSED = "holder.refused"
    HOLDER_SILENT = "holder.silent"
    """He had not answered when the time was over: the paper may be asked for."""
    EVIDENCE_CORRECTED = "evidence.corrected"
    """A licence that its answer rests on was corrected after an objection."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as stored, with its case's numbers. `material` is the system's own code of the requirement."""

    id: str
    number: int
    event: str
    code: str | None
    party: str | None
    material: str | None
    answer_id: str | None
    interface: str | None
    ledger_entry_id: str
    at: datetime
    case_no: str
    external_no: str
    system_id: str


_TOLD: Final = (
    select(
        *(
            _EVENTS.c[name]
            for name in (
                "id", "number", "event", "code", "party", "material", "answer_id", "interface", "ledger_entry_id", "at",
            )
        ),
        _CASES.c.case_no,
        _CASES.c.external_no,
        _CASES.c.system_id,
    )
    .join(_CASES, _CASES.c.id == _EVENTS.c.case_id)
    .join(_SYSTEMS, _SYSTEMS.c.id == _CASES.c.system_id)
)  # fmt: skip


def tell(
    tx: Connection,
    case_id: str,
    event: CaseEvent,
    *,
    entry_id: str,
    now: datetime,
    code: str | None = None,
    party: str | None = None,
    answer_id: str | None = None,
    interface: str | None = None,
    about: str = "",
) -> bool:
    """Write an event; `about` names what is told of once: False where it was told already.

    `entry_id` is the ledger entry of what happened; `answer_id` the evidence request with the answer to fetch, or
    `interface` what a query that it is about had asked. Locks the case against everybody: not to be called after a
    shared lock of it that others may hold too.
    """
    # Numbers without gaps need one writer at a time.
    tx.execute(select(_CASES.c.id).where(_CASES.c.id == case_id).with_for_update())
    mine = _EVENTS.c.case_id == case_id
    same = and_(mine, _EVENTS.c.event == event.value, _EVENTS.c.about == about)
    if about and tx.execute(select(_EVENTS.c.id).where(same)).first() is not None:
        return False
    last = tx.execute(select(func.max(_EVENTS.c.number)).where(mine)).scalar() or 0
    event_id = new_id()
    tx.execute(
        insert(_EVENTS).values(
            id=event_id,
            case_id=case_id,
            number=last + 1,
            event=event.value,
            about=about,
            code=code,
            party=party,
            material=material_of(tx, case_id, code) if code else None,
            answer_id=answer_id,
            interface=interface,
            ledger_entry_id=entry_id,
            at=now,
        )
    )
    enqueue(tx, TOLD, {"event": event_id}, now=now)
    return True


def find_event(tx: Connection, event_id: str) -> Told | None:
    """An event of a system in use."""
    row = tx.execute(_TOLD.where(_EVENTS.c.id == event_id, _SYSTEMS.c.active.is_(True))).one_or_none()
    return None if row is None else Told(*row)


def events_of(tx: Connection, case_id: str, *, after: int, most: int) -> list[Told]:
    """Events of a case with a greater number than `after`, in order."""
    query = _TOLD.where(_EVENTS.c.case_id == case_id, _EVENTS.c.number > after).order_by(_EVENTS.c.number)
    return [Told(*row) for row in tx.execute(query.limit(most))]


def shown(told: Told) -> dict[str, Any]:
    """An event as the API tells it, and as messages do, without the members that messages of every kind have."""
    return {
        "number": told.number,
        "code": told.code,
        "party": told.party,
        "material": told.material,
        "interface": told.interface,
        "evidence": f"/api/v1/evidence-requests/{told.answer_id}" if told.answer_id else None,
    }


def listed(told: Told) -> dict[str, Any]:
    """An event in the list of its case."""
    return {"event": told.event, "time": rfc3339(told.at), "ledger_entry": told.ledger_entry_id} | shown(told)
