"""Asking on behalf of nobody who waits: where a person would be told to try later, a bulk run tries later itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from adapters.errors import UnreachableError
from adapters.guarded import read_windows
from catalog.sources import SourceDefinition
from hub.clock import BEIJING
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.contract import Difference
from hub.exchange.finding import SourceFinder
from hub.exchange.judging import Reading
from hub.exchange.question import QueryCall

AT_ONCE: Final = 4
"""Subjects of one run asked about at a time, at most; and never more than half of a source's places."""
CHUNK: Final = 16
"""Subjects decided in one transaction."""
_PAUSES: Final = {
    "outside_window": timedelta(minutes=5),
    "load_limit": timedelta(minutes=1),
    "breaker_open": timedelta(seconds=30),
    "busy": timedelta(seconds=10),
    "agent_absent": timedelta(minutes=1),
    "hub_absent": timedelta(minutes=1),
}
BOUNDED: Final = frozenset({"breaker_open", "busy", "agent_absent", "hub_absent"})
"""Pauses that are taken a few times only: a source that stays away is an outcome of its subjects."""


class NotNowError(Exception):
    """Nothing was asked; `reason` as the source's guard has it, or `quota_exhausted`. Try again `after`."""

    def __init__(self, reason: str, after: timedelta) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class BulkFinder(SourceFinder):
    """As for a query, but a source that is not to be asked now is not an answer."""

    async def _asked(self, claimed: ClaimedQuery, call: QueryCall) -> Reading | Difference:
        try:
            return await super()._asked(claimed, call)
        except UnreachableError as error:
            if error.reason in _PAUSES:
                raise NotNowError(error.reason, _PAUSES[error.reason]) from None
            raise


def check_window(source: SourceDefinition, now: datetime) -> None:
    """Raises NotNowError outside the hours in which the source may be asked, until they begin."""
    windows = read_windows(source.windows)
    minute = now.astimezone(BEIJING).hour * 60 + now.astimezone(BEIJING).minute
    if not _open(windows, minute):
        wait = min((begin - minute) % (24 * 60) for begin, _ in windows)
        raise NotNowError("outside_window", timedelta(minutes=wait, seconds=-now.second))


def windows_meet(sources: Sequence[SourceDefinition]) -> bool:
    """Whether there is a minute of the day in which all of these may be asked."""
    each = [read_windows(source.windows) for source in sources]
    return any(all(_open(windows, minute) for windows in each) for minute in range(24 * 60))


def _open(windows: Sequence[tuple[int, int]], minute: int) -> bool:
    return not windows or any(b <= minute < e if b < e else minute >= b or minute < e for b, e in windows)


def until_tomorrow(now: datetime) -> timedelta:
    """Until quotas begin anew."""
    today = now.astimezone(BEIJING)
    return today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - today


def chunk_of(source: SourceDefinition) -> tuple[int, int, timedelta]:
    """How many subjects to take together, how many at once, and how long that many must last: a run takes half of a
    source's load limit, the other half is for people who wait.
    """
    at_once = max(1, min(AT_ONCE, source.limits.concurrency // 2))
    per_minute = source.limits.per_minute
    if per_minute is None:
        return CHUNK, at_once, timedelta()
    half = max(1, per_minute // 2)
    size = min(CHUNK, half)
    return size, at_once, timedelta(minutes=1) * size / half
