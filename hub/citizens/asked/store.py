"""Queries over requests to show. They take the caller's connection and never commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.tables import DepartmentRow, SystemRow, table
from hub.citizens.asked.tables import ShowingRequestRow
from hub.citizens.asked.values import ASKED, CANCELLED
from hub.citizens.showing.tables import ShowingRow
from hub.ledger.spent import spent

_ROWS: Final = table(ShowingRequestRow)
_SHOWINGS: Final = table(ShowingRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_SYSTEMS: Final = table(SystemRow)
_TOLD: Final = select(
    _ROWS,
    _DEPARTMENTS.c.code.label("department_code"),
    _DEPARTMENTS.c.name_zh.label("department_zh"),
    _DEPARTMENTS.c.name_en.label("department_en"),
    _SYSTEMS.c.name_zh.label("system_zh"),
    _SYSTEMS.c.name_en.label("system_en"),
    _SHOWINGS.c.state.label("showing_state"),
    _SHOWINGS.c.expires_at.label("showing_until"),
    spent(_ROWS.c.id).label("spent"),
    spent(_SHOWINGS.c.id).label("showing_spent"),
).select_from(
    _ROWS.join(_DEPARTMENTS, _DEPARTMENTS.c.id == _ROWS.c.department_id)
    .outerjoin(_SYSTEMS, _SYSTEMS.c.id == _ROWS.c.system_id)
    .outerjoin(_SHOWINGS, _SHOWINGS.c.asked_id == _ROWS.c.id)
)


def add(tx: Connection, values: Mapping[str, Any]) -> None:
    """Write a new one."""
    tx.execute(insert(_ROWS).values(**values))


def typed_is_free(tx: Connection, digest: bytes) -> bool:
    """Whether no other request is typed like this."""
    return tx.execute(select(_ROWS.c.id).where(_ROWS.c.typed_hash == digest)).first() is None


def own(tx: Connection, request_id: str, *, system_id: str | None, staff_id: str | None) -> Row[Any] | None:
    """The one with this id, if it is this asker's; with what became of the showing that answers it."""
    his = (_ROWS.c.staff_id == staff_id) if system_id is None else (_ROWS.c.system_id == system_id)
    return tx.execute(_TOLD.where(_ROWS.c.id == request_id, his)).one_or_none()


def by_code(tx: Connection, digest: bytes, *, typed: bool) -> Row[Any] | None:
    """The one with this long code, or this short one."""
    where = _ROWS.c.typed_hash == digest if typed else _ROWS.c.code_hash == digest
    return tx.execute(_TOLD.where(where)).one_or_none()


def end(tx: Connection, request_id: str, state: str, now: datetime) -> bool:
    """It is answered, or taken back, once; the caller writes the entry under its id. False: somebody was first, or it
    is over.
    """
    live = (_ROWS.c.id == request_id) & (_ROWS.c.state == ASKED) & (_ROWS.c.expires_at > now) & ~spent(_ROWS.c.id)
    values: dict[str, Any] = {"state": state}
    if state != CANCELLED:  # whoever types the digits of one that was taken back is to hear so
        values["typed_hash"] = None
    return tx.execute(update(_ROWS).where(live).values(**values)).rowcount == 1


def release_typed(tx: Connection, now: datetime) -> None:
    """Short codes of requests that are over may be drawn again."""
    late = (_ROWS.c.expires_at <= now) & _ROWS.c.typed_hash.is_not(None)
    tx.execute(update(_ROWS).where(late).values(typed_hash=None))


def any_before(tx: Connection, moment: datetime) -> bool:
    """Whether there are rows from before this moment."""
    return tx.execute(select(_ROWS.c.id).where(_ROWS.c.expires_at < moment).limit(1)).first() is not None


def forget(tx: Connection, moment: datetime) -> None:
    """Delete rows from before this moment: the ledger remembers."""
    tx.execute(delete(_ROWS).where(_ROWS.c.expires_at < moment))
