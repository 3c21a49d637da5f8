"""Queries over showings. They take the caller's connection and never commit."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from catalog.tables import DepartmentRow, table
from certificates.tables import SubjectRow
from hub.citizens.code_rows import LIVE, CodeRows
from hub.citizens.presentation_store import Department
from hub.citizens.showing.sealing import Content
from hub.citizens.showing.tables import ShowingRow
from hub.citizens.showing.values import Showing
from hub.ledger.spent import spent

_ROWS: Final = table(ShowingRow)
_SUBJECTS: Final = table(SubjectRow)
_SIDES: Final = {name: table(DepartmentRow).alias(name) for name in ("department_id", "taken_by", "refused_by")}


def _told() -> Select[Any]:
    joined = _ROWS.join(_SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id)
    columns: list[Any] = [_ROWS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid, spent(_ROWS.c.id).label("spent")]
    for name, side in _SIDES.items():
        joined = joined.outerjoin(side, side.c.id == _ROWS.c[name])
        columns += [side.c[part].label(f"{name}_{part}") for part in ("code", "name_zh", "name_en")]
    return select(*columns).select_from(joined)


_TOLD: Final = _told()
CODES: Final = CodeRows(_ROWS, _TOLD)


def by_code(tx: Connection, digest: bytes) -> Row[Any] | None:
    """The one with this code, with its subject's key."""
    return tx.execute(_TOLD.where(_ROWS.c.code_hash == digest)).one_or_none()


def by_request(tx: Connection, request_id: str) -> Row[Any] | None:
    """The one that answers this request, with its subject's key."""
    return tx.execute(_TOLD.where(_ROWS.c.asked_id == request_id)).one_or_none()


def of_holder(tx: Connection, subject_id: str, *, after: str | None, limit: int) -> list[Row[Any]]:
    """What a holder shows, and what somebody shows for him, the newest first, behind this id."""
    query = _TOLD.where(or_(_ROWS.c.subject_id == subject_id, _ROWS.c.shown_by == subject_id))
    if after is not None:
        query = query.where(_ROWS.c.id < after)
    return list(tx.execute(query.order_by(_ROWS.c.id.desc()).limit(limit)))


def live_of(tx: Connection, subject_id: str) -> list[Row[Any]]:
    """What this person shows that has not ended, locked: he has one at a time, whoever he shows it for. What waits for
    whoever asked for it is none.
    """
    query = _TOLD.where(_shown_by(subject_id), _ROWS.c.state == LIVE, _ROWS.c.asked_id.is_(None))
    return list(tx.execute(query.with_for_update(of=_ROWS)))


def _shown_by(subject_id: str) -> ColumnElement[bool]:
    own = and_(_ROWS.c.subject_id == subject_id, _ROWS.c.shown_by.is_(None))
    return or_(own, _ROWS.c.shown_by == subject_id)


def concerns(row: Row[Any], subject_id: str) -> bool:
    """Whether it is among what this person sees: he shows it, or it is shown for him."""
    return subject_id in {row.subject_id, row.shown_by}


def read(row: Row[Any], content: Content | None, reader_id: str) -> Showing:
    """What there is to tell of a row to this person."""

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
        behalf=content.behalf if content else None,
        mine=reader_id == (row.shown_by or row.subject_id),
    )
