"""Where a feed is: its watermark, and while a run goes on the place behind the last committed page.

Both are sealed, for they are values of a register: the key of a row may be a person's number.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from catalog.source_store import StoredSource
from catalog.store import Department
from hub.clock import Clock, rfc3339
from hub.collection.errors import FeedEndedError
from hub.collection.feeds import store
from hub.collection.feeds.definition import Feed
from hub.collection.feeds.reading import Place, comparable
from hub.collection.feeds.store import StoredFeed
from hub.collection.mapping import Mapping
from hub.collection.report import Totals
from hub.collection.turns import Turn
from hub.issuing.types.registry import TypeInForce
from hub.storage.vault import DataKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed with everything that a run of it needs."""

    stored: StoredFeed
    feed: Feed
    issued: TypeInForce
    issuer: Department
    mapping: Mapping
    source: StoredSource


class Progress:
    """Reads and writes it."""

    def __init__(self, log_key: DataKey, clock: Clock) -> None:
        self._log_key = log_key
        self._clock = clock

    def place(self, opened: Opened) -> tuple[str | int | None, str, Place | None]:
        """The watermark; and of a run that has not ended, its id and place."""
        if opened.stored.place is None:
            return None, "", None
        read = json.loads(self._log_key.decrypt(_where(opened.stored), opened.stored.place))
        return read["mark"], read["run"], Place(**read["at"]) if read["at"] else None

    def sealed(self, opened: Opened, mark: str | int | None, run_id: str, place: Place | None) -> bytes:
        """As it is stored."""
        written = {"mark": mark, "run": run_id, "at": place.as_json() if place else None}
        return self._log_key.encrypt(_where(opened.stored), json.dumps(written, ensure_ascii=False).encode())

    def followed(self, tx: Connection, opened: Opened, run_id: str, mark: Any, place: Place, totals: Totals) -> None:
        """Write how far a run is, with the rows it speaks of. Raises: FeedEndedError, and these are not written."""
        if not store.is_active(tx, opened.stored.id):
            raise FeedEndedError("feed")
        now = self._clock()
        told = {"at": rfc3339(now), "totals": totals.to_json(), "state": "running", "reasons": {}, "problem": None}
        sealed = self.sealed(opened, mark, run_id, place)
        store.move_feed(tx, opened.stored.id, now=now, progress=told, place=sealed)


class Following:
    """Ties a feed to its run. `place` is behind the page in hand."""

    def __init__(self, progress: Progress, opened: Opened, run_id: str, mark: Any, turn: Turn) -> None:
        self._progress = progress
        self._opened = opened
        self._run_id = run_id
        self._mark = mark
        self.turn = turn
        self.place = Place()

    def advanced(self, tx: Connection, totals: Totals, done_bytes: int) -> None:
        """Rows were committed, in this transaction."""
        del done_bytes
        self._progress.followed(tx, self._opened, self._run_id, self._mark, self.place, totals)

    async def reported(self, report: Path) -> None:
        """The report stays where it is."""
        del report

    def ended(self, tx: Connection, totals: Totals) -> None:
        """The feed's own end is written by its service."""
        del tx, totals


def until(high: Any, mark: Any, started: datetime) -> Any:
    """The next watermark: never back, and never past the moment at which the run began."""
    found = [item for item in (high, mark) if item is not None]
    if not found:
        return None
    highest = max(found, key=comparable)
    return rfc3339(started) if comparable(highest)[0] == 1 and comparable(highest)[1] > started.timestamp() else highest


def _where(stored: StoredFeed) -> str:
    return f"collection_feeds:{stored.id}:place"
