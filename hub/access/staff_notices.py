"""Notices about accounts: to their owners and to the operators.

`notify` is called in the transaction of its cause, so a notice exists exactly if the cause does. No names of persons in
the texts.

Not one thing with `hub.registry.notices`. Those go to a role of a department, whoever fills it, are done with when one
of them has read them, and stay with the post when people leave. These go to a person, wherever he works; each reads
them for himself, and one that a colleague could mark as read would hide a break-in from its victim.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.tables import AccountNoticeRow, StaffRow
from hub.clock import new_id

_NOTICES: Final = table(AccountNoticeRow)
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
) -> None:
    """Leave a notice for the owner of an account or, without one, for the operators."""
    tx.execute(
        insert(_NOTICES).values(
            id=new_id(),
            staff_id=staff_id,
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
    his = _NOTICES.c.staff_id == actor.id
    return or_(his, _NOTICES.c.staff_id.is_(None)) if Role.OPERATOR in actor.roles else his
