"""Queries over showings. They take the caller's connection and never commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from catalog.tables import DepartmentRow, table
from certificates.tables import SubjectRow
from hub.citizens.presentation_store import Department
from hub.citizens.showing.sealing import Content
from hub.citizens.showing.tables import ShowingRow
from hub.citizens.showing.values import LIVE, TAKEN, Showing

_ROWS: Final = table(ShowingRow)
_SUBJECTS: Final = table(SubjectRow)
_SIDES: Final = {name: table(DepartmentRow).alias(name) for name in ("department_id", "taken_by", "refused_by")}


def _told() -> Select[Any]:
    joined = _ROWS.join(_SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id)
    columns: list[Any] = [_ROWS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid]
    for name, side in _SIDES.items():
        joined = joined.outerjoin(side, side.c.id == _ROWS.c[name])
        columns += [side.c[part].label(f"{name}_{part}") for part in ("code", "name_zh", "name_en")]
    return select(*columns).select_from(joined)


_TOLD: Final = _told()


def add(tx: Connection, values: Mapping[str, Any]) -> None:
    """Write a new one."""
    tx.execute(insert(_ROWS).values(**values))


def by_code(tx: Connection, digest: bytes) -> Row[Any] | None:
    """The one with this code, with its subject's key."""
    return tx.execute(_TOLD.where(_ROWS.c.code_hash == digest)).one_or_none()


def by_request(tx: Connection, request_id: str) -> Row[Any] | None:
    """The one that answers this request, with its subject's key."""
    return tx.execute(_TOLD.where(_ROWS.c.asked_id == request_id)).one_or_none()


def by_once(tx: Connection, once: str, since: datetime) -> Row[Any] | None:
    """The one that came with this key since then. An older one gives its key back."""
    tx.execute(update(_ROWS).where(_ROWS.c.once == once, _ROWS.c.made_at < since).values(once=None))
    return tx.execute(select(_ROWS.c.id, _ROWS.c.once_hash).where(_ROWS.c.once == once)).one_or_none()


def own(tx: Connection, showing_id: str) -> Row[Any] | None:
    """The one with this id, with its subject's key."""
    return tx.execute(_TOLD.where(_ROWS.c.id == showing_id)).one_or_none()


def of_holder(tx: Connection, subject_id: str, *, after: str | None, limit: int) -> list[Row[Any]]:
    """A holder's, the newest first, behind this id."""
    query = _TOLD.where(_ROWS.c.subject_id == subject_id)
    if after is not None:
        query = query.where(_ROWS.c.id < after)
    return list(tx.execute(query.order_by(_ROWS.c.id.desc()).limit(limit)))


def live_of(tx: Connection, subject_id: str) -> list[Row[Any]]:
    """The holder's that have not ended, locked: he has one at a time. What waits for whoever asked for it is none."""
    query = _TOLD.where(_ROWS.c.subject_id == subject_id, _ROWS.c.state == LIVE, _ROWS.c.asked_id.is_(None))
    return list(tx.execute(query.with_for_update(of=_ROWS)))


def end(tx: Connection, showing_id: str, state: str, now: datetime, **more: Any) -> bool:
    """Let a live one end, once. False: it was not live any more, or to be taken too late."""
    where = (_ROWS.c.id == showing_id) & (_ROWS.c.state == LIVE)
    if state == TAKEN:
        where &= _ROWS.c.expires_at > now
    values = {"state": state, "ended_at": now, "content": None, **more}
    return tx.execute(update(_ROWS).where(where).values(**values)).rowcount == 1


def refused(tx: Connection, showing_id: str, department_id: str | None, now: datetime) -> None:
    """Remember that somebody tried it who may not."""
    tx.execute(update(_ROWS).where(_ROWS.c.id == showing_id).values(refused_at=now, refused_by=department_id))


def overdue(tx: Connection, now: datetime, limit: int) -> list[Row[Any]]:
    """Those past their time that nobody has ended."""
    return list(tx.execute(_TOLD.where(_ROWS.c.state == LIVE, _ROWS.c.expires_at <= now).limit(limit)))


def any_before(tx: Connection, moment: datetime) -> bool:
    """Whether there are rows from before this moment."""
    return tx.execute(select(_ROWS.c.id).where(_ROWS.c.expires_at < moment).limit(1)).first() is not None


def forget(tx: Connection, moment: datetime, limit: int) -> None:
    """Delete ended rows from before this moment."""
    old = select(_ROWS.c.id).where(_ROWS.c.expires_at < moment, _ROWS.c.state != LIVE).limit(limit)
    tx.execute(delete(_ROWS).where(_ROWS.c.id.in_(old)))


def read(row: Row[Any], content: Content | None) -> Showing:
    """What there is to tell of a row."""

    def department(name: str) -> Department | None:
        code, zh, en = (getattr(row, f"{name}_{part}") for part in ("code", "name_zh", "name_en"))
        return Department(code, zh, en) if code is not None else None

    return Showing(
        id=row.id,
        subject_id=row.subject_id,
        state=row.state,
        made_at=row.made_at,
        expires_at=row.expires_at,
        made_for=department("department_id"),
        ended_at=row.ended_at,
        taken_as=row.taken_as,
        taken_by=department("taken_by"),
        refused_at=row.refused_at,
        refused_by=department("refused_by"),
        picks=content.picks if content else (),
        purpose=content.purpose if content else "",
        called=content.called if content else "",
        asked=row.asked_id is not None,
    )
