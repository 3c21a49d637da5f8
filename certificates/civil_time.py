"""Civil days. Dates on certificates are days of Asia/Shanghai, and a certificate is valid through its last day."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

# No summer time since 1991, so no time-zone database is needed, offline least of all.
CHINA: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def civil_day(now: datetime) -> date:
    """Name the day it is in China.

    Raises: ValueError: `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("a naive datetime names no instant")
    return now.astimezone(CHINA).date()


def end_of_day(day: date) -> int:
    """Name the first instant after a civil day, in seconds since the epoch; works for 9999-12-31 as well."""
    return (day.toordinal() + 1 - _EPOCH_DAY) * 86400 - 8 * 3600
