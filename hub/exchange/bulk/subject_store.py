"""Queries over the subjects of a bulk run. Each takes the caller's connection and never commits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from catalog.tables import table
from hub.exchange.tables import BulkSubjectRow

_SUBJECTS: Final = table(BulkSubjectRow)
PAGE: Final = 500
"""Subjects that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject as stored; `result` once it is decided."""

    id: str
    number: int
    place: bytes
    sealed: bytes = field(repr=False)
    result: bytes | None = field(repr=False)
    tries: int = 0
    """How often its source failed."""
    charged_on: str | None = None
    """The day of which it has taken its quota."""


def add_subjects(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a page of subjects."""
    tx.execute(insert(_SUBJECTS), [dict(row) | {"state": "waiting"} for row in rows])


def known_places(tx: Connection, run_id: str, places: Collection[bytes]) -> set[bytes]:
    """Which of these subjects the run has already."""
    where = and_(_SUBJECTS.c.run_id == run_id, _SUBJECTS.c.place.in_(list(places)))
    return set(tx.execute(select(_SUBJECTS.c.place).where(where)).scalars())


def waiting(tx: Connection, run_id: str, *, most: int, due_by: datetime | None = None) -> list[Subject]:
    """The next subjects that nothing is decided about, in the order of the list; without those whose time comes after
    `due_by`.
    """
    where = and_(_SUBJECTS.c.run_id == run_id, _SUBJECTS.c.state == "waiting")
    if due_by is not None:
        where = and_(where, or_(_SUBJECTS.c.due_at.is_(None), _SUBJECTS.c.due_at <= due_by))
    return _subjects(tx, select(_SUBJECTS).where(where).order_by(_SUBJECTS.c.number).limit(most))


def first_due(tx: Connection, run_id: str) -> datetime | None:
    """When the first of those is asked about again whose source failed."""
    where = and_(_SUBJECTS.c.run_id == run_id, _SUBJECTS.c.state == "waiting", _SUBJECTS.c.due_at.is_not(None))
    return tx.execute(select(_SUBJECTS.c.due_at).where(where).order_by(_SUBJECTS.c.due_at).limit(1)).scalar()


def count_postponed(tx: Connection, run_id: str) -> int:
    """How many wait because a source failed."""
    where = and_(_SUBJECTS.c.run_id == run_id, _SUBJECTS.c.state == "waiting", _SUBJECTS.c.due_at.is_not(None))
    return int(tx.execute(select(func.count()).select_from(_SUBJECTS).where(where)).scalar_one())


def postpone_subject(tx: Connection, subject_id: str, *, tries: int, due_at: datetime) -> None:
    """Its source failed: it is asked about again then."""
    where = and_(_SUBJECTS.c.id == subject_id, _SUBJECTS.c.state == "waiting")
    tx.execute(update(_SUBJECTS).where(where).values(tries=tries, due_at=due_at))


def charge_subjects(tx: Connection, subject_ids: Collection[str], day: str) -> None:
    """They have taken their quota of this day: asked about again on it, they take no more."""
    tx.execute(update(_SUBJECTS).where(_SUBJECTS.c.id.in_(list(subject_ids))).values(charged_on=day))


def decided(tx: Connection, run_id: str, *, after: bytes, most: int = PAGE) -> list[Subject]:
    """A page of decided subjects in the order of the result."""
    where = and_(_SUBJECTS.c.run_id == run_id, _SUBJECTS.c.state == "decided", _SUBJECTS.c.place > after)
    return _subjects(tx, select(_SUBJECTS).where(where).order_by(_SUBJECTS.c.place).limit(most))


def decide_subject(tx: Connection, subject_id: str, *, result: bytes, entry_id: str) -> bool:
    """Waiting → decided; False when it was decided already, by somebody who must have written its entry."""
    where = and_(_SUBJECTS.c.id == subject_id, _SUBJECTS.c.state == "waiting")
    values = {"state": "decided", "result": result, "ledger_entry_id": entry_id}
    return tx.execute(update(_SUBJECTS).where(where).values(**values)).rowcount == 1


def forget_subjects(tx: Connection, run_id: str) -> int:
    """Delete a page of a run's subjects; answers how many."""
    some = select(_SUBJECTS.c.id).where(_SUBJECTS.c.run_id == run_id).limit(PAGE)
    return tx.execute(delete(_SUBJECTS).where(_SUBJECTS.c.id.in_(some))).rowcount


def _subjects(tx: Connection, query: Any) -> list[Subject]:
    return [
        Subject(row.id, row.number, row.place, row.sealed, row.result, row.tries, row.charged_on)
        for row in tx.execute(query)
    ]
