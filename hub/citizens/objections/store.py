"""Queries over objections. They take the caller's connection and never commit."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, true, update

from catalog.tables import DepartmentRow, table
from certificates.tables import SubjectRow
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import OVER_BY_ANSWER, Kind, Objection, State
from hub.storage.vault import Vault
from signing.canonical import canonical

ROWS: Final = table(ObjectionRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_SUBJECTS: Final = table(SubjectRow)
_NAMES: Final = (
    "id", "subject_id", "kind", "owner_department_id", "certificate_id", "state", "channel", "content", "answer",
    "token", "signed_by", "raised_at", "due_at", "ended_at", "seen_at", "row_version", "mac",
)  # fmt: skip
_QUERY: Final = (
    select(
        *(ROWS.c[name] for name in _NAMES),
        _DEPARTMENTS.c.code,
        _DEPARTMENTS.c.name_zh,
        _DEPARTMENTS.c.name_en,
        _SUBJECTS.c.data_key,
        _SUBJECTS.c.kek_kid,
    )
    .join(_SUBJECTS, _SUBJECTS.c.id == ROWS.c.subject_id)
    .outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == ROWS.c.owner_department_id)
)


def add(tx: Connection, vault: Vault, values: Mapping[str, Any]) -> None:
    """Write a new one, with its MAC. Raises: ConflictError: one about the same runs."""
    row = {"row_version": 1, **values}
    tx.execute(insert(ROWS).values(**row, mac=vault.row_mac(_meaning(row))))


def end(tx: Connection, vault: Vault, found: Objection, state: State, now: datetime, **more: Any) -> bool:
    """Let a running one end, once; False where it has."""
    same = and_(ROWS.c.state == State.RUNNING.value, ROWS.c.row_version == found.row_version)
    return _put(tx, vault, found, state, same, standing=None, ended_at=now, **more)


def erase(tx: Connection, vault: Vault, found: Objection, now: datetime) -> None:
    """Let one end whose holder is erased, whatever became of it, with all that was said."""
    ended = found.ended_at or now
    gone = {"content": b"", "answer": None, "token": None, "once": None, "standing": None}
    _put(tx, vault, found, State.ERASED, true(), ended_at=ended, **gone)


def waiting_for(tx: Connection, department_ids: Collection[str]) -> list[Objection]:
    """All that run and wait for one of these, locked: an answer on its way ends first, or waits."""
    theirs = and_(ROWS.c.owner_department_id.in_(list(department_ids)), ROWS.c.state == State.RUNNING.value)
    return _found(tx, theirs, ROWS.c.id, None, lock=True)


def hand(tx: Connection, vault: Vault, found: Objection, taker: str | None) -> bool:
    """A running one waits for another department, or the operator, with its clock as it runs; False: it has ended."""
    same = and_(ROWS.c.state == State.RUNNING.value, ROWS.c.row_version == found.row_version)
    return _put(tx, vault, replace(found, department_id=taker), found.state, same, owner_department_id=taker)


def is_whole(vault: Vault, found: Objection) -> bool:
    """Whether the row is as the hub wrote it."""
    return vault.row_mac(_as_stored(found, found.state, found.row_version)) == found.mac


def find(tx: Connection, objection_id: str, *, lock: bool = False) -> Objection | None:
    """One of them."""
    query = _QUERY.where(ROWS.c.id == objection_id)
    row = tx.execute(query.with_for_update(of=ROWS) if lock else query).one_or_none()
    return None if row is None else _read(row)


def by_once(tx: Connection, once: str) -> tuple[str, str] | None:
    """What this Idempotency-Key made, and the hash of its request."""
    row = tx.execute(select(ROWS.c.id, ROWS.c.once_hash).where(ROWS.c.once == once)).one_or_none()
    return None if row is None else (row.id, row.once_hash)


def made(tx: Connection, once: Collection[str]) -> set[str]:
    """Those of these keys that have made one."""
    return set(tx.execute(select(ROWS.c.once).where(ROWS.c.once.in_(list(once)))).scalars())


def of_holder(tx: Connection, subject_id: str, *, after: str | None, limit: int) -> list[Objection]:
    """A person's, the newest first, behind this id."""
    mine = ROWS.c.subject_id == subject_id
    where = mine if after is None else and_(mine, ROWS.c.id < after)
    return _found(tx, where, ROWS.c.id.desc(), limit)


def running_of(tx: Connection, subject_id: str) -> int:
    """How many of a person's run."""
    return _count(tx, and_(ROWS.c.subject_id == subject_id, ROWS.c.state == State.RUNNING.value))


def unseen_of(tx: Connection, subject_id: str) -> int:
    """How many answers he has not seen."""
    over = ROWS.c.state.in_([state.value for state in OVER_BY_ANSWER])
    return _count(tx, and_(ROWS.c.subject_id == subject_id, over, ROWS.c.seen_at.is_(None)))


def stands(tx: Connection, standing: str) -> bool:
    """Whether one about the same runs."""
    return tx.execute(select(ROWS.c.id).where(ROWS.c.standing == standing)).first() is not None


def queue(
    tx: Connection, where: ColumnElement[bool], *, only_running: bool, kinds: Collection[Kind], limit: int
) -> list[Objection]:
    """Those of some departments and kinds: that run, by when they are due; or all, the newest first."""
    where = and_(where, ROWS.c.kind.in_([kind.value for kind in kinds]))
    if not only_running:
        return _found(tx, where, ROWS.c.id.desc(), limit)
    return _found(tx, and_(where, ROWS.c.state == State.RUNNING.value), ROWS.c.due_at, limit)


def waiting(tx: Connection, where: ColumnElement[bool], kinds: Collection[Kind]) -> int:
    """How many of these run."""
    mine = and_(where, ROWS.c.kind.in_([kind.value for kind in kinds]), ROWS.c.state == State.RUNNING.value)
    return _count(tx, mine)


def about_certificates(tx: Connection, certificate_ids: Collection[str]) -> list[Objection]:
    """All that were ever raised about these licences."""
    if not certificate_ids:
        return []
    return _found(tx, ROWS.c.certificate_id.in_(list(certificate_ids)), ROWS.c.id, None)


def of_holders(tx: Connection, subject_ids: Collection[str], *, lock: bool = False) -> list[Objection]:
    """All that these people ever raised."""
    return _found(tx, ROWS.c.subject_id.in_(list(subject_ids)), ROWS.c.id, None, lock=lock)


def sign(tx: Connection, objection_id: str, token: bytes, signed_by: str) -> bool:
    """Put the signed answer beside the answer; False when somebody was faster."""
    where = and_(ROWS.c.id == objection_id, ROWS.c.answer.is_not(None), ROWS.c.token.is_(None))
    return tx.execute(update(ROWS).where(where).values(token=token, signed_by=signed_by)).rowcount == 1


def see(tx: Connection, objection_id: str, now: datetime) -> None:
    """Its holder has seen the answer."""
    tx.execute(update(ROWS).where(ROWS.c.id == objection_id, ROWS.c.seen_at.is_(None)).values(seen_at=now))


def _put(tx: Connection, vault: Vault, found: Objection, state: State, where: ColumnElement[bool], **more: Any) -> bool:
    version = found.row_version + 1
    values = {"state": state.value, "row_version": version, **more}
    written = update(ROWS).where(ROWS.c.id == found.id, where)
    written = written.values(**values, mac=vault.row_mac(_as_stored(found, state, version)))
    return tx.execute(written).rowcount == 1


def _as_stored(found: Objection, state: State, version: int) -> bytes:
    return _meaning(
        {
            "id": found.id,
            "subject_id": found.subject_id,
            "kind": found.kind.value,
            "state": state.value,
            "owner_department_id": found.department_id,
            "certificate_id": found.certificate_id,
            "row_version": version,
        }
    )


def _count(tx: Connection, where: ColumnElement[bool]) -> int:
    return int(tx.execute(select(func.count()).select_from(ROWS).where(where)).scalar_one())


def _found(
    tx: Connection, where: ColumnElement[bool], order: Any, limit: int | None, *, lock: bool = False
) -> list[Objection]:
    query = _QUERY.where(where).order_by(order, ROWS.c.id).limit(limit)
    return [_read(row) for row in tx.execute(query.with_for_update(of=ROWS) if lock else query)]


def _read(row: Row[Any]) -> Objection:
    values = dict(zip(_NAMES, row, strict=False))
    named = {"code": row.code, "zh": row.name_zh, "en": row.name_en} if row.code else {}
    return Objection(
        **{name: value for name, value in values.items() if name not in {"owner_department_id", "kind", "state"}},
        department_id=values["owner_department_id"],
        kind=Kind(values["kind"]),
        state=State(values["state"]),
        department=named,
        data_key=row.data_key,
        kek_kid=row.kek_kid,
    )


def _meaning(row: Mapping[str, Any]) -> bytes:
    names = ("id", "subject_id", "kind", "owner_department_id", "certificate_id", "state", "row_version")
    return b"objection\x1f" + canonical({name: row[name] for name in names})
