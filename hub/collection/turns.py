"""Turns: one department's million rows do not hold up the next one's ten.

A department has at most so many batches under way; the others wait, and leave their places to other departments. A
collection that has run for a turn while another one waits for a place gives way: it stops behind a committed batch,
goes to the back of the queue, and goes on there later as after a crash.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from hub.storage.jobs import any_due

COLLECT: Final = "collection.batch"
FEED_JOB: Final = "collection.feed"
RECONCILE: Final = "collection.reconcile"
TURN: Final = timedelta(seconds=30)
"""A turn that is over costs its register another reading up to where it was."""
AT_ONCE: Final = 2
"""Batches of one department: fewer than a worker has places for jobs."""
ASK_AGAIN: Final = timedelta(seconds=2)
ALIVE: Final = timedelta(seconds=90)
"""A batch that has not moved for longer than a lease is nobody's, and takes no place."""


class TurnOverError(Exception):
    """Somebody else waits; everything up to here is committed."""


class Turn:
    """One turn of one collection. Without a beginning it never ends."""

    def __init__(self, began: datetime | None) -> None:
        self._began = began
        self.over = False

    def look(self, tx: Connection, now: datetime) -> None:
        """See whether it is over, in the transaction of a batch; may run again."""
        if self._began is not None and now - self._began >= TURN:
            self.over = any_due(tx, (COLLECT, FEED_JOB, RECONCILE), now=now)
