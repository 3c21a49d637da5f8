"""The only place that reads the clock; everything else is handed a `Clock` or an instant."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import uuid_utils

Clock = Callable[[], datetime]
BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one zone and no summer time since 1991; a fixed offset needs no zone database."""


def utc_now() -> datetime:
    """The current instant, aware, UTC."""
    return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """`2026-11-22T03:04:05.678901Z`. Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("naive datetime")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A UUIDv7: unique, and roughly in order of creation, so that indexes grow at their right edge."""
    return str(uuid_utils.uuid7())
