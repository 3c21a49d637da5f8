"""Queries over notices. They take the caller's connection and never commit."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from catalog.tables import table
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.tables import HolderNoticeRow, NoticeChoiceRow, NoticeMessageRow

_ROWS: Final = table(HolderNoticeRow)
_MESSAGES: Final = table(NoticeMessageRow)
_CHOICES: Final = table(NoticeChoiceRow)


def of_holder(tx: Connection, subject_id: str, *, after: str | None, limit: int) -> list[Row[Any]]:
    """A holder's, the newest first, behind this id."""
    query = select(_ROWS).where(_ROWS.c.subject_id == subject_id)
    if after is not None:
        query = query.where(_ROWS.c.id < after)
    return list(tx.execute(query.order_by(_ROWS.c.id.desc()).limit(limit)))


def own(tx: Connection, notice_id: str) -> Row[Any] | None:
    """The one with this id, whosever it is."""
    return tx.execute(select(_ROWS).where(_ROWS.c.id == notice_id)).one_or_none()


def is_told(tx: Connection, subject_id: str, kind: NoticeKind, about: str) -> bool:
    """Whether he was told of this."""
    here = (_ROWS.c.subject_id == subject_id) & (_ROWS.c.kind == kind.value) & (_ROWS.c.about == about)
    return tx.execute(select(_ROWS.c.id).where(here)).first() is not None


def unread_of(tx: Connection, subject_id: str, *, most: int) -> int:
    """How many he has not read, counted up to `most`."""
    here = select(_ROWS.c.id).where(_ROWS.c.subject_id == subject_id, _ROWS.c.read_at.is_(None)).limit(most)
    return int(tx.execute(select(func.count()).select_from(here.subquery())).scalar_one())


def read(tx: Connection, subject_id: str, now: datetime, *, only: str | None = None) -> None:
    """He has read this one, or all there are."""
    where = and_(_ROWS.c.subject_id == subject_id, _ROWS.c.read_at.is_(None))
    if only is not None:
        where = and_(where, _ROWS.c.id == only)
    tx.execute(update(_ROWS).where(where).values(read_at=now))


def without_message(tx: Connection, subject_id: str) -> set[str]:
    """The kinds of which he wants no message."""
    return set(tx.execute(select(_CHOICES.c.kind).where(_CHOICES.c.subject_id == subject_id)).scalars())


def choose(tx: Connection, subject_id: str, quiet: Collection[str]) -> None:
    """He wants no message of these kinds, and one of all others. His subject is locked."""
    tx.execute(delete(_CHOICES).where(_CHOICES.c.subject_id == subject_id))
    for kind in sorted(quiet):
        tx.execute(insert(_CHOICES).values(subject_id=subject_id, kind=kind))


def message(tx: Connection, notice_id: str, *, lock: bool = False) -> Row[Any] | None:
    """What the gateway was told of it so far."""
    query = select(_MESSAGES).where(_MESSAGES.c.id == notice_id)
    return tx.execute(query.with_for_update() if lock else query).one_or_none()


def add_message(tx: Connection, notice_id: str, now: datetime) -> None:
    """It is to be told to the gateway."""
    values = {"state": "waiting", "attempts": 0, "last_error": "", "changed_at": now}
    tx.execute(insert(_MESSAGES).values(id=notice_id, **values))


def change_message(tx: Connection, notice_id: str, now: datetime, **values: Any) -> None:
    """Write what became of it."""
    tx.execute(update(_MESSAGES).where(_MESSAGES.c.id == notice_id).values(changed_at=now, **values))


def drop_message(tx: Connection, notice_id: str) -> None:
    """The gateway is not told of it, or no more."""
    tx.execute(delete(_MESSAGES).where(_MESSAGES.c.id == notice_id))


def dead_messages(tx: Connection, *, limit: int) -> list[Row[Any]]:
    """Those that were given up, the newest first: when, of which kind, and why. Not whose."""
    joined = _MESSAGES.join(_ROWS, _ROWS.c.id == _MESSAGES.c.id)
    columns = (_MESSAGES.c.id, _ROWS.c.kind, _ROWS.c.made_at, _MESSAGES.c.attempts, _MESSAGES.c.last_error)
    query = select(*columns, _MESSAGES.c.changed_at).select_from(joined).where(_MESSAGES.c.state == "dead")
    return list(tx.execute(query.order_by(_MESSAGES.c.changed_at.desc()).limit(limit)))


def counted(tx: Connection) -> dict[str, int]:
    """How many messages stand where."""
    query = select(_MESSAGES.c.state, func.count()).group_by(_MESSAGES.c.state)
    return {state: int(count) for state, count in tx.execute(query)}


def forget(tx: Connection, subject_id: str) -> None:
    """Whoever is erased has none, and nothing is sent to him any more."""
    mine = select(_ROWS.c.id).where(_ROWS.c.subject_id == subject_id)
    tx.execute(delete(_MESSAGES).where(_MESSAGES.c.id.in_(mine)))
    tx.execute(delete(_ROWS).where(_ROWS.c.subject_id == subject_id))
    tx.execute(delete(_CHOICES).where(_CHOICES.c.subject_id == subject_id))
