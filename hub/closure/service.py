"""Planned closures: an operator announces a window; before it pages say so, in it everything but verifying is closed.

Every process remembers the next window, and looks for it every few seconds: a page asks no database whether the hub is
closed, and says so also while the database is what is being worked on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.closure.errors import PlannedClosureError
from hub.closure.tables import ClosureRow
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

TOLD_BEFORE: Final = timedelta(days=3)
LONGEST: Final = timedelta(days=3)
"""A mistyped year closes nothing for a year."""
NOTE_MOST: Final = 200
OPEN: Final = (
    "/verify", "/api/v1/verify", "/ledger/", "/api/v1/ledger/", "/status-lists/", "/.well-known/", "/health/",
    "/metrics", "/problems/", "/help", "/accessibility", "/view", "/oauth/",
)  # fmt: skip
"""What goes on: whoever holds a licence or a receipt can be believed at any hour."""
_ROWS: Final = table(ClosureRow)


@dataclass(frozen=True, slots=True)
class Closure:
    """A window, and why, in both languages (may be empty)."""

    id: str
    begins: datetime
    ends: datetime
    zh: str
    en: str


class Closures:
    """Use cases of operators, and what pages ask."""

    def __init__(self, database: Database, *, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._log_key = log_key
        self._clock = clock
        self._next: Closure | None = None

    async def load(self) -> None:
        """Remember the window that counts. Raises: StorageError: the one that was known still counts."""
        self._next = await self._database.read(lambda tx: _next(tx, self._clock()))

    def known(self) -> Closure | None:
        """The window that is announced, near or not, or on."""
        return self._next

    def ahead(self) -> Closure | None:
        """The window that is near, for whoever is on a page before it."""
        now, found = self._clock(), self._next
        return found if found is not None and found.begins - TOLD_BEFORE <= now < found.begins else None

    def running(self) -> Closure | None:
        """The window that is on."""
        now, found = self._clock(), self._next
        return found if found is not None and found.begins <= now < found.ends else None

    def check(self, path: str) -> None:
        """Raises: PlannedClosureError: nothing is done on this path now."""
        found = self.running()
        if found is not None and not path.startswith(OPEN):
            raise PlannedClosureError(found.ends, max(1, int((found.ends - self._clock()).total_seconds())))

    async def announce(self, actor: Actor, begins: datetime, ends: datetime, zh: str = "", en: str = "") -> Closure:
        """Announce a window; the one before it, if it is not over, is none any more.

        Raises: ForbiddenError; DefinitionError: no window, over, too long, or a note that is.
        """
        actor.require(Role.OPERATOR)
        now = self._clock()
        if begins.tzinfo is None or ends.tzinfo is None:
            raise DefinitionError("an instant wants its offset, such as +08:00")
        if not begins < ends or ends <= now:
            raise DefinitionError("the end stands behind the beginning, and is to come")
        if ends - begins > LONGEST:
            raise DefinitionError(f"{LONGEST.days} days at most")
        if max(len(zh), len(en)) > NOTE_MOST:
            raise DefinitionError(f"a note has {NOTE_MOST} characters at most")
        made = Closure(new_id(), begins, ends, zh.strip(), en.strip())

        def unit(tx: Connection) -> None:
            _cancel(tx, now)
            detail = {"by": actor.as_json(), "begins_at": rfc3339(begins), "ends_at": rfc3339(ends)}
            entry = self._entry(tx, "closure.announced", made.id, detail, now)
            values = {
                "id": made.id, "begins_at": begins, "ends_at": ends, "note_zh": made.zh, "note_en": made.en,
                "announced_at": now, "ledger_entry_id": entry,
            }  # fmt: skip
            tx.execute(insert(_ROWS).values(**values))

        await self._database.write(unit)
        await self.load()
        return made

    async def cancel(self, actor: Actor) -> None:
        """Open again, or do not close at all. Raises: ForbiddenError; MissingError: nothing is announced."""
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> None:
            found = _next(tx, now)
            if found is None:
                raise MissingError("closure")
            _cancel(tx, now)
            self._entry(tx, "closure.cancelled", found.id, {"by": actor.as_json()}, now)

        await self._database.write(unit)
        await self.load()

    def _entry(self, tx: Connection, kind: str, closure_id: str, detail: dict[str, Any], now: datetime) -> str:
        entry = seal(Draft(kind=kind, detail={"closure": closure_id, **detail}, key=self._log_key), now=now)
        append(tx, [entry])
        return entry.id


def _next(tx: Connection, now: datetime) -> Closure | None:
    query = select(_ROWS).where(_ROWS.c.cancelled_at.is_(None), _ROWS.c.ends_at > now).order_by(_ROWS.c.id.desc())
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else Closure(row.id, row.begins_at, row.ends_at, row.note_zh, row.note_en)


def _cancel(tx: Connection, now: datetime) -> None:
    waiting = (_ROWS.c.cancelled_at.is_(None), _ROWS.c.ends_at > now)
    tx.execute(update(_ROWS).where(*waiting).values(cancelled_at=now))
