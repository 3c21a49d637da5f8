"""Queries over presentations. They take the caller's connection and never commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, select

from catalog.tables import DepartmentRow, table
from certificates.tables import SubjectRow
from hub.citizens.code_rows import EXPIRED, LIVE, CodeRows
from hub.citizens.tables import PresentationRow
from hub.ledger.spent import spent

_ROWS: Final = table(PresentationRow)
_SUBJECTS: Final = table(SubjectRow)
_FOR: Final = table(DepartmentRow).alias("made_for")
_BY: Final = table(DepartmentRow).alias("taken_at")
_NOT: Final = table(DepartmentRow).alias("refused_at_desk")
_KEYED: Final = select(_ROWS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid, spent(_ROWS.c.id).label("spent")).join(
    _SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id
)
CODES: Final = CodeRows(_ROWS, _KEYED, {"content": None, "typed_hash": None})
"""Of one that ends, what it says of the person is deleted."""


@dataclass(frozen=True, slots=True)
class Department:
    """A department as it is told of."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Presentation:
    """A code as its holder is told of it; the code itself is not here."""

    id: str
    subject_id: str
    state: str
    made_at: datetime
    expires_at: datetime
    made_for: Department | None
    ended_at: datetime | None
    taken_by: Department | None
    case_no: str | None
    refused_at: datetime | None
    refused_by: Department | None


def by_code(tx: Connection, digest: bytes, *, department_id: str | None) -> Row[Any] | None:
    """The one with this long code, or with this short one where a department is named; with the subject's key."""
    where = _ROWS.c.code_hash == digest
    if department_id is not None:
        where = and_(_ROWS.c.typed_hash == digest, _ROWS.c.department_id == department_id)
    found = tx.execute(_KEYED.where(where).limit(2)).all()
    return found[0] if len(found) == 1 else None  # two drew the same short one at the same moment: neither is taken


def typed_is_free(tx: Connection, digest: bytes) -> bool:
    """Whether no other code of this counter is typed like this."""
    return tx.execute(select(_ROWS.c.id).where(_ROWS.c.typed_hash == digest)).first() is None


def find(tx: Connection, presentation_id: str) -> Presentation | None:
    """What there is to tell of a code."""
    row = tx.execute(_told().where(_ROWS.c.id == presentation_id)).one_or_none()
    return None if row is None else _read(row)


def of_holder(tx: Connection, subject_id: str, *, after: str | None, limit: int) -> list[Presentation]:
    """A holder's codes, the newest first, behind this id."""
    query = _told().where(_ROWS.c.subject_id == subject_id)
    if after is not None:
        query = query.where(_ROWS.c.id < after)
    return [_read(row) for row in tx.execute(query.order_by(_ROWS.c.id.desc()).limit(limit))]


def _told() -> Select[Any]:
    named = [
        column.label(f"{name}_{column.name}")
        for name, alias in (("for", _FOR), ("by", _BY), ("not", _NOT))
        for column in (alias.c.code, alias.c.name_zh, alias.c.name_en)
    ]
    joined = select(_ROWS, spent(_ROWS.c.id).label("spent"), *named).outerjoin(_FOR, _FOR.c.id == _ROWS.c.department_id)
    return joined.outerjoin(_BY, _BY.c.id == _ROWS.c.taken_by).outerjoin(_NOT, _NOT.c.id == _ROWS.c.refused_by)


def _read(row: Row[Any]) -> Presentation:
    def department(name: str) -> Department | None:
        said = [getattr(row, f"{name}_{part}") for part in ("code", "name_zh", "name_en")]
        return Department(*said) if said[0] is not None else None

    return Presentation(
        id=row.id,
        subject_id=row.subject_id,
        state=EXPIRED if row.state == LIVE and row.spent else row.state,  # put back
        made_at=row.made_at,
        expires_at=row.expires_at,
        made_for=department("for"),
        ended_at=row.ended_at,
        taken_by=department("by"),
        case_no=row.case_no,
        refused_at=row.refused_at,
        refused_by=department("not"),
    )
