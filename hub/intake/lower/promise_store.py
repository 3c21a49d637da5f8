"""Queries over promises. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from catalog.tables import SystemRow, table
from hub.intake.lower.tables import CommitmentRow
from hub.intake.tables import CaseRow
from hub.storage.errors import ConflictError

OFFERED: Final = "offered"
GIVEN: Final = "given"
KEPT: Final = "kept"
"""Supplied in time."""
VERIFIED: Final = "verified"
"""By the hub itself."""
BROKEN: Final = "broken"
WITHDRAWN: Final = "withdrawn"
_PROMISES: Final = table(CommitmentRow)
_CASES: Final = table(CaseRow)
_SYSTEMS: Final = table(SystemRow)


@dataclass(frozen=True, slots=True)
class Promise:
    """A commitment as stored, with the number of its case and who asked. Its text is ciphertext."""

    id: str
    case_id: str
    case_no: str
    client_id: str
    department_id: str
    code: str
    party: str
    template: str
    text_digest: str
    content: bytes
    state: str
    standing: str | None
    chosen_by: str
    purpose: str
    kid: str
    offered_at: datetime
    given_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    attempts: int


_JOINED: Final = {
    "case_no": _CASES.c.case_no,
    "client_id": _SYSTEMS.c.client_id,
    "department_id": _CASES.c.owner_department_id,
}
_PROMISE: Final = (
    select(*(_JOINED[name] if name in _JOINED else _PROMISES.c[name] for name in Promise.__dataclass_fields__))
    .join(_CASES, _CASES.c.id == _PROMISES.c.case_id)
    .join(_SYSTEMS, _SYSTEMS.c.id == _PROMISES.c.system_id)
)


def add_promise(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write a promise that was offered."""
    tx.execute(insert(_PROMISES).values(**row))


def find_promise(tx: Connection, promise_id: str, *, lock: bool = False) -> Promise | None:
    """The promise of this id."""
    if lock:
        tx.execute(select(_PROMISES.c.id).where(_PROMISES.c.id == promise_id).with_for_update())
    return next(iter(_found(tx, _PROMISES.c.id == promise_id)), None)


def promises_of(tx: Connection, case_id: str) -> list[Promise]:
    """Every promise of a case, oldest first."""
    return _found(tx, _PROMISES.c.case_id == case_id)


def standing_promise(tx: Connection, standing: str) -> Promise | None:
    """The one that was given for a requirement about a party, whatever became of it."""
    return next(iter(_found(tx, _PROMISES.c.standing == standing)), None)


def give(tx: Connection, promise_id: str, standing: str, values: Mapping[str, Any]) -> bool:
    """`offered` → `given`; False when it was given, or another one stands.

    Raises: ConflictError: of two at once, the later.
    """
    if standing_promise(tx, standing) is not None:
        raise ConflictError("commitments")
    where = and_(_PROMISES.c.id == promise_id, _PROMISES.c.state == OFFERED)
    return tx.execute(update(_PROMISES).where(where).values(state=GIVEN, standing=standing, **values)).rowcount == 1


def end(tx: Connection, promise: Promise, state: str, *, now: datetime) -> bool:
    """End a promise that stands; False when somebody was faster. One that is withdrawn makes room for another."""
    where = and_(_PROMISES.c.id == promise.id, _PROMISES.c.state == promise.state)
    room = {"standing": None} if state == WITHDRAWN else {}
    return tx.execute(update(_PROMISES).where(where).values(state=state, ended_at=now, **room)).rowcount == 1


def begin_try(tx: Connection, promise: Promise) -> bool:
    """Count one more look of the hub; False when somebody else began it."""
    where = and_(_PROMISES.c.id == promise.id, _PROMISES.c.state == GIVEN, _PROMISES.c.attempts == promise.attempts)
    return tx.execute(update(_PROMISES).where(where).values(attempts=promise.attempts + 1)).rowcount == 1


def _found(tx: Connection, where: ColumnElement[bool]) -> list[Promise]:
    return [Promise(*row) for row in tx.execute(_PROMISE.where(where).order_by(_PROMISES.c.id))]
