"""Queries over questions to officers. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import DepartmentRow, table
from hub.access.actors import Actor
from hub.intake.lower.tables import VerificationTaskRow

OPEN: Final = "open"
ANSWERED: Final = "answered"
LAPSED: Final = "lapsed"
ERASED: Final = "erased"
CONFIRMED: Final = "confirmed"
_TASKS: Final = table(VerificationTaskRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_ONCE: Final = {
    name: dialect.insert(_TASKS).on_conflict_do_nothing(index_elements=["standing"]).returning(_TASKS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


@dataclass(frozen=True, slots=True)
class Task:
    """A task as stored. What is asked and answered is ciphertext."""

    id: str
    case_id: str
    code: str
    party: str
    owner_department_id: str
    department: str
    asker_department_id: str
    question_key: str
    state: str
    question: bytes
    answer: bytes | None
    result: str | None
    answered_by: str | None
    signed_by: str | None
    token: bytes | None
    reusable_until: str | None
    opened_at: datetime
    due_at: datetime
    answered_at: datetime | None
    data_key: bytes
    kek_kid: str
    ledger_entry_id: str
    """Of the question; once it is answered, of the answer."""
    subject_lookup: bytes | None = field(repr=False)


_TASK: Final = select(
    *(_DEPARTMENTS.c.code if name == "department" else _TASKS.c[name] for name in Task.__dataclass_fields__)
).join(_DEPARTMENTS, _DEPARTMENTS.c.id == _TASKS.c.owner_department_id)


def add_task(tx: Connection, row: Mapping[str, Any]) -> bool:
    """Write a task; False when the same one is open already."""
    return tx.execute(_ONCE[tx.dialect.name], dict(row)).first() is not None


def find_task(tx: Connection, task_id: str, *, lock: bool = False) -> Task | None:
    """The task of this id."""
    if lock:
        tx.execute(select(_TASKS.c.id).where(_TASKS.c.id == task_id).with_for_update())
    return next(iter(_found(tx, _TASKS.c.id == task_id)), None)


def tasks_of(tx: Connection, case_id: str) -> list[Task]:
    """Every task of a case, oldest first."""
    return _found(tx, _TASKS.c.case_id == case_id)


def answered_about(
    tx: Connection, lookup: bytes, name: bytes, key: str, *, asker: str | None, today: str
) -> list[Task]:
    """Signed answers to this question about this person that still serve other cases, the newest first.

    Args:
        asker: only those that this department asked for; None: whoever did.
    """
    where = and_(
        _TASKS.c.subject_lookup == lookup,
        _TASKS.c.name_hash == name,
        _TASKS.c.question_key == key,
        _TASKS.c.state == ANSWERED,
        _TASKS.c.reusable_until >= today,
        true() if asker is None else _TASKS.c.asker_department_id == asker,
    )
    return sorted(_found(tx, where), key=lambda task: task.id, reverse=True)


def list_tasks(tx: Connection, *, department_id: str | None, only_open: bool, limit: int) -> list[Task]:
    """A department's tasks, or everybody's, by when they are due."""
    mine = true() if department_id is None else _TASKS.c.owner_department_id == department_id
    where = and_(mine, _TASKS.c.state == OPEN) if only_open else mine
    return [Task(*row) for row in tx.execute(_TASK.where(where).order_by(_TASKS.c.due_at, _TASKS.c.id).limit(limit))]


def tasks_to_answer(tx: Connection, actor: Actor) -> int:
    """How many wait for his department."""
    if actor.department_id is None:
        return 0
    waiting = and_(_TASKS.c.owner_department_id == actor.department_id, _TASKS.c.state == OPEN)
    return int(tx.execute(select(func.count()).select_from(_TASKS).where(waiting)).scalar_one())


def answer_task(tx: Connection, task_id: str, values: Mapping[str, Any]) -> bool:
    """`open` → `answered`; False when it is not open any more."""
    where = and_(_TASKS.c.id == task_id, _TASKS.c.state == OPEN)
    return tx.execute(update(_TASKS).where(where).values(state=ANSWERED, standing=None, **values)).rowcount == 1


def sign_task(tx: Connection, task_id: str, token: bytes, signed_by: str) -> bool:
    """Put the signed answer beside the answer; False when somebody was faster."""
    where = and_(_TASKS.c.id == task_id, _TASKS.c.state == ANSWERED, _TASKS.c.token.is_(None))
    return tx.execute(update(_TASKS).where(where).values(token=token, signed_by=signed_by)).rowcount == 1


def lapse_tasks(tx: Connection, case_id: str) -> list[str]:
    """End what is open of a case: nobody wants the answer any more. Answers whose were ended."""
    found = [task.id for task in tasks_of(tx, case_id) if task.state == OPEN]
    where = and_(_TASKS.c.case_id == case_id, _TASKS.c.state == OPEN)
    if found:
        tx.execute(update(_TASKS).where(where).values(state=LAPSED, standing=None))
    return found


def forget_subject(tx: Connection, lookup: bytes) -> None:
    """Nothing that an officer said of this person is found, or opens, any more."""
    gone = {"question": b"", "answer": None, "token": None, "subject_lookup": None, "name_hash": None, "data_key": b""}
    mine = _TASKS.c.subject_lookup == lookup
    tx.execute(update(_TASKS).where(mine).values(state=ERASED, standing=None, reusable_until=None, **gone))


def _found(tx: Connection, where: ColumnElement[bool]) -> list[Task]:
    return [Task(*row) for row in tx.execute(_TASK.where(where).order_by(_TASKS.c.id))]
