"""Queries over sealed copies. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, insert, select, true, update

from catalog.tables import DepartmentRow, table
from hub.intake.lower.tables import SealedCopyRow

FILING: Final = "filing"
SEALED: Final = "sealed"
WITHDRAWN: Final = "withdrawn"
ERASED: Final = "erased"
_COPIES: Final = table(SealedCopyRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """A sealed copy as stored. What is sealed, and whom it is about, is ciphertext."""

    id: str
    case_id: str
    code: str
    party: str
    kind: str
    owner_department_id: str
    department: str
    system_id: str
    subject_lookup: bytes | None
    name_hash: bytes | None
    state: str
    digest: str
    media_type: str
    size: int
    pages: int | None
    content: bytes
    token: bytes | None
    sealed_on: str
    valid_until: str
    sealed_at: datetime
    withdrawn_at: datetime | None
    scan_deleted_at: datetime | None
    data_key: bytes
    kek_kid: str


_COPY: Final = select(
    *(_DEPARTMENTS.c.code if name == "department" else _COPIES.c[name] for name in SealedCopy.__dataclass_fields__)
).join(_DEPARTMENTS, _DEPARTMENTS.c.id == _COPIES.c.owner_department_id)


def add_copy(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write a copy that is being filed."""
    tx.execute(insert(_COPIES).values(**row))


def find_copy(tx: Connection, copy_id: str) -> SealedCopy | None:
    """The copy of this id."""
    return next(iter(_found(tx, _COPIES.c.id == copy_id)), None)


def copies_of(tx: Connection, case_id: str) -> list[SealedCopy]:
    """What was scanned for a case, oldest first."""
    return _found(tx, _COPIES.c.case_id == case_id)


def unfinished(tx: Connection, *, before: datetime) -> list[SealedCopy]:
    """Copies whose filing was cut off."""
    return _found(tx, and_(_COPIES.c.state == FILING, _COPIES.c.sealed_at < before))


def with_digest(tx: Connection, digest: str, *, case_id: str, department_id: str) -> list[SealedCopy]:
    """The same bytes, sealed before in this case or by this office."""
    near = (_COPIES.c.case_id == case_id) | (_COPIES.c.owner_department_id == department_id)
    return _found(tx, and_(_COPIES.c.digest == digest, _COPIES.c.state == SEALED, near))


def reusable(
    tx: Connection, lookup: bytes, name: bytes, kind: str, *, office: str | None, today: str
) -> list[SealedCopy]:
    """Copies of a paper of this kind about this person that still serve, the newest first.

    Args:
        office: only those that this department sealed; None: whoever did.
    """
    where = and_(
        _COPIES.c.subject_lookup == lookup,
        _COPIES.c.name_hash == name,
        _COPIES.c.kind == kind,
        _COPIES.c.state == SEALED,
        _COPIES.c.valid_until >= today,
        true() if office is None else _COPIES.c.owner_department_id == office,
    )
    return sorted(_found(tx, where), key=lambda copy: copy.id, reverse=True)


def finish_copy(tx: Connection, copy_id: str, token: bytes) -> bool:
    """`filing` → `sealed`; False when somebody was faster, or took it back."""
    where = and_(_COPIES.c.id == copy_id, _COPIES.c.state == FILING)
    return tx.execute(update(_COPIES).where(where).values(state=SEALED, token=token)).rowcount == 1


def withdraw_copy(tx: Connection, copy_id: str, *, now: datetime) -> bool:
    """It serves nobody from now on; False when it was withdrawn already."""
    where = and_(_COPIES.c.id == copy_id, _COPIES.c.state.in_([SEALED, FILING]))
    return tx.execute(update(_COPIES).where(where).values(state=WITHDRAWN, withdrawn_at=now)).rowcount == 1


def forget_subject(tx: Connection, lookup: bytes) -> list[str]:
    """No copy about this person is found, or opens, any more. Answers whose objects are to be deleted."""
    found = [copy.id for copy in _found(tx, _COPIES.c.subject_lookup == lookup)]
    gone = {"content": b"", "token": None, "subject_lookup": None, "name_hash": None, "data_key": b""}
    if found:
        tx.execute(update(_COPIES).where(_COPIES.c.subject_lookup == lookup).values(state=ERASED, **gone))
    return found


def _found(tx: Connection, where: ColumnElement[bool]) -> list[SealedCopy]:
    return [SealedCopy(*row) for row in tx.execute(_COPY.where(where).order_by(_COPIES.c.id))]
