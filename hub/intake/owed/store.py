"""Queries over debts. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import DepartmentRow, SystemKeyRow, SystemRow, table
from hub.clock import new_id
from hub.intake.owed.tables import DebtRow, SourceTurnRow
from hub.intake.tables import CaseRow

OPEN: Final = "open"
PAID: Final = "paid"
ENDED: Final = "ended"
"""Answered with `not_granted`: its owner took the grant back, and nobody owes it any more."""
ABANDONED: Final = "abandoned"
READ_EVERY: Final = timedelta(minutes=1)
"""The least time between two readings of one source, over all debts."""
_DEBTS: Final = table(DebtRow)
_TURNS: Final = table(SourceTurnRow)
_CASES: Final = table(CaseRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_ONCE: Final = {
    name: dialect.insert(_DEBTS).on_conflict_do_nothing(index_elements=["standing"]).returning(_DEBTS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt as stored, with the number of its case and who owes it. `department` None: the hub itself."""

    id: str
    case_id: str
    case_no: str
    client_id: str
    owner_department_id: str | None
    department: str | None
    code: str
    party: str
    source_code: str
    cause: str
    owed_clock: str
    purpose: str
    language: str
    kid: str
    request_hash: str
    state: str
    opened_at: datetime
    due_at: datetime
    next_try_at: datetime
    attempts: int
    outcome: str | None
    answer_id: str | None
    ended_at: datetime | None
    ledger_entry_id: str


_JOINED: Final = {
    "case_no": _CASES.c.case_no,
    "client_id": _SYSTEMS.c.client_id,
    "department": _DEPARTMENTS.c.code,
}
_DEBT: Final = (
    select(*(_JOINED[name] if name in _JOINED else _DEBTS.c[name] for name in Debt.__dataclass_fields__))
    .join(_CASES, _CASES.c.id == _DEBTS.c.case_id)
    .join(_SYSTEMS, _SYSTEMS.c.id == _DEBTS.c.system_id)
    .outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _DEBTS.c.owner_department_id)
    .order_by(_DEBTS.c.id)
)


def add_debt(tx: Connection, row: Mapping[str, Any]) -> bool:
    """Write a debt; False when the same one is open already."""
    return tx.execute(_ONCE[tx.dialect.name], dict(row)).first() is not None


def _found(tx: Connection, where: ColumnElement[bool], limit: int | None = None) -> list[Debt]:
    return [Debt(*row) for row in tx.execute(_DEBT.where(where).limit(limit))]


def find_debt(tx: Connection, debt_id: str) -> Debt | None:
    """The debt of this id."""
    return next(iter(_found(tx, _DEBTS.c.id == debt_id)), None)


def standing_debt(tx: Connection, standing: str) -> Debt | None:
    """The open debt of this name."""
    return next(iter(_found(tx, _DEBTS.c.standing == standing)), None)


def debts_of(tx: Connection, case_id: str, *, only_open: bool = False) -> list[Debt]:
    """What is, or was, owed to a case, oldest first."""
    mine = _DEBTS.c.case_id == case_id
    return _found(tx, and_(mine, _DEBTS.c.standing.is_not(None)) if only_open else mine)


def list_debts(tx: Connection, *, department_id: str | None, only_open: bool, limit: int) -> list[Debt]:
    """Debts of one department, or of all and of the hub."""
    mine = true() if department_id is None else _DEBTS.c.owner_department_id == department_id
    return _found(tx, and_(mine, _DEBTS.c.state == OPEN) if only_open else mine, limit)


def paid_by(tx: Connection, answer_id: str) -> bool:
    """Whether something was owed that this answer gave."""
    return tx.execute(select(_DEBTS.c.id).where(_DEBTS.c.answer_id == answer_id).limit(1)).first() is not None


def end_debt(tx: Connection, debt_id: str, state: str, *, now: datetime, **values: Any) -> bool:
    """End an open debt; False when somebody was faster."""
    where = and_(_DEBTS.c.id == debt_id, _DEBTS.c.state == OPEN)
    ended = update(_DEBTS).where(where).values(state=state, standing=None, ended_at=now, **values)
    return tx.execute(ended).rowcount == 1


def begin_try(tx: Connection, debt: Debt, *, next_try_at: datetime) -> bool:
    """Count one more try of an open debt; False when somebody else began it."""
    where = and_(_DEBTS.c.id == debt.id, _DEBTS.c.state == OPEN, _DEBTS.c.attempts == debt.attempts)
    begun = update(_DEBTS).where(where).values(attempts=debt.attempts + 1, next_try_at=next_try_at)
    return tx.execute(begun).rowcount == 1


def still_owed(tx: Connection, debt_id: str, cause: str) -> None:
    """Remember why the last try was in vain."""
    tx.execute(update(_DEBTS).where(and_(_DEBTS.c.id == debt_id, _DEBTS.c.state == OPEN)).values(cause=cause))


def take_turn(tx: Connection, source_code: str, *, queued: bool, now: datetime) -> datetime:
    """Now when the source may be asked now, which is then nobody else's turn; else when to come again.

    Whoever is `queued` came at a turn that he was given, and waits no longer than for the one before him.
    """
    asked = select(_TURNS.c.id, _TURNS.c.next_at, _TURNS.c.taken_until).where(_TURNS.c.source_code == source_code)
    row = tx.execute(asked.with_for_update()).one_or_none()
    if row is None:
        until = now + READ_EVERY
        tx.execute(insert(_TURNS).values(id=new_id(), source_code=source_code, next_at=until, taken_until=until))
        return now
    turn_id: str
    next_at: datetime
    taken_until: datetime
    turn_id, next_at, taken_until = row
    here = _TURNS.c.id == turn_id
    if next_at <= now and (queued or taken_until <= now):
        until = now + READ_EVERY
        tx.execute(update(_TURNS).where(here).values(next_at=until, taken_until=max(until, taken_until)))
        return now
    if queued:
        return next_at
    mine = max(taken_until, next_at)
    tx.execute(update(_TURNS).where(here).values(taken_until=mine + READ_EVERY))
    return mine


def key_in_use(tx: Connection, client_id: str, kid: str) -> str | None:
    """The key that asked, while it is in use; else the system's newest. None: nobody may act for it."""
    active = and_(_SYSTEMS.c.client_id == client_id, _SYSTEMS.c.active.is_(True), _KEYS.c.active.is_(True))
    query = select(_KEYS.c.kid).join(_SYSTEMS, _SYSTEMS.c.id == _KEYS.c.system_id).where(active)
    kids = list(tx.execute(query.order_by(_KEYS.c.created_at)).scalars())
    return kid if kid in kids else next(reversed(kids), None)
