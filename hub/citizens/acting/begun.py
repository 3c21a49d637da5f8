"""Whom a session has begun to act for: rows under a MAC. They take the caller's connection, never commit.

They give no right, which is judged at every request. But to whom a refusal or an end is told, they say: a row that
anybody could write would put entries of his choice among what others read about themselves.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from catalog.tables import table
from hub.citizens.acting.tables import ActingRow
from hub.citizens.acting.values import Principal
from hub.citizens.sessions import ABSOLUTE
from hub.storage.vault import Vault
from signing.canonical import canonical

_TABLE: Final = "acting_sessions"
_ROWS: Final = table(ActingRow)


@dataclass(frozen=True, slots=True)
class Begun:
    """The principal's subject, and the ground of the day on which it began."""

    subject_id: str
    ground: str


def find(tx: Connection, vault: Vault, session_id: str, key: str) -> Begun | None:
    """What has begun under this key. Raises: IntegrityBrokenError: a row that the hub did not write."""
    row = tx.execute(select(_ROWS).where(_here(session_id, key))).one_or_none()
    return None if row is None else _believed(vault, row)


def keys_of(tx: Connection, session_id: str) -> set[str]:
    """Under which keys this session has begun, to be marked in its list: not checked."""
    return set(tx.execute(select(_ROWS.c.acting_key).where(_ROWS.c.session_id == session_id)).scalars())


def add(tx: Connection, vault: Vault, session_id: str, principal: Principal, now: datetime) -> None:
    """It begins; rows of sessions that are over go."""
    tx.execute(delete(_ROWS).where(_ROWS.c.began_at < now - ABSOLUTE))
    row = {"session_id": session_id, "acting_key": principal.key, "subject_id": principal.id}
    row["ground"] = principal.ground.value
    tx.execute(insert(_ROWS).values(**row, began_at=now, mac=vault.row_mac(_meaning(row))))


def end(tx: Connection, session_id: str, key: str) -> bool:
    """It ends; False where somebody else ended it."""
    return bool(tx.execute(delete(_ROWS).where(_here(session_id, key))).rowcount)


def _here(session_id: str, key: str) -> ColumnElement[bool]:
    return (_ROWS.c.session_id == session_id) & (_ROWS.c.acting_key == key)


def _believed(vault: Vault, row: Row[Any]) -> Begun:
    said = {name: getattr(row, name) for name in ("session_id", "acting_key", "subject_id", "ground")}
    vault.check_row_mac(_meaning(said), row.mac, where=_TABLE)
    return Begun(row.subject_id, row.ground)


def _meaning(said: dict[str, str]) -> bytes:
    return b"acting\x1f" + canonical(said)
