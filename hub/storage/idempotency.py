"""The record of idempotent requests: written in the transaction of the effect it stands for (seam D3).

The record and the effect commit together, so neither can outlive or miss the other; a second request with the key waits
on the unique row, then finds the first one's object.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, and_, delete, insert, select

from catalog.tables import table
from hub.clock import new_id
from hub.storage.database import Database, Unit
from hub.storage.errors import ConflictError
from hub.storage.tables import IdempotencyRow

T = TypeVar("T")
KEPT: Final = timedelta(hours=24)
_KEYS: Final = table(IdempotencyRow)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Scope of an Idempotency-Key, and the hash of the request it came with."""

    system_id: str
    route: str
    key: str
    request_hash: str

    @classmethod
    def of(cls, system_id: str, route: str, key: str | None, raw: bytes) -> Self | None:
        """The scope of a request with these bytes; None when it came without a key."""
        return cls(system_id, route, key, hashlib.sha256(raw).hexdigest()) if key else None


async def write_once(database: Database, unit: Unit[T]) -> T:
    """Run a unit that looks for the effect of its key before it acts. A twin that committed first is found by the
    second run. Raises: ConflictError for another conflict.
    """
    try:
        return await database.write(unit)
    except ConflictError:
        return await database.write(unit)


def find_effect(tx: Connection, request: RequestKey, *, now: datetime) -> tuple[str, bool] | None:
    """The object that this key made within 24 hours, and whether the request was the same one. Writes nothing."""
    row = tx.execute(select(_KEYS).where(_same(request), _KEYS.c.created_at >= now - KEPT)).one_or_none()
    return None if row is None else (row.object_id, row.request_hash == request.request_hash)


def record_effect(tx: Connection, request: RequestKey, object_id: str, *, now: datetime) -> None:
    """Tie the key to what it made. A concurrent twin makes this raise ConflictError at the database."""
    tx.execute(delete(_KEYS).where(_same(request), _KEYS.c.created_at < now - KEPT))
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


def _same(request: RequestKey) -> Any:
    return and_(_KEYS.c.system_id == request.system_id, _KEYS.c.route == request.route, _KEYS.c.key == request.key)
