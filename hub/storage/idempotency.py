"""The record of idempotent requests: written in the transaction of the effect it stands for (seam D3).

The record and the effect commit together, so neither can outlive or miss the other; a second request with the key waits
on the unique row, then finds the first one's object.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete, insert, select

from catalog.tables import table
from hub.clock import new_id
from hub.storage.tables import IdempotencyRow

KEPT: Final = timedelta(hours=24)
_KEYS: Final = table(IdempotencyRow)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Scope of an Idempotency-Key, and the hash of the request it came with."""

    system_id: str
    route: str
    key: str
    request_hash: str


def find_effect(tx: Connection, request: RequestKey, *, now: datetime) -> tuple[str, bool] | None:
    """The object that this key made within 24 hours, and whether the request was the same one."""
    where = and_(_KEYS.c.system_id == request.system_id, _KEYS.c.route == request.route, _KEYS.c.key == request.key)
    row = tx.execute(select(_KEYS).where(where)).one_or_none()
    if row is None:
        return None
    if row.created_at < now - KEPT:
        tx.execute(delete(_KEYS).where(_KEYS.c.id == row.id))
        return None
    return row.object_id, row.request_hash == request.request_hash


def record_effect(tx: Connection, request: RequestKey, object_id: str, *, now: datetime) -> None:
    """Tie the key to what it made. A concurrent twin makes this raise ConflictError at the database."""
    tx.execute(
        insert(_KEYS).values(
            id=new_id(),
            system_id=request.system_id,
            route=request.route,
            key=request.key,
            request_hash=request.request_hash,
            object_id=object_id,
            created_at=now,
        )
    )
