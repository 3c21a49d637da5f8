"""Feeds as rows. Queries take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from hub.collection.tables import CollectionFeedRow

_FEEDS: Final = table(CollectionFeedRow)


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed as it is stored. Believed only with a right MAC over `meaning`."""

    id: str
    code: str
    owner_department_id: str
    definition: dict[str, Any]
    active: bool
    progress: dict[str, Any]
    place: bytes | None = field(repr=False)
    due_at: datetime | None
    row_version: int
    mac: bytes

    @property
    def declared(self) -> dict[str, Any]:
        """`by` whom; `waits` for an approver; or confirmed by the `second`. Empty of a feed of an earlier release."""
        found: dict[str, Any] = self.progress.get("declared", {})
        return found

    def meaning(self) -> dict[str, Any]:
        """Everything that decides what is asked of whom, and what becomes of it."""
        return ({"declared": self.declared} if self.declared else {}) | {
            "id": self.id,
            "code": self.code,
            "owner": self.owner_department_id,
            "definition": self.definition,
            "active": self.active,
            "row_version": self.row_version,
        }


_COLUMNS: Final = tuple(_FEEDS.c[name] for name in StoredFeed.__dataclass_fields__)


def find_feed(tx: Connection, code: str, *, lock: bool = False) -> StoredFeed | None:
    """The feed of this code."""
    query = select(*_COLUMNS).where(_FEEDS.c.code == code)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else StoredFeed(*row)


def list_feeds(tx: Connection) -> list[StoredFeed]:
    """All, by code."""
    return [StoredFeed(*row) for row in tx.execute(select(*_COLUMNS).order_by(_FEEDS.c.code))]


def due_feeds(tx: Connection, *, now: datetime, most: int) -> list[str]:
    """Codes of active feeds whose time has come."""
    wanted = _FEEDS.c.active & (_FEEDS.c.due_at <= now)
    return list(tx.execute(select(_FEEDS.c.code).where(wanted).order_by(_FEEDS.c.due_at).limit(most)).scalars())


def is_active(tx: Connection, feed_id: str) -> bool:
    """Whether it still runs, at this moment."""
    return bool(tx.execute(select(_FEEDS.c.active).where(_FEEDS.c.id == feed_id)).scalar())


def write_feed(tx: Connection, stored: StoredFeed, *, now: datetime) -> None:
    """Write a feed, or write it again as it now stands."""
    values = {name: getattr(stored, name) for name in StoredFeed.__dataclass_fields__} | {"changed_at": now}
    if tx.execute(update(_FEEDS).where(_FEEDS.c.id == stored.id).values(**values)).rowcount == 0:
        tx.execute(insert(_FEEDS).values(**values))


def move_feed(tx: Connection, feed_id: str, *, now: datetime, progress: Mapping[str, Any], **values: Any) -> None:
    """Write how far it is: `place`, `due_at`, and these members of its progress. The others stay as somebody else, who
    collects or reconciles it at the same time, has written them.
    """
    here = _FEEDS.c.id == feed_id
    known = tx.execute(select(_FEEDS.c.progress).where(here).with_for_update()).scalar_one()
    tx.execute(update(_FEEDS).where(here).values(changed_at=now, progress={**known, **progress}, **values))
