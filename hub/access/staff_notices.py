"""Notices: what a person, a department or the operators should know, shown in the console.

`notify` is called in the transaction of its cause, so a notice exists exactly if the cause does. No names of persons,
no ID numbers in the texts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.tables import NoticeRow, StaffRow
from hub.clock import new_id

_NOTICES: Final = table(NoticeRow)
_STAFF: Final = table(StaffRow)
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is shown; `path` is the page it leads to, or empty."""

    kind: str
    text_zh: str
    text_en: str
    path: str
    created_at: datetime
    is_new: bool


def notify(
    tx: Connection,
    kind: str,
    *,
    zh: str,
    en: str,
    now: datetime,
    path: str = "",
    staff_id: str | None = None,
    department_id: str | None = None,
) -> None:
    """Leave a notice for one person, for all of one department or, with neither, for the operators."""
    tx.execute(
        insert(_NOTICES).values(
            id=new_id(),
            staff_id=staff_id,
            department_id=department_id,
            kind=kind,
            text_zh=zh,
            text_en=en,
            path=path,
            created_at=now,
        )
    )


def count_new(tx: Connection, actor: Actor) -> int:
    """How many notices he has not seen."""
    query = (
        select(func.count()).select_from(_NOTICES).where(_concerns(actor), _NOTICES.c.created_at > _seen_at(tx, actor))
    )
    return int(tx.execute(query).scalar_one())


def list_notices(tx: Connection, actor: Actor) -> list[Notice]:
    """His latest notices, the newest first."""
    seen_at = _seen_at(tx, actor)
    rows = tx.execute(
        select(_NOTICES).where(_concerns(actor)).order_by(_NOTICES.c.created_at.desc(), _NOTICES.c.id).limit(_SHOWN)
    )
    return [
        Notice(row.kind, row.text_zh, row.text_en, row.path, row.created_at, row.created_at > seen_at) for row in rows
    ]


def _seen_at(tx: Connection, actor: Actor) -> datetime:
    moment: datetime = tx.execute(select(_STAFF.c.notices_seen_at).where(_STAFF.c.id == actor.id)).scalar_one()
    return moment


def _concerns(actor: Actor) -> ColumnElement[bool]:
    his = [_NOTICES.c.staff_id == actor.id]
    if actor.department_id is not None:
        his.append(_NOTICES.c.department_id == actor.department_id)
    if Role.OPERATOR in actor.roles:
        his.append(and_(_NOTICES.c.staff_id.is_(None), _NOTICES.c.department_id.is_(None)))
    return or_(*his)
