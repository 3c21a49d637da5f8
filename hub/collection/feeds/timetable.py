"""When a feed runs by itself next. Kept in its progress, where whoever lists feeds sees it; `due_at` is the earlier."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from hub.clock import rfc3339
from hub.collection.feeds.definition import Feed
from hub.collection.feeds.store import StoredFeed


@dataclass(frozen=True, slots=True)
class Timetable:
    """The next collection, and the next reconciliation; None: only when asked."""

    collect: datetime | None
    reconcile: datetime | None

    @classmethod
    def declared(cls, feed: Feed, now: datetime) -> Self:
        """Collected at once; reconciled a period later, when there is something to compare and somebody has looked."""
        return cls(now if feed.every else None, _next(now, feed.reconcile_every))

    @classmethod
    def of(cls, stored: StoredFeed) -> Self:
        """As it is stored. A feed that was declared before feeds were reconciled has one time."""
        due: Mapping[str, str | None] | None = stored.progress.get("due")
        return cls(stored.due_at, None) if due is None else cls(_read(due["collect"]), _read(due["reconcile"]))

    def moved(self, feed: Feed, now: datetime) -> Self:
        """What is due by now comes again a period from now."""
        return type(self)(
            _next(now, feed.every) if is_due(self.collect, now) else self.collect,
            _next(now, feed.reconcile_every) if is_due(self.reconcile, now) else self.reconcile,
        )

    @property
    def first(self) -> datetime | None:
        """The earlier of the two."""
        return min((time for time in (self.collect, self.reconcile) if time is not None), default=None)

    def to_json(self) -> dict[str, str | None]:
        """For storing and showing."""
        return {"collect": _told(self.collect), "reconcile": _told(self.reconcile)}


def is_due(time: datetime | None, now: datetime) -> bool:
    """Whether it has come."""
    return time is not None and time <= now


def _next(now: datetime, every: timedelta | None) -> datetime | None:
    return None if every is None else now + every


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _told(time: datetime | None) -> str | None:
    return None if time is None else rfc3339(time)
