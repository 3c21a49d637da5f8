"""What a request made that comes again under its Idempotency-Key."""

from datetime import datetime

from sqlalchemy import Connection

from hub.intake.errors import IdempotencyError
from hub.storage.idempotency import RequestKey, find_effect


def effect_of(tx: Connection, request: RequestKey | None, *, now: datetime) -> str | None:
    """The id of the object; None: nothing yet. Raises: IdempotencyError: another request had this key."""
    found = find_effect(tx, request, now=now) if request else None
    if found is None:
        return None
    if not found[1]:
        raise IdempotencyError
    return found[0]
